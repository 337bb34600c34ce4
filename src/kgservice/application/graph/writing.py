"""The lock of those who write."""

from __future__ import annotations

import threading


class Writing:
    """A lock that its holder may take again, and that tells whether whoever asks holds it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._holder: int | None = None
        self._times = 0

    @property
    def held(self) -> bool:
        """Whether this thread holds it."""
        return self._holder == threading.get_ident()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it, if that is possible within so many seconds; -1: however long that takes."""
        taken = self._lock.acquire(blocking, timeout)
        if taken:
            self._holder = threading.get_ident()
            self._times += 1
        return taken

    def release(self) -> None:
        """Give it back."""
        self._times -= 1
        if not self._times:
            self._holder = None
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
