"""Who may run now: a fair queue, a room for queries that take a moment, and one for those that take long."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from kgservice.errors import Busy
from kgservice.store.base import Dataset

Monotonic = Callable[[], float]


class Why(Enum):
    """Why a query was stopped."""

    DEADLINE = "deadline"
    LEFT = "the client left"
    CHANGED = "what it reads may not be read any more"
    FULL = "too many long queries"
    STOPPING = "the service is stopping"


class Process(Protocol):
    """What runs a query."""

    def kill(self) -> None:
        """End it now."""

    def pause(self) -> None:
        """Let it wait."""

    def resume(self) -> None:
        """Let it go on."""

    def demote(self) -> None:
        """Let all others go first from now on."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many queries run at the same time; how long one may wait, and what is told who cannot get in.

    `light` run at once, each for `moment` seconds; after that it is one of `heavy`, or waits to become one
    with up to `paused` others. `queue` may wait for their turn.
    """

    light: int
    heavy: int
    paused: int = 8
    queue: int = 64
    moment: float = 0.1


class Job:
    """One query: whose it is, what it sees, until when it may run (monotonic seconds), and its process.

    It is changed under the lock of `Rooms`.
    """

    __slots__ = ("_lock", "begun", "dataset", "process", "until", "who", "why")

    def __init__(self, who: str, dataset: Dataset, until: float, lock: threading.Condition) -> None:
        self.who = who
        self.dataset = dataset
        self.until = until
        self.begun = 0.0
        self.process: Process | None = None
        self.why: Why | None = None
        self._lock = lock

    def stop(self, why: Why) -> None:
        """End it now, wherever it is; the first reason counts."""
        with self._lock:
            if self.why is None:
                self.why = why
                if self.process is not None:
                    self.process.kill()
                self._lock.notify_all()

    def runs_in(self, process: Process) -> bool:
        """Tell the process that it runs in; False when it has been stopped meanwhile."""
        with self._lock:
            if self.why is None:
                self.process = process
            return self.why is None


class FairQueue:
    """Those who wait, one of each principal in turn."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def push(self, job: Job) -> None:
        """Wait behind the others of the same principal."""
        self._waiting.setdefault(job.who, deque()).append(job)
        self._size += 1

    def first(self) -> Job | None:
        """Whose turn it is."""
        for jobs in self._waiting.values():
            return jobs[0]
        return None

    def remove(self, job: Job) -> None:
        """Wait no longer; whoever else is of the same principal goes behind all others."""
        jobs = self._waiting.pop(job.who)
        jobs.remove(job)
        self._size -= 1
        if jobs:
            self._waiting[job.who] = jobs


class Rooms:
    """Lets queries in, in fair turns, and watches over those that run, in a thread of its own."""

    def __init__(self, room: Room, monotonic: Monotonic = time.monotonic) -> None:
        self._room = room
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._turn = threading.Condition(self._lock)
        self._begun = threading.Condition(self._lock)
        self._watched = threading.Condition(self._lock)
        self._queue = FairQueue()
        self._light: set[Job] = set()
        self._heavy: set[Job] = set()
        self._paused: deque[Job] = deque()
        self._closed = False

    def job(self, who: str, dataset: Dataset, seconds: float) -> Job:
        """A query that may take so long, from now."""
        return Job(who, dataset, self._monotonic() + seconds, self._turn)

    def enter(self, job: Job) -> None:
        """Wait for a place; look at `job.why` afterwards. Raises `Busy` when too many wait already."""
        with self._lock:
            if len(self._queue) >= self._room.queue:
                raise Busy("Too many queries are waiting; try again in a moment", after=1)
            self._queue.push(job)
            try:
                while job.why is None and not self._has_turn(job):
                    left = job.until - self._monotonic()
                    if self._closed:
                        job.stop(Why.STOPPING)
                    elif left <= 0:
                        job.stop(Why.FULL)
                    else:
                        self._turn.wait(left)
            finally:
                self._queue.remove(job)
                if job.why is None:
                    self._light.add(job)
                    job.begun = self._monotonic()
                    self._begun.notify()
                self._next()

    def _next(self) -> None:
        """Let those who wait see whether it is their turn."""
        if len(self._queue):
            self._turn.notify_all()

    def _has_turn(self, job: Job) -> bool:
        return len(self._light) < self._room.light and self._queue.first() is job

    def leave(self, job: Job) -> None:
        """Tell that the query has ended."""
        with self._lock:
            process, job.process = job.process, None
            self._light.discard(job)
            self._heavy.discard(job)
            if job in self._paused:  # it had answered when it was paused
                self._paused.remove(job)
                if process is not None:
                    process.resume()
            if self._paused and len(self._heavy) < self._room.heavy:
                waiting = self._paused.popleft()
                self._heavy.add(waiting)
                if waiting.process is not None:
                    waiting.process.resume()
            self._next()

    def stop(self, concerned: Callable[[Job], bool], why: Why) -> None:
        """Stop those that run and are concerned."""
        with self._lock:
            for job in [*self._light, *self._heavy, *self._paused]:
                if concerned(job):
                    job.stop(why)

    # Watching

    def watch(self) -> None:
        """Look after those that run, until `close`."""
        with self._lock:
            while not self._closed:
                if self._light or self._heavy or self._paused:
                    self._watched.wait(self._room.moment / 4)
                    self.look()
                else:
                    self._begun.wait()

    def look(self) -> None:
        """Stop those whose time is over; what takes long goes to the other room."""
        with self._lock:
            now = self._monotonic()
            for job in [*self._heavy, *self._paused, *self._light]:
                if now >= job.until:
                    job.stop(Why.FULL if job in self._paused else Why.DEADLINE)
            for job in [job for job in self._light if now - job.begun > self._room.moment]:
                if job.process is not None and job.why is None:
                    self._move(job, job.process)

    def _move(self, job: Job, process: Process) -> None:
        if len(self._heavy) < self._room.heavy:
            self._heavy.add(job)
        elif len(self._paused) < self._room.paused:
            process.pause()
            self._paused.append(job)
        else:
            job.stop(Why.FULL)
            return
        process.demote()
        self._light.discard(job)
        self._next()

    def close(self) -> None:
        """Stop all that run or wait, and let nobody in any more."""
        with self._lock:
            self._closed = True
            for job in [*self._light, *self._heavy, *self._paused]:
                job.stop(Why.STOPPING)
            for condition in (self._turn, self._begun, self._watched):
                condition.notify_all()
