from __future__ import annotations

import asyncio
import gzip
import html
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from kgservice import errors
from kgservice.application.answers.questions import questions
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.http.messages.details import PROBLEMS
from kgservice.http.messages.problems import problem_of
from kgservice.http.openapi.document import document
from kgservice.http.resources.problem_types import problem_types
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.serving import Running, running

TURTLE = {"Content-Type": "text/turtle"}
QUERY = {"Content-Type": "application/sparql-query"}
UPDATE = {"Content-Type": "application/sparql-update"}


def ask(method: str, path: str, **options: Any) -> Callable[[Running], Any]:
    return lambda server: server.request(method, path, **options)


# name → request, status, last part of the type, line, column, source
CASES: dict[str, tuple[Callable[[Running], Any], int, str, int | None, int | None, str | None]] = {
    "malformed query": (
        ask("POST", "/sparql", content="SELECT ?s\nWHERE { ?s ?p }", headers=QUERY),
        400,
        "malformed-sparql",
        2,
        16,
        None,
    ),
    "malformed update": (
        ask("POST", "/update", content="INSERT DATA {\n  <urn:a> <urn:b> }", headers=UPDATE),
        400,
        "malformed-sparql",
        2,
        19,
        None,
    ),
    "malformed turtle": (
        ask("PUT", "/graphs?graph=urn:x:g", content="<urn:a> <urn:b> 1 .\n<urn:a> oops .", headers=TURTLE),
        400,
        "malformed-rdf",
        2,
        None,
        None,
    ),
    "invalid UTF-8": (
        ask("POST", "/sparql", content=b"ASK {\n ?s ?p '\xff' }", headers=QUERY),
        400,
        "bad-input",
        2,
        9,
        None,
    ),
    **{
        f"{method} {path} with text": (
            ask(method, path, content="{}", headers={"Content-Type": "text/plain"}),
            415,
            "unsupported-media-type",
            None,
            None,
            "Content-Type",
        )
        for method, path in (
            ("POST", "/consents"),
            ("POST", "/requests"),
            ("POST", "/subjects/search"),
            ("POST", "/findings/1/waiver"),
            ("DELETE", "/quarantine/1"),
        )
    },
    "JSON in another charset": (
        ask("POST", "/consents", content="{}", headers={"Content-Type": "application/json; charset=utf-16"}),
        415,
        "unsupported-media-type",
        None,
        None,
        "Content-Type",
    ),
    "UTF-16 query": (
        ask(
            "POST",
            "/sparql",
            content="ASK {}".encode("utf-16"),
            headers={"Content-Type": "application/sparql-query; charset=utf-16"},
        ),
        415,
        "unsupported-media-type",
        None,
        None,
        "Content-Type",
    ),
    "UTF-16 turtle": (
        ask(
            "PUT",
            "/graphs?graph=urn:x:g",
            content="<urn:a> <urn:b> 1 .".encode("utf-16"),
            headers={"Content-Type": "text/turtle; charset=utf-16"},
        ),
        415,
        "unsupported-media-type",
        None,
        None,
        "Content-Type",
    ),
    "latin-1 in the address": (ask("GET", "/sparql?query=%FF"), 400, "bad-parameter", None, None, None),
    "two queries": (ask("GET", "/sparql?query=ASK{}&query=ASK{}"), 400, "bad-parameter", None, None, "query"),
    "a query in address and body": (
        ask("POST", "/sparql?query=ASK{}", content="ASK {}", headers=QUERY),
        400,
        "bad-parameter",
        None,
        None,
        "query",
    ),
    "no update": (ask("POST", "/update", data={"q": "x"}), 400, "bad-parameter", None, None, "update"),
    "an update at the query address": (
        ask("GET", "/sparql?update=CLEAR+ALL"),
        400,
        "bad-parameter",
        None,
        None,
        "update",
    ),
    "wrong media type": (
        ask("POST", "/sparql", content="ASK {}", headers={"Content-Type": "text/plain"}),
        415,
        "unsupported-media-type",
        None,
        None,
        "Content-Type",
    ),
    "body without media type": (
        ask("PUT", "/graphs?graph=urn:x:g", content="<urn:a> <urn:b> 1 ."),
        415,
        "unsupported-media-type",
        None,
        None,
        "Content-Type",
    ),
    "unknown content coding": (
        ask("PUT", "/graphs?graph=urn:x:g", content=b"x", headers=TURTLE | {"Content-Encoding": "br"}),
        415,
        "unsupported-media-type",
        None,
        None,
        "Content-Encoding",
    ),
    "broken gzip": (
        ask(
            "PUT", "/graphs?graph=urn:x:g", content=b"not gzip", headers=TURTLE | {"Content-Encoding": "gzip"}
        ),
        400,
        "bad-input",
        None,
        None,
        "Content-Encoding",
    ),
    "gzip that ends early": (
        ask(
            "PUT",
            "/graphs?graph=urn:x:g",
            content=gzip.compress(b"<urn:a> <urn:b> 1 .")[:-9],
            headers=TURTLE | {"Content-Encoding": "gzip"},
        ),
        400,
        "bad-input",
        None,
        None,
        "Content-Encoding",
    ),
    "not acceptable": (
        ask("GET", "/sparql?query=ASK{}", headers={"Accept": "image/png"}),
        406,
        "not-acceptable",
        None,
        None,
        None,
    ),
    "no coding acceptable": (
        ask("GET", "/sparql?query=ASK{}", headers={"Accept-Encoding": "identity;q=0"}),
        406,
        "not-acceptable",
        None,
        None,
        None,
    ),
    "unknown graph": (ask("GET", "/graphs?graph=urn:x:none"), 404, "not-found", None, None, None),
    "no graph named": (ask("GET", "/graphs"), 400, "bad-parameter", None, None, "graph"),
    "two graphs named": (
        ask("GET", "/graphs?default&graph=urn:x:g"),
        400,
        "bad-parameter",
        None,
        None,
        "graph",
    ),
    "relative graph": (ask("GET", "/graphs?graph=g"), 400, "bad-parameter", None, None, "graph"),
    "outgoing request": (
        ask("GET", "/sparql?query=SELECT+*+{SERVICE+<http://127.0.0.1:1/>+{?s+?p+?o}}"),
        403,
        "forbidden",
        1,
        11,
        None,
    ),
    "nothing there": (ask("GET", "/nothing/here"), 404, "not-found", None, None, None),
    "wrong method": (ask("DELETE", "/sparql"), 405, "method-not-allowed", None, None, None),
    "wrong method of a route": (ask("POST", "/health"), 405, "method-not-allowed", None, None, None),
}


