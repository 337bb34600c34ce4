"""The record statements of a store as shapes see them, now and as they would be after a change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import cast

from pyoxigraph import BlankNode, NamedNode, Quad
from rdflib.term import Literal, Node, URIRef

from kgservice.domain.graphs import Graphs
from kgservice.shacl.reach import Triple
from kgservice.shacl.terms import from_rdflib, to_rdflib
from kgservice.store.base import Pattern, Store

MANY = 100  # statements about one node

_Key = tuple[Node, Node | None]


class Stored:
    """What the record graphs of a store say, looked up once: good as long as nothing is written."""

    def __init__(self, store: Store, graphs: Graphs) -> None:
        self._store = store
        self._graphs = graphs
        self._about: dict[Node, defaultdict[Node | None, list[Triple]] | None] = {}
        self._much: dict[_Key, list[Triple]] = {}
        self._to: dict[_Key, list[Triple]] = {}
        self._named: dict[Node, bool] = {}

    def of(self, subject: Node, predicate: URIRef | None) -> list[Triple]:
        """The statements about `subject`."""
        if isinstance(subject, Literal):
            return []
        if subject not in self._about:
            by_predicate: defaultdict[Node | None, list[Triple]] = defaultdict(list)
            for triple in islice(self._of(subject, None), MANY):
                by_predicate[triple[1]].append(triple)
                by_predicate[None].append(triple)
            # Of a node that much is said of, only what is asked for is looked up.
            self._about[subject] = None if len(by_predicate[None]) == MANY else by_predicate
        about = self._about[subject]
        if about is not None:
            return about.get(predicate, [])
        key = (subject, predicate)
        if key not in self._much:
            self._much[key] = list(self._of(subject, predicate))
        return self._much[key]

    def _of(self, subject: Node, predicate: URIRef | None) -> Iterable[Triple]:
        node = from_rdflib(subject)
        assert isinstance(node, NamedNode | BlankNode)
        return self.match((node, None if predicate is None else NamedNode(str(predicate)), None))

    def to(self, value: Node, predicate: URIRef | None) -> list[Triple]:
        """The statements whose object is `value`."""
        key = (value, predicate)
        if not self.is_named(value):
            return []
        if key not in self._to:
            of = None if predicate is None else NamedNode(str(predicate))
            self._to[key] = list(self.match((None, of, from_rdflib(value))))
        return self._to[key]

    def is_named(self, value: Node) -> bool:
        """Whether there is such a statement. Most nodes of an import are new: it spares many looks."""
        if value not in self._named:
            found = self.match((None, None, from_rdflib(value)))
            self._named[value] = next(iter(found), None) is not None
        return self._named[value]

    def some(self, value: Node, predicate: URIRef | None) -> Iterable[Triple]:
        """The same, read no further than is asked for."""
        if (value, predicate) in self._to:
            return self._to[value, predicate]
        of = None if predicate is None else NamedNode(str(predicate))
        return self.match((None, of, from_rdflib(value)))

    def match(self, pattern: Pattern) -> Iterable[Triple]:
        """The statements that fit a pattern."""
        for quad in self._store.match([pattern]):
            if self._graphs.is_record(quad.graph_name):
                yield _triple(quad)

    def gone(self, removed: Iterable[Quad]) -> set[Triple]:
        """What is no longer said without the quads `removed`: nothing that another record graph says, too."""
        removed = set(removed)
        return {_triple(quad) for quad in removed if not self._said_beside(quad, removed)}

    def _said_beside(self, quad: Quad, removed: set[Quad]) -> bool:
        same = self._store.match([cast(Pattern, (quad.subject, quad.predicate, quad.object))])
        return any(q not in removed and self._graphs.is_record(q.graph_name) for q in same)


class Records:
    """The statements of record graphs, less those `gone` and with those `added`."""

    def __init__(self, stored: Stored, *, gone: Iterable[Triple] = (), added: Iterable[Triple] = ()) -> None:
        self._stored = stored
        self._gone = set(gone)
        self._added = set(added)
        self._of: defaultdict[_Key, list[Triple]] = defaultdict(list)
        self._to: defaultdict[_Key, list[Triple]] = defaultdict(list)
        for triple in self._added:
            for predicate in (triple[1], None):
                self._of[triple[0], predicate].append(triple)
                self._to[triple[2], predicate].append(triple)

    def of(self, subject: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        return self._kept(self._stored.of(subject, predicate), self._of.get((subject, predicate)))

    def to(self, value: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        return self._kept(self._stored.to(value, predicate), self._to.get((value, predicate)))

    def one(self, value: Node, predicate: URIRef | None) -> Triple | None:
        """See `Statements`."""
        added = self._to.get((value, predicate))
        if added:
            return added[0]
        if not self._stored.is_named(value):
            return None
        return next((t for t in self._stored.some(value, predicate) if t not in self._gone), None)

    def all(self) -> Iterable[Triple]:
        """See `Dataset`."""
        yield from self._kept(list(self._stored.match((None, None, None))), None)
        yield from self._added

    def _kept(self, stored: list[Triple], added: list[Triple] | None) -> Sequence[Triple]:
        if self._gone and stored:
            stored = [triple for triple in stored if triple not in self._gone]
        return stored + added if added else stored


def triples(quads: Iterable[Quad]) -> set[Triple]:
    """What the quads say."""
    return {_triple(quad) for quad in quads}


def _triple(quad: Quad) -> Triple:
    return (to_rdflib(quad.subject), to_rdflib(quad.predicate), to_rdflib(quad.object))
