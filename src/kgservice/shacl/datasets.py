"""Statements to look up in: those of a graph in memory, and those of two sources together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from rdflib.term import Node, URIRef

from kgservice.shacl.reach import About, Statements, Triple
from kgservice.shacl.terms import interned


class Dataset(Statements, Protocol):
    """All statements of one moment."""

    def all(self) -> Iterable[Triple]:
        """Every statement; asked only for shapes that can look at anything."""


class GraphStatements:
    """Statements in memory, each found by its subject and by its object."""

    def __init__(self, statements: Iterable[Triple]) -> None:
        self._all = [(interned(s), interned(p), interned(o)) for s, p, o in statements]
        self._of: dict[Node, dict[Node | None, list[Triple]]] = {}
        self._to: dict[Node, dict[Node | None, list[Triple]]] = {}
        for triple in self._all:
            enter(self._of, triple[0], triple)
            enter(self._to, triple[2], triple)

    def of(self, subject: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        return self._of.get(subject, _NOTHING).get(predicate, ())

    def to(self, value: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        return self._to.get(value, _NOTHING).get(predicate, ())

    def some(self, node: Node, predicate: URIRef | None, most: int, *, back: bool) -> Sequence[Triple]:
        """See `Statements`."""
        found = (self.to if back else self.of)(node, predicate)
        return list(dict.fromkeys(found))[:most] if len(found) > 1 else found

    def about(self, node: Node, *, back: bool) -> About:
        """See `Statements`."""
        return (self._to if back else self._of).get(node, _NOTHING)

    def all(self) -> Iterable[Triple]:
        """See `Dataset`."""
        return self._all


class Both:
    """The statements of either, each thing looked up once; one that both hold comes twice."""

    def __init__(self, one: Statements, other: Statements) -> None:
        self._one = one
        self._other = other
        self._of: dict[Node, About | None] = {}
        self._to: dict[Node, About | None] = {}
        # Of nodes about which there is much.
        self._much: dict[tuple[Node, URIRef | None, bool], Sequence[Triple]] = {}
        self._some: dict[tuple[Node, URIRef | None, int, bool], Sequence[Triple]] = {}

    def of(self, subject: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        about = self._of.get(subject, _NOTHING)
        if about is _NOTHING:
            about = self._of[subject] = self._gathered(subject, back=False)
        if about is not None:
            return about.get(predicate, ())
        return self._one_by_one(subject, predicate, back=False)

    def to(self, value: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        about = self._to.get(value, _NOTHING)
        if about is _NOTHING:
            about = self._to[value] = self._gathered(value, back=True)
        if about is not None:
            return about.get(predicate, ())
        return self._one_by_one(value, predicate, back=True)

    def some(self, node: Node, predicate: URIRef | None, most: int, *, back: bool) -> Sequence[Triple]:
        """See `Statements`."""
        about = self.about(node, back=back)
        every = None if about is None else about.get(predicate, ())
        if every is not None and len(every) <= 1:
            return every
        key = (node, predicate, most, back)
        found = self._some.get(key)
        if found is None:
            one = every if every is not None else self._one.some(node, predicate, most, back=back)
            more = every is None and len(one) < most
            other = self._other.some(node, predicate, most, back=back) if more else ()
            found = self._some[key] = list(dict.fromkeys((*one, *other)))[:most]
        return found

    def about(self, node: Node, *, back: bool) -> About | None:
        """See `Statements`."""
        known = self._to if back else self._of
        about = known.get(node, _NOTHING)
        if about is _NOTHING:
            about = known[node] = self._gathered(node, back=back)
        return about

    def _gathered(self, node: Node, *, back: bool) -> About | None:
        one = self._one.about(node, back=back)
        other = None if one is None else self._other.about(node, back=back)
        if one is None or other is None:
            return None
        return merged(one, other)

    def _one_by_one(self, node: Node, predicate: URIRef | None, *, back: bool) -> Sequence[Triple]:
        key = (node, predicate, back)
        found = self._much.get(key)
        if found is None:
            one, other = (
                (source.to if back else source.of)(node, predicate) for source in (self._one, self._other)
            )
            found = self._much[key] = [*one, *other] if one and other else one or other
        return found


_NOTHING: dict[Node | None, list[Triple]] = {}


def enter(known: dict[Node, dict[Node | None, list[Triple]]], node: Node, triple: Triple) -> None:
    """Note a statement about a node, by its predicate and by None."""
    about = known.get(node)
    if about is None:
        known[node] = {triple[1]: [triple], None: [triple]}
        return
    about[None].append(triple)
    of = about.get(triple[1])
    if of is None:
        about[triple[1]] = [triple]
    else:
        of.append(triple)


def merged(one: About, other: About) -> About:
    """All that either holds."""
    if not one or not other:
        return one or other or dict(_NOTHING)
    return {p: [*one.get(p, ()), *other.get(p, ())] for p in {**one, **other}}