@pytest.fixture(scope="module")
def server(unchanged: Running) -> Running:
    return unchanged


@pytest.mark.parametrize("name", CASES)
def test_status_and_shape(name: str, server: Running) -> None:
    request, status, kind, line, column, source = CASES[name]
    answer = request(server)
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status), body
    assert answer.headers["content-type"] == "application/problem+json"
    assert body.keys() <= {"type", "title", "status", "detail", "instance", "line", "column", "source"}
    assert body["type"] == f"/problems/{kind}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == answer.request.url.path
    assert body.get("line") == line
    if column is not None:
        assert body.get("column") == column
    assert body.get("source") == source
    if status == 405:
        assert "GET" in answer.headers["allow"]


# Each format with a fault in its second line.
MALFORMED = {
    "text/turtle": "<urn:a> <urn:b> 1 .\n<urn:a> oops .",
    "application/n-triples": '<urn:a> <urn:b> "1" .\n<urn:a> <urn:b> .',
    "application/n-quads": '<urn:a> <urn:b> "1" .\n<urn:a> <urn:b> .',
    "application/trig": "<urn:a> <urn:b> 1 .\n{ <urn:a> }",
    "application/rdf+xml": "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\n<a></b></rdf:RDF>",
    "application/ld+json": '{"@id": "urn:a",\n"urn:b" 1}',
}


@pytest.mark.parametrize("media_type", MALFORMED)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/graphs?graph=urn:x:g"),
        ("POST", "/graphs?graph=urn:x:g"),
        ("POST", "/imports"),
        ("POST", "/validation"),
    ],
)
def test_malformed_rdf_names_the_line(server: Running, method: str, path: str, media_type: str) -> None:
    answer = server.request(method, path, content=MALFORMED[media_type], headers={"Content-Type": media_type})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    line = None if media_type == "application/rdf+xml" else 2  # of XML the parser tells no place
    assert (answer.json()["type"], answer.json().get("line")) == ("/problems/malformed-rdf", line)
    assert server.get("/graphs?graph=urn:x:g").status_code == 404


def test_the_whole_shape_is_pinned(server: Running) -> None:
    answer = server.get("/sparql", params={"query": "ASK {", "token": "not shown"}, headers={})
    assert answer.json() == {
        "type": "/problems/malformed-sparql",
        "title": "Malformed SPARQL",
        "status": 400,
        "detail": answer.json()["detail"],
        "instance": "/sparql",
        "line": 1,
        "column": 6,
    }


