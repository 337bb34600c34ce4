"""What is counted once for each state of a view, and then told to all who ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from pyoxigraph import NamedNode

from kgservice.application.views.reader import Reader

Counted = TypeVar("Counted")
AnyReader = TypeVar("AnyReader", bound=Reader)


class Once(Generic[AnyReader, Counted]):
    """Keeps what `count` gave for each view until its state is another one.

    Who asks while it is being counted waits for that: it is not counted twice.
    """

    def __init__(self, count: Callable[[AnyReader], Counted]) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._locks: dict[NamedNode, threading.Lock] = {}
        self._known: dict[NamedNode, tuple[tuple[int, Hashable], Counted]] = {}

    def of(self, reader: AnyReader, besides: Hashable = None) -> Counted:
        """What is counted now; `besides`: what else it depends on, such as the day."""
        with self._lock:
            lock = self._locks.setdefault(reader.view, threading.Lock())
        with lock:
            key = (reader.state, besides)
            known = self._known.get(reader.view)
            if known is None or known[0] != key:
                known = self._known[reader.view] = key, self._count(reader)
            return known[1]
