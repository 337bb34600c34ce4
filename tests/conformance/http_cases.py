"""Reads the W3C manifests that describe HTTP exchanges, and runs them over a real socket."""

from __future__ import annotations

import http.client
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from urllib.parse import quote

from rdflib import RDF, Graph, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.compare import isomorphic, to_isomorphic
from rdflib.term import Node

from tests.serving import Running

SUITE = Path(__file__).parent / "sparql11"
MF = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
HT = Namespace("http://www.w3.org/2011/http#")
HTS = "http://www.w3.org/2011/http-statusCodes#"
CNT = Namespace("http://www.w3.org/2011/content#")
UT = Namespace("http://www.w3.org/2009/sparql/tests/test-update#")
RDFS = Namespace("http://www.w3.org/2000/01/rdf-schema#")

STATUS_NAMES = {"OK": 200, "Created": 201, "NoContent": 204, "NotFound": 404}
MEDIA_TYPES = {
    "boolean": {"application/sparql-results+json", "application/sparql-results+xml"},
    "tabular": {
        "application/sparql-results+json",
        "application/sparql-results+xml",
        "text/csv",
        "text/tab-separated-values",
    },
    "RDF": {"text/turtle", "application/n-triples", "application/rdf+xml"},
}


@dataclass(frozen=True)
class Expected:
    statuses: set[str]
    boolean: bool | None
    format: str | None
    location: str | None
    headers: dict[str, str]
    body: str | None


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    expected: Expected


@dataclass(frozen=True)
class Case:
    name: str
    requests: list[Request]
    data: list[tuple[Path, str]] = field(default_factory=list)


def entries(manifest: Path) -> list[tuple[Graph, Node]]:
    """The entries of a manifest and of those that it includes, in order."""
    graph = Graph().parse(manifest)
    found: list[tuple[Graph, Node]] = []
    for head in graph.objects(None, MF.include):
        for included in Collection(graph, head):
            found += entries(manifest.parent / Path(str(included)).name)
    for head in graph.objects(None, MF.entries):
        found += [(graph, entry) for entry in Collection(graph, head)]
    return found


def cases(manifest: Path) -> list[Case]:
    """All cases of a manifest."""
    return [_case(graph, entry, manifest.parent) for graph, entry in entries(manifest)]


def _case(graph: Graph, entry: Node, folder: Path) -> Case:
    (requests,) = graph.objects(graph.value(entry, MF.action), HT.requests)
    data = [
        (folder / Path(str(graph.value(node, UT.graph))).name, str(graph.value(node, RDFS.label)))
        for node in graph.objects(entry, UT.graphData)
    ]
    return Case(
        name=str(entry).rpartition("#")[2],
        requests=[_request(graph, node) for node in Collection(graph, requests)],
        data=data,
    )


def _headers(graph: Graph, node: Node) -> dict[str, str]:
    return {
        str(graph.value(header, HT.fieldName)): str(graph.value(header, HT.fieldValue))
        for head in graph.objects(node, HT.headers)
        for header in Collection(graph, head)
    }


def _body(graph: Graph, node: Node) -> tuple[str | None, str]:
    body = graph.value(node, HT.body)
    if body is None:
        return None, "utf-8"
    return str(graph.value(body, CNT.chars)), str(graph.value(body, CNT.characterEncoding))


def _request(graph: Graph, node: Node) -> Request:
    response = graph.value(node, HT.resp)
    assert response is not None
    body, encoding = _body(graph, node)
    boolean = graph.value(response, MF.expectedBoolean)
    kind = graph.value(response, MF.expectedFormat)
    location = graph.value(response, MF.expectedLocation)
    return Request(
        method=str(graph.value(node, HT.methodName)),
        path=str(graph.value(node, HT.absolutePath)),
        headers=_headers(graph, node),
        body=None if body is None else body.encode(encoding),
        expected=Expected(
            statuses={str(s).removeprefix(HTS) for s in graph.objects(response, MF.expectedStatus)},
            boolean=None if boolean is None else bool(boolean.toPython()),  # type: ignore[attr-defined]
            format=None if kind is None else str(kind),
            location=None if location is None else str(location),
            headers=_headers(graph, response),
            body=_body(graph, response)[0],
        ),
    )


def send(
    server: Running, method: str, path: str, headers: dict[str, str], body: bytes | None
) -> tuple[int, Message, bytes]:
    """One exchange exactly as given: nothing is added but Host, the token and the length of the body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {server.token}", **headers})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def load(server: Running, case: Case) -> None:
    """Put the graphs that a case needs."""
    for file, graph in case.data:
        path = f"/graphs?graph={quote(graph, safe='')}"
        status, _, body = send(
            server, "PUT", path, {"Content-Type": "application/n-triples"}, file.read_bytes()
        )
        assert status == 201, body


def check(expected: Expected, status: int, headers: Message, body: bytes) -> None:
    """Compare an answer with what the manifest says."""
    assert any(_is_status(status, name) for name in expected.statuses), (status, expected.statuses, body)
    for name, value in expected.headers.items():
        assert headers[name] == value
    media_type = headers.get_content_type()
    if expected.format is not None:
        assert media_type in MEDIA_TYPES[expected.format]
    if expected.boolean is not None:
        assert _boolean(media_type, body) is expected.boolean
    if expected.body is not None:
        want = Graph().parse(data=expected.body, format="turtle")
        got = Graph().parse(data=body, format=media_type)
        assert isomorphic(to_isomorphic(want), to_isomorphic(got)), body.decode()
    if status >= 400 and body:
        assert media_type == "application/problem+json"


def _is_status(status: int, name: str) -> bool:
    if name.startswith("StatusCode"):
        return f"{status // 100}xx" == name.removeprefix("StatusCode")
    return STATUS_NAMES[name] == status


def _boolean(media_type: str, body: bytes) -> bool:
    if media_type.endswith("json"):
        return bool(json.loads(body)["boolean"])
    element = ET.fromstring(body).find("{http://www.w3.org/2005/sparql-results#}boolean")
    assert element is not None
    return element.text == "true"


def types(graph: Graph, node: Node) -> Iterator[URIRef]:
    """The classes of a node."""
    yield from (c for c in graph.objects(node, RDF.type) if isinstance(c, URIRef))
