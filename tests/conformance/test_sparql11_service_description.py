"""The W3C suite of the SPARQL 1.1 Service Description: every case over a real socket.

The manifest names the cases without saying how to check them; the schema is section 3 of the recommendation.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rdflib import BNode, Graph, Literal, URIRef
from rdflib.namespace import RDF

from tests.conformance.http_cases import SUITE, entries, types
from tests.serving import Running

ENTRIES = [
    str(entry).rpartition("#")[2] for _, entry in entries(SUITE / "service-description" / "manifest.ttl")
]
SD = "http://www.w3.org/ns/sparql-service-description#"

# property → class of its subjects, class of its objects (None: any IRI)
SCHEMA: dict[str, tuple[str, str | None]] = {
    "endpoint": ("Service", None),
    "feature": ("Service", "Feature"),
    "propertyFeature": ("Service", None),
    "defaultEntailmentRegime": ("Service", "EntailmentRegime"),
    "supportedLanguage": ("Service", "Language"),
    "defaultDataset": ("Service", "Dataset"),
    "resultFormat": ("Service", "Format"),
    "inputFormat": ("Service", "Format"),
    "defaultGraph": ("Dataset", "Graph"),
    "namedGraph": ("Dataset", "NamedGraph"),
    "name": ("NamedGraph", None),
    "graph": ("NamedGraph", "Graph"),
}
INSTANCES: dict[str, set[str]] = {
    "Language": {f"{SD}SPARQL10Query", f"{SD}SPARQL11Query", f"{SD}SPARQL11Update"},
    "Feature": {
        f"{SD}{name}"
        for name in (
            "DereferencesURIs",
            "UnionDefaultGraph",
            "RequiresDataset",
            "EmptyGraphs",
            "BasicFederatedQuery",
        )
    },
}
PREFIXES = {"EntailmentRegime": "http://www.w3.org/ns/entailment/", "Format": "http://www.w3.org/ns/formats/"}


def description(server: Running) -> Graph:
    response = server.get("/sparql", headers={"Accept": "text/turtle"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/turtle; charset=utf-8"
    return Graph().parse(data=response.content, format="turtle")


def returns_rdf(server: Running) -> None:
    assert len(description(server)) > 10


def has_endpoint_triple(server: Running) -> None:
    graph = description(server)
    services = list(graph.subjects(URIRef(f"{SD}endpoint"), URIRef(f"{server.url}sparql")))
    assert len(services) == 1
    assert URIRef(f"{SD}SPARQL11Query") in set(graph.objects(services[0], URIRef(f"{SD}supportedLanguage")))


def conforms_to_schema(server: Running) -> None:
    graph = description(server)
    checked = 0
    for s, p, o in graph:
        if not str(p).startswith(SD):
            continue
        subject_class, object_class = SCHEMA[str(p).removeprefix(SD)]
        assert URIRef(SD + subject_class) in types(graph, s), (s, p, o)
        assert not isinstance(o, Literal), (s, p, o)
        if object_class is None:
            assert isinstance(o, URIRef), (s, p, o)
        elif object_class in INSTANCES:
            assert str(o) in INSTANCES[object_class], (s, p, o)
        elif object_class in PREFIXES:
            assert str(o).startswith(PREFIXES[object_class]), (s, p, o)
        else:
            assert URIRef(SD + object_class) in types(graph, o), (s, p, o)
        checked += 1
    assert checked >= 19
    services = set(graph.subjects(RDF.type, URIRef(f"{SD}Service")))
    assert services
    for service in services:
        assert len(list(graph.objects(service, URIRef(f"{SD}endpoint")))) == 1
        assert len(list(graph.objects(service, URIRef(f"{SD}defaultDataset")))) == 1
    for dataset in graph.subjects(RDF.type, URIRef(f"{SD}Dataset")):
        assert len(list(graph.objects(dataset, URIRef(f"{SD}defaultGraph")))) <= 1
    for named in graph.subjects(RDF.type, URIRef(f"{SD}NamedGraph")):
        assert isinstance(named, BNode | URIRef)
        assert len(list(graph.objects(named, URIRef(f"{SD}name")))) == 1


CHECKS: dict[str, Callable[[Running], None]] = {
    "returns-rdf": returns_rdf,
    "has-endpoint-triple": has_endpoint_triple,
    "conforms-to-schema": conforms_to_schema,
}


def test_no_case_is_lost() -> None:
    assert len(ENTRIES) == 3
    assert set(ENTRIES) == CHECKS.keys()


@pytest.mark.parametrize("name", ENTRIES)
def test_case(name: str, server: Running) -> None:
    CHECKS[name](server)
