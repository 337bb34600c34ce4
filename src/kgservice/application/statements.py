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

_Found = list[tuple[Triple, Quad]]


class Stored:
    """What the record graphs of a store say, looked up once: good as long as nothing is written."""

    def __init__(self, store: Store, graphs: Graphs) -> None:
        self._store = store
        self._graphs = graphs
        self._about: dict[Node, defaultdict[Node | None, _Found]] = {}
        self._to: dict[tuple[Node, Node | None], _Found] = {}

    def of(self, subject: Node, predicate: URIRef | None) -> _Found:
        """The statements about `subject`, with the quads that make them."""
        if subject not in self._about:
            by_predicate: defaultdict[Node | None, _Found] = defaultdict(list)
            if not isinstance(subject, Literal):
                node = from_rdflib(subject)
                assert isinstance(node, NamedNode | BlankNode)
                for found in self.match((node, None, None)):
                    by_predicate[found[0][1]].append(found)
                    by_predicate[None].append(found)
            self._about[subject] = by_predicate
        return self._about[subject][predicate]

    def to(self, value: Node, predicate: URIRef | None) -> _Found:
        """The statements whose object is `value`, with the quads that make them."""
        key = (value, predicate)
        if key not in self._to:
            of = None if predicate is None else NamedNode(str(predicate))
            self._to[key] = list(self.match((None, of, from_rdflib(value))))
        return self._to[key]

    def match(self, pattern: Pattern) -> Iterable[tuple[Triple, Quad]]:
        """The statements that fit a pattern, with the quads that make them."""
        for quad in self._store.match([pattern]):
            if self._graphs.is_record(quad.graph_name):
                yield _triple(quad), quad


class Records:
    """The statements of record graphs, less `removed` and with `added`."""

    def __init__(self, stored: Stored, *, removed: Iterable[Quad] = (), added: Iterable[Quad] = ()) -> None:
        """`removed` and `added` are quads of record graphs."""
        self._stored = stored
        self._removed = set(removed)
        self._added: set[Triple] = {_triple(quad) for quad in added}
        self.changed = self._added | {_triple(quad) for quad in self._removed}
        self._by_subject: defaultdict[Node, list[Triple]] = defaultdict(list)
        self._by_object: defaultdict[Node, list[Triple]] = defaultdict(list)
        for triple in self._added:
            self._by_subject[triple[0]].append(triple)
            self._by_object[triple[2]].append(triple)

    def of(self, subject: Node, predicate: URIRef | None) -> Iterable[Triple]:
        """See `Statements`."""
        yield from self._kept(self._stored.of(subject, predicate))
        if subject in self._by_subject:
            yield from (t for t in self._by_subject[subject] if predicate in (None, t[1]))

    def to(self, value: Node, predicate: URIRef | None) -> Iterable[Triple]:
        """See `Statements`."""
        yield from self._kept(self._stored.to(value, predicate))
        if value in self._by_object:
            yield from (t for t in self._by_object[value] if predicate in (None, t[1]))

    def holds(self, triple: Triple) -> bool:
        """Whether a record graph states this."""
        return triple in self.of(triple[0], URIRef(str(triple[1])))

    def all(self) -> Iterable[Triple]:
        """See `Dataset`."""
        yield from self._kept(self._stored.match((None, None, None)))
        yield from self._added

    def _kept(self, found: Iterable[tuple[Triple, Quad]]) -> Iterable[Triple]:
        removed = self._removed
        return (triple for triple, quad in found if quad not in removed) if removed else (t for t, _ in found)


def _triple(quad: Quad) -> Triple:
    return (to_rdflib(quad.subject), to_rdflib(quad.predicate), to_rdflib(quad.object))
