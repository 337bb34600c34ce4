"""SERVICE to endpoints that an administrator has allowed: however they answer, the limits hold."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import BinaryIO, cast

import httpx
import psutil
import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from tests.engine.conftest import until
from tests.serving import Running, running

Answering = Callable[[BinaryIO, threading.Event], None]

_OPENED = b'{"head": {"vars": ["x"]}, "results": {"bindings": [{"x": {"type": "literal", "value": "there"}}'
_ROW = b', {"x": {"type": "literal", "value": "' + b"x" * 1000 + b'"}}'


@pytest.fixture(scope="module")
def server(apart: KnowledgeGraph) -> Iterator[Running]:
    """The service with an engine; an answer may have 8 MiB, a query 200 MiB of memory."""
    with running(apart) as found:
        yield found


@contextmanager
def endpoint(
    server: Running, monkeypatch: pytest.MonkeyPatch, answer: Answering | bytes, status: int = 200
) -> Iterator[str]:
    """The address of a SPARQL endpoint that is allowed; it writes `answer`, or by that, until `ended` is set."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", "application/sparql-results+json")
            self.send_header("Content-Length", str(len(answer) if isinstance(answer, bytes) else 10**12))
            self.end_headers()
            with suppress(OSError):  # who asked has gone
                if isinstance(answer, bytes):
                    self.wfile.write(answer)
                else:
                    answer(cast(BinaryIO, self.wfile), ended)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, args=[0.02])
        thread.start()
        address = f"http://127.0.0.1:{found.server_port}/sparql"
        monkeypatch.setattr(server.kg, "settings", replace(server.kg.settings, services=address))
        yield address
        ended.set()
        found.shutdown()
        thread.join()


def rows(out: BinaryIO, ended: threading.Event) -> None:
    """Rows without end."""
    out.write(_OPENED)
    while not ended.is_set():
        out.write(_ROW * 50)


def literal(out: BinaryIO, ended: threading.Event) -> None:
    """A value without end."""
    out.write(_OPENED[:-3])
    while not ended.is_set():
        out.write(b"x" * 65536)


def nothing(_out: BinaryIO, ended: threading.Event) -> None:
    """No byte."""
    ended.wait(60)


def drops(out: BinaryIO, ended: threading.Event) -> None:
    """A byte now and then, so that no time limit of a connection helps."""
    out.write(_OPENED)
    while not ended.wait(0.05):
        out.write(b" ")


def ask(server: Running, query: str, timeout: float = 1.0) -> httpx.Response:
    """One query, by POST."""
    return server.post("/sparql", data={"query": query, "timeout": str(timeout)})


@pytest.mark.slow
@pytest.mark.parametrize("answer", [nothing, drops], ids=lambda answer: answer.__name__)
def test_an_endpoint_that_is_slow_has_the_deadline_of_the_query(
    server: Running, monkeypatch: pytest.MonkeyPatch, answer: Answering
) -> None:
    with endpoint(server, monkeypatch, answer) as address:
        began = time.monotonic()
        refused = ask(server, f"SELECT (COUNT(*) AS ?n) {{ SERVICE <{address}> {{ ?s ?p ?x }} }}")
        assert (refused.status_code, refused.json()["type"]) == (504, "/problems/deadline-exceeded")
        assert time.monotonic() - began < 5
        silent = ask(server, f"SELECT (COUNT(*) AS ?n) {{ SERVICE SILENT <{address}> {{ ?s ?p ?x }} }}")
        assert silent.status_code == 504


def test_an_answer_without_end_is_passed_on_up_to_the_largest_answer(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint(server, monkeypatch, rows) as address:
        query = {"query": f"SELECT ?x {{ SERVICE <{address}> {{ ?s ?p ?x }} }}", "timeout": "30"}
        size = 0
        with (
            pytest.raises(httpx.RemoteProtocolError),
            server.client.stream("POST", server.url + "sparql", data=query) as answer,
        ):
            for piece in answer.iter_bytes():
                size += len(piece)
        assert 0 < size <= 8 * 2**20


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    [
        "SELECT ?x {{ SERVICE <{}> {{ ?s ?p ?x }} }} ORDER BY ?x",
        "SELECT ?x {{ SERVICE SILENT <{}> {{ ?s ?p ?x }} }} ORDER BY ?x",
    ],
)
@pytest.mark.parametrize("answer", [rows, literal], ids=lambda answer: answer.__name__)
def test_an_answer_without_end_that_has_to_be_held_ends_at_the_deadline_or_the_limit_of_memory(
    server: Running, monkeypatch: pytest.MonkeyPatch, query: str, answer: Answering
) -> None:
    with endpoint(server, monkeypatch, answer) as address:
        refused = ask(server, query.format(address), 2)
        assert refused.status_code in {504, 507}, refused.text  # whichever comes first
        assert server.get("/health").status_code == 200


