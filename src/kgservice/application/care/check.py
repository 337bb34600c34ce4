"""Prove that the store is sound: views equal their definition, each statement is where it belongs."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import ExitStack
from typing import BinaryIO, cast

from pyoxigraph import NamedNode

from kgservice.application.care import check_purposes
from kgservice.application.changes import streams
from kgservice.application.changes.facts import RecordFacts
from kgservice.application.changes.record_texts import Progress, counted, silent, step
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views import building
from kgservice.domain.router import Router
from kgservice.store.base import Dataset, Store
from kgservice.store.formats import N_TRIPLES

_SHOWN = 5
_MIB = 2**20
_EXPECTED = NamedNode("urn:kgservice:expected-view")


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
        held = {quad.triple for quad in whole.match([(None, None, None)], view)}
        for triples, words in ((held - expected, "holds, but should not:"), (expected - held, "lacks:")):
            shown = sorted(map(str, triples))
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
    router = Router(kg.model, kg.graphs, RecordFacts(store, kg.graphs, kg.model))
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
