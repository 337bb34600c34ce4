"""What is loaded: how many records of each class, which graphs, and the last commit."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kgservice.application.views.reader import Reader
from kgservice.domain.graphs import KINDS
from kgservice.namespaces import CI, PROV, XSD

_CLASSES = """
PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT ?class WHERE {
  ?class a owl:Class
  FILTER(STRSTARTS(STR(?class), "https://w3id.org/kgservice/ci#"))
  FILTER NOT EXISTS { ?class rdfs:subClassOf* skos:Concept }
}
"""
_NUMBER, _ENDED = NamedNode(f"{CI}commitNumber"), NamedNode(f"{PROV}endedAtTime")


@dataclass(frozen=True, slots=True)
class GraphKind:
    """The graphs of one kind: `kind` is `project`, `subject`, `consent`, `model`, `provenance`, `finding`,
    `quality`, `view` or `other`; how many there are, and the statements in them."""

    kind: str
    graphs: int
    statements: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What the graph holds at commit `commit` (of `time`, ISO 8601, or None before the first).

    `classes`: IRI and number of records (indirect instances included), most first.
    """

    commit: int
    time: str | None
    classes: tuple[tuple[str, int], ...]
    graphs: tuple[GraphKind, ...]


def overview(kg: Reader) -> Overview:
    """What the graph holds, by what is counted and follows each commit: only the first time takes long.

    The graphs and the time of the last commit are told of the view of everything only."""
    kg.current()
    commit = kg.state
    classes = _classes(kg)
    if kg.purpose is not None:
        return Overview(commit, None, classes, ())
    counted = kg.counts.kinds()
    graphs = tuple(GraphKind(kind, *counted[kind]) for kind in KINDS if kind in counted)
    return Overview(commit, _ended(kg, commit), classes, graphs)


def _classes(kg: Reader) -> tuple[tuple[str, int], ...]:
    counted = kg.counts.instances(kg.view)
    found = {of for (of,) in kg.select(_CLASSES).rows if isinstance(of, NamedNode) and of in counted}
    return tuple(sorted(((of.value, counted[of]) for of in found), key=lambda row: (-row[1], row[0])))


def _ended(kg: Reader, commit: int) -> str | None:
    """When a commit was made."""
    place = NamedNode(kg.addresses.provenance)
    number = Literal(str(commit), datatype=NamedNode(f"{XSD}integer"))
    made = {quad.subject for quad in kg.store.match([(None, _NUMBER, number)], place)}
    ended = [
        quad.object.value
        for one in made
        if isinstance(one, NamedNode)
        for quad in kg.store.match([(one, _ENDED, None)], place)
        if isinstance(quad.object, Literal)
    ]
    return max(ended, default=None)
