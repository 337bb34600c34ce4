"""The way of an answer: from a worker, or from a server, to whoever asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from kgservice.engine.jobs import Job, Why
from kgservice.engine.nurse import Worker
from kgservice.engine.wire import Closed
from kgservice.engine.wire import Kind as Frame
from kgservice.engine.worker import Asked, told
from kgservice.errors import KgError, StoreFailed, TooCostly
from kgservice.store.base import Choose, Kind
from kgservice.store.formats import Format
from kgservice.store.results import Sink
from kgservice.store.syntax import likely_kind

_GROWN = 0.25  # the part of its memory by which a worker may have grown in all to be asked again
_MEMORY = ("memory allocation", "MemoryError", "out of memory")
REASONS = (*(why.name.lower() for why in Why), "memory", "failed")
"""Why queries end before their answer is whole."""

_log = logging.getLogger(__name__)


class Answer:
    """Where an answer goes: in the format that `choose` gives, to `out`, so many bytes at most."""

    def __init__(self, choose: Choose, out: BinaryIO, most: int) -> None:
        self._choose = choose
        self._chosen: dict[Kind, Format] = {}
        self._out = out
        self._most = most
        self._job: Job | None = None
        self.size = 0

    def of(self, job: Job, stop: Callable[[], None]) -> None:
        """From now on it is that of the job; `stop` is called when that is stopped and some has been sent."""
        self._job = job
        job.tells(lambda: stop() if self.size else None)

    def likely(self, text: str) -> tuple[str, str] | None:
        """The kind of answer that a query seems to have, and the format for that, so that nobody has to ask.

        None where `choose` has none, or wants no answer at all: that is told when it is sure that the query
        can be answered.
        """
        kind = likely_kind(text)
        with suppress(Exception):
            return None if kind is None else (kind.value, self.choose(kind).name)
        return None

    def choose(self, kind: Kind) -> Format:
        """The format for this kind of answer, however often it is asked."""
        if kind not in self._chosen:
            self._chosen[kind] = self._choose(kind)
        return self._chosen[kind]

    def fetch(self, worker: Worker, asked: Asked) -> None:
        """Ask the worker and pass on what it answers.

        Raises `Closed` when it dies, what it tells of, what `choose` and `out` raise, and `TooCostly`.
        """
        wire, worker.rests = worker.wire, False
        wire.send(Frame.QUERY, asked.to_json())
        while True:
            kind, data = wire.receive()
            if kind is Frame.DATA:
                self.write(data)
            elif kind is Frame.ANSWERS:
                wire.send(Frame.FORMAT, self._format(worker, data).name.encode())
            elif kind is Frame.END:
                worker.grown += int(data)
                worker.rests = worker.grown < _GROWN * asked.memory
                return
            else:
                worker.rests = True
                raise told(data)

    def write(self, data: bytes) -> int:
        """Pass on a part. Raises `TooCostly` beyond what there may be, `Closed` if the job was stopped."""
        self.size += len(data)
        if self.size > self._most:
            raise TooCostly("The answer is larger than {most} MiB; use LIMIT", most=self._most // 2**20)
        job = self._job
        if job is None:
            return self._out.write(data)
        job.sends = time.monotonic()
        try:
            return self._out.write(data)
        except OSError as error:
            if job.why is not None:
                raise Closed("the query was stopped") from error
            raise
        finally:
            job.sends = 0.0

    def _format(self, worker: Worker, data: bytes) -> Format:
        try:
            return self.choose(Kind(data.decode()))
        except BaseException:
            worker.wire.send(Frame.GONE)
            worker.rests = True
            raise


def ended(last_words: str, memory: int) -> KgError:
    """The error for a query whose process has died: its last words, and the bytes that it could take."""
    if _lacked_memory(last_words):
        return TooCostly("The query needs more than {most} MiB", most=memory // 2**20)
    # What it said may hold a value of the query or of the graph.
    _log.error("a query has ended its process: %s", "it failed" if last_words else "it was killed")
    _log.debug("the last words of that process: %s", last_words)
    return StoreFailed("The query has ended the process that answered it")


def cause(job: Job, last_words: str) -> str:
    """Why a query was stopped or its process has died: one of `REASONS`."""
    if job.why is not None:
        return job.why.name.lower()
    return "memory" if _lacked_memory(last_words) else "failed"


def _lacked_memory(last_words: str) -> bool:
    return any(words in last_words for words in _MEMORY)


class Call(Sink):
    """A query that a server answers, as the process of a job: it ends when the next part of it comes.

    Nothing makes it wait, or lets others go first: that is for the server. Its connection is not closed
    before: the server would work on all the same, and somebody else would get its place meanwhile.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._ended = False

    def write(self, data: bytes) -> int:
        """Pass on a part. Raises `Closed` once it has been ended."""
        if self._ended:
            raise Closed("the query was stopped")
        return self._answer.write(data)

    def flush(self) -> None:
        """Nothing: parts are passed on as they come."""

    def kill(self) -> None:
        """See `Process`."""
        self._ended = True

    def pause(self) -> None:
        """See `Process`."""

    def resume(self) -> None:
        """See `Process`."""

    def demote(self) -> None:
        """See `Process`."""
