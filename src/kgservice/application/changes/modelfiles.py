"""The ontology files, read and sorted into the ontology graph and the vocabulary graph."""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import BlankNode, NamedNode, Quad, Triple

from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Model
from kgservice.namespaces import OWL, SKOS
from kgservice.store.formats import TURTLE
from kgservice.store.syntax import parse

_CONCEPT = NamedNode(f"{SKOS}Concept")
_VOCABULARY_TYPES = frozenset(
    {
        _CONCEPT,
        NamedNode(f"{SKOS}ConceptScheme"),
        NamedNode(f"{SKOS}Collection"),
        NamedNode(f"{SKOS}OrderedCollection"),
    }
)
_CLASS = NamedNode(f"{OWL}Class")
_GENID_NAMESPACE = uuid.UUID("5be1c7de-4b3c-5f0e-9a55-6f3a0e1d2c10")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The model, its statements in their graphs, and a digest that changes with any of it."""

    model: Model
    quads: tuple[Quad, ...]
    digest: str


def read(folder: Path, graphs: Graphs) -> ModelFiles:
    """Read `folder/*.ttl`. Raises `BadRdf` with file, line and column."""
    digest = hashlib.sha256(graphs.addresses.base.encode())
    triples: list[Triple] = []
    for path in sorted(folder.glob("*.ttl")):
        content = path.read_bytes()
        digest.update(content)
        named = NamedBlankNodes(graphs, hashlib.sha256(content).hexdigest())
        triples += [named.quad(q).triple for q in parse(path, TURTLE, base=graphs.addresses.base)]
    model = Model.of(triples)
    return ModelFiles(model, tuple(_sorted_into_graphs(triples, model, graphs)), digest.hexdigest())


class NamedBlankNodes:
    """Gives the blank nodes of one document IRIs that are the same whenever it is read again.

    They come from the document's digest and the order in which the nodes occur.
    """

    def __init__(self, graphs: Graphs, digest: str) -> None:
        self._graphs = graphs
        self._digest = digest
        self._names: dict[BlankNode, NamedNode] = {}

    def quad(self, quad: Quad) -> Quad:
        """`quad` with IRIs for its blank nodes."""
        s, o = quad.subject, quad.object
        if not isinstance(s, BlankNode) and not isinstance(o, BlankNode):
            return quad
        return Quad(
            self._name(s) if isinstance(s, BlankNode) else s,
            quad.predicate,
            self._name(o) if isinstance(o, BlankNode) else o,
            quad.graph_name,
        )

    def _name(self, node: BlankNode) -> NamedNode:
        if node not in self._names:
            key = uuid.uuid5(_GENID_NAMESPACE, f"{self._digest}|{len(self._names)}")
            self._names[node] = NamedNode(f"{self._graphs.genid}{key}")
        return self._names[node]


def _sorted_into_graphs(triples: list[Triple], model: Model, graphs: Graphs) -> list[Quad]:
    types: dict[object, set[NamedNode]] = defaultdict(set)
    for triple in triples:
        if triple.predicate == TYPE and isinstance(triple.object, NamedNode):
            types[triple.subject].add(triple.object)

    def is_vocabulary(node: object) -> bool:
        own = types.get(node, set())
        return _CLASS not in own and any(
            t in _VOCABULARY_TYPES or _CONCEPT in model.superclasses.get(t, ()) for t in own
        )

    ontology, vocabulary = graphs.model
    return [
        Quad(t.subject, t.predicate, t.object, vocabulary if is_vocabulary(t.subject) else ontology)
        for t in triples
    ]
