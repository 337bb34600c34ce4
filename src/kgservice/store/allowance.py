"""What one request may take of the time of others, and whether anybody still waits for its answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock


class Allowance:
    """What one query may take: `seconds` until it is stopped, in the name of a principal (`who`).

    Whoever asked calls `leave` when the answer is not wanted any more; `then` is what is done about it. A
    request that asks several queries gives each a `part`: the time counts for all together. `stop` is called
    by who answers when the rest of an answer will not come; it is set by who sends it.
    """

    def __init__(self, who: str = "local", seconds: float = 30.0) -> None:
        self.who = who
        self.seconds = seconds
        self.gone = False
        self.stop: Callable[[], None] = _nothing
        self._until: float | None = None
        self._then: Callable[[], None] | None = None
        self._lock = Lock()

    @property
    def left(self) -> float:
        """Seconds that are left; they count from when this is asked first."""
        if self._until is None:
            self._until = time.monotonic() + self.seconds
        return self._until - time.monotonic()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The time within this does not count."""
        left = self.left
        try:
            yield
        finally:
            self._until = time.monotonic() + left

    def part(self, most: float | None = None) -> Allowance:
        """What one query of several may take: all that is left, or `most` seconds if these are fewer.

        It ends with this one, whose `seconds` are those that it tells of.
        """
        part = Allowance(self.who, self.seconds)
        left = self.left
        part._until = time.monotonic() + (left if most is None else min(most, left))
        self.then(part.leave)
        return part

    def leave(self) -> None:
        """The answer is not wanted any more."""
        with self._lock:
            self.gone = True
            then = self._then
        if then is not None:
            then()

    def on_stop(self, stop: Callable[[], None]) -> None:
        """Set `stop`."""
        self.stop = stop

    def then(self, stop: Callable[[], None]) -> None:
        """Call `stop` when the answer is not wanted any more; at once, if it is not."""
        with self._lock:
            self._then = stop
            gone = self.gone
        if gone:
            stop()


def _nothing() -> None:
    """Nobody has to be told."""
