"""Quality over HTTP: measures now, measurements kept, and the same in the Data Quality Vocabulary."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyoxigraph
import rdflib
from pyoxigraph import RdfFormat
from rdflib.namespace import RDF

from kgservice.domain.measures import MEASURES
from tests.conftest import NOON
from tests.serving import Running, faults

DQV = rdflib.Namespace("http://www.w3.org/ns/dqv#")
HEAD = "@prefix ci: <https://w3id.org/kgservice/ci#> . @prefix id: <https://kg.example/id/> ."


def persons(body: dict[str, Any]) -> dict[str, Any]:
    """The one part of the measure of persons without duplicate."""
    (part,) = next(m for m in body["measures"] if m["id"] == "unique-persons")["parts"]
    found: dict[str, Any] = part
    return found


def load(server: Running, turtle: str) -> None:
    sent = server.post("/imports", content=f"{HEAD} {turtle}", headers={"Content-Type": "text/turtle"})
    assert sent.is_success, sent.text


def test_measures_are_kept_day_by_day(server: Running) -> None:
    now = NOON
    server.kg.clock = lambda: now
    empty = server.get("/quality")
    assert (empty.status_code, empty.headers["content-type"]) == (200, "application/json")
    assert empty.headers["cache-control"] == "no-store"
    assert [m["id"] for m in empty.json()["measures"]] == list(MEASURES)
    assert persons(empty.json())["now"] == {"value": None, "numerator": 0, "denominator": 0}
    load(server, "id:a a ci:ContactPerson ; ci:emailAddress 'x@firm.example' . id:b a ci:ContactPerson .")
    first = server.post("/quality")
    assert first.status_code == 201
    load(server, "id:c a ci:ContactPerson ; ci:emailAddress 'x@firm.example' .")
    assert server.post("/quality").status_code == 200
    now += timedelta(days=1)
    load(server, "id:d a ci:ContactPerson .")
    assert server.post("/quality").status_code == 201
    part = persons(server.get("/quality").json())
    assert part["now"] == {"value": 0.5, "numerator": 2, "denominator": 4}
    assert part["history"] == [
        {"time": "2026-11-20T12:00:00Z", "value": 0.333333333333, "numerator": 1, "denominator": 3},
        {"time": "2026-11-21T12:00:00Z", "value": 0.5, "numerator": 2, "denominator": 4},
    ]
    assert faults(server) == []


def test_looking_keeps_nothing(server: Running) -> None:
    before = server.kg.head
    server.get("/quality")
    assert server.kg.head == before


def test_dqv_in_two_formats(server: Running) -> None:
    load(server, "id:a a ci:ContactPerson .")
    server.post("/quality")
    graphs = []
    for name, fmt in (("turtle", RdfFormat.TURTLE), ("jsonld", RdfFormat.JSON_LD)):
        answer = server.get(f"/quality?format={name}")
        assert answer.headers["content-type"].startswith(("text/turtle", "application/ld+json"))
        quads = pyoxigraph.parse(answer.text, fmt)
        graphs.append(rdflib.Graph().parse(data="\n".join(f"{q.triple} ." for q in quads), format="nt"))
    assert set(graphs[0]) == set(graphs[1])
    assert len(set(graphs[0].subjects(RDF.type, DQV.Metric))) == len(MEASURES)
    metric = rdflib.URIRef("https://w3id.org/kgservice/quality#unique-persons")
    values = [graphs[0].value(m, DQV.value) for m in graphs[0].subjects(DQV.isMeasurementOf, metric)]
    assert [v.toPython() for v in values if isinstance(v, rdflib.Literal)] == [1, 1]  # now, and the kept one
    by_header = server.get("/quality", headers={"Accept": "text/turtle"})
    assert by_header.headers["content-type"].startswith("text/turtle")


def test_the_measurements_can_be_asked_for_but_not_written(server: Running) -> None:
    load(server, "id:a a ci:ContactPerson .")
    server.post("/quality")
    ask = "ASK { ?m <http://www.w3.org/ns/dqv#isMeasurementOf> <https://w3id.org/kgservice/quality#unique-persons> }"
    assert server.get("/sparql", params={"query": ask, "format": "json"}).json()["boolean"] is True
    graph = f"{server.kg.addresses.graphs}quality"
    headers = {"Content-Type": "text/turtle"}
    for method in ("PUT", "POST", "DELETE"):
        sent = server.request(
            method, f"/graphs?graph={graph}", content="<urn:a> <urn:b> <urn:c> .", headers=headers
        )
        assert sent.status_code == 403, (method, sent.text)


def test_methods_and_formats(server: Running) -> None:
    head = server.request("HEAD", "/quality")
    assert (head.status_code, head.content) == (200, b"")
    assert server.request("OPTIONS", "/quality").headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert server.request("DELETE", "/quality").status_code == 405
    before = server.kg.head
    refused = server.post("/quality?format=csv")
    assert (refused.status_code, server.kg.head) == (406, before)
    assert server.client.post(f"{server.url}quality", headers={"Authorization": ""}).status_code == 401
