"""Some graphs of the store kept in memory as well, so that most reading needs no disk.

Commits stay as they are: the store is what counts, and the replica follows it. Whatever goes wrong with the
replica, or when the graphs outgrow its budget, readers use the store again.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import IO, BinaryIO, cast

from pyoxigraph import NamedNode

from kgservice.application.changes.effect import Effect
from kgservice.errors import KgError, TooLarge
from kgservice.store.base import Memory, Store
from kgservice.store.formats import N_QUADS, N_TRIPLES

BYTES_PER_STATEMENT = 400  # in Oxigraph's memory; 370 were measured (docs/benchmarks.md)

_log = logging.getLogger(__name__)


class Budget:
    """Memory for the statements of several replicas: the first to come are the first to have some of it.

    `each`: the bytes of one statement, or 1 where bytes are counted themselves.
    """

    def __init__(self, size: int, *, each: int = BYTES_PER_STATEMENT) -> None:
        self.each = each
        self.most = self._left = size // each
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """The bytes that are in use."""
        return (self.most - self._left) * self.each

    def take(self, statements: int) -> bool:
        """Use it for so many more statements (fewer, if negative), if they fit."""
        with self._lock:
            if statements > self._left:
                return False
            self._left -= statements
            return True


class Replica:
    """Those graphs of `store` that it `holds`, in `memory` (an empty store), within the `budget`.

    `name` is for the log. `writing` is the lock under which the store is changed; `follow` is called under it
    after each change. `told` hears, under it too, that the memory holds the graphs from now on, or no longer.
    """

    def __init__(
        self,
        store: Store,
        holds: Callable[[object], bool],
        memory: Memory,
        *,
        name: str,
        budget: Budget,
        writing: AbstractContextManager[object],
        told: Callable[[bool], None],
    ) -> None:
        self._name = name
        self._store = store
        self._holds = holds
        self._memory = memory
        self._budget = budget
        self._writing = writing
        self._told = told
        self._size = 0
        self._missed: list[Effect] = []
        self._ready = False
        self._stopped = threading.Event()
        self._filling = threading.Thread(target=self._fill, name=f"kgservice-{name}")

    def start(self) -> None:
        """Fill the replica in a thread of its own."""
        self._filling.start()

    def wait(self) -> None:
        """Wait until the filling has ended, well or not."""
        self._filling.join()

    @property
    def is_filling(self) -> bool:
        """Whether the filling has not ended."""
        return self._filling.is_alive()

    @property
    def read(self) -> str:
        """What is read: `memory`, or `disk` for good, or `disk` as long as the memory is `filling`."""
        if self._ready:
            return "memory"
        return "filling" if self.is_filling and not self._stopped.is_set() else "disk"

    @property
    def size(self) -> int:
        """The bytes that its budget counts for it."""
        return self._size * self._budget.each

    def stop(self) -> None:
        """Serve nothing any more, and end the filling soon."""
        self._ready = False
        self._told(False)
        self._stopped.set()
        self._missed.clear()
        held, self._size = self._size, 0
        self._budget.take(-held)

    def close(self) -> None:
        """Stop, wait until the filling has ended, and free the memory; not to be called under `writing`."""
        self.stop()
        self.wait()
        self._memory.close()

    def follow(self, parts: Mapping[object, Effect]) -> None:
        """Take over what a change, which the store has made, did to the graphs: `Effect.by_graph`.

        What the memory cannot take, whatever the reason, ends the replica and raises nothing.
        """
        own = Effect()
        for name, part in parts.items():
            if self._holds(name):
                own.drop |= part.drop
                own.remove |= part.remove
                own.add |= part.add
                own.held |= part.held
        if self._stopped.is_set() or not own.writes:
            return
        if self._ready:
            self._take(own)
        else:
            self._missed.append(own)

    def _take(self, own: Effect) -> None:
        if self._stopped.is_set():
            return
        try:
            own.apply(self._memory)
        except Exception as error:  # whatever it is: the store has the change, and nobody may read without it
            _log.error("the %s in memory did not take a change, the disk is read: %s", self._name, error)
            self.stop()
            return
        more = len(own.add) - len(own.remove) - len(own.held)
        if self._budget.take(more):
            self._size += more
        else:
            _log.warning("the %s has outgrown the memory for it, the disk is read", self._name)
            self.stop()

    def _fill(self) -> None:
        try:
            with ExitStack() as held:
                with self._writing:
                    if self._store.copied_at_once:
                        store = held.enter_context(self._store.copy())
                    else:
                        store = self._store
                        held.enter_context(self._writing)
                self._read(store)
        except (KgError, OSError) as error:
            if not self._stopped.is_set():
                _log.error("the %s cannot be held in memory, the disk is read: %s", self._name, error)
            self.stop()
        with self._writing:
            missed, self._missed = self._missed, []
            for effect in missed:
                self._take(effect)
            self._ready = not self._stopped.is_set()
            self._told(self._ready)

    def _read(self, store: Store) -> None:
        with tempfile.TemporaryFile() as file:
            spool = _Spool(file, self._budget, self._stopped)
            try:
                for graph in filter(self._holds, store.graphs()):
                    spool.graph = graph
                    store.dump(cast(BinaryIO, spool), N_TRIPLES, graph=graph)
            finally:
                self._size = spool.size
            file.seek(0)
            self._memory.load(cast(BinaryIO, spool), N_QUADS)


class _Spool:
    """A file that takes N-Triples of one `graph` after the other and gives them back as N-Quads.

    Raises `TooLarge` for more statements than fit, `OSError` once `stopped` is set.
    """

    def __init__(self, file: IO[bytes], budget: Budget, stopped: threading.Event) -> None:
        self._file = file
        self._budget = budget
        self._stopped = stopped
        self._begun = b""
        self.graph: NamedNode | None = None
        self.size = 0
        self.seek, self.tell, self.flush = file.seek, file.tell, file.flush

    def write(self, data: bytes) -> int:
        self._check()
        lines, end, self._begun = (self._begun + data).rpartition(b"\n")
        # No line break is part of a term there.
        self._file.write((lines + end).replace(b" .\n", b" %s .\n" % str(self.graph).encode()))
        more = data.count(b"\n")
        if not self._budget.take(more):
            raise TooLarge(
                "there are more statements than fit into {most} with the others", most=self._budget.most
            )
        self.size += more
        return len(data)

    def read(self, size: int = -1) -> bytes:
        self._check()
        return self._file.read(size)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise OSError("stopped")
