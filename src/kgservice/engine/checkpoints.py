"""Checkpoints of the store on disk: made when a query needs one, gone when no worker reads it any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from kgservice.store.base import Store


class Checkpoint:
    """A copy of the store as it was after a commit or later; `gone` is called when nobody reads it."""

    def __init__(self, path: Path, state: int, made: ExitStack, gone: Callable[[Checkpoint], None]) -> None:
        self.path = path
        self.state = state
        self.users = 0
        self._made = made
        self._gone = gone

    def release(self) -> None:
        """Tell that one reads it no longer."""
        self._gone(self)

    def remove(self) -> None:
        """Take it away."""
        self._made.close()


class Once:
    """A directory that one worker reads."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def release(self) -> None:
        """Nothing: whoever made it takes it away."""


class Checkpoints:
    """The checkpoints of `store`; `head` gives the number of its last commit."""

    def __init__(self, store: Store, head: Callable[[], int]) -> None:
        self._store = store
        self._head = head
        self._lock = threading.Lock()
        self._newest: Checkpoint | None = None

    def take(self, state: int) -> Checkpoint:
        """One that holds the commit `state`, to be released. Raises `StoreFailed`."""
        with self._lock:
            newest = self._newest
            if newest is None or newest.state < state:
                number = self._head()  # what is written while the copy is made may be in it, too
                with ExitStack() as made:
                    path = made.enter_context(self._store.checkpoint())
                    self._newest = Checkpoint(path, number, made.pop_all(), self._released)
                if newest is not None and not newest.users:
                    newest.remove()
                newest = self._newest
            newest.users += 1
            return newest

    def _released(self, checkpoint: Checkpoint) -> None:
        with self._lock:
            checkpoint.users -= 1
            if not checkpoint.users and checkpoint is not self._newest:
                checkpoint.remove()

    def outdate(self) -> None:
        """Give out none that there is; each goes when nobody reads it any more."""
        with self._lock:
            newest, self._newest = self._newest, None
            if newest is not None and not newest.users:
                newest.remove()
