"""A server that follows another one: how far it is, and whether it may be asked."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from pyoxigraph import Literal

from kgservice.errors import BadQuery, DeadlineExceeded, StoreFailed
from kgservice.store.base import Dataset, Standing
from kgservice.store.formats import JSON
from kgservice.store.results import read_solutions
from kgservice.store.selftest import faults
from kgservice.store.server_reader import CREATED, SAMPLES, ServerReader
from kgservice.store.sparql_http import Client, Refused, Server

MARK = "<urn:kgservice:store> <urn:kgservice:at>"
"""Subject and predicate of what says which change was the last: in the graph `CREATED`, on every server."""
_MARKED = f"SELECT ?at WHERE {{ GRAPH {CREATED} {{ {MARK} ?at }} }}"
_PATIENCE = 2.0  # seconds in which a server has to say how far it is
_SOON, _SELDOM = 0.005, 1.0  # seconds until it is asked again
_LAGS = 10.0  # seconds without the last change after which it is said

_NEW = "it has not been tried yet"
_LATE = f"it has not got the changes of the last {_LAGS:g} s"

_log = logging.getLogger(__name__)


class Follower(ServerReader):
    """A server that gets the changes of another one, in their order, on a way of its own.

    `epoch`: what the marks of this run begin with; `last` gives the number of the last change; one that has
    got the change `first` has got the samples of the self-test. `watch` has to run in a thread.
    """

    def __init__(self, server: Server, epoch: str, first: int, last: Callable[[], int]) -> None:
        super().__init__(Client(server))
        self._epoch = epoch
        self._first = first
        self._last = last
        self._at = 0
        self._unused = _NEW  # why it is not used; empty if it is
        self._given_up = False
        self._tested = False
        self._lock = threading.Lock()
        self._woken = threading.Event()

    # Asking it

    def seems_to_have(self, number: int) -> bool:
        """Whether it is used, and had the change when it was looked at last."""
        return not self._unused and self._at >= number

    def has(self, number: int) -> bool:
        """Whether it has the change now; it is left out when it does not say so."""
        try:
            return self._look() >= number and not self._given_up
        except StoreFailed as error:
            self.failed(error)
            return False

    def _look(self) -> int:
        """The last change that it has; 0 for none of this run.

        Raises `StoreFailed` when it does not answer, and when it is not where it was: then it is given up.
        """
        before = self._at
        try:
            with self._asked(_MARKED, Dataset(), JSON, seconds=_PATIENCE) as pieces:
                rows = read_solutions(b"".join(pieces)).rows
        except (DeadlineExceeded, BadQuery, SyntaxError, ValueError) as error:
            raise StoreFailed(f"{self.client.server.name} does not say how far it is: {error}") from error
        at = 0
        if len(rows) == 1 and isinstance(mark := rows[0][0], Literal):
            epoch, _, number = mark.value.partition(" ")
            at = int(number) if epoch == self._epoch and number.isdecimal() else 0
        if at < before:
            self._given_up = True
            raise StoreFailed("it is in an older state than before; it is not used until the service starts")
        with self._lock:
            self._at = max(self._at, at)
        return at

    def failed(self, error: StoreFailed) -> None:
        """Leave it out until it was looked at again; what it says of a query may be about persons."""
        self._tell(f"it answers {error.status}" if isinstance(error, Refused) else str(error))
        self.wake()

    def _tell(self, unused: str) -> None:
        """Take note of why it is not used, or that it is; the log says what is new."""
        with self._lock:
            if self._given_up and not unused:
                return
            before, self._unused = self._unused, unused
        if before == unused:
            return
        if unused:
            _log.warning("the reader %s is left out: %s", self.client.server.name, unused)
        else:
            _log.warning("the reader %s is used", self.client.server.name)

    @property
    def standing(self) -> Standing:
        """How it is."""
        return Standing(not self._unused, max(0, self._last() - self._at))

    # Watching it

    def watch(self) -> None:
        """Look after it, until it is closed or given up."""
        pause, wanted, since = _SOON, self._last(), time.monotonic()
        while not (self.closed or self._given_up):
            try:
                at = self._look()
                if at >= self._first and not self._tested:
                    self._try_out()
                if at >= wanted:
                    wanted, since = self._last(), time.monotonic()
                late = time.monotonic() - since > _LAGS
                unused = _LATE if late else "" if self._tested else _NEW
            except StoreFailed as error:
                at, unused = 0, str(error)
            if self.closed:
                return
            self._tell(unused)
            current = not unused and at >= self._last()
            self._woken.wait(_SELDOM if current else pause)
            self._woken.clear()
            pause = _SOON if current else min(2 * pause, _SELDOM)

    def _try_out(self) -> None:
        """Try what the service relies on. Raises `StoreFailed`; what would answer wrongly is given up."""
        if found := list(faults(self, *SAMPLES)):
            self._look()  # one that has ended meanwhile is no wrong one
            self._given_up = True
            raise StoreFailed("it cannot be used: " + "; ".join(found))
        self._tested = True

    def wake(self) -> None:
        """Have it looked at now: there is a change, it has failed, or it is closed."""
        self._woken.set()
