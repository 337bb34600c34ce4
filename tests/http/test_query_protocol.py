from __future__ import annotations

import json
from urllib.parse import quote

import httpx
import pytest
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse
from rdflib import Graph

from tests.serving import Running

SCRATCH = "https://kg.example/graph/scratch"
ONE = "SELECT (1 AS ?one) {}"
JSON = "application/sparql-results+json"


def test_get_form_and_direct_give_the_same(server: Running) -> None:
    answers = [
        server.get("/sparql", params={"query": ONE}),
        server.post("/sparql", data={"query": ONE}),
        server.post("/sparql", content=ONE, headers={"Content-Type": "application/sparql-query"}),
        server.post(
            "/sparql",
            content=ONE.encode(),
            headers={"Content-Type": "application/sparql-query; charset=UTF-8"},
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == JSON
        assert answer.json()["results"]["bindings"][0]["one"]["value"] == "1"
        assert int(answer.headers["content-length"]) == len(answer.content)


def test_head_has_the_headers_of_get_and_no_body(server: Running) -> None:
    get = server.get("/sparql", params={"query": ONE})
    head = server.request("HEAD", "/sparql", params={"query": ONE})
    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-type", "etag", "vary"):
        assert head.headers[name] == get.headers[name]
    assert server.request("HEAD", "/sparql", params={"query": "nonsense"}).status_code == 400
    assert server.request("HEAD", "/sparql").headers["content-type"] == "text/turtle; charset=utf-8"


def test_options_say_the_methods(server: Running) -> None:
    for path, methods in (
        ("/sparql", "GET, HEAD, OPTIONS, POST"),
        ("/update", "OPTIONS, POST"),
        ("/graphs", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
        ("/graphs/any/thing", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
    ):
        answer = server.request("OPTIONS", path)
        assert (answer.status_code, answer.headers["allow"]) == (204, methods)


@pytest.mark.parametrize(
    ("accept", "query", "content_type"),
    [
        ("text/csv", ONE, "text/csv; charset=utf-8"),
        ("text/tab-separated-values", ONE, "text/tab-separated-values; charset=utf-8"),
        ("application/sparql-results+xml", ONE, "application/sparql-results+xml"),
        ("application/json", ONE, "application/json"),
        ("text/csv, */*;q=0.1", "ASK {}", JSON),
        ("*/*", "CONSTRUCT { <a:a> <a:b> 1 } {}", "text/turtle; charset=utf-8"),
        ("application/n-triples", "CONSTRUCT { <a:a> <a:b> 1 } {}", "application/n-triples"),
        ("application/ld+json", "CONSTRUCT { <a:a> <a:b> 1 } {}", "application/ld+json"),
        ("application/rdf+xml", "CONSTRUCT { <a:a> <a:b> 1 } {}", "application/rdf+xml"),
        ("application/trig", "CONSTRUCT { <a:a> <a:b> 1 } {}", "application/trig"),
        ("application/n-quads", "CONSTRUCT { <a:a> <a:b> 1 } {}", "application/n-quads"),
    ],
)
def test_formats(server: Running, accept: str, query: str, content_type: str) -> None:
    answer = server.get("/sparql", params={"query": query}, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    assert "Accept" in answer.headers["vary"]
    if query.startswith("CONSTRUCT"):
        fmt = RdfFormat.from_media_type(accept) or RdfFormat.TURTLE
        assert [q.triple for q in parse(answer.content, fmt)] == [
            Triple(NamedNode("a:a"), NamedNode("a:b"), Literal(1))
        ]


def test_format_parameter(server: Running) -> None:
    answer = server.get("/sparql", params={"query": ONE, "format": "csv"}, headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.split() == ["one", "1"]


def test_the_dataset_is_what_the_parameters_name(server: Running) -> None:
    for name in ("one", "two", "three"):
        graph = quote(f"https://a.example/{name}", safe="")
        server.request(
            "PUT",
            f"/graphs?graph={graph}",
            content=f'<urn:{name}> <urn:p> "{name}" .',
            headers={"Content-Type": "text/turtle"},
        )
    query = "SELECT ?s ?g { { ?s <urn:p> ?o } UNION { GRAPH ?g { ?s <urn:p> ?o } } }"

    def found(*parameters: tuple[str, str]) -> set[tuple[str, str | None]]:
        answer = server.get("/sparql", params=[("query", query), *parameters])
        return {
            (row["s"]["value"], row["g"]["value"] if "g" in row else None)
            for row in answer.json()["results"]["bindings"]
        }

    default = ("default-graph-uri", "https://a.example/one")
    other = ("default-graph-uri", "https://a.example/two")
    named = ("named-graph-uri", "https://a.example/three")
    assert found(default) == {("urn:one", None)}
    assert found(default, other) == {("urn:one", None), ("urn:two", None)}
    assert found(named) == {("urn:three", "https://a.example/three")}
    assert found(default, named) == {("urn:one", None), ("urn:three", "https://a.example/three")}
    assert {g for _, g in found()} == {f"https://a.example/{n}" for n in ("one", "two", "three")}


def test_relative_and_broken_graph_names_are_refused(server: Running) -> None:
    for name in ("relative", "http://a b/", ""):
        answer = server.get("/sparql", params={"query": ONE, "default-graph-uri": name})
        assert answer.status_code == 400
        assert answer.json()["source"] == "default-graph-uri"


def test_etag_and_not_modified(server: Running) -> None:
    first = server.get("/sparql", params={"query": ONE})
    tag = first.headers["etag"]
    again = server.get("/sparql", params={"query": ONE}, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    csv = server.get("/sparql", params={"query": ONE, "format": "csv"}, headers={"If-None-Match": tag})
    assert csv.status_code == 200
    assert csv.headers["etag"] != tag
    changed = server.post(
        "/update",
        content="INSERT DATA { GRAPH <urn:x:g> { <urn:x:s> <urn:x:p> 1 } }",
        headers={"Content-Type": "application/sparql-update"},
    )
    assert changed.status_code == 204
    after = server.get("/sparql", params={"query": ONE}, headers={"If-None-Match": tag})
    assert after.status_code == 200
    assert after.headers["etag"] != tag


def test_answers_that_differ_each_time_have_no_etag(server: Running) -> None:
    assert "etag" not in server.get("/sparql", params={"query": "SELECT (now() AS ?t) {}"}).headers
    assert "etag" not in server.post("/sparql", data={"query": ONE}).headers


def test_updates_change_what_queries_see(server: Running) -> None:
    insert = "INSERT DATA { GRAPH <urn:x:g> { <urn:x:s> <urn:x:p> 'Grüße' } }"
    answers = [
        server.post("/update", data={"update": insert}),
        server.post(
            "/update",
            params={"using-graph-uri": "urn:x:g"},
            content="INSERT { GRAPH <urn:x:h> { ?s <urn:x:q> ?o } } WHERE { ?s <urn:x:p> ?o }",
            headers={"Content-Type": "application/sparql-update"},
        ),
    ]
    assert [a.status_code for a in answers] == [204, 204]
    query = "SELECT ?o { GRAPH <urn:x:h> { <urn:x:s> <urn:x:q> ?o } }"
    rows = server.get("/sparql", params={"query": query}).json()["results"]["bindings"]
    assert [row["o"]["value"] for row in rows] == ["Grüße"]


def test_service_description_tells_the_two_default_graphs_apart(server: Running) -> None:
    said = server.get("/sparql", headers={"Accept": "text/turtle"}).text
    assert "<https://kg.example/view/everything>. The default graph of the Graph Store Protocol" in said
    assert "(/graphs?default) is another: <https://kg.example/graph/scratch>" in said


def test_service_description_counts_and_is_cached_by_commit(server: Running) -> None:
    void = "http://rdfs.org/ns/void#"
    answer = server.get("/sparql", headers={"Accept": "application/n-triples"})
    graph = Graph().parse(data=answer.content, format="nt")
    counted = graph.query(
        f"SELECT ?triples ?subjects {{ ?g <{void}triples> ?triples ; <{void}distinctSubjects> ?subjects }}"
    )
    ((triples, subjects),) = [tuple(row) for row in counted if not isinstance(row, bool)]
    asked = server.get(
        "/sparql", params={"query": "SELECT (COUNT(*) AS ?n) (COUNT(DISTINCT ?s) AS ?m) { ?s ?p ?o }"}
    ).json()["results"]["bindings"][0]
    assert (str(triples), str(subjects)) == (asked["n"]["value"], asked["m"]["value"])
    again = server.get(
        "/sparql", headers={"Accept": "application/n-triples", "If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304


def test_health_needs_no_token(server: Running) -> None:
    answer = httpx.get(f"{server.url}health", trust_env=False)
    assert answer.status_code == 200
    assert json.loads(answer.content).keys() == {"status", "version", "reads", "filling", "validation"}