def test_every_error_has_its_status() -> None:
    tree = {c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.KgError)}
    assert tree == PROBLEMS.keys()
    assert len({name for _, name in PROBLEMS.values()}) == len(PROBLEMS)


@pytest.fixture
def narrow(model_only: OxigraphStore) -> Iterator[Running]:
    with model_only.copy() as store:
        kg = KnowledgeGraph.open(Settings(max_body=4000, max_query=100), store, guarded=False)
        with running(kg) as server:
            yield server
        kg.close()


def test_too_large(narrow: Running) -> None:
    turtle = "".join(f"<urn:a> <urn:b> {n} .\n" for n in range(400)).encode()
    assert len(turtle) > 4000 > len(gzip.compress(turtle))
    graph = "/graphs?graph=urn:x:g"

    def without_length() -> Any:
        for start in range(0, len(turtle), 1000):
            yield turtle[start : start + 1000]

    for answer in (
        narrow.get("/sparql", params={"query": "ASK {}" + " " * 100}),
        narrow.post("/sparql", content="ASK {}" + " " * 100, headers=QUERY),
        narrow.post("/update", content="CLEAR ALL" + " " * 4000, headers=UPDATE),
        narrow.request("PUT", graph, content=turtle, headers=TURTLE),
        narrow.request("PUT", graph, content=without_length(), headers=TURTLE),
        narrow.request(
            "PUT", graph, content=gzip.compress(turtle), headers=TURTLE | {"Content-Encoding": "gzip"}
        ),
        narrow.post(graph, files={"f": ("f.ttl", turtle, "text/turtle")}),
    ):
        assert answer.status_code == 413
        assert answer.json()["type"] == "/problems/too-large"
    assert narrow.get(graph).status_code == 404


def test_what_is_unexpected_says_nothing_of_the_inside() -> None:
    class Faulty(OxigraphStore):
        def has_graph(self, graph: Any) -> bool:
            if graph.value == "urn:x:faulty":
                raise ZeroDivisionError("a secret of the inside")
            return super().has_graph(graph)

    kg = KnowledgeGraph.open(Settings(), Faulty(), guarded=False)
    with running(kg) as server:
        answer = server.get("/graphs?graph=urn:x:faulty")
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/internal-error"
        assert "secret" not in answer.text
        assert server.get("/health").status_code == 200
    kg.close()


@pytest.mark.parametrize("name", problem_types())
def test_every_type_resolves_without_a_token(server: Running, name: str) -> None:
    address = f"{server.url}problems/{name}"
    told = httpx.get(address, headers={"Accept": "application/json"}, trust_env=False)
    assert told.status_code == 200
    body = told.json()
    assert body["type"] == f"/problems/{name}"
    assert body["title"]
    assert 400 <= body["status"] < 600
    for language in ("de", "en"):
        headers = {"Accept": "text/html", "Accept-Language": language}
        page = httpx.get(address, headers=headers, trust_env=False)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert html.escape(body["title"]) in page.text
        assert html.escape(body["advice"][language], quote=False) in page.text
    assert httpx.head(address, trust_env=False).status_code == 200


def test_an_unknown_type_is_not_found(server: Running) -> None:
    answer = server.get("/problems/boredom", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    page = server.get("/problems/boredom", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_every_kind_of_problem_has_a_page() -> None:
    assert {name for _, name in PROBLEMS.values()} <= problem_types().keys()


def test_half_a_character_in_a_message_can_be_sent() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}
    asyncio.run(problem_of(errors.BadInput("no \ud800 character"))(scope, receive, send))
    assert json.loads(sent[1]["body"])["detail"] == "no ? character"
    assert dict(sent[0]["headers"])[b"content-length"] == str(len(sent[1]["body"])).encode()


@pytest.mark.parametrize("bounds", ["bytes=9-1", "bytes=x", "nonsense", "bytes=99999999-"])
def test_ranges_of_static_files_are_ignored(server: Running, bounds: str) -> None:
    whole = server.get("/static/kgservice.css")
    answer = server.get("/static/kgservice.css", headers={"Range": bounds})
    assert (answer.status_code, answer.content) == (200, whole.content)
    assert answer.headers["accept-ranges"] == "none"


@pytest.mark.parametrize("path", ["/health", "/check", "/validation", "/export", "/openapi.json"])
def test_head_is_get_without_the_body(server: Running, path: str) -> None:
    head, get = server.request("HEAD", path), server.get(path)
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    assert "head" not in server.get("/openapi.json").json()["paths"].get(path, {})


def test_what_describes_the_service_is_the_table_of_operations(server: Running) -> None:
    assert server.get("/openapi.json").json() == document(questions())
