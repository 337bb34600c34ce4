"""What is said about nodes now, or would be after a change: the look-ups of the router."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application.changes.hubs import Hubs
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Links, Model
from kgservice.store.base import Pattern, Store

_MANY = 30  # statements about one node


class Looked:
    """What `store` says of nodes, each thing looked up once for the state before a change and after.

    `hubs` says the same of nodes of which much is said, where the store would go through all of that.
    """

    def __init__(self, store: Store, hubs: Hubs | None = None) -> None:
        self.store = store
        self._hubs = hubs
        self._there: dict[tuple[NamedNode, bool], bool] = {}
        # None: much is said of the node.
        self._of: dict[NamedNode, dict[NamedNode, list[Quad]] | None] = {}

    def ahead(self, nodes: Collection[NamedNode]) -> None:
        """Find out at once whether the store has the nodes: a server then need not be asked for each."""
        for as_object in (False, True):
            used = self.store.used(nodes, as_object=as_object)
            self._there.update(((node, as_object), node in used) for node in nodes)

    def is_there(self, node: NamedNode, *, as_object: bool) -> bool:
        """Whether any graph has the node there; most nodes of a change are new, which settles it."""
        key = (node, as_object)
        known = self._there.get(key)
        if known is None:
            pattern: Pattern = (None, None, node) if as_object else (node, None, None)
            known = self._there[key] = any(True for _ in self.store.match([pattern]))
        return known

    def of(self, subject: NamedNode, predicates: frozenset[NamedNode]) -> Iterable[Quad]:
        """What is said of a node with some of the properties."""
        if self._hubs is None:
            return self.store.match((subject, p, None) for p in predicates)
        if self._hubs.knows(subject):
            return self._hubs.of(subject, predicates)
        if subject not in self._of:
            self._of[subject] = self._little_of(subject)
        known = self._of[subject]
        if known is None:
            return self._hubs.of(subject, predicates)
        return [quad for predicate in predicates & known.keys() for quad in known[predicate]]

    def to(self, value: NamedNode, predicates: frozenset[NamedNode]) -> Iterable[Quad]:
        """What is said with a node as the value of some of the properties."""
        return self.store.match((None, p, value) for p in predicates)

    def _little_of(self, subject: NamedNode) -> dict[NamedNode, list[Quad]] | None:
        found = list(islice(self.store.match([(subject, None, None)]), _MANY + 1))
        if len(found) > _MANY:
            return None
        by_predicate: defaultdict[NamedNode, list[Quad]] = defaultdict(list)
        for quad in found:
            by_predicate[quad.predicate].append(quad)
        return by_predicate


class RecordFacts:
    """The routed statements in the store of `looked`, without `removed` and with `added`.

    These are all of the record graphs, and those of the scratch graph that the router can have put there. A
    statement there that makes its subject a record is there by its user's will, and counts for nothing.
    """

    def __init__(
        self,
        looked: Looked,
        graphs: Graphs,
        model: Model,
        removed: Iterable[Quad] = (),
        added: Iterable[Triple] = (),
    ) -> None:
        self.looked = looked
        self._graphs = graphs
        self._model = model
        self._removed = frozenset(removed)
        self._by_subject: dict[NamedNode, list[Triple]] = defaultdict(list)
        self._by_object: dict[NamedNode, list[Triple]] = defaultdict(list)
        for triple in added:
            if isinstance(triple.subject, NamedNode):
                self._by_subject[triple.subject].append(triple)
            if isinstance(triple.object, NamedNode):
                self._by_object[triple.object].append(triple)

    def knows(self, node: NamedNode) -> bool:
        """See `Facts.knows`."""
        return (
            node in self._by_subject
            or node in self._by_object
            or self.looked.is_there(node, as_object=False)
            or self.looked.is_there(node, as_object=True)
        )

    def types(self, node: NamedNode) -> Iterator[NamedNode]:
        """See `Facts.types`."""
        yield from self._objects(node, frozenset({TYPE}))

    def along(self, node: NamedNode, links: Links) -> Iterator[NamedNode]:
        """See `Facts.along`."""
        yield from self._objects(node, links.forward)
        yield from self._subjects(node, links.backward)

    def against(self, node: NamedNode, links: Links) -> Iterator[NamedNode]:
        """See `Facts.against`."""
        yield from self._subjects(node, links.forward)
        yield from self._objects(node, links.backward)

    def users(self, node: NamedNode) -> Iterator[NamedNode]:
        """See `Facts.users`."""
        for triple in self._by_object.get(node, ()):
            if isinstance(triple.subject, NamedNode):
                yield triple.subject
        if self.looked.is_there(node, as_object=True):
            for quad in self.looked.store.match([(None, None, node)]):
                if isinstance(quad.subject, NamedNode) and self._holds(quad):
                    yield quad.subject

    def _objects(self, subject: NamedNode, predicates: frozenset[NamedNode]) -> Iterator[NamedNode]:
        for triple in self._by_subject.get(subject, ()):
            if triple.predicate in predicates and isinstance(triple.object, NamedNode):
                yield triple.object
        if predicates and self.looked.is_there(subject, as_object=False):
            for quad in self.looked.of(subject, predicates):
                if isinstance(quad.object, NamedNode) and self._holds(quad):
                    yield quad.object

    def _subjects(self, obj: NamedNode, predicates: frozenset[NamedNode]) -> Iterator[NamedNode]:
        for triple in self._by_object.get(obj, ()):
            if triple.predicate in predicates and isinstance(triple.subject, NamedNode):
                yield triple.subject
        if predicates and self.looked.is_there(obj, as_object=True):
            for quad in self.looked.to(obj, predicates):
                if isinstance(quad.subject, NamedNode) and self._holds(quad):
                    yield quad.subject

    def outgoing(self, subject: NamedNode) -> Iterator[Triple]:
        """See `Facts.outgoing`."""
        yield from self._by_subject.get(subject, ())
        if self.looked.is_there(subject, as_object=False):
            for quad in filter(self._holds, self.looked.store.match([(subject, None, None)])):
                yield quad.triple

    def _holds(self, quad: Quad) -> bool:
        return self.counts(quad) and quad not in self._removed

    def counts(self, quad: Quad) -> bool:
        """Whether the router decides where the statement is."""
        return self._graphs.is_record(quad.graph_name) or (
            isinstance(quad.graph_name, NamedNode)
            and quad.graph_name.value == self._graphs.addresses.scratch
            and not self._model.concerns(quad.triple)
        )
