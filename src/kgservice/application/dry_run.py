"""What a change would do to the findings of the graph, worked out without making it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import BinaryIO

from pyoxigraph import BlankNode, NamedNode, Quad
from rdflib.term import Literal, Node, URIRef

from kgservice.application.graph import KnowledgeGraph
from kgservice.application.modelfiles import NamedBlankNodes
from kgservice.application.validation import model_of
from kgservice.domain.change import Change
from kgservice.domain.finding import Policy
from kgservice.domain.graphs import Graphs
from kgservice.shacl.local import Difference, LocalValidator
from kgservice.shacl.reach import Triple
from kgservice.shacl.shapes import Shapes, load_shapes
from kgservice.shacl.terms import from_rdflib, to_rdflib
from kgservice.shacl.validate import context_graph
from kgservice.store.base import Pattern, Store
from kgservice.store.formats import Format
from kgservice.store.syntax import parse


class DryRun:
    """Tells for one change after another which findings it would bring and which it would take away.

    The cost follows the change, not the graph. Shapes and model are prepared once, when it is first asked,
    so it has to be made anew for another model.
    """

    def __init__(
        self, kg: KnowledgeGraph, *, shapes: Shapes | None = None, policy: Policy | None = None
    ) -> None:
        self._kg = kg
        self._shapes = shapes
        self._policy = policy or Policy()
        self._validator: LocalValidator | None = None
        self._lock = threading.Lock()

    def document(self, source: BinaryIO, fmt: Format) -> Difference:
        """What loading a document would do. Raises `BadRdf` with line and column, and what `of` raises."""
        quads = parse(source, fmt, base=self._kg.settings.base)
        named = NamedBlankNodes(self._kg.graphs, "dry run")
        return self.of(Change.adding(named.quad(quad) for quad in quads))

    def of(self, change: Change) -> Difference:
        """The findings before and after the change, of all records whose findings it can alter.

        Raises what a commit of the change would raise (see `Planner.effect`).
        """
        kg = self._kg
        with self._lock:
            if self._validator is None:
                self._validator = LocalValidator(self._shapes or load_shapes(), model_of(kg))
            with kg.writing:
                effect = kg.planner().effect(change)
                before = Records(kg.store, kg.graphs)
                after = Records(kg.store, kg.graphs, removed=effect.remove, added=effect.add)
                changed = {triple for triple in after.changed if before.holds(triple) != after.holds(triple)}
                context = context_graph(kg.clock(), self._policy)
                return self._validator.difference(changed, before, after, context)


class Records:
    """The statements of the record graphs of a store, less `removed` and with `added`."""

    def __init__(
        self, store: Store, graphs: Graphs, *, removed: Iterable[Quad] = (), added: Iterable[Quad] = ()
    ) -> None:
        self._store = store
        self._graphs = graphs
        self._removed = {quad for quad in removed if graphs.is_record(quad.graph_name)}
        self._added: set[Triple] = {_triple(q) for q in added if graphs.is_record(q.graph_name)}
        self.changed = self._added | {_triple(quad) for quad in self._removed}
        self._by_subject: defaultdict[Node, list[Triple]] = defaultdict(list)
        self._by_object: defaultdict[Node, list[Triple]] = defaultdict(list)
        for triple in self._added:
            self._by_subject[triple[0]].append(triple)
            self._by_object[triple[2]].append(triple)

    def of(self, subject: Node, predicate: URIRef | None) -> Iterable[Triple]:
        """See `Statements`."""
        if isinstance(subject, Literal):
            return
        node = from_rdflib(subject)
        assert isinstance(node, NamedNode | BlankNode)
        yield from self._stored((node, _predicate(predicate), None))
        yield from (t for t in self._by_subject[subject] if predicate in (None, t[1]))

    def to(self, value: Node, predicate: URIRef | None) -> Iterable[Triple]:
        """See `Statements`."""
        yield from self._stored((None, _predicate(predicate), from_rdflib(value)))
        yield from (t for t in self._by_object[value] if predicate in (None, t[1]))

    def holds(self, triple: Triple) -> bool:
        """Whether a record graph states this."""
        return triple in self.of(triple[0], URIRef(str(triple[1])))

    def all(self) -> Iterable[Triple]:
        """See `Dataset`."""
        yield from self._stored((None, None, None))
        yield from self._added

    def _stored(self, pattern: Pattern) -> Iterable[Triple]:
        for quad in self._store.match([pattern]):
            if self._graphs.is_record(quad.graph_name) and quad not in self._removed:
                yield _triple(quad)


def _predicate(term: URIRef | None) -> NamedNode | None:
    return None if term is None else NamedNode(str(term))


def _triple(quad: Quad) -> Triple:
    return (to_rdflib(quad.subject), to_rdflib(quad.predicate), to_rdflib(quad.object))
