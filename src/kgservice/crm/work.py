"""Folders in which a run works: gone when it ends, and told apart when its process was killed."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WORK = ".work-"
"""What the names of such folders begin with."""
_LOCK = "lock"


@contextmanager
def working(folder: Path) -> Iterator[Path]:
    """A folder within `folder` for the block; the lock in it goes with the process, however that ends."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=WORK) as made:
        lock = _locked(Path(made))
        try:
            yield Path(made)
        finally:
            lock.close()


def clear(folder: Path) -> None:
    """Take away what killed processes have left in `folder`: it may hold rows of persons."""
    for left in folder.glob(f"{WORK}*"):
        if not (left / _LOCK).exists():  # somebody is about to begin
            continue
        try:
            lock = _locked(left)
        except sqlite3.OperationalError:  # somebody is at work
            continue
        lock.close()
        shutil.rmtree(left)


def _locked(folder: Path) -> sqlite3.Connection:
    """The lock of a folder. Raises `OperationalError` while another holds it."""
    (folder / _LOCK).touch(mode=0o600)  # SQLite gives its own files the rights of this one
    lock = sqlite3.connect(folder / _LOCK, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        lock.close()
        raise
    return lock
