"""What a shape asks of the literals on its simple paths: which forms are right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import rdflib
from pyoxigraph import NamedNode
from rdflib.collection import Collection
from rdflib.namespace import SH
from rdflib.term import Node

from kgservice.domain.repairs import Kind
from kgservice.shacl.shapes import Shapes

_NESTED = (SH.property, SH.node, SH.qualifiedValueShape)
_LISTED = (SH["or"], SH["and"], SH.xone)


@dataclass(frozen=True, slots=True)
class Step:
    """A path of one link: the property, and whether it is followed against its direction."""

    property: NamedNode
    inverse: bool = False


def steps(shapes: Shapes, shape: str) -> tuple[Step, ...]:
    """The links that are the alternatives of the path of a shape; none for other paths, or without one."""
    path = shapes.graph.value(rdflib.URIRef(shape), SH.path)
    return () if path is None else tuple(_steps(shapes.graph, path))


def asked(shapes: Shapes, shape: str) -> dict[tuple[Step, ...], list[Kind]]:
    """The kinds of literals that a shape takes, as alternatives, by the links that lead to them."""
    found: dict[tuple[Step, ...], list[Kind]] = {}
    for links, kind in _kinds(shapes.graph, rdflib.URIRef(shape), ()):
        kinds = found.setdefault(links, [])
        if kind not in kinds:
            kinds.append(kind)
    return found


def _kinds(
    graph: rdflib.Graph, shape: Node, links: tuple[Step, ...]
) -> Iterator[tuple[tuple[Step, ...], Kind]]:
    path = graph.value(shape, SH.path)
    if path is not None:
        links = tuple(_steps(graph, path))
    datatype, languages = graph.value(shape, SH.datatype), graph.value(shape, SH.languageIn)
    if links and (datatype is not None or languages is not None):
        yield (
            links,
            Kind(
                str(datatype or ""),
                () if languages is None else tuple(map(str, Collection(graph, languages))),
                tuple(
                    sorted(
                        str(p)
                        for p in graph.objects(shape, SH.pattern)
                        if (shape, SH.flags, None) not in graph
                    )
                ),
            ),
        )
    for parameter in _NESTED:
        for inner in graph.objects(shape, parameter):
            yield from _kinds(graph, inner, links)
    for parameter in _LISTED:
        for members in graph.objects(shape, parameter):
            for inner in Collection(graph, members):
                yield from _kinds(graph, inner, links)


def _steps(graph: rdflib.Graph, path: Node) -> Iterator[Step]:
    """The alternatives of a path, if each is one link."""
    if isinstance(path, rdflib.URIRef):
        yield Step(NamedNode(str(path)))
        return
    inverse = graph.value(path, SH.inversePath)
    if isinstance(inverse, rdflib.URIRef):
        yield Step(NamedNode(str(inverse)), inverse=True)
    alternatives = graph.value(path, SH.alternativePath)
    if alternatives is not None:
        for part in Collection(graph, alternatives):
            yield from _steps(graph, part)
