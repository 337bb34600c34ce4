"""How long something has taken, however often: counted, and not kept one by one."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds up to which durations are counted together."""


class Durations:
    """How many took at most each of `BOUNDS`, and all together (`total`, in seconds)."""

    def __init__(self) -> None:
        self.total = 0.0
        self._counts = [0] * (len(BOUNDS) + 1)
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """Count one more."""
        with self._lock:
            self._counts[bisect_left(BOUNDS, seconds)] += 1
            self.total += seconds

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count how long the block takes, however it ends."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.add(time.perf_counter() - began)

    @property
    def cumulative(self) -> list[int]:
        """How many took at most so long, for each of `BOUNDS`; the last number is that of all.

        >>> durations = Durations()
        >>> for seconds in (0.001, 0.2, 99):
        ...     durations.add(seconds)
        >>> durations.cumulative[0], durations.cumulative[-2:]
        (1, [2, 3])
        """
        return list(accumulate(self._counts))
