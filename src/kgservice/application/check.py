"""Prove that the store is sound: the view equals its definition, each statement is where it belongs."""

from __future__ import annotations

import hashlib
import tempfile
from typing import BinaryIO, cast

from pyoxigraph import NamedNode

from kgservice.application import streams, views
from kgservice.application.facts import RecordFacts
from kgservice.application.graph import KnowledgeGraph
from kgservice.domain.router import Router
from kgservice.store.base import Dataset, Store
from kgservice.store.formats import N_TRIPLES

_SHOWN = 5
_EXPECTED = NamedNode("urn:kgservice:expected-view")


def check(kg: KnowledgeGraph) -> list[str]:
    """The faults of the store, one sentence each; empty if it is sound.

    The view is built anew in a private copy of the store and compared; commits wait only while the copy is
    made.
    """
    with kg.store.copy() as copy:
        return [*_views(kg, copy), *_places(kg, copy)]


def _views(kg: KnowledgeGraph, store: Store) -> list[str]:
    view = NamedNode(kg.addresses.everything)
    views.rebuild(store, kg.model, kg.graphs, view=_EXPECTED)
    if _digest(store, view) == _digest(store, _EXPECTED):
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


def _places(kg: KnowledgeGraph, store: Store) -> list[str]:
    router = Router(kg.model, kg.graphs, RecordFacts(store, kg.graphs, kg.model))
    faults = []
    for graph in sorted(store.graphs(), key=lambda g: g.value):
        if not kg.graphs.is_record(graph):
            continue
        wrong = [
            (triple, right)
            for triple in streams.triples(store, graph)
            if (right := router.graph(triple)) != graph
        ]
        faults += [f"{triple} is in {graph}, but belongs to {right}" for triple, right in wrong[:_SHOWN]]
        if len(wrong) > _SHOWN:
            faults.append(f"{len(wrong) - _SHOWN} more statements in {graph} belong elsewhere")
    return faults
