"""The service over a socket, while others ask too much of it: what it answers, and that it goes on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from urllib.parse import quote

import httpx
import psutil
import pytest
from pyoxigraph import NamedNode

from kgservice.application.changes.replica import Budget
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.http.access import patience
from kgservice.http.messages import bodies
from kgservice.store.formats import TURTLE
from tests.engine.conftest import engine_of, until
from tests.engine.test_isolated import CROSS, children
from tests.serving import Running, running

_DEEP = "SELECT * WHERE { " + "{ " * 5000 + "?s ?p ?o" + " }" * 5000 + " }"
_LONG = '"' + "x" * 900_000 + '"'
# What strangers may ask, and what may be answered.
HOSTILE = {
    "cross join": (CROSS, {504}),
    "everything in order": ("SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?c ?f", {504, 507}),
    "closure": ("SELECT * { ?a (<urn:x>|!<urn:x>)* ?b . ?b (<urn:x>|!<urn:x>)* ?c }", {200, 504, 507}),
    "unions": ("SELECT * { " + " UNION ".join(["{ ?s ?p ?o }"] * 900) + " } ORDER BY ?s", {200, 504, 507}),
    "100,000 unions": ("SELECT * { " + " UNION ".join(["{?s ?p ?o}"] * 50_000) + " }", {400, 413}),
    "values": (
        "SELECT (COUNT(*) AS ?n) { VALUES ?a { " + "1 " * 100_000 + "} VALUES ?b { " + "1 " * 100_000 + "} }",
        {200, 504, 507},
    ),
    "deep": (_DEEP, {400}),
    "giant literal": (f'SELECT * {{ BIND(CONCAT({_LONG}, {_LONG[:90_000]}") AS ?x) }}', {200, 413, 504}),
    "literals that grow": (
        'SELECT ?z { BIND("'
        + "x" * 1000
        + '" AS ?a0) '
        + " ".join(f"BIND(CONCAT(?a{n},?a{n},?a{n},?a{n}) AS ?a{n + 1})" for n in range(16))
        + " BIND(STRLEN(?a16) AS ?z) }",
        {200, 504, 507},
    ),
    "regular expression": (
        'SELECT * { ?s ?p ?o FILTER(REGEX(STR(?o), "(a+)+$|(x+x+)+y")) } LIMIT 5',
        {200, 504},
    ),
    "a new pattern for each row": (
        'SELECT (COUNT(*) AS ?n) { ?s ?p ?o . ?a ?b ?c FILTER(REGEX(STR(?o), CONCAT(STR(?c), "(a{1,50}){1,50}"))) }',
        {200, 400, 504, 507},
    ),
    "groups": (
        "SELECT ?a ?c ?e (GROUP_CONCAT(?f) AS ?g) { ?a ?b ?c . ?d ?e ?f } GROUP BY ?a ?c ?e",
        {504, 507},
    ),
    "offset": ("SELECT * { ?a ?b ?c . ?d ?e ?f } OFFSET 9999999999", {504, 507}),
    "description of all": ("DESCRIBE ?s ?o { ?s ?p ?o }", {200, 504, 507}),
    "federation": ("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", {403}),
    "federation by a variable": ("SELECT * { ?s ?p ?o SERVICE ?o { ?a ?b ?c } }", {403}),
}


@pytest.fixture(scope="module")
def server(apart: KnowledgeGraph) -> Iterator[Running]:
    """The service with an engine."""
    with running(apart) as found:
        yield found


def ask(server: Running, query: str, timeout: float = 1.0) -> httpx.Response:
    """One query, by POST."""
    return server.post("/sparql", data={"query": query, "timeout": str(timeout)})


def healthy(server: Running) -> float:
    """Seconds until the health check answers."""
    start = time.monotonic()
    assert server.get("/health").status_code == 200
    return time.monotonic() - start


@pytest.mark.parametrize("name", HOSTILE)
def test_no_query_brings_it_down(server: Running, name: str) -> None:
    query, expected = HOSTILE[name]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, server, query)
        slowest = 0.0
        while not asked.done():
            slowest = max(slowest, healthy(server))
            time.sleep(0.05)
    answer = asked.result()
    assert answer.status_code in expected, answer.text[:300]
    assert slowest < 3  # 1 s where nothing else runs; tests share the processors
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"


def test_memory_is_given_back(server: Running) -> None:
    def used() -> int:
        processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        return sum(process.memory_info().rss for process in processes)

    ask(server, "ASK {}")
    before = used()
    for _ in range(3):
        assert ask(server, HOSTILE["everything in order"][0], 5).status_code in {504, 507}
    until(lambda: used() < before + 100 * 2**20)


def test_a_deadline_is_told_as_a_problem_and_may_only_be_shortened(server: Running) -> None:
    answer = ask(server, CROSS, 0.3)
    assert answer.status_code == 504
    problem = answer.json()
    assert problem["type"] == "/problems/deadline-exceeded"
    assert "0.3 s" in problem["detail"]
    for wrong in ("0", "-1", "soon", "nan"):
        refused = server.get("/sparql", params={"query": "ASK {}", "timeout": wrong})
        assert (refused.status_code, refused.json()["source"]) == (400, "timeout")
    assert server.get("/sparql", params={"query": "ASK {}", "timeout": "100000"}).status_code == 200


def test_an_answer_that_breaks_off_is_no_whole_one(server: Running) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        ask(server, "SELECT * { ?a ?b ?c . ?d ?e ?f }", 20)


def test_a_client_that_leaves_stops_its_query(server: Running) -> None:
    def busy() -> int:
        found = 0
        for pid in children():
            try:
                found += psutil.Process(pid).status() == psutil.STATUS_RUNNING
            except psutil.NoSuchProcess:
                continue
        return found

    until(lambda: busy() == 0)
    with pytest.raises(httpx.ReadTimeout):
        server.client.post(server.url + "sparql", data={"query": CROSS}, timeout=0.5)
    until(lambda: busy() == 0, 3)


def test_too_many_at_once_are_told_to_come_back(server: Running) -> None:
    with ThreadPoolExecutor(22) as pool:
        answers = list(pool.map(lambda _: ask(server, CROSS, 1.5), range(20)))
    busy = [answer for answer in answers if answer.status_code == 503]
    assert busy
    assert {answer.status_code for answer in answers} <= {503, 504}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in busy)
    assert {answer.json()["type"] for answer in busy} == {"/problems/busy"}


def test_a_body_that_does_not_come_is_not_waited_for(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.3)
    with socket.create_connection(("127.0.0.1", server.port), 10) as slow:
        slow.sendall(
            b"POST /sparql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
            + server.token.encode()
            + b"\r\nContent-Type: application/sparql-query\r\nContent-Length: 100\r\n\r\nASK"
        )
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")


def test_a_body_of_a_gigabyte_is_refused_at_once(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as large:
        large.sendall(
            b"POST /sparql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
            + server.token.encode()
            + b"\r\nContent-Type: application/sparql-query\r\nContent-Length: 1073741824\r\n\r\n"
        )
        assert large.recv(100).startswith(b"HTTP/1.1 413 ")


def test_headers_that_never_end_are_cut_off(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.5)
    with socket.create_connection(("127.0.0.1", server.port), 10) as silent:
        assert silent.recv(1) == b""
    with socket.create_connection(("127.0.0.1", server.port), 10) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        assert slow.recv(1) == b""
    monkeypatch.setattr(patience, "PATIENCE", 20)
    with socket.create_connection(("127.0.0.1", server.port), 10) as endless:
        endless.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        with pytest.raises(OSError):  # noqa: PT011 - reset, or a broken pipe
            for _ in range(1000):
                endless.sendall(b"A: " + b"b" * 60_000 + b"\r\n")


@pytest.mark.slow
def test_short_queries_of_others_are_answered_while_four_ask_long_ones(server: Running) -> None:
    stop = threading.Event()

    def torment() -> None:
        while not stop.is_set():
            ask(server, CROSS, 2)

    def times(number: int) -> list[float]:
        found = []
        for _ in range(number):
            start = time.monotonic()
            assert ask(server, "SELECT * { ?s a ?c } LIMIT 5", 30).status_code == 200
            found.append(time.monotonic() - start)
        return sorted(found)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(torment)
        time.sleep(1)
        during = times(40)
        stop.set()
    assert during[30] < 0.5


def endpoint(seen: list[str], redirect: str = "", status: int = 0) -> type[BaseHTTPRequestHandler]:
    """Another SPARQL endpoint, or something that leads elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
            if redirect:
                self.send_response(status)
                self.send_header("Location", redirect)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = b'{"head": {"vars": ["x"]}, "results": {"bindings": [{"x": {"type": "literal", "value": "there"}}]}}'
            self.send_response(200)
            self.send_header("Content-Type", "application/sparql-results+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815 (the name that the library asks for)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of an endpoint, for the length of the block."""
    with HTTPServer(("127.0.0.1", 0), handler) as found:
        thread = threading.Thread(target=found.serve_forever, args=[0.02])
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}/sparql"
        found.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_endpoints_that_are_allowed_are_asked_and_lead_nowhere_else(
    server: Running, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    seen: list[str] = []
    elsewhere: list[str] = []
    led: list[str] = []
    with (
        listening(endpoint(seen)) as allowed,
        listening(endpoint(elsewhere)) as other,
        listening(endpoint(led, other, status)) as leading,
    ):
        monkeypatch.setattr(
            server.kg, "settings", replace(server.kg.settings, services=f"{allowed} {leading}")
        )
        federated = "SELECT ?x {{ SERVICE <{}> {{ ?s ?p ?x }} }}".format
        answer = ask(server, federated(allowed))
        assert answer.status_code == 200, answer.text
        assert [row["x"]["value"] for row in answer.json()["results"]["bindings"]] == ["there"]
        assert len(seen) == 1
        assert ask(server, federated(other)).status_code == 403
        purpose = {"query": federated(allowed), "purpose": "dpv:ResearchAndDevelopment"}
        assert server.get("/sparql", params=purpose).status_code == 403
        ask(server, federated(leading))
        assert (len(led), elsewhere) == (1, [])


@pytest.mark.slow
def test_clients_that_do_not_read_their_answers_keep_nobody_from_long_queries(
    server: Running, apart: KnowledgeGraph
) -> None:
    large = "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 50000"
    medium = "SELECT (COUNT(*) AS ?n) { { SELECT * { ?a ?b ?c } LIMIT 1500 } { SELECT * { ?d ?e ?f } LIMIT 1500 } }"
    rooms, silent = engine_of(apart)._rooms, list[socket.socket]()
    try:
        for number in range(12):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            silent.append(connection)
            target = f"/sparql?query={quote(f'{large} # {number}')}&timeout=20"
            head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\n"
            connection.sendall(f"{head}Authorization: Bearer {server.token}\r\n\r\n".encode())
        until(lambda: len(rooms._sending) >= 8 and not (rooms._light or rooms._heavy or rooms._paused))
        for number in range(3):
            answer = ask(server, f"{medium} # {number}", 15)
            assert answer.status_code == 200, answer.text
        until(lambda: not rooms._sending)  # the deadline ends them, whether their clients read or not
    finally:
        for connection in silent:
            connection.close()


def figures(server: Running) -> dict[str, float]:
    """What `/metrics` tells."""
    lines = [line for line in server.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_figures_tell_where_queries_are_and_why_they_were_ended(server: Running) -> None:
    def stopped(reason: str) -> float:
        return figures(server)[f'kgservice_queries_stopped_total{{reason="{reason}"}}']

    before = figures(server)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, server, CROSS, 1.0)
        until(lambda: figures(server)['kgservice_queries{room="heavy"}'] == 1)
        assert asked.result().status_code == 504
    assert stopped("deadline") == before['kgservice_queries_stopped_total{reason="deadline"}'] + 1
    assert ask(server, HOSTILE["everything in order"][0], 20).status_code == 507
    assert stopped("memory") == before['kgservice_queries_stopped_total{reason="memory"}'] + 1
    left = before['kgservice_queries_stopped_total{reason="left"}']
    with pytest.raises(httpx.ReadTimeout):
        server.client.post(server.url + "sparql", data={"query": CROSS}, timeout=0.3)
    until(lambda: stopped("left") == left + 1)
    until(lambda: figures(server)['kgservice_queries{room="heavy"}'] == 0)
    after = figures(server)
    started = 'kgservice_workers_started_total{nursery="memory"}'
    assert after[started] > before[started]
    assert 0 < after['kgservice_workers{nursery="memory"}'] < after[started]
    assert after["kgservice_query_seconds_count"] == before["kgservice_query_seconds_count"] + 3
    assert after["kgservice_query_seconds_sum"] > before["kgservice_query_seconds_sum"] + 1
    assert after['kgservice_query_seconds_bucket{le="0.5"}'] < after["kgservice_query_seconds_count"]


def test_figures_tell_of_copies_and_that_the_disk_is_read_instead(
    server: Running, apart: KnowledgeGraph
) -> None:
    views = 1 + len(apart.settings.active_purposes)
    found = figures(server)
    assert found['kgservice_copies{kind="view for queries",read="memory"}'] == views
    assert found['kgservice_copy_bytes{kind="view for queries"}'] > 1_000_000
    assert found['kgservice_nursery_alive{nursery="memory"}'] == 1
    view = NamedNode("urn:test:large")
    with apart.writing:
        apart.store.load(BytesIO(b"<urn:a> <urn:b> <urn:c>, <urn:d> ."), TURTLE, graph=view)
    kept = apart.copies.keep_elsewhere(view, engine_of(apart).memory(view), Budget(400), lambda _: None)
    kept.wait()
    assert figures(server)['kgservice_copies{kind="view for queries",read="disk"}'] == 1


def test_figures_tell_of_kept_answers_and_commits(server: Running) -> None:
    before = figures(server)
    query = {"query": "SELECT ?kept { ?kept a ?class } LIMIT 3"}
    for _ in range(3):
        assert server.get("/sparql", params=query).status_code == 200
    update = {"Content-Type": "application/sparql-update"}
    inserted = server.post("/update", content="INSERT DATA { <urn:x> <urn:p> 1 }", headers=update)
    assert inserted.status_code == 204, inserted.text
    after = figures(server)
    for name, more in (("cache_hits_total", 2), ("cache_misses_total", 1), ("commit_seconds_count", 1)):
        assert after[f"kgservice_{name}"] == before[f"kgservice_{name}"] + more, name
    assert after["kgservice_cache_bytes"] > before["kgservice_cache_bytes"]
    assert after["kgservice_commit_undecided"] == 0
