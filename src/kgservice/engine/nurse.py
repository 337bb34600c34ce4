"""The service's side of a nursery: it starts the process, tells it things in order, and gets workers."""

from __future__ import annotations

import logging
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from kgservice.engine.wire import Closed, Kind, Wire
from kgservice.engine.worker import told
from kgservice.errors import StoreFailed

_PIECE = 1024 * 1024  # bytes of a document in one frame
_LAST_WORDS = 2000  # bytes of what a worker says when it dies
_LOW = 10  # by how much nicer is who takes long: a tenth of what others get, so that none starves

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Opened(Protocol):
    """A checkpoint that a worker reads."""

    path: Path

    def release(self) -> None:
        """Tell that the worker reads it no longer."""


class Headcount:
    """How many workers have `started`, and how many of them are `living`."""

    def __init__(self) -> None:
        self.started = self.living = 0
        self._lock = threading.Lock()

    def come(self) -> None:
        """One more."""
        with self._lock:
            self.started += 1
            self.living += 1

    def go(self) -> None:
        """One less."""
        with self._lock:
            self.living -= 1


class Worker:
    """A process that answers queries.

    It has seen so many changes (`seen`), reads the checkpoint `opened`, has `grown` by so many bytes while it
    answered, and `rests` while it has no query.
    """

    def __init__(self, wire: Wire, process: int, errors: int, seen: int, headcount: Headcount) -> None:
        headcount.come()
        self._headcount = headcount
        self.wire = wire
        self.seen = seen
        self.grown = 0
        self.rests = True
        self.opened: Opened | None = None
        self._process = process
        self._handle = os.pidfd_open(process)
        self._errors = errors
        self._end = select.poll()  # select() knows no descriptor above 1,023
        self._end.register(self._handle, select.POLLIN)

    def kill(self) -> None:
        """See `Process`."""
        self._send(signal.SIGKILL)

    def pause(self) -> None:
        """See `Process`."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """See `Process`."""
        self._send(signal.SIGCONT)

    def demote(self) -> None:
        """See `Process`."""
        with suppress(OSError):
            usual = os.getpriority(os.PRIO_PROCESS, self._process)  # that of its first thread
            threads = [int(task.name) for task in Path(f"/proc/{self._process}/task").iterdir()]
            for thread in threads:
                if thread != self._process:  # its first one starts the next: see `work`
                    os.setpriority(os.PRIO_PROCESS, thread, usual + _LOW)

    def _send(self, number: int) -> None:
        with suppress(OSError):  # it is dead
            signal.pidfd_send_signal(self._handle, number)

    @property
    def lives(self) -> bool:
        """Whether the process has not ended."""
        return not self._end.poll(0)

    @property
    def last_words(self) -> str:
        """The end of what it has written to its standard error."""
        size = os.fstat(self._errors).st_size
        said = os.pread(self._errors, _LAST_WORDS, max(0, size - _LAST_WORDS))
        return said.decode("utf-8", "replace").strip()

    def open(self, opened: Opened) -> None:
        """Read another checkpoint from now on. Raises `Closed`, and what the worker tells of."""
        before, self.opened = self.opened, opened
        if before is not None:
            before.release()
        self.wire.send(Kind.OPEN, str(opened.path).encode())
        kind, data = self.wire.receive()
        if kind is Kind.ERROR:
            raise told(data)

    def close(self) -> None:
        """End it and let it go."""
        self.kill()
        self._headcount.go()
        if self.opened is not None:
            self.opened.release()
        self.wire.close()
        os.close(self._handle)
        os.close(self._errors)


class Nurse:
    """Starts a nursery. What it is told is done in order, in a thread, so that nobody waits for a long load.

    Once the nursery is dead everything raises `StoreFailed`, and `well` is False.
    """

    def __init__(self, name: str, headcount: Headcount) -> None:
        self._name = name
        self._headcount = headcount
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self.well = True
        ours, theirs = socket.socketpair()
        # -P: what lies in the directory that the service was started in is not imported.
        command = [sys.executable, "-P", "-m", "kgservice.engine.nursery", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "RUST_BACKTRACE": "0"},  # else the last words would be a list of calls
            )
        self._wire = Wire(ours)
        self._thread = threading.Thread(target=self._run, name=f"kgservice-{name}", daemon=True)
        self._thread.start()

    def load(self, key: str, source: BinaryIO) -> Future[None]:
        """Hold a new dataset: what the N-Quads say. What reading the source raises comes back."""
        return self._later(lambda: self._load(key, source))

    def change(self, key: str, text: bytes) -> None:
        """Change a dataset; nobody waits for it."""
        self._later(lambda: self._change(key, text))

    def forget(self, key: str) -> None:
        """Hold the dataset no longer."""
        self._later(lambda: self._wire.send(Kind.CLOSE, key.encode()))

    def fork(self) -> Future[Worker]:
        """A new worker."""
        return self._later(self._fork)

    def close(self) -> None:
        """End the nursery; its workers end with it."""
        self.well = False
        with self._closing:
            self._closed = True
            self._tasks.put(None)
        self._process.kill()
        self._process.wait()
        self._thread.join()
        self._wire.close()
        while not self._tasks.empty():  # nobody is to wait for what nobody does
            if (task := self._tasks.get()) is not None:
                task()

    # In the thread

    def _later(self, task: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()

        def do() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(task())
            except Closed as error:
                self._lost(error)
                future.set_exception(StoreFailed("what queries run in is gone"))
            except BaseException as error:
                future.set_exception(error)

        with self._closing:
            if not self._closed:
                self._tasks.put(do)
                return future
        future.set_exception(StoreFailed("what queries run in has been stopped"))
        return future

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()

    def _lost(self, error: Closed) -> None:
        if self.well:
            self.well = False
            _log.error("the process %s has ended: %s", self._name, error)

    def _load(self, key: str, source: BinaryIO) -> None:
        self._wire.send(Kind.LOAD, key.encode())
        try:
            for piece in _pieces(source):
                self._wire.send(Kind.DATA, piece)
        except Closed:
            raise
        except BaseException:
            self._wire.send(Kind.GONE)
            raise
        self._wire.send(Kind.END)
        self._wire.receive()

    def _change(self, key: str, text: bytes) -> None:
        self._wire.send(Kind.UPDATE, key.encode() + b"\n" + text)

    def _fork(self) -> Worker:
        ours, theirs = socket.socketpair()
        errors = os.memfd_create("errors")
        try:
            with theirs:
                self._wire.send_with(Kind.FORK, [theirs.fileno(), errors])
            process, seen = self._wire.receive()[1].split()
        except Closed:
            ours.close()
            os.close(errors)
            raise
        return Worker(Wire(ours), int(process), errors, int(seen), self._headcount)


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield piece
