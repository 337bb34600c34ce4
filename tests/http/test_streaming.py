from __future__ import annotations

import asyncio
import gzip
import http.client
import io
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, BinaryIO, cast
from urllib.parse import quote

import pytest
import zstandard

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.errors import StoreFailed
from kgservice.http.messages.streaming import CHUNK, QUEUE, BrokenTransfer, ClientLeft, Pipe
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.serving import Running, running


def rows(digits: int) -> str:
    """A SELECT with 10 ** digits rows, without any data."""
    values = " ".join(str(n) for n in range(10))
    return "SELECT * { " + " ".join(f"VALUES ?v{d} {{ {values} }}" for d in range(digits)) + " }"


class Failing(OxigraphStore):
    """A store that fails once it has written `after` bytes of an answer, when the test says `fail`."""

    after = 10**12

    def __init__(self) -> None:
        super().__init__()
        self.fail = threading.Event()

    def query(self, text: str, dataset: Any, choose: Any, out: BinaryIO, **options: Any) -> None:
        store = self

        class Out(io.RawIOBase):
            written = 0

            def writable(self) -> bool:
                return True

            def write(self, data: Any, /) -> int:
                self.written += len(data)
                if self.written > store.after:
                    assert store.fail.wait(30)
                    raise OSError("the disk is gone")
                return out.write(data)

        super().query(text, dataset, choose, cast(BinaryIO, Out()), **options)


class Watching(OxigraphStore):
    """A store that tells when a query has ended, and by which exception."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = threading.Event()
        self.ended_by: str | None = None

    def query(self, text: str, dataset: Any, choose: Any, out: BinaryIO, **options: Any) -> None:
        try:
            super().query(text, dataset, choose, out, **options)
        except OSError as error:
            self.ended_by = type(error).__name__
            raise
        finally:
            self.ended.set()


@contextmanager
def serving(store: OxigraphStore) -> Iterator[Running]:
    kg = KnowledgeGraph.open(Settings(), store, guarded=False)
    try:
        with running(kg) as server:
            yield server
    finally:
        kg.close()


def test_small_answers_have_a_length_and_large_ones_are_chunked(server: Running) -> None:
    small = server.get("/sparql", params={"query": rows(2)})
    large = server.get("/sparql", params={"query": rows(4)})
    assert int(small.headers["content-length"]) == len(small.content)
    assert "transfer-encoding" not in small.headers
    assert "content-length" not in large.headers
    assert large.headers["transfer-encoding"] == "chunked"
    assert len(large.json()["results"]["bindings"]) == 10_000


def test_compression(server: Running) -> None:
    for query, least in ((rows(2), 100), (rows(4), 10_000)):
        path = f"/sparql?query={quote(query)}"
        plain = raw(server, path, "identity")
        assert "content-encoding" not in plain.headers
        assert len(json.loads(plain.data)["results"]["bindings"]) == least
        zipped = raw(server, path, "gzip")
        assert zipped.headers["content-encoding"] == "gzip"
        assert gzip.decompress(zipped.data) == plain.data
        best = raw(server, path, "gzip;q=0.8, zstd")
        assert best.headers["content-encoding"] == "zstd"
        assert zstandard.ZstdDecompressor().decompressobj().decompress(best.data) == plain.data
        assert len(plain.data) > 3 * max(len(zipped.data), len(best.data))
    assert "content-encoding" not in raw(server, "/sparql?query=ASK%7B%7D", "gzip").headers
    assert "Accept-Encoding" in raw(server, "/sparql?query=ASK%7B%7D", "gzip").headers["vary"]


class Raw:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.data = response.read()


def raw(server: Running, path: str, accept_encoding: str = "identity") -> Raw:
    """An exchange whose body is not decoded."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {server.token}", "Accept-Encoding": accept_encoding}
        connection.request("GET", path, headers=headers)
        return Raw(connection.getresponse())
    finally:
        connection.close()


