"""The process that workers are forked from: it holds datasets in memory and follows their changes.

`python -m kgservice.engine.nursery FD` serves the socket with that number until the other side is gone. It
has one thread, so that a fork is safe, and its workers share the memory of the datasets until that changes.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from kgservice.engine.wire import Closed, Kind, Wire
from kgservice.engine.worker import Datasets, hold, work

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


class Nursery:
    """The datasets by their keys, and how many changes they have seen in all."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._datasets: Datasets = {}
        self._changes = 0

    def serve(self) -> None:
        """Do what comes, until the other side is gone; a change that cannot be made ends the process."""
        while True:
            try:
                (kind, data), descriptors = self._wire.receive_with(2)
            except Closed:
                return
            if kind is Kind.UPDATE:
                self._changes += 1
                update(self._datasets, data)
            elif kind is Kind.FORK:
                self._fork(*descriptors)
            elif kind is Kind.CLOSE:
                self._datasets.pop(data.decode(), None)
            else:
                hold(self._wire, self._datasets, data)

    def _fork(self, end: int, errors: int) -> None:
        process = os.fork()
        if process:
            os.close(end)
            os.close(errors)
            self._wire.send(Kind.READY, b"%d %d" % (process, self._changes))
            return
        self._wire.close()
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        os.dup2(errors, 2)
        os.close(errors)
        expendable(1000)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        work(Wire(socket.socket(fileno=end)), self._datasets)
        os._exit(0)


def update(datasets: Datasets, data: bytes) -> None:
    """Make a change of one dataset; that of none that is here is for others."""
    key, _, text = data.partition(b"\n")
    store = datasets.get(key.decode())
    if store is not None:
        store.change(text.decode())


def expendable(score: int) -> None:
    """Have the kernel end this process before others when memory runs out: 1000 is first of all."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(score), encoding="ascii")


def main() -> None:
    """Serve the socket that the command line names."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which ends its helpers
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who is dead leaves nothing behind
    expendable(500)  # after its workers, and before the service
    Nursery(Wire(socket.socket(fileno=int(sys.argv[1])), ahead=False)).serve()


if __name__ == "__main__":
    main()
