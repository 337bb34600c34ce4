"""Prove that the store is sound: views equal their definition, each statement is where it belongs."""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import BinaryIO, cast

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application.care import check_purposes
from kgservice.application.changes import streams
from kgservice.application.changes.facts import RecordFacts
from kgservice.application.changes.record_texts import Progress, counted, silent, step
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views import building
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Model
from kgservice.domain.router import Router
from kgservice.store.base import Dataset, Pattern, Store
from kgservice.store.formats import N_TRIPLES

_SHOWN = 5
_MIB = 2**20
_EXPECTED = NamedNode("urn:kgservice:expected-view")


class _ReadAhead(RecordFacts):
    """Looks up all links at once: the whole store will need them."""

    def __init__(self, store: Store, graphs: Graphs, model: Model) -> None:
        super().__init__(store, graphs, model)
        self._ahead: dict[Pattern, list[Quad]] = defaultdict(list)
        self._read = {TYPE, *model.owner_links.properties, *model.project_links.properties}
        for prop in self._read:
            for quad in super()._match([(None, prop, None)]):
                if not isinstance(quad.subject, Triple):
                    self._ahead[quad.subject, prop, None].append(quad)
                self._ahead[None, prop, quad.object].append(quad)

    def _match(self, patterns: Iterable[Pattern]) -> Iterator[Quad]:
        for pattern in patterns:
            yield from self._ahead.get(pattern, ()) if pattern[1] in self._read else super()._match([pattern])


def check(kg: KnowledgeGraph, told: Progress = silent) -> list[str]:
    """The faults of the store, one sentence each; empty if it is sound.

    The views are built anew in a private copy of the store and compared; commits wait only while the copy is
    made. Looking things up takes longest, so it is done in memory where the setting `memory` allows it.
    `told` hears how far it is, and may raise to end it.
    """
    with ExitStack() as held:
        with step("Copying the store", told), kg.writing:
            kg.catch_up()
            now = kg.clock()
            whole = copy = held.enter_context(kg.store.copy())
        if kg.store.copied_at_once:
            # The views of purposes are more than half of all, and each is only read once.
            views = [NamedNode(kg.addresses.view(purpose)) for purpose in kg.settings.active_purposes]
            copy = held.enter_context(whole.copy(kg.settings.memory * _MIB, views))
        twin = KnowledgeGraph(kg.settings, copy, kg.model, lambda: now, guarded=False)
        return [*_purposes(twin, whole, told), *_everything(twin, told), *_places(twin, told)]


def _purposes(kg: KnowledgeGraph, whole: Store, told: Progress) -> list[str]:
    """The views of purposes in the `whole` store against their definition, worked out by other means."""
    faults = []
    for purpose, expected in check_purposes.expected(kg, told).items():
        view = NamedNode(kg.addresses.view(purpose))
        held = streams.lines(whole, view)
        for lines, words in ((held - expected, "holds, but should not:"), (expected - held, "lacks:")):
            shown = sorted(line.decode().removesuffix(" .\n") for line in lines)
            faults += [f"{view} {words} {triple}" for triple in shown[:_SHOWN]]
            if len(shown) > _SHOWN:
                faults.append(f"{view} {words} {len(shown) - _SHOWN} more statements")
    return faults


def _everything(kg: KnowledgeGraph, told: Progress) -> list[str]:
    view, store = kg.view, kg.store
    building.extend(store, kg.model, kg.graphs, view=_EXPECTED, told=told)
    with step("Comparing the views", told):
        is_same = _digest(store, view) == _digest(store, _EXPECTED)
    if is_same:
        return []
    faults = []
    for has, lacks, words in ((view, _EXPECTED, "holds, but should not:"), (_EXPECTED, view, "lacks:")):
        rows = store.select(
            f"SELECT ?s ?p ?o WHERE {{ GRAPH {has} {{ ?s ?p ?o }} "
            f"FILTER NOT EXISTS {{ GRAPH {lacks} {{ ?s ?p ?o }} }} }}",
            Dataset(),
        ).rows
        faults += [f"{view} {words} {s} {p} {o}" for s, p, o in rows[:_SHOWN]]
        if len(rows) > _SHOWN:
            faults.append(f"{view} {words} {len(rows) - _SHOWN} more statements")
    return faults


def _digest(store: Store, graph: NamedNode) -> tuple[int, int]:
    """The number of statements, and the sum of their hashes: the same for equal graphs, in any order."""
    count = total = 0
    with tempfile.TemporaryFile() as file:
        store.dump(cast(BinaryIO, file), N_TRIPLES, graph=graph)
        file.seek(0)
        for line in file:
            count += 1
            total += int.from_bytes(hashlib.blake2b(line, digest_size=16).digest())
    return count, total


def _places(kg: KnowledgeGraph, told: Progress) -> list[str]:
    store = kg.store
    router = Router(kg.model, kg.graphs, _ReadAhead(store, kg.graphs, kg.model))
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
