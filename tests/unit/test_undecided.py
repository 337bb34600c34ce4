"""A commit of which the store tells only later that it was made: all that follows from it still does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.guard import Guard
from kgservice.application.law import consents
from kgservice.domain.change import Change
from kgservice.domain.clock import Clock
from kgservice.domain.consent import SUBJECT
from kgservice.errors import Invalid, Undecided
from kgservice.namespaces import CI, RDF
from kgservice.settings import Settings
from kgservice.store import OxigraphStore

IDS = "https://kg.example/id/00000000-0000-4000-8000-"
CONSENT = "00000000-0000-4000-8000-106000000001"


class Unsure(OxigraphStore):
    """Makes each change, but says of the next one that it does not know, as a server does whose answer is lost."""

    unsure = False

    def apply(self, **change: Any) -> None:
        super().apply(**change)
        if self.unsure:
            self.unsure = False
            raise Undecided("the answer was lost")

    def settle(self) -> None:
        """It was made."""


@pytest.fixture
def store(demo_kg: KnowledgeGraph) -> Unsure:
    store = Unsure()
    store._store.bulk_extend(demo_kg.store.match([(None, None, None)]))
    return store


@pytest.fixture
def kg(store: Unsure, clock: Clock, guard: Guard) -> Iterator[KnowledgeGraph]:
    graph = KnowledgeGraph.open(Settings(), store, clock)
    guard.forget()
    graph.guard = guard
    yield graph
    graph.close()


def said(subject: str, name: str, value: NamedNode | Literal) -> Quad:
    return Quad(NamedNode(IDS + subject), NamedNode(CI + name), value)


def test_the_guard_knows_what_it_made(kg: KnowledgeGraph, store: Unsure) -> None:
    new = "999900000001"
    addresses = said(new, "addresses", NamedNode(f"{IDS}103000000001"))
    solution = (
        Quad(addresses.subject, NamedNode(f"{RDF}type"), NamedNode(f"{CI}Solution")),
        said(new, "title", Literal("Pager", language="en")),
        said(new, "inProject", NamedNode(f"{IDS}100100000001")),
        said(new, "confidentiality", NamedNode(f"{CI}Internal")),
        addresses,
    )
    # The guard has looked at what there is of it before.
    with pytest.raises(Invalid):
        kg.commit(Change(add=solution[:-1]))
    store.unsure = True
    with pytest.raises(Undecided):
        kg.commit(Change(add=solution))
    with pytest.raises(Invalid) as refused:
        kg.commit(Change(remove=(addresses,)))
    assert {finding["rule"] for finding in refused.value.findings} == {"R03"}


def test_what_it_hides_is_hidden_from_all(kg: KnowledgeGraph, store: Unsure) -> None:
    forgotten: list[int] = []
    kg.when_hidden.append(lambda: forgotten.append(kg.head))
    store.unsure = True
    head = kg.head
    with pytest.raises(Undecided):
        consents.withdraw(kg, CONSENT, {"method": "letter", "by": SUBJECT, "time": "2026-11-20T11:00:00Z"})
    assert forgotten == []
    kg.planner()
    assert forgotten == [head + 1]
