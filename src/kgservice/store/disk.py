"""What a store in a directory needs of its disk: room to write, and that what was written is really there."""

from __future__ import annotations

import os
from pathlib import Path

from kgservice.errors import StoreFailed, StoreFull

MARK = "ANSWERED"  # RocksDB leaves alone what is none of its own files


class Disk:
    """The disk under the directory `folder` of an embedded store, for the process that owns it.

    RocksDB hands each change to the operating system, in a log that it replays when it opens the store: that
    survives the end of the process. It is not on the disk yet, so a loss of power takes it away. With
    `synced` it is when `settle` returns. `reserve`: bytes that must be free for a change to begin; a change
    that finds the disk full would end all writing until the store is opened again.
    """

    def __init__(self, folder: Path, *, synced: bool = False, reserve: int = 0) -> None:
        self.folder = folder
        self._synced = synced
        self.reserve = reserve
        self._names: frozenset[str] = frozenset()
        self._fault: str | None = None

    @property
    def broken(self) -> bool:
        """Whether a change has failed, so that nothing can be written any more."""
        return self._fault is not None

    @property
    def writable(self) -> bool:
        """Whether a change can be made now."""
        try:
            self.check()
        except StoreFailed:
            return False
        return True

    def check(self) -> None:
        """Raise `StoreFull` while there is no room, `StoreFailed` after a fault until the store is opened."""
        if self._fault is not None:
            raise StoreFailed(self._fault)
        if not self.reserve:
            return
        there = os.statvfs(self.folder)
        free = there.f_bavail * there.f_frsize
        if free < self.reserve:
            raise StoreFull(
                "There are {free} MiB free on the disk of the store, and {reserve} MiB are kept "
                "(KGSERVICE_RESERVE): nothing is written until there is more; reading goes on",
                free=free >> 20,
                reserve=self.reserve >> 20,
            )

    def failed(self, error: Exception) -> StoreFailed:
        """What to raise for a change that the store did not take, or of which it is not known."""
        full = any(words in str(error) for words in ("No space left", "File too large", "quota"))
        self._fault = (
            f"The store did not take a change: {error}. Reading goes on; "
            "to write again, see to the disk and start the service anew"
        )
        return (StoreFull if full else StoreFailed)(self._fault)

    def settle(self) -> None:
        """Have on the disk what was written. Raises `OSError` when that cannot be known."""
        if not self._synced:
            return
        while True:
            names = frozenset(entry.name for entry in os.scandir(self.folder) if entry.name.endswith(".log"))
            try:
                for name in names:
                    sync(self.folder / name)
            except FileNotFoundError:  # what it held is in a table by now, and on the disk
                continue
            break
        if not names <= self._names:
            sync(self.folder)
        self._names = names

    def mark(self, text: str) -> None:
        """Note up to where answers were given: what the log has lost shows by it."""
        opened = os.open(self.folder / MARK, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(opened, text.encode(), 0)
            os.ftruncate(opened, len(text.encode()))
        finally:
            os.close(opened)

    def marked(self) -> str:
        """What was noted last; empty when nothing was."""
        try:
            return (self.folder / MARK).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""


def sync(path: Path) -> None:
    """Have a file, or the names in a directory, on the disk, whoever wrote them."""
    opened = os.open(path, os.O_RDONLY)
    try:
        if path.is_dir():
            os.fsync(opened)
        else:
            getattr(os, "fdatasync", os.fsync)(opened)
    finally:
        os.close(opened)
