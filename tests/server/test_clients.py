"""Other people's clients work against the service: SPARQLWrapper, rdflib, pandas."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
from rdflib import Graph, Literal, URIRef
from rdflib.plugins.stores.sparqlstore import SPARQLStore, SPARQLUpdateStore
from SPARQLWrapper import BASIC, CSV, JSON, JSONLD, POST, POSTDIRECTLY, RDFXML, TURTLE, XML, SPARQLWrapper

from tests.serving import Running

G, S, P = URIRef("urn:x:g"), URIRef("urn:x:s"), URIRef("urn:x:p")
INSERT = "INSERT DATA { GRAPH <urn:x:g> { <urn:x:s> <urn:x:p> 'Grüße', 'zwei' } }"
SELECT = "SELECT ?o { GRAPH <urn:x:g> { ?s ?p ?o } } ORDER BY ?o"
CONSTRUCT = "CONSTRUCT { ?s ?p ?o } WHERE { GRAPH <urn:x:g> { ?s ?p ?o } }"


def wrapper(server: Running, text: str, form: Any = None, *, address: str = "sparql") -> SPARQLWrapper:
    made = SPARQLWrapper(f"{server.url}{address}")
    made.setHTTPAuth(BASIC)
    made.setCredentials("anybody", server.token)
    made.setQuery(text)
    if form is not None:
        made.setReturnFormat(form)
    return made


def converted(query: SPARQLWrapper) -> Any:
    """The answer as SPARQLWrapper converts it; its type depends on the format."""
    return query.queryAndConvert()


@pytest.fixture
def filled(server: Running) -> Running:
    update = wrapper(server, INSERT, address="update")
    update.setMethod(POST)
    update.query().response.close()
    return server


def test_sparqlwrapper_select_and_ask(filled: Running) -> None:
    for directly in (False, True):
        query = wrapper(filled, SELECT, JSON)
        if directly:
            query.setMethod(POST)
            query.setRequestMethod(POSTDIRECTLY)
        rows = converted(query)["results"]["bindings"]
        assert [row["o"]["value"] for row in rows] == ["Grüße", "zwei"]
    xml = converted(wrapper(filled, SELECT, XML))
    assert [n.firstChild.data for n in xml.getElementsByTagName("literal")] == ["Grüße", "zwei"]
    assert converted(wrapper(filled, SELECT, CSV)).decode().split() == ["o", "Grüße", "zwei"]
    assert converted(wrapper(filled, "ASK { GRAPH <urn:x:g> { ?s ?p ?o } }", JSON))["boolean"] is True


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
@pytest.mark.parametrize("form", [RDFXML, XML, JSONLD])
def test_sparqlwrapper_construct(filled: Running, form: str) -> None:
    graph = converted(wrapper(filled, CONSTRUCT, form))
    assert set(graph) >= {(S, P, Literal("Grüße")), (S, P, Literal("zwei"))}


def test_sparqlwrapper_turtle(filled: Running) -> None:
    graph = Graph().parse(data=converted(wrapper(filled, CONSTRUCT, TURTLE)), format="turtle")
    assert len(graph) == 2


def test_rdflib_sparqlstore(filled: Running) -> None:
    store = SPARQLStore(f"{filled.url}sparql", auth=("anybody", filled.token))
    graph = Graph(store, identifier=G)
    assert sorted(str(o) for o in graph.objects(S, P)) == ["Grüße", "zwei"]
    assert (S, P, Literal("zwei")) in graph
    assert len(graph) == 2
    everywhere = Graph(store)
    assert [str(row[0]) for row in everywhere.query(SELECT)] == ["Grüße", "zwei"]  # type: ignore[index]
    assert everywhere.query("ASK { GRAPH <urn:x:g> { ?s ?p ?o } }").askAnswer is True
    assert len(everywhere.query(CONSTRUCT).graph or ()) == 2


def test_rdflib_sparqlupdatestore(filled: Running) -> None:
    store = SPARQLUpdateStore(
        f"{filled.url}sparql", f"{filled.url}update", auth=("anybody", filled.token), autocommit=True
    )
    graph = Graph(store, identifier=G)
    graph.add((S, P, Literal("drei")))
    graph.remove((S, P, Literal("zwei")))
    assert sorted(str(o) for o in graph.objects(S, P)) == ["Grüße", "drei"]


def test_pandas(filled: Running) -> None:
    table = pd.read_csv(
        f"{filled.url}sparql?query={quote(SELECT)}&format=csv",
        storage_options={"Authorization": f"Bearer {filled.token}"},
    )
    assert list(table["o"]) == ["Grüße", "zwei"]
