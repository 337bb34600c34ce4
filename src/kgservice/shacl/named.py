"""What a shape names of vocabularies: for those who write RDF, since its message is in words for all."""

from __future__ import annotations

import re
from collections.abc import Iterator

import rdflib
from rdflib.namespace import OWL, RDF, RDFS, SH, XSD
from rdflib.term import Node, URIRef

from kgservice.namespaces import SHAPES
from kgservice.shacl.terms import shorten

# What shapes and queries are written in; it says nothing of what a rule is about.
_GRAMMAR = (*map(str, (RDF, RDFS, SH, XSD)), SHAPES)
# Where a shape applies, and what is said of the shape itself.
_BESIDE = {SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf, SH.prefixes}
_QUERY = re.compile(r'"[^"\n]*"|<([^<>\s]*)>|#[^\n]*|\b([a-z][\w-]*):([A-Za-z][\w-]*)')


def prefixes_of(graph: rdflib.Graph, constraint: Node) -> dict[str, str]:
    """The prefixes that the text of a SPARQL constraint may use, with their namespaces."""
    prefixes = {"rdf": str(RDF), "rdfs": str(RDFS), "owl": str(OWL)}
    for owner in graph.objects(constraint, SH.prefixes):
        for declaration in graph.objects(owner, SH.declare):
            prefixes[str(graph.value(declaration, SH.prefix))] = str(graph.value(declaration, SH.namespace))
    return prefixes


def named_by(graph: rdflib.Graph, shape: Node) -> tuple[str, ...]:
    """The properties, classes and concepts in the paths, constraints and queries of a shape, sorted.

    They are written as `shorten` does. Shapes with a name, to which this one refers, say their own.
    """
    found = {iri for iri in _iris(graph, shape) if not iri.startswith(_GRAMMAR)}
    return tuple(sorted(map(shorten, found)))


def _iris(graph: rdflib.Graph, shape: Node) -> Iterator[str]:
    waiting, seen = [shape], {shape}
    while waiting:
        node = waiting.pop()
        for p, o in graph.predicate_objects(node):
            if isinstance(o, URIRef) and p not in _BESIDE and (o, RDF.type, None) not in graph:
                yield str(o)
            elif isinstance(o, rdflib.BNode) and o not in seen:
                seen.add(o)
                waiting.append(o)
            elif p == SH.select:
                yield from of_query(str(o), prefixes_of(graph, node))


def of_query(text: str, prefixes: dict[str, str]) -> Iterator[str]:
    """The IRIs in the text of a query, without those in its texts and comments."""
    for iri, prefix, local in _QUERY.findall(text):
        if iri:
            yield iri
        elif prefix in prefixes:
            yield prefixes[prefix] + local
