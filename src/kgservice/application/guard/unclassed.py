"""Records of no class, looked for among all there are: what `classes` asks of a change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import rdflib
from pyoxigraph import NamedNode
from pyoxigraph import Triple as Statement
from rdflib.namespace import RDF, RDFS
from rdflib.term import Node, URIRef

from kgservice.application.guard.classes import of_no_class
from kgservice.domain.finding import Finding
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import CLASSES, Model
from kgservice.shacl.reach import Statements, Triple
from kgservice.shacl.roots import with_above
from kgservice.shacl.terms import from_rdflib


class Unclassed:
    """Tells which records have no class of the model (the `base`). `graphs` know names of blank nodes."""

    def __init__(self, base: Iterable[Triple], graphs: Graphs | None = None) -> None:
        self._graphs = graphs
        self._types: defaultdict[Node, set[Node]] = defaultdict(set)
        named = []
        for s, p, o in base:
            if isinstance(o, URIRef) and isinstance(s, URIRef):
                named.append(Statement(NamedNode(s), NamedNode(str(p)), NamedNode(o)))
                if p == RDF.type:
                    self._types[s].add(o)
        self._model = Model.of(named)
        self._known: set[Node] = {URIRef(one.value) for one in (*self._model.classes, *CLASSES)}

    def among(self, nodes: Iterable[Node], records: Statements) -> Iterator[Finding]:
        """What is wrong with those of the nodes that are records: something is said of them."""
        for node in nodes:
            if isinstance(node, rdflib.Literal) or not records.some(node, None, 1, back=False):
                continue
            said = {o for _, _, o in records.of(node, RDF.type)}
            if self._any_known(said, records) or self._any_known(self._types.get(node, ()), records):
                continue
            if not self._is_part(node, records):
                yield of_no_class(self._model, from_rdflib(node), map(from_rdflib, said))

    def bearing(self, changed: Iterable[Triple], records: Statements) -> set[Node]:
        """The nodes that a change may have given or taken a class: it is about them or their classes."""
        nodes, classes = set[Node](), list[Node]()
        for s, p, o in changed:
            nodes.add(s)
            if self._may_be_part(o):
                nodes.add(o)
            if p == RDFS.subClassOf:
                classes.append(s)
        seen = set(classes)
        while classes:
            one = classes.pop()
            nodes.update(node for node, _, _ in records.to(one, RDF.type))
            below = {node for node, _, _ in records.to(one, RDFS.subClassOf)} - seen
            seen |= below
            classes += below
        return nodes

    def records(self, statements: Iterable[Triple]) -> list[Node]:
        """What statements make records: by a property or a class of the model."""
        found: dict[Node, None] = {}
        for s, p, o in statements:
            if s not in found and (self._is_ours(p) or (p == RDF.type and self._is_class(o))):
                found[s] = None
        return list(found)

    def _is_ours(self, prop: Node) -> bool:
        return self._model.is_property(NamedNode(str(prop)))

    def _is_class(self, node: Node) -> bool:
        return isinstance(node, URIRef) and self._model.is_class(NamedNode(node))

    def _any_known(self, classes: Iterable[Node], records: Statements) -> bool:
        """Whether one of the classes belongs to the model, or is one that records put below such a class."""
        return not self._known.isdisjoint(with_above(classes, records))

    def _is_part(self, node: Node, records: Statements) -> bool:
        """Whether something refers to the node, which is or stands for a blank node."""
        return self._may_be_part(node) and bool(records.some(node, None, 1, back=True))

    def _may_be_part(self, node: Node) -> bool:
        """Whether the node is, or stands for, a blank node."""
        if isinstance(node, URIRef):
            return self._graphs is not None and self._graphs.is_genid(from_rdflib(node))
        return isinstance(node, rdflib.BNode)
