"""What is said of nodes is the same wherever it is looked up: in memory, or of hubs on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Quad

from kgservice import resources
from kgservice.application.changes import hubs as remembering
from kgservice.application.changes import modelfiles
from kgservice.application.changes.effect import Effect
from kgservice.application.changes.facts import Looked, RecordFacts
from kgservice.application.changes.hubs import Hubs
from kgservice.application.changes.replica import Budget
from kgservice.application.changes.view_facts import ViewFacts
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change
from kgservice.domain.clock import Clock
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Links
from kgservice.domain.quads import Quads
from kgservice.store import OxigraphStore
from kgservice.store.base import Pattern
from tests.terms import ADDRESSES, iri, quad

CI = "ci:evidencedBy", "ci:occursAt", "ci:inProject"
PROJECT = "graph:project/p"
HUB, SMALL, UNSAID = iri("id:hub"), iri("id:small"), iri("id:unsaid")


class Watched(OxigraphStore):
    """A store that notes the patterns that it is asked."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self.asked: list[Pattern] = []

    def match(self, patterns: Iterable[Pattern], graph: NamedNode | None = None) -> Iterator[Quad]:
        patterns = list(patterns)
        self.asked += patterns
        return super().match(patterns, graph)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Watched, Watched]]:
    """The same statements in memory and on disk: a pain point with much evidence, and one with little."""
    memory, disk = Watched(), Watched(tmp_path / "store")
    quads = [
        *(quad("id:hub", "ci:evidencedBy", f"id:record{n}", PROJECT) for n in range(100)),
        quad("id:hub", "ci:inProject", "id:p", PROJECT),
        quad("id:small", "ci:inProject", "id:p", PROJECT),
        quad("id:small", "ci:evidencedBy", "id:record1", PROJECT),
        *(quad(f"id:record{n}", "ci:inProject", "id:p", PROJECT) for n in range(100)),
    ]
    memory.apply(add=quads)
    disk.apply(add=quads)
    yield memory, disk
    memory.close()
    disk.close()


def test_of_records(stores: tuple[Watched, Watched]) -> None:
    memory, disk = stores
    graphs = Graphs(ADDRESSES)
    model = modelfiles.read(resources.folder("ontology"), graphs).model
    hubs = Hubs(disk, graphs.is_record)
    links = Links(frozenset({iri("ci:inProject"), iri("ci:occursAt")}), frozenset({iri("ci:evidencedBy")}))
    both = RecordFacts(Looked(memory, hubs), graphs, model)
    for one in (HUB, SMALL, UNSAID, iri("id:record1"), iri("id:p")):
        expected = sorted(RecordFacts(Looked(disk), graphs, model).along(one, links), key=str)
        assert sorted(both.along(one, links), key=str) == expected
        assert both.knows(one) == (one != UNSAID)
    for store in stores:
        store.asked.clear()
    again = RecordFacts(Looked(memory, hubs), graphs, model)
    assert list(again.along(HUB, links))
    assert [p for p in memory.asked if p[0] == HUB and p[1] is not None] == []
    assert disk.asked == []  # it is remembered


def test_what_is_remembered_of_hubs_follows_commits(stores: tuple[Watched, Watched]) -> None:
    _, disk = stores
    hubs, project = Hubs(disk, Graphs(ADDRESSES).is_record), iri("ci:inProject")
    links, others = frozenset({project, TYPE}), frozenset({iri("ci:evidencedBy")})

    def said(properties: frozenset[NamedNode]) -> set[object]:
        return {q.object for q in hubs.of(HUB, properties)}

    def commit(effect: Effect) -> None:
        effect.apply(disk)
        hubs.follow(effect.by_graph())

    def asked() -> list[Pattern]:
        found, disk.asked = disk.asked, []
        return found

    assert not hubs.knows(HUB)
    assert said(links) == {iri("id:p")}
    assert len(said(others)) == 100
    asked()
    commit(Effect(add=Quads([quad("id:hub", "ci:inProject", "id:q", PROJECT)])))
    assert said(links) == {iri("id:p"), iri("id:q")}
    assert len(said(others)) == 100
    assert {p[1] for p in asked()} == links
    commit(Effect(add=Quads([quad("id:hub", "ci:inProject", "id:r", "graph:view/everything")])))
    assert said(links) == {iri("id:p"), iri("id:q")}  # a graph that it does not hold
    assert asked() == []
    commit(Effect(remove=Quads([quad("id:hub", "ci:inProject", "id:p", PROJECT)])))
    assert said(links) == {iri("id:q")}
    commit(Effect(drop={iri(PROJECT)}))
    assert said(links) == said(others) == set()
    disk.apply(add=[quad("id:hub", "ci:inProject", "id:s", PROJECT)])
    assert said(links) == set()  # nobody has told it
    hubs.forget()
    assert said(links) == {iri("id:s")}


