"""What a purpose hides is not looked up for who may not see it: how long an answer takes does not tell of it.

What is counted is what is read of the store, which no other work on the machine disturbs; `benchmarks.timing` has
the times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from pyoxigraph import NamedNode, Quad

from kgservice.domain.principal import Role
from kgservice.store import OxigraphStore
from kgservice.store.base import Pattern
from tests.property.leaks import inside
from tests.property.leaks_requests import Asked
from tests.property.leaks_world import MISSING, A, World

HIDDEN = {
    "record of a person": A.instance("leaks", "record", "silent 0"),
    "person": A.instance("leaks", "person", "silent"),
    "what is confidential": A.instance("leaks", "PainPoint", "confidential"),
}
ADDRESSES = (
    (Role.READER, "/id/{key}"),
    (Role.RESEARCHER, "/id/{key}"),
    (Role.READER, "/trace/{key}"),
    (Role.RESEARCHER, "/trace/{key}"),
    (Role.READER, "/pages/record?iri={iri}"),
    (Role.RESEARCHER, "/pages/record?iri={iri}"),
    (Role.READER, "/pages/trace/{key}"),
    (Role.READER, "/journeys/{key}"),
    (Role.READER, "/queries/impact-of-solution?solution={key}"),
    (Role.EDITOR, "/records/{key}"),
    (Role.EDITOR, "/pages/records/pain-points/record/{key}"),
)

Read = list[tuple[str, str, int]]


@pytest.fixture(scope="module")
def world(model_only: OxigraphStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A graph with much that is hidden."""
    made = World(model_only, Path(tmp_path_factory.mktemp("timing")))
    yield made
    made.close()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """What is read of a store by pattern: the pattern, the graph, and how many statements came."""
    found: Read = []
    match = OxigraphStore.match

    def counted(
        store: OxigraphStore, patterns: Iterable[Pattern], graph: NamedNode | None = None
    ) -> Iterator[Quad]:
        patterns, number = list(patterns), 0
        try:
            for quad in match(store, patterns, graph):
                number += 1
                yield quad
        finally:
            found.append((str([[str(term) for term in one] for one in patterns]), str(graph), number))

    monkeypatch.setattr(OxigraphStore, "match", counted)
    return found


@pytest.mark.parametrize("what", HIDDEN)
@pytest.mark.parametrize(("role", "address"), ADDRESSES)
def test_of_what_is_hidden_as_much_is_read_as_of_what_there_is_not(
    world: World, read: Read, role: Role, address: str, what: str
) -> None:
    ask = inside(world)
    seen: list[tuple[int, list[tuple[str, str, int]]]] = []
    for iri in (MISSING, HIDDEN[what], MISSING):  # the first time more is looked up
        read.clear()
        target = address.format(key=A.key(iri), iri=quote(iri, safe=""))
        status = asyncio.run(ask(Asked(role, "GET", target))).status
        seen.append((status, sorted((pattern.replace(iri, "it"), g, n) for pattern, g, n in read)))
    _, hidden, missing = seen
    assert hidden == missing


def test_what_is_counted_is_what_is_read(world: World, read: Read) -> None:
    node = NamedNode(HIDDEN["record of a person"])
    stated = list(world.kg.store.match([(node, None, None)]))
    assert len(stated) > 5
    assert read == [(str([[str(node), "None", "None"]]), "None", len(stated))]
