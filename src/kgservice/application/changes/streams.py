"""One graph as a stream of statements, without holding it in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from pyoxigraph import NamedNode, Triple

from kgservice.store.base import Store
from kgservice.store.formats import N_TRIPLES
from kgservice.store.syntax import parse

_IN_MEMORY = 4 * 1024 * 1024


def triples(store: Store, graph: NamedNode) -> Iterator[Triple]:
    """The statements of `graph` as they are at the first one; large graphs pass through a temporary file."""
    with _dumped(store, graph) as file:
        for quad in parse(file, N_TRIPLES):
            yield quad.triple


def lines(store: Store, graph: NamedNode) -> set[bytes]:
    """The statements of `graph` as lines of N-Triples."""
    with _dumped(store, graph) as file:
        return set(file)


def line(triple: Triple) -> bytes:
    """The statement as the line of N-Triples that `lines` has for it."""
    return b"%s .\n" % str(triple).encode()


@contextmanager
def _dumped(store: Store, graph: NamedNode) -> Iterator[BinaryIO]:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        file = cast(BinaryIO, spool)
        store.dump(file, N_TRIPLES, graph=graph)
        file.seek(0)
        yield file
