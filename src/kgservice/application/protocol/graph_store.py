"""The Graph Store operations: one whole graph read, replaced, added to or deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

import pyoxigraph
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Triple

from kgservice.application.changes import streams
from kgservice.application.changes.modelfiles import NamedBlankNodes
from kgservice.application.changes.proof import refuse_whole
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change, Commit, Origin
from kgservice.domain.graphs import GraphKind, Graphs
from kgservice.errors import BadRdf, NotAcceptable, NotFound
from kgservice.store.base import Dataset
from kgservice.store.formats import Format, prefixes_for
from kgservice.store.syntax import parse


def exists(kg: KnowledgeGraph, graph: NamedNode) -> bool:
    """Whether the graph exists; the scratch graph (`?default`) always does."""
    kg.current()
    return graph.value == kg.addresses.scratch or kg.store.has_graph(graph)


def read(kg: KnowledgeGraph, graph: NamedNode, fmt: Format, out: BinaryIO) -> None:
    """Write the graph to `out`; IRIs that stand for blank nodes come out as blank nodes.

    Raises `NotFound`, and `NotAcceptable` for a format that carries no graph, before anything is written.
    """
    if not exists(kg, graph):
        raise NotFound("there is no graph {graph}", graph=graph)
    if fmt.rdf is None:
        raise NotAcceptable("{fmt} cannot carry a graph", fmt=fmt.name)
    genid = Literal(kg.graphs.genid)
    has_genids = kg.store.ask(
        "ASK { ?s ?p ?o "
        f"FILTER(STRSTARTS(STR(?s), {genid}) || (isIRI(?o) && STRSTARTS(STR(?o), {genid}))) }}",
        Dataset(default=(graph,)),
    )
    if has_genids:
        triples = _with_blank_nodes(streams.triples(kg.store, graph), kg.graphs)
        pyoxigraph.serialize(triples, out, fmt.rdf, prefixes=prefixes_for(fmt))
    else:
        kg.store.dump(out, fmt, graph=graph)


def put(kg: KnowledgeGraph, graph: NamedNode, source: BinaryIO, fmt: Format, origin: Origin) -> Commit:
    """Replace the graph by the document `source`, which may be empty; the graph exists afterwards.

    The same document put twice changes nothing. Raises `BadRdf` with line and column, `Forbidden` for
    read-only graphs, `Conflict` for statements that belong to another record graph.
    """
    content = source.read()
    named = NamedBlankNodes(kg.graphs, f"{graph.value}|{hashlib.sha256(content).hexdigest()}")
    quads = tuple(named.quad(q) for q in _document(content, fmt, graph))
    with kg.writing:
        kg.planner().kind(graph)  # that it is read only is told whether there is something to write or not
        refuse_whole(kg.graphs, graph, origin)
        there = tuple(Quad(t.subject, t.predicate, t.object, graph) for t in streams.triples(kg.store, graph))
        change = Change(add=quads, remove=there, create=_new(kg, graph), origin=origin, replaces=True)
        return kg.commit(change)


def post(kg: KnowledgeGraph, graph: NamedNode, source: BinaryIO, fmt: Format, origin: Origin) -> Commit:
    """Add the document `source` to the graph, which exists afterwards. Raises what `put` raises."""
    quads = tuple(_document(source.read(), fmt, graph))
    with kg.writing:
        kg.planner().kind(graph)
        refuse_whole(kg.graphs, graph, origin, adding=True)
        return kg.commit(Change(add=quads, create=_new(kg, graph), origin=origin))


def delete(kg: KnowledgeGraph, graph: NamedNode, origin: Origin, *, missing_ok: bool = False) -> Commit:
    """Delete the graph with all it holds; it does not exist afterwards.

    Raises `NotFound` unless it is `missing_ok`, and `Forbidden` for read-only graphs, also for those that
    there are not.
    """
    with kg.writing:
        refuse_whole(kg.graphs, graph, origin)
        if not missing_ok and not exists(kg, graph):
            raise NotFound("there is no graph {graph}", graph=graph)
        return kg.commit(Change(drop=(graph,), origin=origin))


def _new(kg: KnowledgeGraph, graph: NamedNode) -> tuple[NamedNode, ...]:
    free = kg.graphs.kind(graph) is GraphKind.SCRATCH and not exists(kg, graph)
    return (graph,) if free else ()


def _document(content: bytes, fmt: Format, graph: NamedNode) -> Iterator[Quad]:
    for quad in parse(content, fmt, base=graph.value):
        if not isinstance(quad.graph_name, DefaultGraph) and quad.graph_name != graph:
            raise BadRdf("the document has statements in another graph, {graph}", graph=quad.graph_name)
        yield Quad(quad.subject, quad.predicate, quad.object, graph)


def _with_blank_nodes(triples: Iterator[Triple], graphs: Graphs) -> Iterator[Triple]:
    def blank(term: NamedNode) -> BlankNode:
        return BlankNode("b" + term.value[len(graphs.genid) :].replace("-", ""))

    for triple in triples:
        s, o = triple.subject, triple.object
        yield Triple(
            blank(s) if isinstance(s, NamedNode) and graphs.is_genid(s) else s,
            triple.predicate,
            blank(o) if isinstance(o, NamedNode) and graphs.is_genid(o) else o,
        )
