"""What the view of everything says of nodes, now and as it would be after a change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeVar

from pyoxigraph import BlankNode, NamedNode, Triple

from kgservice.domain.facts import Facts
from kgservice.store.base import Pattern, Store, Term

_MANY = 30  # statements about one node, or with it as their object
_HELD = 200_000  # nodes

_Key = tuple[NamedNode, NamedNode | None]
_Of = dict[NamedNode, dict[NamedNode, list[Term]]]
_To = dict[NamedNode, dict[NamedNode | None, list[Term]]]
_Predicate = TypeVar("_Predicate", NamedNode, NamedNode | None)


class ViewFacts(Facts):
    """What the graph `view` of `store` says; what has been looked up is remembered until it is forgotten.

    `hubs`: another place that says the same, where single properties of nodes of which much is said are found
    at once.
    """

    def __init__(self, store: Store, view: NamedNode, hubs: Store | None = None) -> None:
        self.store = store
        self.hubs = hubs or store
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
            self._much_of[key] = [t.object for t in self._look(self.hubs, (node, predicate, None))]
        return self._much_of[key]

    def subjects(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[NamedNode]:
        """See `Facts.subjects`."""
        users = self.users(node, predicate)
        return _nodes(users) if users else ()

    def users(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[Term]:
        """The subjects of statements with the node as object: as many as there are statements."""
        known = self._known_to(node)
        if known is not None:
            return known.get(predicate, ())
        key = (node, predicate)
        if key not in self._much_to:
            found = self._look(self.hubs, (None, predicate, node))
            self._much_to[key] = [t.subject for t in found]
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
        found = self._look(self.store, (node, None, None), _MANY + 1)
        return None if len(found) > _MANY else _grouped((t.predicate, t.object) for t in found)

    def _little_to(self, node: NamedNode) -> dict[NamedNode | None, list[Term]] | None:
        found = self._look(self.store, (None, None, node), _MANY + 1)
        if len(found) > _MANY:
            return None
        return _grouped((predicate, t.subject) for t in found for predicate in (t.predicate, None))

    def _look(self, store: Store, pattern: Pattern, most: int | None = None) -> list[Triple]:
        return [quad.triple for quad in islice(store.match([pattern], self._view), most)]

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
        self._gone_of, self._gone_to = _by_ends(gone)
        self._more_of, self._more_to = _by_ends(added)

    def objects(self, node: NamedNode, predicate: NamedNode) -> Sequence[Term]:
        """See `Facts.objects`."""
        stored, values = self._before.objects(node, predicate), self._more_of.get(node)
        more = values.get(predicate) if values else None
        lost = self._gone_of.get(node) if self._gone_of else None
        gone = lost.get(predicate) if lost else None
        if gone:
            without = set(gone)
            stored = [term for term in stored if term not in without]
        # What is added may have been there: it came to another graph.
        return list(dict.fromkeys((*stored, *more))) if more else stored

    def subjects(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[NamedNode]:
        """See `Facts.subjects`."""
        users = self._more_to.get(node)
        more = users.get(predicate) if users else None
        lost = self._gone_to.get(node) if self._gone_to else None
        gone = lost.get(predicate) if lost else None
        if not more and not gone:
            return self._before.subjects(node, predicate)
        stored: Iterable[Term] = self._before.users(node, predicate)
        if gone:
            stored = (Counter(stored) - Counter(gone)).elements()
        return _nodes((*stored, *more) if more else stored)

    def said_of(self, node: NamedNode, among: frozenset[NamedNode]) -> Iterable[NamedNode]:
        """See `Facts.said_of`."""
        before, more = self._before.said_of(node, among), self._more_of.get(node)
        return before if not more else {*before, *(among & more.keys())}

    def said_to(self, node: NamedNode, among: frozenset[NamedNode]) -> Iterable[NamedNode]:
        """See `Facts.said_to`."""
        before, more = self._before.said_to(node, among), self._more_to.get(node)
        return before if not more else {*before, *(among & more.keys())}


def _by_ends(statements: Iterable[Parts]) -> tuple[_Of, _To]:
    """The values by subject and property, and the subjects by value and property, or whatever property."""
    of: _Of = {}
    to: _To = {}
    for s, p, o in statements:
        if isinstance(s, NamedNode):
            _enter(of, s, p, o)
        if isinstance(o, NamedNode):
            _enter(to, o, p, s)
            _enter(to, o, None, s)
    return of, to


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