def test_a_huge_answer_ends_the_query_and_its_memory_is_given_back(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no limit of its own for what an endpoint sends: of a gigabyte, the query takes what it may hold."""
    sent = 0

    def gigabyte(out: BinaryIO, ended: threading.Event) -> None:
        nonlocal sent
        out.write(_OPENED)
        while sent < 2**30 and not ended.is_set():  # each value another one: equal ones are held once
            sent += out.write(_ROW.replace(b"x" * 1000, b"%012d" % sent + b"x" * 100_000))

    def used() -> int:
        processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        return sum(process.memory_info().rss for process in processes)

    ask(server, "ASK {}")
    before = used()
    with endpoint(server, monkeypatch, gigabyte) as address:
        refused = ask(server, f"SELECT ?x {{ SERVICE <{address}> {{ ?s ?p ?x }} }} ORDER BY ?x", 30)
    # Memory ends it in a second or two; where all processors are busy, the deadline may come before.
    known = {(507, "/problems/too-costly"), (504, "/problems/deadline-exceeded")}
    assert (refused.status_code, refused.json()["type"]) in known, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert sent < 2**29  # a query has 200 MiB here
    until(lambda: used() < before + 100 * 2**20)


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_endpoint_that_fails_is_told_of(
    server: Running, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    with endpoint(server, monkeypatch, b"what it says", status) as address:
        failed = ask(server, f"SELECT ?x {{ SERVICE <{address}> {{ ?s ?p ?x }} }}")
        assert (failed.status_code, failed.json()["type"]) == (503, "/problems/store-failure")
        assert str(status) in failed.json()["detail"]
        silent = ask(server, f"SELECT ?x {{ SERVICE SILENT <{address}> {{ ?s ?p ?x }} }}")
        assert silent.json()["results"]["bindings"] == [{}]


def test_an_error_without_end_is_not_read_for_ever(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint(server, monkeypatch, literal, 500) as address:
        failed = ask(server, f"SELECT ?x {{ SERVICE <{address}> {{ ?s ?p ?x }} }}", 5)
        assert failed.status_code in {504, 507}, failed.text[:300]
        assert len(failed.content) < 1000


@pytest.mark.parametrize("form", ["SELECT ?x", "ASK"])
def test_what_an_endpoint_says_of_its_error_is_cut(
    server: Running, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    page = b"no custom function " + b"x" * 100_000
    with endpoint(server, monkeypatch, page, 500) as address:
        failed = ask(server, f"{form} {{ SERVICE <{address}> {{ ?s ?p ?x }} }}")
    said = failed.json()
    assert (failed.status_code, said["type"]) == (503, "/problems/store-failure")
    assert "500" in said["detail"]
    assert said["detail"].endswith("xx …")
    assert 300 < len(said["detail"]) < 400


@pytest.mark.parametrize("form", ["SELECT ?x", "ASK"])
def test_an_endpoint_that_speaks_of_damage_is_no_damage_of_the_store(
    server: Running, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    with endpoint(server, monkeypatch, b"Corruption: block checksum mismatch", 500) as address:
        failed = ask(server, f"{form} {{ SERVICE <{address}> {{ ?s ?p ?x }} }}").json()
    assert failed["type"] == "/problems/store-failure"
    assert "Corruption: block checksum mismatch" in failed["detail"]
    assert "damaged" not in failed["detail"]


@pytest.mark.parametrize("body", [b"", b"hello", _OPENED], ids=["nothing", "text", "broken off"])
def test_an_endpoint_that_answers_with_something_else_is_told_of(
    server: Running, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    with endpoint(server, monkeypatch, body) as address:
        failed = ask(server, f"SELECT ?x {{ SERVICE <{address}> {{ ?s ?p ?x }} }}")
        assert (failed.status_code, failed.json()["type"]) == (503, "/problems/store-failure")


def test_an_endpoint_that_is_gone_is_told_of(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint(server, monkeypatch, nothing) as address:
        pass
    failed = ask(server, f"SELECT ?x {{ SERVICE <{address}> {{ ?s ?p ?x }} }}")
    assert (failed.status_code, failed.json()["type"]) == (503, "/problems/store-failure")
