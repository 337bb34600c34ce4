"""CONSTRUCT queries on quads that only one worker holds: within a time, and so many statements."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import pyoxigraph as ox
from pyoxigraph import NamedNode, Quad, RdfFormat, Triple

from kgservice.engine.answer import Answer, ended
from kgservice.engine.nurse import Worker
from kgservice.engine.wire import Closed, Kind
from kgservice.engine.worker import Asked
from kgservice.errors import DeadlineExceeded, TooCostly
from kgservice.store.base import Dataset
from kgservice.store.formats import N_TRIPLES
from kgservice.store.results import Sink

_KEY = "rows"  # of the dataset in the worker
_LARGEST = 256 * 2**20  # bytes of what is made of one graph


class _Statements(Sink):
    """N-Triples as they come, a line for each statement, and at most so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines = 0
        self._text = bytearray()

    def write(self, data: bytes) -> int:
        """Take a part. Raises `TooCostly` beyond what there may be."""
        self._lines += data.count(b"\n")
        if self._lines > self._most:
            raise TooCostly("The CONSTRUCT makes more than {most} statements", most=self._most)
        self._text += data
        return len(data)

    def triples(self) -> set[Triple]:
        """What they say."""
        return {quad.triple for quad in ox.parse(bytes(self._text), RdfFormat.N_TRIPLES)}


@contextmanager
def stopped_after(worker: Worker, seconds: float, memory: int) -> Iterator[None]:
    """End the worker if the block takes longer.

    Raises `DeadlineExceeded` then; if it has ended for another reason, `TooCostly` or `StoreFailed`.
    """
    until = time.monotonic() + seconds
    timer = threading.Timer(seconds, worker.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Closed:
        if time.monotonic() < until:
            raise ended(worker.last_words, memory) from None
        raise DeadlineExceeded("The query was stopped after {seconds:g} s", seconds=seconds) from None
    finally:
        timer.cancel()
        timer.join()  # the worker may be let go now


def hold(worker: Worker, quads: Iterable[Quad]) -> None:
    """Let the worker hold the quads, and nothing else. Raises `Closed`."""
    worker.wire.send(Kind.LOAD, _KEY.encode())
    worker.wire.send(Kind.DATA, ox.serialize(quads, format=RdfFormat.N_QUADS) or b"")
    worker.wire.send(Kind.END)
    worker.wire.receive()


def construct(
    worker: Worker, queries: Sequence[str], graphs: Sequence[NamedNode], *, base: str, memory: int, most: int
) -> list[set[Triple]]:
    """What the queries make of each graph that the worker holds: see `Engine.construct`. Raises `Closed`."""
    found: list[set[Triple]] = []
    for graph in graphs:
        statements = _Statements(most)
        answer = Answer(lambda _: N_TRIPLES, statements.stream, _LARGEST)
        for text in queries:
            asked = Asked.on(_KEY, text, Dataset((graph,), ()), base, memory, likely=answer.likely(text))
            answer.fetch(worker, asked)
        found.append(statements.triples())
    return found
