"""The store behind several servers: one that is written to, and readers that follow it and answer queries.

How changes get from the first server to the readers is for them to know; here it is decided who may answer.
Each change leaves a mark, as the last thing that it does: who shows it has got that change and all before.
"""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from pyoxigraph import NamedNode

from kgservice.errors import StoreFailed, Undecided
from kgservice.store.base import Choose, Dataset, Standing
from kgservice.store.follower import MARK, Follower
from kgservice.store.formats import Format
from kgservice.store.remote import RemoteStore
from kgservice.store.results import Sink
from kgservice.store.selftest import write_samples
from kgservice.store.server_reader import CREATED, SAMPLES, ServerReader
from kgservice.store.sparql_http import Refused, Server, Unreachable

_KNOWN = 10_000  # graphs whose last change is known
_TRIES = 2  # servers that one query is sent to: it may be what ends them
_HELD = 64 * 1024  # bytes of an answer that are kept until more come, so that it can still be another one
_UNMARK = f"DELETE WHERE {{ GRAPH {CREATED} {{ {MARK} ?at }} }}"


class Cluster(RemoteStore):
    """An RDF dataset behind a server, and what holds the same a moment later, at the addresses `readers`.

    Queries (`query`) are answered by any server that has the last change of each graph that they see; all
    else by the first one. The readers are not asked before `follow` was called.
    """

    def __init__(
        self, server: Server, readers: Sequence[str], journal: Path | None = None, patience: float = 20.0
    ) -> None:
        super().__init__(server, journal, patience)
        self._addresses = readers
        self._epoch = str(uuid.uuid4())
        self._numbers = itertools.count(1)  # none is given twice: what was refused may have been made
        self._last = 0
        self._changes: dict[object, int] = {}
        self._floor = 0  # the last change of all other graphs, or a later one
        self._followers: list[Follower] = []
        self._watching: list[threading.Thread] = []
        self._running: Counter[ServerReader] = Counter()
        self._turn: Counter[ServerReader] = Counter()
        self._turns = itertools.count(1)
        self._counting = threading.Lock()

    def follow(self) -> None:
        """From now on the readers answer, too, each as soon as it has been tried. Raises `StoreFailed`."""
        for fault in write_samples(self, *SAMPLES):
            raise StoreFailed(fault)
        for address in self._addresses:
            server = replace(self.client.server, query=address)
            follower = Follower(server, self._epoch, self._last, lambda: self._last)
            self._followers.append(follower)
            self._watching.append(
                threading.Thread(target=follower.watch, name="kgservice-reader", daemon=True)
            )
        for thread in self._watching:
            thread.start()

    def standings(self) -> Sequence[Standing]:
        """See `Store.standings`."""
        return [follower.standing for follower in self._followers]

    def close(self) -> None:
        """See `Store.close`."""
        for follower in self._followers:
            follower.closed = True
            follower.wake()
        for thread in self._watching:
            thread.join()
        for follower in self._followers:
            follower.client.close()
        super().close()

    # Writing

    def _make(self, text: str, graphs: Collection[object] | None) -> None:
        """Note what changes before it does: who has not got it must not be asked from then on."""
        number, last = next(self._numbers), self._last
        before = {graph: self._changes.get(graph, self._floor) for graph in graphs or ()}
        if graphs is None or len(self._changes) > _KNOWN:
            self._floor, self._changes = number, {}
        self._changes.update(dict.fromkeys(graphs or (), number))
        self._last = number
        mark = f'INSERT DATA {{ GRAPH {CREATED} {{ {MARK} "{self._epoch} {number}" }} }}'
        try:
            super()._make(" ;\n".join(filter(None, (_UNMARK, text, mark))), graphs)
        except Undecided:
            raise
        except StoreFailed:  # it is not made, and the mark never comes
            self._last = last
            self._floor = min(self._floor, last)
            self._changes.update(before)
            raise
        for follower in self._followers:
            follower.wake()

    def load(
        self,
        source: BinaryIO | Path,
        fmt: Format,
        *,
        graph: NamedNode | None = None,
        base: str | None = None,
    ) -> None:
        """See `Store.load`; even when it fails, some of it may be there, in any graph."""
        try:
            super().load(source, fmt, graph=graph, base=base)
        finally:
            self._change("", None)

    # Reading

    def query(
        self,
        text: str,
        dataset: Dataset,
        choose: Choose,
        out: BinaryIO,
        *,
        base: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """See `Store.query`. When a server fails before any of its answer was passed on, another is asked."""
        until = time.monotonic() + (self.client.server.seconds if seconds is None else seconds)
        needed, held, tries = self._needed(dataset), _Held(out), 0
        failure = StoreFailed("no server answers")
        for server in self._places(needed):
            try:
                with self._busy(server):
                    if isinstance(server, Follower) and not server.has(needed):
                        continue
                    left = until - time.monotonic()
                    ServerReader.query(
                        server, text, dataset, choose, held.stream, base=base, seconds=max(left, 0.01)
                    )
                    held.release()
            except StoreFailed as error:
                failure = error
                tries += not isinstance(error, Unreachable)
                if isinstance(server, Follower) and not _is_of_the_query(error):
                    server.failed(error)
                if held.passed_on or tries == _TRIES:
                    raise
                held.forget()
            else:
                return
        raise failure

    def _needed(self, dataset: Dataset) -> int:
        """The change that a server must have to answer on the dataset as it is now."""
        if dataset.from_clauses or dataset.named is None:
            return self._last
        seen = (*dataset.default, *dataset.named)
        return max((self._changes.get(graph, self._floor) for graph in seen), default=self._floor)

    def _places(self, needed: int) -> list[ServerReader]:
        """Who may answer, the least busy first; readers before the first server, and in turns."""
        able = [self, *(follower for follower in self._followers if follower.seems_to_have(needed))]
        able.sort(key=lambda server: (self._running[server], server is self, self._turn[server]))
        return able

    @contextmanager
    def _busy(self, server: ServerReader) -> Iterator[None]:
        with self._counting:
            self._running[server] += 1
            self._turn[server] = next(self._turns)
        try:
            yield
        finally:
            with self._counting:
                self._running[server] -= 1


def _is_of_the_query(error: StoreFailed) -> bool:
    """Whether the server is well, and only does not take the query."""
    return isinstance(error, Refused) and error.status < 500


class _Held(Sink):
    """The start of an answer, which can be forgotten until it is passed on."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._start = bytearray()
        self.passed_on = False

    def write(self, data: bytes) -> int:
        """Keep a part, or pass it on if there is enough."""
        if self.passed_on:
            return self._out.write(data)
        self._out.write(b"")  # which raises when nobody waits for it any more
        self._start += data
        if len(self._start) > _HELD:
            self.release()
        return len(data)

    def flush(self) -> None:
        """Nothing: parts are passed on when there is enough."""

    def release(self) -> None:
        """Pass on what is kept."""
        self.passed_on = True
        self._out.write(bytes(self._start))
        self._start.clear()

    def forget(self) -> None:
        """Begin anew."""
        self._start.clear()
