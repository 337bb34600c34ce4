"""Files of personal data for their owner alone: the folder of the sources, and what DuckDB makes there."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class _Umask:
    """The file mode creation mask of this process, one for all threads: tight while somebody works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_work = 0
        self._before = 0

    @contextmanager
    def tight(self) -> Iterator[None]:
        """Make nothing in the block that others can read; who is last puts back what was before the first."""
        with self._lock:
            if not self._at_work:
                self._before = os.umask(_OTHERS)
            self._at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1
                if not self._at_work:
                    os.umask(self._before)


_umask = _Umask()


@contextmanager
def private(folder: Path) -> Iterator[None]:
    """Make a folder if it is not there, take away the rights of others, and give none in the block.

    DuckDB makes its file, its log and its temporary files itself, and as the process says: only a mask of the
    process reaches all of them. Files that other threads make meanwhile are their owner's alone, too.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tighten(folder)
    with _umask.tight():
        yield


def tighten(folder: Path) -> None:
    """Take the rights of others away, from a folder first and then from the files in it.

    What belongs to somebody else, or cannot be changed, stays as they have it.
    """
    _tighten(folder)
    with suppress(PermissionError), os.scandir(folder) as found:
        for one in found:
            if one.is_file(follow_symlinks=False):
                _tighten(Path(one.path))


def _tighten(path: Path) -> None:
    with suppress(OSError):  # not there any more, not ours, or on a disk that is only read
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            path.chmod(mode & ~_OTHERS)
