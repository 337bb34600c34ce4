"""Queries that run or wait: whose they are, how they are stopped, and whose turn it is."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from kgservice.store.base import Dataset


class Why(Enum):
    """Why a query was stopped."""

    DEADLINE = "deadline"
    LEFT = "the client left"
    CHANGED = "what it reads may not be read any more"
    FULL = "too many long queries"
    SLOW = "its client takes too little of the answer"
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


class Job:
    """One query: whose it is, what it sees, until when it may run (monotonic seconds), and its process.

    It is changed under the lock of `Rooms`; but `sends` is set by who answers: since when it has been waiting
    for its client, 0 while it is not.
    """

    __slots__ = ("_lock", "_told", "begun", "dataset", "process", "sends", "until", "who", "why")

    def __init__(self, who: str, dataset: Dataset, until: float, lock: threading.Condition) -> None:
        self.who = who
        self.dataset = dataset
        self.until = until
        self.begun = self.sends = 0.0
        self._told: Callable[[], None] | None = None
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
                if self._told is not None:
                    self._told()
                self._lock.notify_all()

    def tells(self, told: Callable[[], None] | None) -> None:
        """Call `told` if it is stopped; None when it is over: what `told` holds is needed no longer."""
        with self._lock:
            self._told = told

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
