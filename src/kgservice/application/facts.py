"""What the record graphs say now, or would say after a change: the look-ups of the router."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.domain.graphs import Graphs
from kgservice.store.base import Pattern, Store


class RecordFacts:
    """The statements of the record graphs in `store`, without `removed` and with `added`."""

    def __init__(
        self, store: Store, graphs: Graphs, removed: Iterable[Quad] = (), added: Iterable[Triple] = ()
    ) -> None:
        self._store = store
        self._graphs = graphs
        self._removed = frozenset(removed)
        self._by_subject: dict[NamedNode, list[Triple]] = defaultdict(list)
        self._by_object: dict[NamedNode, list[Triple]] = defaultdict(list)
        for triple in added:
            if isinstance(triple.subject, NamedNode):
                self._by_subject[triple.subject].append(triple)
            if isinstance(triple.object, NamedNode):
                self._by_object[triple.object].append(triple)
        self._stored: dict[tuple[NamedNode, bool], bool] = {}

    def objects(self, subject: NamedNode, predicate: NamedNode) -> Iterator[NamedNode]:
        """See `Facts.objects`."""
        for triple in self._by_subject.get(subject, ()):
            if triple.predicate == predicate and isinstance(triple.object, NamedNode):
                yield triple.object
        if self._is_stored(subject, as_object=False):
            for quad in self._match((subject, predicate, None)):
                if isinstance(quad.object, NamedNode):
                    yield quad.object

    def subjects(self, predicate: NamedNode | None, obj: NamedNode) -> Iterator[NamedNode]:
        """See `Facts.subjects`."""
        for triple in self._by_object.get(obj, ()):
            if predicate in (None, triple.predicate) and isinstance(triple.subject, NamedNode):
                yield triple.subject
        if self._is_stored(obj, as_object=True):
            for quad in self._match((None, predicate, obj)):
                if isinstance(quad.subject, NamedNode):
                    yield quad.subject

    def outgoing(self, subject: NamedNode) -> Iterator[Triple]:
        """See `Facts.outgoing`."""
        yield from self._by_subject.get(subject, ())
        if self._is_stored(subject, as_object=False):
            for quad in self._match((subject, None, None)):
                yield quad.triple

    def _is_stored(self, node: NamedNode, *, as_object: bool) -> bool:
        """Whether any graph has the node there: most nodes of a change are new, and one look-up settles it."""
        key = (node, as_object)
        known = self._stored.get(key)
        if known is None:
            pattern: Pattern = (None, None, node) if as_object else (node, None, None)
            known = self._stored[key] = any(True for _ in self._store.match([pattern]))
        return known

    def _match(self, pattern: Pattern) -> Iterator[Quad]:
        for quad in self._store.match([pattern]):
            if self._graphs.is_record(quad.graph_name) and quad not in self._removed:
                yield quad
