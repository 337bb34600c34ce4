"""The changes of the datasets in memory, in order, for those workers that have not seen them yet."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

MOST = 200  # changes that a worker may lag behind; to fork another costs less than more of them
LARGEST = 4 * 1024 * 1024  # bytes of them together

Change = tuple[str, bytes]


class Changes:
    """The last changes, numbered from 1: the key of a dataset and SPARQL Update."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: deque[Change] = deque()
        self._size = 0
        self._number = 0

    def add(self, key: str, text: bytes, tell: Callable[[str, bytes], None]) -> None:
        """Note a change and `tell` it, in the same order."""
        with self._lock:
            self._number += 1
            self._last.append((key, text))
            self._size += len(text)
            while self._last and (len(self._last) > MOST or self._size > LARGEST):
                self._size -= len(self._last.popleft()[1])
            tell(key, text)

    def since(self, seen: int) -> tuple[int, list[Change]] | None:
        """The number of the last one and those after number `seen`; None if they are not kept any more."""
        with self._lock:
            missing = self._number - seen
            if missing > len(self._last):
                return None
            return self._number, [self._last[i] for i in range(len(self._last) - missing, len(self._last))]
