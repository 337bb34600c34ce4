"""Prove that the store is sound: views equal their definition, each statement is where it belongs."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import BinaryIO, cast

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.care import check_purposes
from kgservice.application.changes import streams
from kgservice.application.changes.facts import Looked, RecordFacts
from kgservice.application.changes.record_texts import Progress, counted, silent, step
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views import building
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Model
from kgservice.domain.router import Router
from kgservice.store.base import Dataset, Pattern, Store
from kgservice.store.formats import N_QUADS

_SHOWN = 5
_MIB = 2**20
_EXPECTED = NamedNode("urn:kgservice:expected-view")
_MORE, _LESS = "holds, but should not:", "lacks:"

_Lines = Mapping[NamedNode, set[bytes]]
"""Graphs as lines of N-Triples."""


class _ReadAhead(Looked):
    """Looks up all links at once: the whole store will need them."""

    def __init__(self, store: Store, graphs: Graphs, model: Model) -> None:
        super().__init__(store)
        self._ahead: dict[Pattern, list[Quad]] = defaultdict(list)
        properties = {TYPE, *model.owner_links.properties, *model.project_links.properties}
        counts = RecordFacts(self, graphs, model).counts
        for quad in filter(counts, store.match((None, prop, None) for prop in properties)):
            if not isinstance(quad.subject, Triple):
                self._ahead[quad.subject, quad.predicate, None].append(quad)
            self._ahead[None, quad.predicate, quad.object].append(quad)

    def of(self, subject: NamedNode, predicates: frozenset[NamedNode]) -> Iterator[Quad]:
        """See `Looked.of`; of links."""
        for predicate in predicates:
            yield from self._ahead.get((subject, predicate, None), ())

    def to(self, value: NamedNode, predicates: frozenset[NamedNode]) -> Iterator[Quad]:
        """See `Looked.to`; of links."""
        for predicate in predicates:
            yield from self._ahead.get((None, predicate, value), ())


def check(kg: KnowledgeGraph, told: Progress = silent) -> list[str]:
    """The faults of the store, one sentence each; empty if it is sound.

    What the views should hold is worked out anew, and compared in a private copy of the store; commits wait
    only while the copy is made. Looking things up takes longest, so it is done in memory where the setting
    `memory` allows it. `told` hears how far it is, and may raise to end it.
    """
    with ExitStack() as held:
        with step("Copying the store", told), kg.writing:
            kg.catch_up()
            now = kg.clock()
            whole = copy = held.enter_context(kg.store.copy())
        views = [kg.view, *(NamedNode(kg.addresses.view(purpose)) for purpose in kg.settings.active_purposes)]
        if kg.store.copied_at_once:
            # The views are most of all, and nothing is worked out from them.
            copy = held.enter_context(whole.copy(kg.settings.memory * _MIB, views))
        twin = KnowledgeGraph(kg.settings, copy, kg.model, lambda: now, guarded=False)
        twin.view = _EXPECTED
        building.extend(copy, kg.model, kg.graphs, view=_EXPECTED, told=told)
        lines = [streams.lines(copy, _EXPECTED), *check_purposes.expected(twin, told).values()]
        model = {graph: streams.lines(copy, graph) for graph in kg.graphs.model}
        with step("Comparing the views", told):
            faults = _differences(whole, dict(zip(views, lines, strict=True)), model)
        return [*faults, *_places(twin, told)]


def _differences(store: Store, expected: _Lines, model: _Lines) -> list[str]:
    """What the views in the store hold, but should not, and what they lack of what is `expected`.

    One query compares them all, and reads no terms but of what differs. For each statement it adds up the
    graphs that hold it: a view counts as a bit of its own; what is expected, which is put into the store (a
    private copy), counts against that, as do the graphs of the `model`, which each view should hold.
    """
    bits = {view: 1 << number for number, view in enumerate(expected)}
    counts = bits | dict.fromkeys(model, -sum(bits.values()))
    due = dict[bytes, int]()
    for graph, lines in [*expected.items(), *model.items()]:
        for line in lines:
            due[line] = due.get(line, 0) + counts[graph]
    names = {count: NamedNode(f"{_EXPECTED.value}:{count}") for count in {*due.values()} - {0}}
    counts |= {name: -count for count, name in names.items()}
    ends = {count: b" %s .\n" % str(name).encode() for count, name in names.items()}
    with tempfile.TemporaryFile() as file:
        file.writelines(line[:-3] + ends[count] for line, count in due.items() if count)
        file.seek(0)
        store.load(cast(BinaryIO, file), N_QUADS)
    counted = " ".join(f"({graph} {count})" for graph, count in counts.items())
    rows = store.select(
        f"SELECT ?s ?p ?o (SUM(?count) AS ?sum) WHERE {{ VALUES (?graph ?count) {{ {counted} }} "
        "GRAPH ?graph { ?s ?p ?o } } GROUP BY ?s ?p ?o HAVING (SUM(?count) != 0)",
        Dataset(named=tuple(counts)),
    ).rows
    wrong = {(view, words): list[str]() for view in expected for words in (_MORE, _LESS)}
    for s, p, o, difference in rows:
        triple = f"{s} {p} {o}"
        should = sum(bits[view] for view, lines in expected.items() if b"%s .\n" % triple.encode() in lines)
        does = should + int(cast(Literal, difference).value)
        for view, bit in bits.items():
            if (should ^ does) & bit:
                wrong[view, _LESS if should & bit else _MORE].append(triple)
    faults = []
    for (view, words), triples in wrong.items():
        faults += [f"{view} {words} {triple}" for triple in sorted(triples)[:_SHOWN]]
        if len(triples) > _SHOWN:
            faults.append(f"{view} {words} {len(triples) - _SHOWN} more statements")
    return faults


def _places(kg: KnowledgeGraph, told: Progress) -> list[str]:
    store = kg.store
    ahead = _ReadAhead(store, kg.graphs, kg.model)
    router = Router(kg.model, kg.graphs, RecordFacts(ahead, kg.graphs, kg.model))
    faults = []
    records = sorted((g for g in store.graphs() if kg.graphs.is_record(g)), key=lambda g: g.value)
    for graph in counted(records, "Looking where statements are", told):
        wrong = [
            (triple, right)
            for triple in streams.triples(store, graph)
            if (right := router.graph(triple)) != graph
        ]
        faults += [f"{triple} is in {graph}, but belongs to {right}" for triple, right in wrong[:_SHOWN]]
        if len(wrong) > _SHOWN:
            faults.append(f"{len(wrong) - _SHOWN} more statements in {graph} belong elsewhere")
    return faults
