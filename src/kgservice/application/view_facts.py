"""What the view of everything says of nodes, now and as it would be after a change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.domain.visibility import Facts
from kgservice.store.base import Pattern, Store, Term

_MANY = 200  # statements about one node, or with it as their object
_HELD = 200_000  # nodes

_Key = tuple[NamedNode, NamedNode | None]


class ViewFacts(Facts):
    """What the graph `view` of a store says, less `gone` and with `added`; each node is looked up once."""

    def __init__(
        self, store: Store, view: NamedNode, gone: Iterable[Triple] = (), added: Iterable[Triple] = ()
    ) -> None:
        self._store = store
        self._view = view
        self._gone = frozenset(gone)
        self._of: dict[NamedNode, dict[NamedNode, list[Term]] | None] = {}
        self._to: dict[NamedNode, dict[NamedNode | None, list[NamedNode]] | None] = {}
        self._much: dict[tuple[_Key, bool], Sequence[Term]] = {}
        self._more_of: defaultdict[_Key, list[Term]] = defaultdict(list)
        self._more_to: defaultdict[_Key, list[Term]] = defaultdict(list)
        for triple in added:
            if isinstance(triple.subject, NamedNode):
                self._more_of[triple.subject, triple.predicate].append(triple.object)
                if isinstance(triple.object, NamedNode):
                    for predicate in (triple.predicate, None):
                        self._more_to[triple.object, predicate].append(triple.subject)

    def objects(self, node: NamedNode, predicate: NamedNode) -> Sequence[Term]:
        """See `Facts.objects`."""
        if node not in self._of:
            self._limit()
            found = self._look((node, None, None))
            self._of[node] = None if found is None else _grouped((t.predicate, t.object) for t in found)
        known = self._of[node]
        stored = known.get(predicate, ()) if known is not None else self._among_many(node, predicate, False)
        more = self._more_of.get((node, predicate))
        # What is added may have been there: it came to another graph.
        return list(dict.fromkeys((*stored, *more))) if more else stored

    def subjects(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[NamedNode]:
        """See `Facts.subjects`."""
        if node not in self._to:
            self._limit()
            found = self._look((None, None, node))
            self._to[node] = None if found is None else _users(found)
        known = self._to[node]
        stored = known.get(predicate, ()) if known is not None else self._among_many(node, predicate, True)
        both = dict.fromkeys((*stored, *self._more_to.get((node, predicate), ())))
        return [n for n in both if isinstance(n, NamedNode)]

    def _look(self, pattern: Pattern) -> list[Triple] | None:
        """The statements that fit; None if they are many."""
        quads = list(islice(self._store.match([pattern], self._view), _MANY + 1))
        return None if len(quads) > _MANY else self._kept(quads)

    def _among_many(self, node: NamedNode, predicate: NamedNode | None, back: bool) -> Sequence[Term]:
        key = ((node, predicate), back)
        if key not in self._much:
            pattern: Pattern = (None, predicate, node) if back else (node, predicate, None)
            found = self._kept(self._store.match([pattern], self._view))
            self._much[key] = [t.subject if back else t.object for t in found]
        return self._much[key]

    def _kept(self, quads: Iterable[Quad]) -> list[Triple]:
        triples = [quad.triple for quad in quads]
        return [t for t in triples if t not in self._gone] if self._gone else triples

    def _limit(self) -> None:
        if len(self._of) + len(self._to) > _HELD:
            self._of.clear()
            self._to.clear()
            self._much.clear()


def _grouped(pairs: Iterable[tuple[NamedNode, Term]]) -> dict[NamedNode, list[Term]]:
    found: dict[NamedNode, list[Term]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _users(triples: Iterable[Triple]) -> dict[NamedNode | None, list[NamedNode]]:
    found: dict[NamedNode | None, list[NamedNode]] = {}
    for triple in triples:
        if isinstance(triple.subject, NamedNode):
            for predicate in (triple.predicate, None):
                found.setdefault(predicate, []).append(triple.subject)
    return found
