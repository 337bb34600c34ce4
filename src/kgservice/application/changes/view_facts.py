"""What the view of everything says of nodes, now and as it would be after a change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeVar

from pyoxigraph import BlankNode, NamedNode, Triple

from kgservice.domain.facts import Facts
from kgservice.store.base import Pattern, Store, Term

_MANY = 30  # statements about one node, or with it as their object
_HELD = 200_000  # nodes

_Key = tuple[NamedNode, NamedNode | None]
_Predicate = TypeVar("_Predicate", NamedNode, NamedNode | None)


class ViewFacts(Facts):
    """What the graph `view` of `store` says; what has been looked up is remembered until it is forgotten."""

    def __init__(self, store: Store, view: NamedNode) -> None:
        self.store = store
        self._view = view
        # None: much is said of the node, and it is looked up property by property.
        self._of: dict[NamedNode, dict[NamedNode, list[Term]] | None] = {}
        self._to: dict[NamedNode, dict[NamedNode | None, list[Term]] | None] = {}
        self._much_of: dict[_Key, list[Term]] = {}
        self._much_to: dict[_Key, list[Term]] = {}

    def objects(self, node: NamedNode, predicate: NamedNode) -> Sequence[Term]:
        """See `Facts.objects`."""
        known = self._known_of(node)
        if known is not None:
            return known.get(predicate, ())
        key = (node, predicate)
        if key not in self._much_of:
            self._much_of[key] = [t.object for t in self._look((node, predicate, None))]
        return self._much_of[key]

    def subjects(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[NamedNode]:
        """See `Facts.subjects`."""
        return _nodes(self.users(node, predicate))

    def users(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[Term]:
        """The subjects of statements with the node as object: as many as there are statements."""
        known = self._known_to(node)
        if known is not None:
            return known.get(predicate, ())
        key = (node, predicate)
        if key not in self._much_to:
            self._much_to[key] = [t.subject for t in self._look((None, predicate, node))]
        return self._much_to[key]

    def knows(self, node: NamedNode) -> bool:
        """See `Facts.knows`."""
        return self._known_of(node) != {} or self._known_to(node) != {}

    def said_of(self, node: NamedNode, among: frozenset[NamedNode]) -> Iterable[NamedNode]:
        """See `Facts.said_of`."""
        known = self._known_of(node)
        return among if known is None else among & known.keys() if known else ()

    def said_to(self, node: NamedNode, among: frozenset[NamedNode]) -> Iterable[NamedNode]:
        """See `Facts.said_to`."""
        known = self._known_to(node)
        return among if known is None else among & known.keys() if known else ()

    def _known_of(self, node: NamedNode) -> dict[NamedNode, list[Term]] | None:
        try:
            return self._of[node]
        except KeyError:
            self._limit()
            known = self._of[node] = self._little_of(node)
            return known

    def _known_to(self, node: NamedNode) -> dict[NamedNode | None, list[Term]] | None:
        try:
            return self._to[node]
        except KeyError:
            self._limit()
            known = self._to[node] = self._little_to(node)
            return known

    def forget(self, changed: Iterable[Triple]) -> None:
        """Forget what these statements, which have come or gone, make different."""
        of: dict[object, dict[NamedNode, list[Term]] | None] = self._of  # type: ignore[assignment]
        to: dict[object, dict[NamedNode | None, list[Term]] | None] = self._to  # type: ignore[assignment]
        for triple in changed:
            s = triple.subject
            if s in of and of[s] is not None:
                del of[s]
            elif isinstance(s, NamedNode) and self._much_of:
                self._much_of.pop((s, triple.predicate), None)
            o = triple.object
            if o in to and to[o] is not None:
                del to[o]
            elif isinstance(o, NamedNode) and self._much_to:
                self._much_to.pop((o, triple.predicate), None)
                self._much_to.pop((o, None), None)

    def _little_of(self, node: NamedNode) -> dict[NamedNode, list[Term]] | None:
        found = self._look((node, None, None), _MANY + 1)
        return None if len(found) > _MANY else _grouped((t.predicate, t.object) for t in found)

    def _little_to(self, node: NamedNode) -> dict[NamedNode | None, list[Term]] | None:
        found = self._look((None, None, node), _MANY + 1)
        if len(found) > _MANY:
            return None
        return _grouped((predicate, t.subject) for t in found for predicate in (t.predicate, None))

    def _look(self, pattern: Pattern, most: int | None = None) -> list[Triple]:
        return [quad.triple for quad in islice(self.store.match([pattern], self._view), most)]

    def _limit(self) -> None:
        if len(self._of) + len(self._to) > _HELD:
            for known in (self._of, self._to, self._much_of, self._much_to):
                known.clear()


# A statement as subject, predicate and object: a triple makes them anew each time it is asked.
Parts = tuple[NamedNode | BlankNode | Triple, NamedNode, Term]


def parts_of(triples: Iterable[Triple]) -> list[Parts]:
    """The parts of statements, for whoever goes through them several times."""
    return [(t.subject, t.predicate, t.object) for t in triples]


class ChangedFacts(Facts):
    """What the view will say when it has lost the statements `gone` and has got `added`."""

    def __init__(self, before: ViewFacts, gone: Iterable[Parts], added: Iterable[Parts]) -> None:
        self._before = before
        self._gone_of: defaultdict[_Key, set[Term]] = defaultdict(set)
        self._gone_to: defaultdict[_Key, Counter[Term]] = defaultdict(Counter)
        self._more_of: dict[NamedNode, dict[NamedNode, list[Term]]] = {}
        self._more_to: dict[NamedNode, dict[NamedNode | None, list[Term]]] = {}
        for s, p, o in gone:
            if isinstance(s, NamedNode):
                self._gone_of[s, p].add(o)
            if isinstance(o, NamedNode):
                for predicate in (p, None):
                    self._gone_to[o, predicate][s] += 1
        for s, p, o in added:
            if isinstance(s, NamedNode):
                _enter(self._more_of, s, p, o)
                if isinstance(o, NamedNode):
                    _enter(self._more_to, o, p, s)
                    _enter(self._more_to, o, None, s)

    def objects(self, node: NamedNode, predicate: NamedNode) -> Sequence[Term]:
        """See `Facts.objects`."""
        stored, values = self._before.objects(node, predicate), self._more_of.get(node)
        more = values.get(predicate) if values else None
        gone = self._gone_of.get((node, predicate)) if self._gone_of else None
        if gone:
            stored = [term for term in stored if term not in gone]
        # What is added may have been there: it came to another graph.
        return list(dict.fromkeys((*stored, *more))) if more else stored

    def subjects(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[NamedNode]:
        """See `Facts.subjects`."""
        stored, users = self._before.users(node, predicate), self._more_to.get(node)
        more = users.get(predicate) if users else None
        gone = self._gone_to.get((node, predicate)) if self._gone_to else None
        if gone:
            stored = list((Counter(stored) - gone).elements())
        return _nodes((*stored, *more) if more else stored)

    def said_of(self, node: NamedNode, among: frozenset[NamedNode]) -> Iterable[NamedNode]:
        """See `Facts.said_of`."""
        before, more = self._before.said_of(node, among), self._more_of.get(node)
        return before if not more else {*before, *(among & more.keys())}

    def said_to(self, node: NamedNode, among: frozenset[NamedNode]) -> Iterable[NamedNode]:
        """See `Facts.said_to`."""
        before, more = self._before.said_to(node, among), self._more_to.get(node)
        return before if not more else {*before, *(among & more.keys())}


def _enter(
    known: dict[NamedNode, dict[_Predicate, list[Term]]], node: NamedNode, predicate: _Predicate, term: Term
) -> None:
    of = known.get(node)
    if of is None:
        known[node] = {predicate: [term]}
        return
    terms = of.get(predicate)
    if terms is None:
        of[predicate] = [term]
    else:
        terms.append(term)


def _nodes(terms: Iterable[Term]) -> list[NamedNode]:
    return [term for term in dict.fromkeys(terms) if isinstance(term, NamedNode)]


def _grouped(pairs: Iterable[tuple[_Predicate, Term]]) -> dict[_Predicate, list[Term]]:
    found: dict[_Predicate, list[Term]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
