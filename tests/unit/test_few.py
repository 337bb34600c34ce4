"""Which properties few statements of a view have, and that queries are written for it."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views.few import MOST, Properties
from kgservice.domain.change import Change
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI
from kgservice.store import OxigraphStore
from kgservice.store.base import Dataset, Solutions

NOTE = "https://example.org/note"
ASKED = f"SELECT ?o {{ ?s <{CI}phase> ?t . ?t <{NOTE}> ?o }}"


def say(kg: KnowledgeGraph, number: int) -> None:
    """So many projects have a note."""
    projects = [NamedNode(f"https://kg.example/id/{n}") for n in range(number)]
    notes = [Quad(project, NamedNode(NOTE), Literal("x")) for project in projects]
    kg.commit(Change.adding([*(Quad(one, TYPE, NamedNode(f"{CI}Project")) for one in projects), *notes]))


@pytest.mark.parametrize(("number", "rare"), [(0, False), (1, True), (MOST, True), (MOST + 1, False)])
def test_a_property_of_few_statements_is_rare(kg_in_memory: KnowledgeGraph, number: int, rare: bool) -> None:
    say(kg_in_memory, number)
    dataset = kg_in_memory.dataset(ASKED)
    assert Properties(kg_in_memory.copies).rare(dataset, 1)(NOTE) is rare


def test_it_is_told_of_the_view_that_the_query_sees_and_of_nothing_else(kg_in_memory: KnowledgeGraph) -> None:
    kg, properties = kg_in_memory, Properties(kg_in_memory.copies)
    say(kg, 1)
    view, other = kg.view, NamedNode("https://kg.example/view/other")
    seen = {
        dataset: properties.rare(dataset, 1)(NOTE)
        for dataset in (
            Dataset((view,), ()),
            Dataset((other,), ()),
            Dataset((view, other), ()),
            Dataset((view,), (), from_clauses=True),
            Dataset(),
        )
    }
    assert [dataset for dataset, rare in seen.items() if rare] == [Dataset((view,), ())]
    assert not properties.rare(Dataset((view,), ()), 1)("no IRI")


def test_it_is_looked_up_again_when_much_has_been_written(kg_in_memory: KnowledgeGraph) -> None:
    properties, dataset = Properties(kg_in_memory.copies), kg_in_memory.dataset(ASKED)
    assert not properties.rare(dataset, 1)(NOTE)
    say(kg_in_memory, 1)
    assert not properties.rare(dataset, 2)(NOTE)
    assert properties.rare(dataset, 1_002)(NOTE)


def test_what_few_have_is_asked_for_apart(
    kg_in_memory: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, select = list[str](), OxigraphStore.select

    def told(store: OxigraphStore, text: str, dataset: Dataset) -> Solutions:
        asked.append(text)
        return select(store, text, dataset)

    say(kg_in_memory, 1)
    monkeypatch.setattr(OxigraphStore, "select", told)
    kg_in_memory.solve(ASKED)
    assert asked == [f"SELECT ?o {{ ?s <{CI}phase> ?t . {{ SELECT * {{ ?t <{NOTE}> ?o }} }} }}"]
