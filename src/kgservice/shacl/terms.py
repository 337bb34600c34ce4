"""Terms and graphs between pyoxigraph (the service) and rdflib (the validator), and paths as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import pyoxigraph as ox
import rdflib
from rdflib.collection import Collection
from rdflib.namespace import RDF, SH
from rdflib.term import Node

from kgservice.namespaces import PREFIXES

_POSTFIX = {SH.zeroOrMorePath: "*", SH.oneOrMorePath: "+", SH.zeroOrOnePath: "?"}
_LONG = 200  # characters of a literal that is not remembered
ONE_STEP = (SH.inversePath, *_POSTFIX)
"""What a path does with the one path within it."""
_PARTS = (*ONE_STEP, RDF.first)


def to_rdflib(term: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple) -> Node:
    """The same term in rdflib, its lexical form untouched. Raises `TypeError` for a quoted triple."""
    if isinstance(term, ox.Literal) and len(term.value) > _LONG:
        return _in_rdflib(term)
    return _known(term)


def _in_rdflib(term: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple) -> Node:
    if isinstance(term, ox.NamedNode):
        return _iri(term.value)
    if isinstance(term, ox.BlankNode):
        return rdflib.BNode(term.value)
    if isinstance(term, ox.Triple):
        raise TypeError("quoted triples cannot be validated")
    if term.language:
        return rdflib.Literal(term.value, lang=term.language)
    datatype = rdflib.URIRef(term.datatype.value)
    if datatype == rdflib.XSD.string:
        return rdflib.Literal(term.value)
    return rdflib.Literal(term.value, datatype=datatype, normalize=False)


# A literal takes rdflib ten microseconds, and a commit needs the same ones several times.
_known = lru_cache(maxsize=100_000)(_in_rdflib)


@lru_cache(maxsize=100_000)
def _iri(value: str) -> rdflib.URIRef:
    """One object for each IRI: they are made and compared far more often than they differ."""
    return rdflib.URIRef(value)


def from_rdflib(term: Node) -> ox.NamedNode | ox.BlankNode | ox.Literal:
    """The same term in pyoxigraph."""
    if isinstance(term, rdflib.URIRef):
        return _node(str(term))
    if isinstance(term, rdflib.BNode):
        return ox.BlankNode(str(term))
    if not isinstance(term, rdflib.Literal):
        raise TypeError(f"{term!r} is no RDF term")
    return _literal(term) if len(term) <= _LONG else _in_pyoxigraph(term)


def _in_pyoxigraph(term: rdflib.Literal) -> ox.Literal:
    if term.language:
        return ox.Literal(str(term), language=term.language)
    return ox.Literal(str(term), datatype=ox.NamedNode(str(term.datatype or rdflib.XSD.string)))


_literal = lru_cache(maxsize=100_000)(_in_pyoxigraph)


def to_text(term: Node) -> str:
    """The term as in N-Triples, but for escapes, of which there are none.

    >>> to_text(rdflib.Literal('"so"', lang="de"))
    '""so""@de'
    """
    if isinstance(term, rdflib.URIRef):
        return f"<{term}>"
    if isinstance(term, rdflib.BNode):
        return f"_:{term}"
    if not isinstance(term, rdflib.Literal):
        raise TypeError(f"{term!r} is no RDF term")
    if term.language:
        return f'"{term}"@{term.language}'
    return (
        f'"{term}"^^<{term.datatype}>'
        if term.datatype and term.datatype != rdflib.XSD.string
        else f'"{term}"'
    )


def from_text(text: str) -> Node:
    """The term that `to_text` wrote. Raises `TypeError` for a quoted triple."""
    return _from_text(text) if len(text) <= _LONG else _in_text(text)


def _in_text(text: str) -> Node:
    if text.startswith("<<"):
        raise TypeError("quoted triples cannot be validated")
    if text.startswith("<"):
        return _iri(text[1:-1])
    if text.startswith("_:"):
        return rdflib.BNode(text[2:])
    lexical, _, end = text[1:].rpartition('"')
    if end.startswith("@"):
        return rdflib.Literal(lexical, lang=end[1:])
    return (
        rdflib.Literal(lexical, datatype=_iri(end[3:-1]), normalize=False) if end else rdflib.Literal(lexical)
    )


_from_text = lru_cache(maxsize=100_000)(_in_text)


def interned(term: Node) -> Node:
    """The same term; for IRIs the one object that `to_rdflib` gives, which compares faster."""
    return _iri(str(term)) if isinstance(term, rdflib.URIRef) else term


@lru_cache(maxsize=100_000)
def _node(value: str) -> ox.NamedNode:
    return ox.NamedNode(value)


def add_all(graph: rdflib.Graph, statements: Iterable[ox.Triple | ox.Quad]) -> rdflib.Graph:
    """Add the statements to `graph`, whatever graph they name, and give it back."""
    for s in statements:
        graph.add((to_rdflib(s.subject), to_rdflib(s.predicate), to_rdflib(s.object)))
    return graph


def shorten(iri: str) -> str:
    """The IRI with a prefix of the project, or in angle brackets.

    >>> shorten("https://w3id.org/kgservice/ci#phase"), shorten("urn:x")
    ('ci:phase', '<urn:x>')
    """
    for prefix, namespace in PREFIXES.items():
        local = iri.removeprefix(namespace)
        if local != iri and local.isidentifier():
            return f"{prefix}:{local}"
    return f"<{iri}>"


def alternatives(graph: rdflib.Graph, path: Node | None) -> list[rdflib.URIRef]:
    """The properties among which a path is a choice, without inverse ones; empty where it is none."""
    listed = None if path is None else graph.value(path, SH.alternativePath)
    members: Iterable[Node] = [] if listed is None else Collection(graph, listed)
    return [one for one in members if isinstance(one, rdflib.URIRef)]


def path_text(graph: rdflib.Graph, path: Node, *, nested: bool = False) -> str:
    """A SHACL path as SPARQL property path with the project's prefixes, such as `ci:phase|^ci:phaseOf`."""
    if isinstance(path, rdflib.URIRef):
        return shorten(str(path))
    inverse = graph.value(path, SH.inversePath)
    if inverse is not None:
        return f"^{path_text(graph, inverse, nested=True)}"
    for term, sign in _POSTFIX.items():
        inner = graph.value(path, term)
        if inner is not None:
            return f"{path_text(graph, inner, nested=True)}{sign}"
    alternatives = graph.value(path, SH.alternativePath)
    parts = Collection(graph, path if alternatives is None else alternatives)
    sign = "/" if alternatives is None else "|"
    text = sign.join(path_text(graph, part, nested=True) for part in parts)
    return f"({text})" if nested else text


def with_turned_sequences(graph: rdflib.Graph) -> Iterator[Node]:
    """The shapes with a path that inverts a sequence: pySHACL (0.40) takes its parts in the wrong order."""
    for path, inner in graph.subject_objects(SH.inversePath):
        if (path, RDF.first, None) not in graph and _has_sequence(graph, inner):
            above = graph.transitive_subjects(None, path)  # over any property
            yield next((node for node in above if isinstance(node, rdflib.URIRef)), path)


def _has_sequence(graph: rdflib.Graph, path: Node) -> bool:
    """Whether a path is a sequence of several, or has one as a part; it may be malformed, even cyclic."""
    waiting, seen, cells = [path], {path}, set[Node]()
    while waiting:
        node = waiting.pop()
        if node not in cells and (node, RDF.rest, None) in graph and (node, RDF.rest, RDF.nil) not in graph:
            return True
        lists = set(graph.objects(node, SH.alternativePath))
        if node in cells:
            lists |= set(graph.objects(node, RDF.rest))
        cells |= lists
        parts = lists.union(*(graph.objects(node, term) for term in _PARTS))
        waiting += parts - seen
        seen |= parts
    return False
