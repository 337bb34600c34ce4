"""The record graphs of a store as N-Triples in a temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, TypeVar, cast

from pyoxigraph import NamedNode

from kgservice.domain.graphs import Graphs
from kgservice.store.base import Store
from kgservice.store.formats import N_TRIPLES

Progress = Callable[[str, int, int], None]
"""Hears what is gone through, how much of it is done, and how much there is."""

Thing = TypeVar("Thing")
_AT_ONCE = 4 * 1024 * 1024
_TOLD = 500  # things from one word to the next


def silent(_name: str, _done: int, _total: int) -> None:
    """Progress that nobody hears."""


class RecordTexts:
    """All record graphs, read once for all that is built of them: to look terms up on disk takes longest."""

    def __init__(self, store: Store, graphs: Graphs, told: Progress = silent) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
        self._places: dict[NamedNode, tuple[int, int]] = {}
        for name in counted([g for g in store.graphs() if graphs.is_record(g)], "Reading records", told):
            start = self._file.tell()
            store.dump(cast(BinaryIO, self._file), N_TRIPLES, graph=name)
            self._places[name] = (start, self._file.tell())

    def __enter__(self) -> RecordTexts:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def graphs(self) -> list[NamedNode]:
        """The names of the graphs."""
        return list(self._places)

    def text(self, graph: NamedNode) -> bytes:
        """All of a graph, which is that of one person; nothing if there is none."""
        start, end = self._places.get(graph, (0, 0))
        self._file.seek(start)
        return self._file.read(end - start)

    def pieces(self, graph: NamedNode) -> Iterator[bytes]:
        """A graph in pieces of whole lines, some megabytes each."""
        at, end = self._places[graph]
        while at < end:
            self._file.seek(at)
            piece = self._file.read(min(_AT_ONCE, end - at))
            if at + len(piece) < end:
                piece += self._file.readline()
            yield piece
            at += len(piece)


def counted(things: Sequence[Thing], name: str, told: Progress, *, every: int = _TOLD) -> Iterator[Thing]:
    """Each of the things, while `told` hears how many have been, after so many each."""
    for done, thing in enumerate(things):
        if done % every == 0:
            told(name, done, len(things))
        yield thing
    if things:
        told(name, len(things), len(things))


@contextmanager
def step(name: str, told: Progress) -> Iterator[None]:
    """A step of which nobody can tell how far it is."""
    told(name, 0, 1)
    yield
    told(name, 1, 1)
