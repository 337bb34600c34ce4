"""What is said about nodes now, or would be after a change: the look-ups of the router."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Links, Model
from kgservice.store.base import Pattern, Store


class RecordFacts:
    """The routed statements in `store`, without `removed` and with `added`.

    These are all of the record graphs, and those of the scratch graph that the router can have put there. A
    statement there that makes its subject a record is there by its user's will, and counts for nothing.
    `stored`: what others have found out of the same store by `is_stored`.
    """

    def __init__(
        self,
        store: Store,
        graphs: Graphs,
        model: Model,
        removed: Iterable[Quad] = (),
        added: Iterable[Triple] = (),
        *,
        stored: dict[tuple[NamedNode, bool], bool] | None = None,
    ) -> None:
        self._store = store
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
        self.stored = {} if stored is None else stored

    def look_ahead(self, nodes: Collection[NamedNode]) -> None:
        """Find out at once whether the store has the nodes: a server then need not be asked for each."""
        for as_object in (False, True):
            used = self._store.used(nodes, as_object=as_object)
            self.stored.update(((node, as_object), node in used) for node in nodes)

    def knows(self, node: NamedNode) -> bool:
        """See `Facts.knows`."""
        return (
            node in self._by_subject
            or node in self._by_object
            or self.is_stored(node, as_object=False)
            or self.is_stored(node, as_object=True)
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
        if self.is_stored(node, as_object=True):
            for quad in self._match([(None, None, node)]):
                if isinstance(quad.subject, NamedNode):
                    yield quad.subject

    def _objects(self, subject: NamedNode, predicates: frozenset[NamedNode]) -> Iterator[NamedNode]:
        for triple in self._by_subject.get(subject, ()):
            if triple.predicate in predicates and isinstance(triple.object, NamedNode):
                yield triple.object
        if predicates and self.is_stored(subject, as_object=False):
            for quad in self._match((subject, p, None) for p in predicates):
                if isinstance(quad.object, NamedNode):
                    yield quad.object

    def _subjects(self, obj: NamedNode, predicates: frozenset[NamedNode]) -> Iterator[NamedNode]:
        for triple in self._by_object.get(obj, ()):
            if triple.predicate in predicates and isinstance(triple.subject, NamedNode):
                yield triple.subject
        if predicates and self.is_stored(obj, as_object=True):
            for quad in self._match((None, p, obj) for p in predicates):
                if isinstance(quad.subject, NamedNode):
                    yield quad.subject

    def outgoing(self, subject: NamedNode) -> Iterator[Triple]:
        """See `Facts.outgoing`."""
        yield from self._by_subject.get(subject, ())
        if self.is_stored(subject, as_object=False):
            for quad in self._match([(subject, None, None)]):
                yield quad.triple

    def is_stored(self, node: NamedNode, *, as_object: bool) -> bool:
        """Whether any graph has the node there; most nodes of a change are new, which settles it."""
        key = (node, as_object)
        known = self.stored.get(key)
        if known is None:
            pattern: Pattern = (None, None, node) if as_object else (node, None, None)
            known = self.stored[key] = any(True for _ in self._store.match([pattern]))
        return known

    def _match(self, patterns: Iterable[Pattern]) -> Iterator[Quad]:
        for quad in self._store.match(patterns):
            if self.counts(quad) and quad not in self._removed:
                yield quad

    def counts(self, quad: Quad) -> bool:
        """Whether the router decides where the statement is."""
        return self._graphs.is_record(quad.graph_name) or (
            isinstance(quad.graph_name, NamedNode)
            and quad.graph_name.value == self._graphs.addresses.scratch
            and not self._model.concerns(quad.triple)
        )
