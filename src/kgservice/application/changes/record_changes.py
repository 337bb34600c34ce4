"""What an effect changes in record graphs."""

from __future__ import annotations

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.domain.quads import Quads


def added_to_records(planner: Planner, effect: Effect) -> Quads:
    """What the effect adds to record graphs; not to be changed."""
    return effect.add.where(planner.graphs.is_record)


def removed_from_records(planner: Planner, effect: Effect) -> Quads:
    """What the effect removes from record graphs, one by one or with a whole graph; not to be changed."""
    single = effect.remove.where(planner.graphs.is_record)
    dropped = [graph for graph in effect.drop if planner.graphs.is_record(graph)]
    if not dropped:
        return single
    every = Quads(single)
    for graph in dropped:
        every.update(planner.quads(graph))
    return every
