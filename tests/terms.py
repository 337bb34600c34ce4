"""Short names for terms in tests."""

from __future__ import annotations

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Triple

from kgservice.namespaces import CI, RDF, Addresses

ADDRESSES = Addresses("https://kg.example/")
_PREFIXES = {
    "ci": CI,
    "ex": "http://example.org/",
    "id": ADDRESSES.ids,
    "rdf": RDF,
    "graph": ADDRESSES.graphs,
}

Node = NamedNode | BlankNode | Literal


def iri(name: str) -> NamedNode:
    """The IRI for `prefix:local`; `a` is rdf:type."""
    if name == "a":
        return NamedNode(f"{RDF}type")
    prefix, _, local = name.partition(":")
    return NamedNode(_PREFIXES[prefix] + local)


def term(value: str | Node) -> Node:
    """An IRI for `prefix:local`, a literal for other text, a term as it is."""
    if not isinstance(value, str):
        return value
    prefix, colon, _ = value.partition(":")
    return iri(value) if colon and prefix in _PREFIXES else Literal(value)


def triple(s: str | BlankNode, p: str, o: str | Node) -> Triple:
    """A statement."""
    return Triple(iri(s) if isinstance(s, str) else s, iri(p), term(o))


def quad(s: str | BlankNode, p: str, o: str | Node, g: str | NamedNode | None = None) -> Quad:
    """A statement in a graph, or a loose one."""
    graph = DefaultGraph() if g is None else g if isinstance(g, NamedNode) else iri(g)
    t = triple(s, p, o)
    return Quad(t.subject, t.predicate, t.object, graph)
