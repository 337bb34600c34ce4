"""Who may run now: a fair queue, a room for queries that take a moment, and one for those that take long.

Principals share the room for long queries, too. A query that waits for its client to take what it has
answered needs no place: it computes nothing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from kgservice.domain.durations import Durations
from kgservice.engine.jobs import FairQueue, Job, Process, Why
from kgservice.errors import Busy
from kgservice.store.base import Dataset

Monotonic = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Room:
    """How many queries run at the same time; how long one may wait, and what is told who cannot get in.

    `light` run at once, each for `moment` seconds; after that it is one of `heavy`, or waits to become one
    with up to `paused` others. `sending` may wait for their clients for longer than a moment, and `queue`
    for their turn.
    """

    light: int
    heavy: int
    paused: int = 8
    sending: int = 16
    queue: int = 64
    moment: float = 0.1


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
        self._sending: dict[Job, bool] = {}  # and whether its process is paused
        self._entered = False  # since the last look at those that run, or one of them runs still
        self._closed = False
        self.seconds = Durations()  # for which queries were inside

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
                    self._entered = True
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
            if job.begun:
                self.seconds.add(self._monotonic() - job.begun)
            if self._take_out(job) and process is not None:  # it had answered when it was paused
                process.resume()
            self._resume()
            self._next()

    def _take_out(self, job: Job) -> bool:
        """Take it out of where it is; whether its process is paused."""
        self._light.discard(job)
        self._heavy.discard(job)
        if job in self._paused:
            self._paused.remove(job)
            return True
        return self._sending.pop(job, False)

    def _resume(self) -> None:
        """Let those who are paused go on as far as there is room, first who has fewest long queries there."""
        while self._paused and len(self._heavy) < self._room.heavy:
            waiting = min(self._paused, key=lambda job: _number(self._heavy, job.who))
            self._paused.remove(waiting)
            self._heavy.add(waiting)
            if waiting.process is not None:
                waiting.process.resume()

    @property
    def _inside(self) -> list[Job]:
        return [*self._heavy, *self._paused, *self._sending, *self._light]

    @property
    def sizes(self) -> dict[str, int]:
        """How many queries are in each room, or wait for their turn."""
        with self._lock:
            return {
                "waiting": len(self._queue),
                "light": len(self._light),
                "heavy": len(self._heavy),
                "paused": len(self._paused),
                "sending": len(self._sending),
            }

    def stop(self, concerned: Callable[[Job], bool], why: Why) -> None:
        """Stop those that run and are concerned."""
        with self._lock:
            for job in self._inside:
                if concerned(job):
                    job.stop(why)

    # Watching

    def watch(self) -> None:
        """Look after those that run, until `close`; it is not woken by each of those that follow another."""
        with self._lock:
            while not self._closed:
                if self._entered:
                    self._entered = bool(self._inside)
                    self._watched.wait(self._room.moment / 4)
                    self.look()
                else:
                    self._begun.wait()

    def look(self) -> None:
        """Stop those whose time is over; what takes long goes to the other room."""
        with self._lock:
            now = self._monotonic()
            for job in self._inside:
                if now >= job.until:
                    job.stop(Why.FULL if job in self._paused else Why.DEADLINE)
            self._set_aside(now)
            for job in [job for job in self._light if now - job.begun > self._room.moment]:
                if job.process is not None and job.why is None:
                    self._light.discard(job)
                    self._admit(job, process := job.process)
                    if job.why is None:
                        process.demote()
            self._next()

    def _set_aside(self, now: float) -> None:
        """Those who only wait for their clients need no place, nor those who have been stopped."""
        for job in [*self._light, *self._heavy, *self._paused]:
            if job.why is not None or (job.sends and now - job.sends > self._room.moment):
                self._sending[job] = self._take_out(job)
        for job in [job for job in self._sending if job.why is None and not job.sends]:
            if (process := job.process) is not None:
                self._admit(job, process, paused=self._sending.pop(job), back=True)
                process.demote()  # it may have been a short one
        sending = [job for job in self._sending if job.why is None]
        while len(sending) > self._room.sending:
            slow = max(sending, key=lambda job: (_number(sending, job.who), now - job.sends))
            slow.stop(Why.SLOW)
            sending.remove(slow)
        self._resume()

    def _admit(self, job: Job, process: Process, *, paused: bool = False, back: bool = False) -> None:
        """Give it a place among those that take long, or let it wait for one; it has none now.

        Where there is none, it gets that of the principal who has most, if that leaves both with no less than
        the other. `back`: it has been there before, and only waits.
        """
        if len(self._heavy) >= self._room.heavy:
            rival = _youngest_of_most(self._heavy)
            if not _outnumbers(self._heavy, rival, job):
                self._wait(job, process, paused=paused, back=back)
                return
            self._heavy.discard(rival)
            if rival.process is not None:
                self._wait(rival, rival.process, moved=True)
        self._heavy.add(job)
        if paused:
            process.resume()

    def _wait(
        self, job: Job, process: Process, *, paused: bool = False, back: bool = False, moved: bool = False
    ) -> None:
        """Pause it; where too many are paused, one is stopped: rather another one than what was `moved`."""
        if len(self._paused) >= self._room.paused and not back:
            inside, last = [*self._heavy, *self._paused], job
            if self._paused:
                rival = _youngest_of_most(self._paused, inside)
                if _outnumbers(inside, rival, job) or (moved and rival.who == job.who):
                    last = rival
            last.stop(Why.FULL)
            self._sending[last] = self._take_out(last)
            if last is job:
                return
        if not paused:
            process.pause()
        self._paused.append(job)

    def close(self) -> None:
        """Stop all that run or wait, and let nobody in any more."""
        with self._lock:
            self._closed = True
            for job in self._inside:
                job.stop(Why.STOPPING)
            for condition in (self._turn, self._begun, self._watched):
                condition.notify_all()


def _number(jobs: Iterable[Job], who: str) -> int:
    """How many are of the principal."""
    return sum(job.who == who for job in jobs)


def _youngest_of_most(jobs: Collection[Job], counted: Collection[Job] | None = None) -> Job:
    """The one that came last, of the principal who has most of those that are `counted`."""
    counted = jobs if counted is None else counted
    return max(jobs, key=lambda job: (_number(counted, job.who), job.begun))


def _outnumbers(jobs: Collection[Job], rival: Job, job: Job) -> bool:
    """Whether the principal of the rival has more of them still when it gives one to that of the job."""
    return _number(jobs, rival.who) > _number(jobs, job.who) + 1
