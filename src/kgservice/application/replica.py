"""A graph of the store kept in memory as well, so that most queries read no disk.

Commits stay as they are: the store is what counts, and the replica follows it. Whatever goes wrong with the
replica, or when the graph outgrows its budget, readers use the store again.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from contextlib import AbstractContextManager, ExitStack
from typing import IO, BinaryIO, cast

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.effect import Effect
from kgservice.errors import KgError, TooLarge
from kgservice.store.base import Dataset, Store
from kgservice.store.formats import N_TRIPLES

BYTES_PER_STATEMENT = 400  # in Oxigraph's memory; 370 were measured (docs/benchmarks.md)

_log = logging.getLogger(__name__)


class Replica:
    """`graph` of `store`, held in `memory` (an empty store) as long as it takes at most `budget` bytes.

    `writing` is the lock under which the store is changed; `follow` is called under it after each change.
    """

    def __init__(
        self,
        store: Store,
        graph: NamedNode,
        memory: Store,
        budget: int,
        writing: AbstractContextManager[object],
    ) -> None:
        self._store = store
        self._graph = graph
        self._memory = memory
        self._most = budget // BYTES_PER_STATEMENT
        self._writing = writing
        self._size = 0
        self._missed: list[Effect] = []
        self._ready = False
        self._stopped = threading.Event()
        self._filling = threading.Thread(target=self._fill, name="kgservice-replica")

    def start(self) -> None:
        """Fill the replica in a thread of its own; until it is full, `serving` is None."""
        self._filling.start()

    def wait(self) -> None:
        """Wait until the filling has ended, well or not."""
        self._filling.join()

    def stop(self) -> None:
        """Serve nothing any more, and end the filling soon."""
        self._ready = False
        self._stopped.set()
        self._missed.clear()

    def close(self) -> None:
        """Stop, wait until the filling has ended, and free the memory; not to be called under `writing`."""
        self.stop()
        self.wait()
        self._memory.close()

    def serving(self, dataset: Dataset) -> Store | None:
        """The store in memory, if all that `dataset` lets a query see is the graph; None: ask the store."""
        alone = dataset.default == (self._graph,) and dataset.named == () and not dataset.from_clauses
        return self._memory if alone and self._ready else None

    def follow(self, effect: Effect) -> None:
        """Take over what a change, which the store has made, did to the graph."""
        own = Effect(
            drop=effect.drop & {self._graph},
            remove=self._of_graph(effect.remove),
            add=self._of_graph(effect.add),
        )
        if self._stopped.is_set() or not own.writes:
            return
        if self._ready:
            self._take(own)
        else:
            self._missed.append(own)

    def _take(self, own: Effect) -> None:
        try:
            own.apply(self._memory)
        except KgError as error:
            _log.error(
                "the replica of %s did not take a change, queries use the disk: %s", self._graph, error
            )
            self.stop()
        self._size += len(own.add) - len(own.remove)
        if self._size > self._most:
            _log.warning("%s has outgrown the memory for it, queries use the disk", self._graph)
            self.stop()

    def _of_graph(self, quads: set[Quad]) -> set[Quad]:
        return {quad for quad in quads if quad.graph_name == self._graph}

    def _fill(self) -> None:
        try:
            with ExitStack() as held:
                with self._writing:
                    copy = held.enter_context(self._store.copy())
                self._read(copy)
        except (KgError, OSError) as error:
            if not self._stopped.is_set():
                _log.error("%s could not be read into memory, queries use the disk: %s", self._graph, error)
            self.stop()
        with self._writing:
            missed, self._missed = self._missed, []
            for effect in missed:
                self._take(effect)
            self._ready = not self._stopped.is_set()

    def _read(self, store: Store) -> None:
        rows = store.select("SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }", Dataset((self._graph,), ())).rows
        count = rows[0][0]
        assert isinstance(count, Literal)
        self._size = int(count.value)
        if self._size > self._most:
            raise TooLarge(f"{self._size} statements are more than the {self._most} that fit")
        with tempfile.TemporaryFile() as spool:
            file = cast(BinaryIO, _Stoppable(spool, self._stopped))
            store.dump(file, N_TRIPLES, graph=self._graph)
            spool.seek(0)
            self._memory.load(file, N_TRIPLES, graph=self._graph)


class _Stoppable:
    """A file that can no longer be read or written once `stopped` is set."""

    def __init__(self, file: IO[bytes], stopped: threading.Event) -> None:
        self._file = file
        self._stopped = stopped
        self.seek, self.tell, self.flush = file.seek, file.tell, file.flush

    def write(self, data: bytes) -> int:
        self._check()
        return self._file.write(data)

    def read(self, size: int = -1) -> bytes:
        self._check()
        return self._file.read(size)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise OSError("stopped")
