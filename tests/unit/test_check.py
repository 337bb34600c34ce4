"""The check of a store: it finds whatever any view holds or lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyoxigraph import NamedNode, Quad

from kgservice.application.care.check import check
from kgservice.application.changes import streams
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.clock import Clock
from tests.sabotage import sabotage


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0, 2048])
def test_each_difference_in_each_view_is_told(demo_kg: KnowledgeGraph, clock: Clock, memory: int) -> None:
    with demo_kg.store.copy() as store:  # on disk; what is looked up is in memory or not
        settings = replace(demo_kg.settings, memory=memory)
        kg = KnowledgeGraph(settings, store, demo_kg.model, clock, guarded=False)
        faults = sabotage(kg)
        assert len(faults) == 6 * 4 + 5  # nothing is in another view but not in that of everything
        assert check(kg) == faults


def test_so_it_is_in_memory(kg_in_memory: KnowledgeGraph) -> None:
    assert check(kg_in_memory) == []
    faults = sabotage(kg_in_memory)
    assert check(kg_in_memory) == faults


def test_of_many_differences_the_first_are_shown(kg: KnowledgeGraph) -> None:
    view = NamedNode(kg.addresses.view(kg.settings.active_purposes[-1]))
    lines = sorted(line.decode().removesuffix(" .\n") for line in streams.lines(kg.store, view))
    kg.store.apply(drop=[view])
    shown = [f"{view} lacks: {line}" for line in lines[:5]]
    assert check(kg) == [*shown, f"{view} lacks: {len(lines) - 5} more statements"]


def test_statements_of_two_graphs_of_the_model_are_no_difference(kg: KnowledgeGraph) -> None:
    ontology, vocabulary = kg.graphs.model
    triple = next(streams.triples(kg.store, ontology))
    kg.store.apply(add=[Quad(triple.subject, triple.predicate, triple.object, vocabulary)])
    assert check(kg) == []
    kg.store.apply(remove=[Quad(triple.subject, triple.predicate, triple.object, kg.view)])
    assert check(kg) == [f"{kg.view} lacks: {triple}"]