def test_what_is_looked_up_during_a_commit_is_not_remembered_of_hubs(tmp_path: Path) -> None:
    class Slow(Watched):
        def match(self, patterns: Iterable[Pattern], graph: NamedNode | None = None) -> Iterator[Quad]:
            found = list(super().match(patterns, graph))
            if commits:
                effect = commits.pop()
                effect.apply(self)
                hubs.follow(effect.by_graph())
            yield from found

    commits = [Effect(add=Quads([quad("id:hub", "ci:inProject", "id:p", PROJECT)]))]
    disk = Slow(tmp_path / "store")
    hubs, links = Hubs(disk, Graphs(ADDRESSES).is_record), frozenset({iri("ci:inProject")})
    assert list(hubs.of(HUB, links)) == []
    assert [q.object for q in hubs.of(HUB, links)] == [iri("id:p")]
    disk.close()


def test_of_a_view(stores: tuple[Watched, Watched]) -> None:
    memory, disk = stores
    view = iri(PROJECT)
    both, alone = ViewFacts(memory, view, disk), ViewFacts(memory, view)
    for one in (HUB, SMALL, UNSAID, iri("id:record1"), iri("id:p")):
        for prop in map(iri, CI):
            assert set(both.objects(one, prop)) == set(alone.objects(one, prop))
            assert set(both.subjects(one, prop)) == set(alone.subjects(one, prop))
    assert len(both.objects(HUB, iri("ci:evidencedBy"))) == 100
    assert (HUB, iri("ci:evidencedBy"), None) in disk.asked
    assert (None, iri("ci:inProject"), iri("id:p")) in disk.asked
    assert (SMALL, iri("ci:evidencedBy"), None) not in disk.asked


def test_what_is_remembered_of_hubs_is_little(
    stores: tuple[Watched, Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, disk = stores
    monkeypatch.setattr(remembering, "_LONGEST", 99)
    monkeypatch.setattr(remembering, "_HELD", 4)
    hubs = Hubs(disk, Graphs(ADDRESSES).is_record)
    evidence, project = frozenset({iri("ci:evidencedBy")}), frozenset({iri("ci:inProject")})
    assert len(hubs.of(HUB, evidence)) == 100
    assert not hubs.knows(HUB)  # too long a list
    for node in (HUB, SMALL):
        hubs.of(node, project)
    assert hubs.knows(HUB)
    assert hubs.knows(SMALL)
    hubs.of(iri("id:record1"), project)  # more than is held: it begins anew
    assert not hubs.knows(HUB)
    assert not hubs.knows(SMALL)
    gone = Effect(remove=Quads([quad("id:record1", "ci:inProject", "id:p", PROJECT)]))
    hubs.follow(gone.by_graph())
    assert not hubs.knows(iri("id:record1"))


def test_only_a_store_on_disk_is_asked_of_hubs(stores: tuple[Watched, Watched], kg: KnowledgeGraph) -> None:
    memory, disk = stores
    assert disk.seeks
    assert not memory.seeks
    assert kg.copies.hubs is None  # records are looked up there anyway
    kg.copies.keep_records(OxigraphStore(), Budget(2**30)).wait()
    assert kg.copies.hubs is not None
    kg.copies.stop()
    assert kg.copies.hubs is None


@pytest.mark.slow
def test_commits_are_the_same_with_and_without_copies_in_memory(
    kg: KnowledgeGraph, model_only: OxigraphStore, clock: Clock
) -> None:
    """A pain point with more evidence than is looked at at once; then it moves to another project."""
    with model_only.copy() as store:
        twin = KnowledgeGraph.open(kg.settings, store, clock, guarded=False)
        _same(kg, twin)
        twin.close()


def _same(kg: KnowledgeGraph, twin: KnowledgeGraph) -> None:
    kg.copies.keep_records(OxigraphStore(), Budget(2**30)).wait()
    kg.copies.keep_view(kg.view, OxigraphStore(), Budget(2**30)).wait()
    changes = [
        Change.adding([quad("id:p", "a", "ci:Project"), quad("id:other", "a", "ci:Project")]),
        Change.adding([quad("id:hub", "a", "ci:PainPoint"), quad("id:hub", "ci:inProject", "id:p")]),
        Change.adding([quad(f"id:record{n}", "a", "ci:Document") for n in range(60)]),
        Change.adding([quad("id:hub", "ci:evidencedBy", f"id:record{n}") for n in range(60)]),
        Change.adding([quad("id:hub", "ci:title", "Lieferung dauert")]),
        Change(
            add=(quad("id:hub", "ci:inProject", "id:other"),),
            remove=(quad("id:hub", "ci:inProject", "id:p"),),
        ),
        Change.adding(
            [quad("id:anna", "a", "ci:ContactPerson"), quad("id:record7", "ci:dataSubject", "id:anna")]
        ),
    ]
    for change in changes:
        one, other = kg.commit(change), twin.commit(change)
        assert (one.added, one.removed) == (other.added, other.removed)
        # At once: a move would mend what was put into a wrong graph.
        assert said(kg, (HUB, None, None)) == said(twin, (HUB, None, None))
    assert said(kg, (None, None, None)) == said(twin, (None, None, None))
    titles = said(kg, (HUB, iri("ci:title"), None))
    assert any("project/other" in line for line in titles)


def said(kg: KnowledgeGraph, pattern: Pattern) -> set[str]:
    return {str(quad) for quad in kg.store.match([pattern])}
