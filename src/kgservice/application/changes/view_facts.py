"""What the view of everything says of nodes, now and as it would be after a change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from pyoxigraph import NamedNode, Triple

from kgservice.domain.facts import Facts
from kgservice.domain.model import Links
from kgservice.store.base import Pattern, Store, Term

_MANY = 30  # statements about one node, or with it as their object
_HELD = 200_000  # nodes

_Key = tuple[NamedNode, NamedNode | None]
_ByNode = defaultdict[object, list[Triple]]
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
        known = self._said_of(node)
        if known is not None:
            return known.get(predicate, ())
        key = (node, predicate)
        if key not in self._much_of:
            self._much_of[key] = [t.object for t in self._look((node, predicate, None))]
        return self._much_of[key]

    def subjects(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[NamedNode]:
        """See `Facts.subjects`."""
        users = self.users(node, predicate)
        return _nodes(users) if users else ()

    def users(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[Term]:
        """The subjects of statements with the node as object: as many as there are statements."""
        known = self._said_to(node)
        if known is not None:
            return known.get(predicate, ())
        key = (node, predicate)
        if key not in self._much_to:
            self._much_to[key] = [t.subject for t in self._look((None, predicate, node))]
        return self._much_to[key]

    def along(self, node: NamedNode, links: Links) -> Iterator[NamedNode]:
        """See `Facts.along`: of what is known of a node, only what is said need be looked at."""
        return self._over(node, links.forward, links.backward)

    def against(self, node: NamedNode, links: Links) -> Iterator[NamedNode]:
        """See `Facts.against`."""
        return self._over(node, links.backward, links.forward)

    def _over(
        self, node: NamedNode, ways: frozenset[NamedNode], back: frozenset[NamedNode]
    ) -> Iterator[NamedNode]:
        """The values of the properties `ways`, and what has this node as a value of those `back`."""
        of, to = self._said_of(node), self._said_to(node)
        for predicate in ways if of is None else ways & of.keys():
            yield from self.nodes(node, predicate)
        for predicate in back if to is None else back & to.keys():
            yield from self.subjects(node, predicate)

    def forget(self, changed: Iterable[Triple]) -> None:
        """Forget what these statements, which have come or gone, make different."""
        for triple in changed:
            s, p, o = triple.subject, triple.predicate, triple.object
            if isinstance(s, NamedNode):
                if self._of.get(s) is not None:
                    del self._of[s]
                self._much_of.pop((s, p), None)
            if isinstance(o, NamedNode):
                if self._to.get(o) is not None:
                    del self._to[o]
                self._much_to.pop((o, p), None)
                self._much_to.pop((o, None), None)

    def _said_of(self, node: NamedNode) -> dict[NamedNode, list[Term]] | None:
        if node not in self._of:
            self._limit()
            self._of[node] = self._little_of(node)
        return self._of[node]

    def _said_to(self, node: NamedNode) -> dict[NamedNode | None, list[Term]] | None:
        if node not in self._to:
            self._limit()
            self._to[node] = self._little_to(node)
        return self._to[node]

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


class ChangedFacts(Facts):
    """What the view will say when it has lost the statements `gone` and has got `added`."""

    def __init__(self, before: ViewFacts, gone: Collection[Triple], added: Collection[Triple]) -> None:
        self._before = before
        self._changes = tuple(_by_ends(triples) for triples in (gone, added))
        self._touched: set[object] = set().union(*(by for both in self._changes for by in both))

    def objects(self, node: NamedNode, predicate: NamedNode) -> Sequence[Term]:
        """See `Facts.objects`."""
        stored = self._before.objects(node, predicate)
        if node not in self._touched:
            return stored
        gone, more = (
            {t.object: None for t in of.get(node, ()) if t.predicate == predicate} for of, _ in self._changes
        )
        if gone:
            stored = [term for term in stored if term not in gone]
        # What is added may have been there: it came to another graph.
        return list(dict.fromkeys((*stored, *more))) if more else stored

    def subjects(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[NamedNode]:
        """See `Facts.subjects`."""
        if node not in self._touched:
            return self._before.subjects(node, predicate)
        gone, more = (
            [t.subject for t in to.get(node, ()) if predicate in (None, t.predicate)]
            for _, to in self._changes
        )
        stored: Iterable[Term] = self._before.users(node, predicate)
        if gone:
            stored = (Counter(stored) - Counter(gone)).elements()
        return _nodes((*stored, *more))

    def along(self, node: NamedNode, links: Links) -> Iterator[NamedNode]:
        """See `Facts.along`."""
        return super().along(node, links) if node in self._touched else self._before.along(node, links)

    def against(self, node: NamedNode, links: Links) -> Iterator[NamedNode]:
        """See `Facts.against`."""
        if node in self._touched:
            return super().against(node, links)
        return self._before.against(node, links)


def _nodes(terms: Iterable[Term]) -> list[NamedNode]:
    return [term for term in dict.fromkeys(terms) if isinstance(term, NamedNode)]


def _grouped(pairs: Iterable[tuple[_Predicate, Term]]) -> dict[_Predicate, list[Term]]:
    found: dict[_Predicate, list[Term]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _by_ends(triples: Iterable[Triple]) -> tuple[_ByNode, _ByNode]:
    """The statements by their subject and by their object."""
    of: _ByNode = defaultdict(list)
    to: _ByNode = defaultdict(list)
    for triple in triples:
        of[triple.subject].append(triple)
        if isinstance(triple.object, NamedNode):
            to[triple.object].append(triple)
    return of, to
