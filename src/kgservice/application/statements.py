"""The record statements of a store as shapes see them, now and as they would be after a change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from pyoxigraph import BlankNode, NamedNode, Quad
from rdflib.term import Literal, Node, URIRef

from kgservice.domain.graphs import Graphs
from kgservice.shacl.reach import Triple
from kgservice.shacl.terms import from_rdflib, to_rdflib
from kgservice.store.base import Pattern, Store


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
