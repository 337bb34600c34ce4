"""The workers of one nursery that are free, and new ones before they are needed."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late

from kgservice.engine.nurse import Headcount, Nurse, Worker
from kgservice.errors import StoreFailed
from kgservice.store.figures import Staffing

_START = 30.0  # seconds after which a worker that does not start is given up
_SPARE = 2  # how many are kept ready


class Staff:
    """Gives out workers; one that has been given back well is given out again, the last one first.

    `kept`: so many are kept. Each of them comes to hold itself what it has read of the datasets in memory:
    looking up a statement counts who looks, so the page where it stands is shared with the nursery no more.
    `revived`: a nursery that has ended is replaced, since it held nothing.
    """

    def __init__(self, name: str, kept: int, *, revived: bool = False) -> None:
        self._name = name
        self._kept = kept
        self._revived = revived
        self._headcount = Headcount()
        self.nurse = Nurse(name, self._headcount)
        self._lock = threading.Lock()
        self._free: deque[Future[Worker]] = deque()
        self._closed = False

    @property
    def standing(self) -> Staffing:
        """How many there are."""
        return Staffing(self.nurse.well, self._headcount.living, self._headcount.started)

    def take(self, *, new: bool = False) -> Worker:
        """A worker that nobody else has, or with `new` one that nobody had. Raises `StoreFailed`."""
        with self._lock:
            if self._revived and not self.nurse.well and not self._closed:
                self._free.clear()
                self.nurse.close()
                self.nurse = Nurse(self._name, self._headcount)
            future = self._free.popleft() if self._free and not new else self.nurse.fork()
        try:
            return future.result(_START)
        except Late:
            raise StoreFailed("what queries run in does not start") from None

    def give_back(self, worker: Worker) -> None:
        """Keep it for others if it is at rest; else end it, and have another one made."""
        with self._lock:
            if worker.rests and not self._closed and len(self._free) < self._kept:
                free: Future[Worker] = Future()
                free.set_result(worker)
                self._free.appendleft(free)
                return
        worker.close()
        self.prepare()

    def prepare(self) -> None:
        """Have workers made that are needed soon."""
        with self._lock:
            while self.nurse.well and not self._closed and len(self._free) < _SPARE:
                self._free.append(self.nurse.fork())

    def dismiss(self) -> None:
        """End all that are free."""
        with self._lock:
            free, self._free = self._free, deque()
        for future in free:
            if not future.cancel() and future.exception() is None:
                future.result().close()

    def close(self) -> None:
        """End all that are free, and the nursery with all others."""
        with self._lock:
            self._closed = True
        self.dismiss()
        self.nurse.close()
