"""What an effect changes in record graphs."""

from __future__ import annotations

from pyoxigraph import Quad

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner


def added_to_records(planner: Planner, effect: Effect) -> set[Quad]:
    """What the effect adds to record graphs."""
    return {quad for quad in effect.add if planner.graphs.is_record(quad.graph_name)}


def removed_from_records(planner: Planner, effect: Effect) -> set[Quad]:
    """What the effect removes from record graphs, one by one or with a whole graph."""
    dropped = (graph for graph in effect.drop if planner.graphs.is_record(graph))
    single = {quad for quad in effect.remove if planner.graphs.is_record(quad.graph_name)}
    return single.union(*(effect.held.get(graph) or planner.quads(graph) for graph in dropped))
