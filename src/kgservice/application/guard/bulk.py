"""Validate all records of a store, some at a time: from a copy of it, in several processes if it is large."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from queue import SimpleQueue
from typing import cast

from kgservice.application.changes.record_texts import Progress, silent
from kgservice.application.guard.ahead import ahead
from kgservice.application.guard.extract import Extract
from kgservice.application.guard.hands import Hand
from kgservice.application.guard.journal import Journal
from kgservice.application.guard.packing import packed
from kgservice.application.guard.record_file import RecordFile, copied
from kgservice.application.guard.unclassed import Unclassed
from kgservice.domain.finding import Finding
from kgservice.domain.graphs import Graphs
from kgservice.namespaces import Addresses
from kgservice.shacl.bulk import CHUNK, BulkValidator, chunks
from kgservice.shacl.reach import Triple
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.targets import Candidate
from kgservice.store.base import Store

Chunk = Sequence[Candidate]

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
    """A job on a file of records. One thread at a time."""

    def __init__(self, job: Job, records: RecordFile) -> None:
        self._file = records
        self._records = Extract(records)
        self._validator = BulkValidator(job.shapes, job.base, screened=job.accelerated)
        self._unclassed = Unclassed(job.base, Graphs(job.addresses)) if job.classed else None

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
        """All nodes that shapes may target, each once; those of one person side by side, if possible.

        In the same order each time: a validation that goes on makes the chunks of the one before.
        """
        known = dict.fromkeys(self._validator.candidates())
        others = self._file.candidates(self._validator.objects_of, told)
        return chunks(chain(known, (one for one in others if one not in known)), size)


def findings(
    store: Store,
    job: Job,
    *,
    processes: int | None = None,
    size: int = CHUNK,
    told: Progress = silent,
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
    with copied(store, Graphs(job.addresses).is_record, told) as path, closing(RecordFile(path)) as records:
        work = Work(job, records)
        waiting = islice(work.chunks(told, size), max(done - 1, 0), None)
        first = list(islice(waiting, _WORTH))
        every = chain(first, waiting)
        parts = (
            map(work.among, every) if most == 1 or len(first) < _WORTH else _spread(job, path, every, most)
        )
        for part in chain([] if done else [work.anywhere()], parts):
            if journal:
                journal.add(part)
            found += part
    return found


def _spread(job: Job, path: Path, every: Iterator[Chunk], processes: int) -> Iterator[list[Finding]]:
    """The findings of each chunk, from so many processes; twice as many chunks at most are under way."""
    # What a process has parsed cannot be sent to another.
    sent = replace(job, shapes=replace(job.shapes, queries={}))
    _beside(path).write_bytes(packed(sent))
    free = SimpleQueue[Hand]()

    def among(chunk: bytes) -> list[Finding]:
        hand = free.get()
        try:
            return cast(list[Finding], hand.do(chunk))
        finally:
            free.put(hand)

    with ExitStack() as opened:
        for _ in range(processes):
            free.put(opened.enter_context(closing(Hand(_work, path))))
        found = ahead(ThreadPoolExecutor(processes), among, map(packed, every), 2 * processes)
        yield from opened.enter_context(closing(found))


def _work(path: Path) -> Callable[[Chunk], list[Finding]]:
    """What another process does with a chunk of the records in a file."""
    job = pickle.loads(_beside(path).read_bytes())  # noqa: S301  (our own)
    return Work(job, RecordFile(path)).among


def _beside(path: Path) -> Path:
    """Where the job on a file of records stands."""
    return path.with_name("job")
