"""Validate all records of a store, some at a time: from a copy of it, in several processes if it is large."""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from signal import SIG_DFL, SIGINT, signal
from threading import Thread

from pyoxigraph import BlankNode, NamedNode

from kgservice.application.guard.extract import Extract
from kgservice.application.guard.journal import Journal
from kgservice.application.guard.packing import packed
from kgservice.application.guard.unclassed import Unclassed
from kgservice.domain.finding import Finding
from kgservice.domain.graphs import Graphs
from kgservice.garbage import look_seldom
from kgservice.namespaces import Addresses
from kgservice.shacl.bulk import CHUNK, BulkValidator, chunks
from kgservice.shacl.reach import Triple
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.targets import Candidate
from kgservice.shacl.terms import to_rdflib
from kgservice.store.base import Pattern, Store

# How many of all record graphs have been taken up.
Progress = Callable[[int, int], None]
Chunk = Sequence[Candidate]

_GRAPHS = 200  # asked for their nodes at once
_WORTH = 3  # chunks; other processes take seconds to start


@dataclass(frozen=True)
class Job:
    """What is validated: the records of one deployment, with shapes, against the model and the context.

    `classed`: whether records need a class of the model. Not `accelerated`, pySHACL is asked of all.
    """

    addresses: Addresses
    shapes: Shapes
    base: tuple[Triple, ...]
    classed: bool = False
    accelerated: bool = True


class Work:
    """A job on a store that holds record graphs only, and does not change. One thread at a time."""

    def __init__(self, job: Job, store: Store) -> None:
        self._store = store
        self._records = Extract(store)
        self._validator = BulkValidator(job.shapes, job.base, screened=job.accelerated)
        self._unclassed = Unclassed(job.base, Graphs(job.addresses)) if job.classed else None
        self._ways = {NamedNode(str(prop)): prop for prop in self._validator.objects_of}

    def among(self, chunk: Chunk) -> list[Finding]:
        """The findings of some candidates."""
        self._records.spare()
        found = self._validator.among(chunk, self._records)
        if self._unclassed is not None:
            nodes = (node for node, way in chunk if way is None)
            found += self._unclassed.among(nodes, self._records)
        return found

    def anywhere(self) -> list[Finding]:
        """The findings of shapes that can look at anything."""
        return self._validator.anywhere(self._records)

    def chunks(self, told: Progress, size: int = CHUNK) -> Iterator[Chunk]:
        """All nodes that shapes may target, each once; records of one person side by side, if possible."""
        names = sorted(self._store.graphs(), key=_by_key)

        def candidates() -> Iterator[Candidate]:
            known = dict.fromkeys(self._validator.candidates())
            yield from known
            for done in range(0, len(names), _GRAPHS):
                told(done, len(names))
                some = self._candidates(names[done : done + _GRAPHS])
                yield from (one for one in some if one not in known)
            told(len(names), len(names))

        return chunks(candidates(), size)

    def _candidates(self, graphs: Sequence[NamedNode]) -> Iterator[Candidate]:
        """What these graphs speak of: subjects, and objects of properties whose objects are targets.

        Only the graph has a node in which the store finds it first, so that each is had once and none need be
        kept in mind.
        """
        found: set[Pattern] = set()
        for graph in graphs:
            for quad in self._store.match([(None, None, None)], graph):
                assert isinstance(quad.subject, NamedNode | BlankNode)
                found.add((quad.subject, None, None))
                if quad.predicate in self._ways:
                    found.add((None, quad.predicate, quad.object))
        here: Set[object] = set(graphs)
        # In the same order each time: a validation that goes on makes the chunks of the one before.
        for pattern in sorted(found, key=str):
            first, way = next(self._store.match([pattern])), pattern[1]
            if first.graph_name in here:
                yield (to_rdflib(first.object), self._ways[way]) if way else (to_rdflib(first.subject), None)


def findings(
    store: Store,
    job: Job,
    *,
    processes: int | None = None,
    size: int = CHUNK,
    told: Progress = lambda _done, _all: None,
    journal: Journal | None = None,
) -> list[Finding]:
    """All findings, as often as plain validation gives them, in no order.

    Looks at a copy of the store as it is now. A large one is validated by several `processes` (None: one for
    each processor, at most four), which look at `size` nodes at a time. What the `journal` holds already is
    not looked for again.
    """
    most = processes or min(len(os.sched_getaffinity(0)), 4)
    found = [finding for part in journal.parts for finding in part] if journal else []
    done = len(journal.parts) if journal else 0
    with store.shared(Graphs(job.addresses).is_record) as opened:
        work = Work(job, opened())
        waiting = islice(work.chunks(told, size), max(done - 1, 0), None)
        first = list(islice(waiting, _WORTH))
        every = chain(first, waiting)
        parts = (
            map(work.among, every) if most == 1 or len(first) < _WORTH else _spread(job, opened, every, most)
        )
        for part in chain([] if done else [work.anywhere()], parts):
            if journal:
                journal.add(part)
            found += part
    return found


def _spread(
    job: Job, opened: Callable[[], Store], every: Iterator[Chunk], processes: int
) -> Iterator[list[Finding]]:
    """The findings of each chunk, from so many processes; twice as many chunks at most are under way."""
    # What a process has parsed cannot be sent to another.
    sent = replace(job, shapes=replace(job.shapes, queries={}))
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _Worker.start, (packed((sent, opened)),))
    running: deque[Future[bytes]] = deque()
    try:
        for chunk in every:
            running.append(pool.submit(_Worker.among, packed(chunk)))
            if len(running) >= 2 * processes:
                yield pickle.loads(running.popleft().result())  # noqa: S301  (our own)
        while running:
            yield pickle.loads(running.popleft().result())  # noqa: S301  (our own)
    finally:
        pool.shutdown(cancel_futures=True)


class _Worker:
    """What a process of its own keeps between chunks."""

    _work: Work

    @classmethod
    def start(cls, sent: bytes) -> None:
        """Begin, with a job and what opens the store; and end when the process that waits for it does."""
        signal(SIGINT, SIG_DFL)
        look_seldom()
        Thread(target=_end_with_parent, daemon=True).start()
        job, opened = pickle.loads(sent)  # noqa: S301  (our own)
        cls._work = Work(job, opened())

    @classmethod
    def among(cls, sent: bytes) -> bytes:
        """The findings of a chunk."""
        return packed(cls._work.among(pickle.loads(sent)))  # noqa: S301  (our own)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _by_key(name: NamedNode) -> tuple[str, str]:
    """Graphs of one person side by side: their names end alike."""
    kind, _, key = name.value.rpartition("/")
    return (key, kind)
