"""Random changes, and time that passes: what follows each commit is what a fresh count gives."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Hashable
from datetime import timedelta
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.changes.effect import Effect
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views.counts import C, Counts
from kgservice.domain.change import Change
from kgservice.domain.model import TYPE
from kgservice.domain.quads import Quads
from kgservice.errors import KgError
from kgservice.namespaces import CI
from kgservice.store.base import Dataset
from tests.property.test_purposes import World
from tests.terms import iri

ROUNDS = 12
Numbers = tuple[dict[str, tuple[int, int]], list[dict[object, int]], dict[NamedNode, int]]


def views_of(kg: KnowledgeGraph) -> list[NamedNode]:
    purposes = kg.settings.active_purposes
    return [kg.view, *(NamedNode(kg.addresses.view(purpose)) for purpose in purposes)]


def fresh(kg: KnowledgeGraph) -> Numbers:
    """The same numbers as `told`, counted in the store by queries."""
    rows = kg.store.select("SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g", Dataset()).rows
    graphs: Counter[object] = Counter({graph: number(n) for graph, n in rows})
    kinds: dict[str, tuple[int, int]] = {}
    for graph, n in graphs.items():
        if (kind := kg.graphs.called(graph)) is not None:
            held, statements = kinds.get(kind, (0, 0))
            kinds[kind] = held + 1, statements + n
    classes: list[dict[object, int]] = [
        {
            of: number(n)
            for of, n in kg.store.select(
                "SELECT ?c (COUNT(*) AS ?n) { ?s a ?c } GROUP BY ?c", Dataset((view,), ())
            ).rows
        }
        for view in views_of(kg)
    ]
    return kinds, classes, {view: graphs[view] for view in views_of(kg)}


def number(term: object) -> int:
    assert isinstance(term, Literal)
    return int(term.value)


def told(kg: KnowledgeGraph) -> Numbers:
    views = views_of(kg)
    return (
        kg.counts.kinds(),
        [dict(kg.counts.instances(view)) for view in views],
        kg.counts.statements(views),
    )


class Watched(Counts):
    """Says how often something has been counted."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        super().__init__(kg.store, kg.copies, kg.graphs, kg.writing)
        self.times = 0
        kg.counts = self

    def _counted(self, key: Hashable, new: C) -> C:
        found = super()._counted(key, new)
        self.times += found is new
        return found


@pytest.mark.parametrize("seed", range(6))
def test_after_random_changes_of_persons_consents_and_dates(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path, seed, profile=("consent-only", "gdpr")[seed % 2])
    counts = Watched(world.kg)
    assert told(world.kg) == fresh(world.kg)
    begun = counts.times
    for _ in range(ROUNDS):
        everything = list(world.kg.store.match([(None, None, None)]))
        records = [quad for quad in everything if world.kg.graphs.is_record(quad.graph_name)]
        add = tuple(
            Quad(t.subject, t.predicate, t.object)
            for t in (world.statement() for _ in range(world.dice.randrange(12)))
        )
        remove = tuple(world.dice.sample(records, min(len(records), world.dice.randrange(4))))
        world.kg.commit(Change(add=add, remove=remove))
        world.now += timedelta(days=world.dice.randrange(0, 60))
        world.kg.catch_up()
        assert told(world.kg) == fresh(world.kg)
    assert counts.times == begun


@pytest.mark.parametrize("seed", range(2))
def test_after_changes_that_the_guard_judges(
    demo_kg_guarded: KnowledgeGraph, tmp_path: Path, seed: int
) -> None:
    kg, dice = demo_kg_guarded, random.Random(seed)
    counts = Watched(kg)
    assert told(kg) == fresh(kg)
    begun, taken = counts.times, 0
    scratch = NamedNode("urn:x:scratch")
    for n in range(5):
        graphs = [name for name in kg.store.graphs() if kg.graphs.is_record(name)]
        quads = [quad for name in graphs for quad in kg.store.match([(None, None, None)], name)]
        quads.sort(key=str)
        title = NamedNode(f"{CI}title")
        add = [
            Quad(scratch, title, Literal(str(dice.randrange(3))), scratch),
            Quad(dice.choice(quads).subject, title, Literal(f"changed {n}", language="en")),
        ]
        drop = (scratch,) if dice.random() < 0.3 and kg.store.has_graph(scratch) else ()
        remove = tuple(dice.sample(quads, dice.randrange(3)))
        try:
            taken += kg.commit(Change(add=tuple(add), remove=remove, drop=drop)).added
        except KgError:
            kg.commit(Change(add=(add[0],), drop=drop))
        assert told(kg) == fresh(kg)
    assert counts.times == begun
    assert taken


@pytest.mark.slow
def test_commits_while_it_is_counted(kg: KnowledgeGraph) -> None:
    stop = threading.Event()

    def write() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            kg.commit(
                Change(
                    add=(
                        Quad(iri(f"id:w{n}"), TYPE, NamedNode(f"{CI}PainPoint")),
                        Quad(iri("id:w"), iri("ex:note"), Literal(str(n))),
                    ),
                    remove=(Quad(iri("id:w"), iri("ex:note"), Literal(str(n - 1))),),
                )
            )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(10):
            with kg.writing:
                kg.counts.forget()
            told(kg)
            with kg.writing:
                assert told(kg) == fresh(kg)
    finally:
        stop.set()
        writer.join()
    assert told(kg) == fresh(kg)


@pytest.mark.slow
def test_nobody_waits_for_a_change_that_takes_long(demo_kg_guarded: KnowledgeGraph) -> None:
    kg, found = demo_kg_guarded, list[object]()
    kg.counts.forget()
    with kg.writing:  # of another thread
        asking = threading.Thread(target=lambda: found.append(told(kg)))
        asking.start()
        asking.join(60)
        assert found == [fresh(kg)]


def test_a_store_that_was_written_without_is_counted_anew(kg: KnowledgeGraph) -> None:
    kg.commit(Change(add=(Quad(iri("id:a"), TYPE, NamedNode(f"{CI}PainPoint")),)))
    assert told(kg) == fresh(kg)
    with kg.writing, kg.building():
        Effect(add=Quads([Quad(iri("id:b"), TYPE, NamedNode(f"{CI}PainPoint"), kg.view)])).apply(kg.store)
    assert told(kg) == fresh(kg)
