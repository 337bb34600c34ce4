"""Statements to look up in: those of a graph in memory, and those of two sources together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

from rdflib.term import Node, URIRef

from kgservice.shacl.reach import Statements, Triple
from kgservice.shacl.terms import interned


class Dataset(Statements, Protocol):
    """All statements of one moment."""

    def all(self) -> Iterable[Triple]:
        """Every statement; asked only for shapes that can look at anything."""


class GraphStatements:
    """Statements in memory, each found by its subject and by its object."""

    def __init__(self, statements: Iterable[Triple]) -> None:
        self._all = [(interned(s), interned(p), interned(o)) for s, p, o in statements]
        self._of: defaultdict[tuple[Node, Node | None], list[Triple]] = defaultdict(list)
        self._to: defaultdict[tuple[Node, Node | None], list[Triple]] = defaultdict(list)
        for triple in self._all:
            for predicate in (triple[1], None):
                self._of[triple[0], predicate].append(triple)
                self._to[triple[2], predicate].append(triple)

    def of(self, subject: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        return self._of.get((subject, predicate), ())

    def to(self, value: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        return self._to.get((value, predicate), ())

    def some(self, node: Node, predicate: URIRef | None, most: int, *, back: bool) -> Sequence[Triple]:
        """See `Statements`."""
        found = (self._to if back else self._of).get((node, predicate), ())
        return list(dict.fromkeys(found))[:most] if len(found) > 1 else found

    def all(self) -> Iterable[Triple]:
        """See `Dataset`."""
        return self._all


class Both:
    """The statements of either, each thing looked up once; one that both hold comes twice."""

    def __init__(self, one: Statements, other: Statements) -> None:
        self._one = one
        self._other = other
        self._of: dict[tuple[Node, URIRef | None], Sequence[Triple]] = {}
        self._to: dict[tuple[Node, URIRef | None], Sequence[Triple]] = {}
        self._some: dict[tuple[Node, URIRef | None, int, bool], Sequence[Triple]] = {}

    def of(self, subject: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        key = (subject, predicate)
        found = self._of.get(key)
        if found is None:
            found = _joined(self._one.of(subject, predicate), self._other.of(subject, predicate))
            self._of[key] = found
        return found

    def to(self, value: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        key = (value, predicate)
        found = self._to.get(key)
        if found is None:
            found = _joined(self._one.to(value, predicate), self._other.to(value, predicate))
            self._to[key] = found
        return found

    def some(self, node: Node, predicate: URIRef | None, most: int, *, back: bool) -> Sequence[Triple]:
        """See `Statements`."""
        key = (node, predicate, most, back)
        found = self._some.get(key)
        if found is None:
            one = self._one.some(node, predicate, most, back=back)
            other = self._other.some(node, predicate, most, back=back) if len(one) < most else ()
            found = list(dict.fromkeys((*one, *other)))[:most] if one and other else one or other
            self._some[key] = found
        return found


def _joined(some: Sequence[Triple], others: Sequence[Triple]) -> Sequence[Triple]:
    if not some or not others:
        return others or some
    return [*some, *others]
