"""How a figure is taken: whole requests over a kept connection, peers in turn, medians."""

from __future__ import annotations

import math
import socket
import statistics
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode

from benchmarks.peers import Server, memory_of

JSON = "application/sparql-results+json"
LONGEST_PAUSE = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Taken:
    """One answer: seconds to the first byte of the body and to its end, its bytes."""

    first: float
    total: float
    size: int


class Client:
    """A kept HTTP connection to one server, renewed after a pause, in which the server may have closed it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._connection: HTTPConnection | None = None
        self._used = 0.0

    def ask(self, query: str) -> Taken:
        """Send a query by POST and read the whole answer; connecting is not in its time."""
        form = self.server.form
        kind = "application/x-www-form-urlencoded" if form else "application/sparql-query"
        body = urlencode({"query": query}) if form else query
        headers = {"Content-Type": kind, "Accept": JSON, **self.server.headers}
        connection = self._connected()
        start = time.perf_counter()
        connection.request("POST", self.server.path, body.encode(), headers)
        response = connection.getresponse()
        size = len(response.read(1))
        first = time.perf_counter() - start
        while chunk := response.read(1 << 16):
            size += len(chunk)
        total = time.perf_counter() - start
        if response.status != 200:
            raise RuntimeError(f"{self.server.name} answered {response.status} to {query}")
        self._used = time.monotonic()
        return Taken(first, total, size)

    def _connected(self) -> HTTPConnection:
        if self._connection is None or time.monotonic() - self._used > LONGEST_PAUSE:
            if self._connection is not None:
                self._connection.close()
            self._connection = HTTPConnection("127.0.0.1", self.server.port, timeout=600)
            self._connection.connect()
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connection


def in_turn(clients: Sequence[Client], queries: Sequence[str], rounds: int, warmup: int) -> list[list[Taken]]:
    """`rounds` answers of each client, A B A B …, each round with the next query, after `warmup` more."""
    taken: list[list[Taken]] = [[] for _ in clients]
    for number in range(-warmup, rounds):
        for client, results in zip(clients, taken, strict=True):
            answer = client.ask(queries[number % len(queries)])
            if number >= 0:
                results.append(answer)
    return taken


def median_ms(taken: Iterable[Taken]) -> float:
    """The median time of whole answers, in milliseconds."""
    return statistics.median(t.total for t in taken) * 1000


def median_first_ms(taken: Iterable[Taken]) -> float:
    """The median time to the first byte, in milliseconds."""
    return statistics.median(t.first for t in taken) * 1000


def geometric_mean(values: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(statistics.fmean(math.log(v) for v in values))


class MemoryWatch:
    """How much memory a process and its children take while the block runs, in bytes, sampled.

    Taking a sample holds the processes up for some milliseconds: measure times without it.
    """

    def __init__(self, pid: int, every: float = 0.02) -> None:
        """`every`: seconds between samples."""
        self.pid, self.every = pid, every

    def __enter__(self) -> MemoryWatch:
        self._start = self.most = memory_of(self.pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    @property
    def growth(self) -> int:
        """The most, beyond what was taken at the beginning."""
        return self.most - self._start

    def _sample(self) -> None:
        while not self._done.wait(self.every):
            self.most = max(self.most, memory_of(self.pid))

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
