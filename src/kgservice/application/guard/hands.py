"""Processes that look at records, each for one thread at a time.

The pools of Python hang when one of their processes is killed while it starts.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe, get_context, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from signal import SIG_DFL, SIGINT, signal
from threading import Thread
from traceback import format_exception
from typing import Any

from kgservice.application.guard.packing import packed
from kgservice.errors import StoreFailed
from kgservice.garbage import look_seldom

Work = Callable[[Any], object]


class Hand:
    """A process that does what `prepare` makes of a file.

    Only names are sent to it at its start: more than a pipe holds would wait for a process that was killed.
    """

    def __init__(self, prepare: Callable[[Path], Work], path: Path) -> None:
        self._end, theirs = Pipe()
        self._process = get_context("spawn").Process(target=_serve, args=(theirs, prepare, path), daemon=True)
        with theirs:
            self._process.start()

    def do(self, sent: bytes) -> object:
        """What its work makes of something packed. Raises what that does, `StoreFailed` if it was killed."""
        try:
            self._end.send_bytes(sent)
            done = pickle.loads(self._end.recv_bytes())  # noqa: S301  (our own)
        except (EOFError, OSError):
            raise StoreFailed("a process that validates has ended before it was done") from None
        if isinstance(done, Exception):
            raise done
        return done

    def close(self) -> None:
        """End it, when it has nothing to do."""
        self._end.close()
        self._process.join()


def _serve(end: Connection, prepare: Callable[[Path], Work], path: Path) -> None:
    """Do what is asked; and end when the process that waits for it does, whatever is under way."""
    signal(SIGINT, SIG_DFL)
    look_seldom()
    Thread(target=_end_with_parent, daemon=True).start()
    work = prepare(path)
    with suppress(EOFError, OSError):  # nobody waits any more
        while True:
            end.send_bytes(packed(_done(work, end.recv_bytes())))


def _done(work: Work, sent: bytes) -> object:
    try:
        return work(pickle.loads(sent))  # noqa: S301  (our own)
    except Exception as error:
        error.add_note("".join(format_exception(error)))  # where it happened
        return error


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
