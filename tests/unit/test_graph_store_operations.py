"""Whole graphs: read, replaced, added to and deleted."""

from __future__ import annotations

import io

import pytest
import rdflib
import rdflib.compare
from pyoxigraph import NamedNode

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol import graph_store
from kgservice.domain.change import Change, Commit, Origin
from kgservice.errors import BadRdf, Conflict, Forbidden, NotAcceptable, NotFound
from kgservice.store.formats import GRAPH_FORMATS, JSON, TRIG, TURTLE, Format
from tests.terms import ADDRESSES, iri, quad

MINE = iri("ex:mine")
SCRATCH = NamedNode(ADDRESSES.scratch)
NESTED = b"<a> <p> [ <q> [ <r> 1 ] ], [ <q> 2 ] ; <s> 'x'@de ."


def put(kg: KnowledgeGraph, body: bytes, graph: NamedNode = MINE, fmt: Format = TURTLE) -> Commit:
    return graph_store.put(kg, graph, io.BytesIO(body), fmt, Origin())


def post(kg: KnowledgeGraph, body: bytes, graph: NamedNode = MINE) -> Commit:
    return graph_store.post(kg, graph, io.BytesIO(body), TURTLE, Origin())


def read(kg: KnowledgeGraph, graph: NamedNode = MINE, fmt: Format = TURTLE) -> bytes:
    out = io.BytesIO()
    graph_store.read(kg, graph, fmt, out)
    return out.getvalue()


def same(one: bytes, other: bytes) -> bool:
    graphs = [rdflib.Graph().parse(data=d, format="turtle", publicID=MINE.value) for d in (one, other)]
    return rdflib.compare.isomorphic(*graphs)


def test_what_is_put_is_what_is_read(kg: KnowledgeGraph) -> None:
    assert not graph_store.exists(kg, MINE)
    assert put(kg, NESTED).added == 6
    assert graph_store.exists(kg, MINE)
    assert same(read(kg), NESTED)


@pytest.mark.parametrize("fmt", GRAPH_FORMATS, ids=lambda f: str(f.name))
def test_every_format_goes_out_and_comes_in(kg: KnowledgeGraph, fmt: Format) -> None:
    put(kg, NESTED)
    body = read(kg, fmt=fmt)
    put(kg, body, iri("ex:other"), fmt)
    assert same(read(kg, iri("ex:other")), NESTED)


def test_put_replaces_and_post_adds(kg: KnowledgeGraph) -> None:
    put(kg, b"<a> <p> 1 .")
    commit = put(kg, b"<a> <p> 1 . <b> <p> 2 .")
    assert (commit.added, commit.removed) == (1, 0)
    commit = put(kg, b"<b> <p> 2 .")
    assert (commit.added, commit.removed) == (0, 1)
    post(kg, b"<c> <p> 3 .")
    assert same(read(kg), b"<b> <p> 2 . <c> <p> 3 .")


def test_the_same_document_twice_changes_nothing(kg: KnowledgeGraph) -> None:
    first = put(kg, NESTED + b"<n> <p> 007 .")
    assert put(kg, NESTED + b"<n> <p> 007 .").number == first.number


def test_an_empty_graph_exists(kg: KnowledgeGraph) -> None:
    put(kg, b"")
    assert graph_store.exists(kg, MINE)
    assert read(kg) == b""
    put(kg, NESTED)
    put(kg, b"")
    assert graph_store.exists(kg, MINE)
    assert read(kg) == b""


def test_delete(kg: KnowledgeGraph) -> None:
    put(kg, NESTED)
    graph_store.delete(kg, MINE, Origin())
    assert not graph_store.exists(kg, MINE)
    for again in (lambda: graph_store.delete(kg, MINE, Origin()), lambda: read(kg)):
        with pytest.raises(NotFound):
            again()


def test_the_default_graph_is_always_there(kg: KnowledgeGraph) -> None:
    assert graph_store.exists(kg, SCRATCH)
    assert read(kg, SCRATCH) == b""
    put(kg, b"<http://example.org/a> <http://example.org/p> 1 .", SCRATCH)
    assert b"example.org/a" in read(kg, SCRATCH)
    graph_store.delete(kg, SCRATCH, Origin())
    assert read(kg, SCRATCH) == b""


def test_record_graphs_through_the_router(kg: KnowledgeGraph) -> None:
    kg.commit(
        Change.adding([quad("id:anna", "a", "ci:ContactPerson"), quad("id:anna", "ci:personName", "Anna")])
    )
    graph = iri("graph:subject/anna")
    body = read(kg, graph).replace(b"Anna", b"Anne")
    commit = put(kg, body, graph)
    assert (commit.added, commit.removed) == (1, 1)
    assert kg.ask("ASK { ?x ?p 'Anne' }")
    assert not kg.ask("ASK { ?x ?p 'Anna' }")
    with pytest.raises(Conflict):
        post(kg, b"<https://kg.example/id/p> a <https://w3id.org/kgservice/ci#PainPoint> .", graph)
    graph_store.delete(kg, graph, Origin())
    assert not graph_store.exists(kg, graph)
    assert check(kg) == []


@pytest.mark.parametrize("name", ["graph:ontology", "graph:provenance", "graph:finding"])
def test_the_services_graphs_cannot_be_written(kg: KnowledgeGraph, name: str) -> None:
    with pytest.raises(Forbidden):
        put(kg, NESTED, iri(name))
    with pytest.raises(Forbidden):
        post(kg, NESTED, iri(name))


def test_the_services_graphs_can_be_read(kg: KnowledgeGraph) -> None:
    assert len(read(kg, NamedNode(ADDRESSES.everything))) > 1000
    text = read(kg, NamedNode(ADDRESSES.ontology))
    assert kg.graphs.genid.encode() not in text
    with pytest.raises(Forbidden):
        graph_store.delete(kg, NamedNode(ADDRESSES.ontology), Origin())


def test_wrong_documents(kg: KnowledgeGraph) -> None:
    with pytest.raises(BadRdf) as caught:
        put(kg, b"<a> <p> 1 .\n<b> <p> oops .")
    assert caught.value.line == 2
    with pytest.raises(BadRdf):
        put(kg, b"<http://example.org/other> { <a> <p> 1 }", fmt=TRIG)
    put(kg, b"<http://example.org/mine> { <a> <p> 1 }", fmt=TRIG)
    assert b"<http://example.org/a>" in read(kg)
    with pytest.raises(NotAcceptable):
        read(kg, fmt=JSON)