@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
def test_a_late_failure_breaks_the_transfer(coding: str, caplog: pytest.LogCaptureFixture) -> None:
    store = Failing()
    with serving(store) as server:
        path = f"/sparql?query={quote(rows(5))}"
        whole = raw(server, path)
        store.after = 2 * 1024 * 1024
        assert len(whole.data) > 2 * store.after
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        headers = {"Authorization": f"Bearer {server.token}", "Accept-Encoding": coding}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        assert response.status == 200
        store.fail.set()
        with pytest.raises(http.client.IncompleteRead) as caught:
            response.read()
        connection.close()
        assert 0 < len(caught.value.partial) < len(whole.data)
        assert raw(server, "/health").status == 200
    said = [(record.getMessage().strip(), record.exc_info) for record in caplog.records]
    assert ("an answer broke off: OSError", None) in said
    assert not any(trace for _, trace in said), said


def test_an_early_failure_is_a_problem() -> None:
    store = Failing()
    store.after = 10_000
    store.fail.set()
    with serving(store) as server:
        answer = server.get("/sparql", params={"query": rows(4)})
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_client_that_leaves_stops_the_query() -> None:
    store = Watching()
    with serving(store) as server:
        store.ended.clear()  # opening the graph asks the store, too
        client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        request = f"GET /sparql?query={quote(rows(9))} HTTP/1.1\r\nHost: localhost\r\n"
        client.sendall(f"{request}Authorization: Bearer {server.token}\r\n\r\n".encode())
        assert client.recv(CHUNK).startswith(b"HTTP/1.1 200 ")
        # While this client does not read, others are served.
        assert server.get("/health").json()["status"] == "ok"
        client.close()
        assert store.ended.wait(30)
        assert store.ended_by == "ClientLeft"


def test_the_first_byte_comes_before_the_last_row() -> None:
    store = Watching()
    with serving(store) as server:
        store.ended.clear()  # opening the graph asks the store, too
        with server.client.stream("GET", f"{server.url}sparql", params={"query": rows(9)}) as answer:
            body = answer.iter_raw()
            first = next(body)
            assert first.startswith(b'{"head":')
            assert not store.ended.is_set()


def test_what_waits_for_a_slow_client_is_bounded() -> None:
    total = 100 * CHUNK

    def write(pipe: Pipe) -> None:
        for _ in range(total // 1000):
            pipe.write(b"x" * 1000)

    async def scenario() -> tuple[int, int]:
        pipe = Pipe(asyncio.get_running_loop())
        with ThreadPoolExecutor(1) as worker:
            worker.submit(write, pipe).add_done_callback(pipe.finished)
            most = size = 0
            more = True
            while more:
                data, more = await pipe.take()
                most, size = max(most, len(data)), size + len(data)
        return most, size

    most, size = asyncio.run(scenario())
    assert size == total // 1000 * 1000
    assert most <= QUEUE + 2 * CHUNK


def test_the_pipe_passes_errors_on() -> None:
    def fail(pipe: Pipe, before: int) -> None:
        pipe.write(b"x" * before)
        raise StoreFailed("gone")

    async def scenario(before: int) -> None:
        pipe = Pipe(asyncio.get_running_loop())
        with ThreadPoolExecutor(1) as worker:
            if before:
                pipe.write(b"x" * CHUNK)
                await pipe.take()
            worker.submit(fail, pipe, before).add_done_callback(pipe.finished)
            await pipe.take()

    with pytest.raises(StoreFailed):
        asyncio.run(scenario(0))
    with pytest.raises(BrokenTransfer):
        asyncio.run(scenario(10))


def test_an_abandoned_pipe_stops_both_sides() -> None:
    async def scenario() -> None:
        pipe = Pipe(asyncio.get_running_loop())
        pipe.abandon()
        with pytest.raises(ClientLeft):
            pipe.write(b"x")
        with pytest.raises(ClientLeft):
            await pipe.take()

    asyncio.run(scenario())
