"""What an effect changes in record graphs."""

from __future__ import annotations

from collections.abc import Collection

from pyoxigraph import Quad

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner


def added_to_records(planner: Planner, effect: Effect) -> set[Quad]:
    """What the effect adds to record graphs."""
    return _of_records(planner, effect.add)


def removed_from_records(planner: Planner, effect: Effect) -> set[Quad]:
    """What the effect removes from record graphs, one by one or with a whole graph."""
    dropped = (graph for graph in effect.drop if planner.graphs.is_record(graph))
    return _of_records(planner, effect.remove).union(
        *(effect.held.get(graph) or planner.quads(graph) for graph in dropped)
    )


def _of_records(planner: Planner, quads: Collection[Quad]) -> set[Quad]:
    held = set(filter(planner.graphs.is_record, {quad.graph_name for quad in quads}))
    return {quad for quad in quads if quad.graph_name in held} if held else set()
