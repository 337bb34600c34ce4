"""What is loaded: how many records of each class, which graphs, and the last commit."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kgservice.application.views.reader import Reader
from kgservice.namespaces import NOTES
from kgservice.store.base import Dataset, Term

_CLASSES = """
PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT ?class ?n WHERE {
  { SELECT ?class (COUNT(*) AS ?n) WHERE { ?record a ?class } GROUP BY ?class }
  ?class a owl:Class
  FILTER(STRSTARTS(STR(?class), "https://w3id.org/kgservice/ci#"))
  FILTER NOT EXISTS { ?class rdfs:subClassOf* skos:Concept }
} ORDER BY DESC(?n) ?class
"""
_GRAPHS = "SELECT ?graph (COUNT(*) AS ?n) WHERE { GRAPH ?graph { ?s ?p ?o } } GROUP BY ?graph"
_LAST = """
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX ci: <https://w3id.org/kgservice/ci#>
SELECT ?number ?time WHERE { ?commit ci:commitNumber ?number ; prov:endedAtTime ?time }
ORDER BY DESC(?number) LIMIT 1
"""


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
    """Count what the graph holds. Costs a scan of the store: keep the answer until `kg.state` changes.

    The graphs and the time of the last commit are told of the view of everything only."""
    commit = kg.state
    classes = tuple((_text(iri), _number(n)) for iri, n in kg.select(_CLASSES).rows)
    if kg.purpose is not None:
        return Overview(commit, None, classes, ())
    counted: dict[str, list[int]] = {}
    for graph, n in kg.store.select(_GRAPHS, Dataset()).rows:
        if not _text(graph).startswith(NOTES):
            counted.setdefault(_kind(kg, _text(graph)), []).append(_number(n))
    graphs = tuple(
        GraphKind(kind, len(counted[kind]), sum(counted[kind])) for kind in _KINDS if kind in counted
    )
    last = kg.store.select(_LAST, Dataset(default=(NamedNode(kg.addresses.provenance),))).rows
    return Overview(commit, _text(last[0][1]) if last else None, classes, graphs)


_KINDS = ("project", "subject", "consent", "model", "provenance", "finding", "quality", "view", "other")


def _kind(kg: Reader, graph: str) -> str:
    addresses = kg.addresses
    if graph in (addresses.ontology, addresses.vocabulary):
        return "model"
    if graph.startswith(addresses.views):
        return "view"
    if graph.startswith(addresses.graphs):
        kind = graph[len(addresses.graphs) :].partition("/")[0]
        return kind if kind in _KINDS else "other"
    return "other"


def _text(term: Term | None) -> str:
    return term.value if isinstance(term, (NamedNode, Literal)) else ""


def _number(term: Term | None) -> int:
    return int(_text(term) or 0)
