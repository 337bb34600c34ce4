"""The record statements of a store as shapes see them, now and as they would be after a change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, cast

from pyoxigraph import BlankNode, NamedNode, Quad
from pyoxigraph import Triple as Said
from rdflib.term import Literal, Node, URIRef

from kgservice.domain.graphs import Graphs
from kgservice.shacl.datasets import enter, merged
from kgservice.shacl.reach import About, Triple
from kgservice.shacl.terms import from_rdflib, to_rdflib
from kgservice.store.base import Pattern, Store

MANY = 100  # statements about one node
_CROWDED = 400  # quads about one node, those of views among them
_HELD = 100_000  # lookups


class Stored:
    """What the record graphs of a store say, each thing looked up once; whoever writes to them says so."""

    def __init__(self, store: Store, graphs: Graphs) -> None:
        self.store = store
        self._is_record: Callable[[object], bool] = lru_cache(maxsize=_HELD)(graphs.is_record)
        self._about: dict[Node, defaultdict[Node | None, list[Triple]] | None] = {}
        self._much: defaultdict[Node, dict[Node | None, list[Triple]]] = defaultdict(dict)
        self._to: defaultdict[Node, dict[Node | None, list[Triple]]] = defaultdict(dict)
        self._some: defaultdict[Node, dict[tuple[Node | None, bool], _Few]] = defaultdict(dict)
        self._named: dict[Node, bool] = {}

    # Looking up

    def of(self, subject: Node, predicate: URIRef | None) -> list[Triple]:
        """The statements about `subject`."""
        if isinstance(subject, Literal):
            return []
        if subject not in self._about:
            self._about[subject] = self._all_about(subject)
        about = self._about[subject]
        if about is not None:
            return about.get(predicate, [])
        much = self._much[subject]
        if predicate not in much:
            much[predicate] = list(dict.fromkeys(self.match(_pattern(subject, predicate, back=False))))
        return much[predicate]

    def _all_about(self, subject: Node) -> defaultdict[Node | None, list[Triple]] | None:
        """The statements about a node by their predicate; None for one that much is said of."""
        found: dict[Triple, None] = {}
        for seen, quad in enumerate(self.store.match([_pattern(subject, None, back=False)])):
            if seen == _CROWDED or len(found) == MANY:
                return None
            if self._is_record(quad.graph_name):
                found[_triple(quad)] = None
        about: defaultdict[Node | None, list[Triple]] = defaultdict(list)
        if found:
            about[None] = list(found)
        for triple in found:
            about[triple[1]].append(triple)
        return about

    def to(self, value: Node, predicate: URIRef | None) -> list[Triple]:
        """The statements whose object is `value`."""
        if not self._is_named(value):
            return []
        known = self._to[value]
        if predicate not in known:
            known[predicate] = list(dict.fromkeys(self.match(_pattern(value, predicate, back=True))))
        return known[predicate]

    def _is_named(self, value: Node) -> bool:
        """Whether there is such a statement. Most nodes of an import are new: it spares many looks."""
        if value not in self._named:
            found = self.match(_pattern(value, None, back=True))
            self._named[value] = next(found, None) is not None
        return self._named[value]

    def some(self, node: Node, predicate: URIRef | None, most: int, *, back: bool) -> list[Triple]:
        """At most `most` of the statements about `node`, or of those whose object it is."""
        if back:
            is_known = predicate in self._to.get(node, ())
        else:
            is_known = self._about.get(node) is not None or predicate in self._much.get(node, ())
        if is_known:
            return (self.to if back else self.of)(node, predicate)[:most]
        if not self._is_named(node) if back else isinstance(node, Literal):
            return []
        some = self._some[node]
        known = some.get((predicate, back))
        if known is None or (known.full and len(known) < most):
            known = some[predicate, back] = _Few(self.match(_pattern(node, predicate, back=back)), most)
        return known[:most]

    def about(self, node: Node, *, back: bool) -> About | None:
        """All statements about a node by their predicate; None for one that much is said of, or with."""
        if back:
            return None if self._is_named(node) else {}
        if isinstance(node, Literal):
            return {}
        if node not in self._about:
            self._about[node] = self._all_about(node)
        return self._about[node]

    def match(self, pattern: Pattern) -> Iterator[Triple]:
        """The statements that fit a pattern; what several graphs say comes as often."""
        for quad in self.store.match([pattern]):
            if self._is_record(quad.graph_name):
                yield _triple(quad)

    # Changes

    def holds(self, statements: Iterable[Triple]) -> set[Triple]:
        """Those of the statements that are said; about the most nodes of an import nothing is."""
        found: set[Triple] = set()
        asked: list[Pattern] = []
        for triple in statements:
            subject, predicate, _ = triple
            if subject not in self._about:
                self._about[subject] = self._all_about(subject)
            about = self._about[subject]
            if about is None:
                asked.append(_exact(triple))
            elif triple in about.get(predicate, ()):
                found.add(triple)
        quads = self.store.match(asked)
        found.update(_triple(quad) for quad in quads if self._is_record(quad.graph_name))
        return found

    def gone(self, removed: Iterable[Quad], erased: Collection[object] = ()) -> set[Triple]:
        """What is no longer said without the quads `removed`: nothing that another record graph says, too.

        Of nodes that are `erased` nothing is said any more.
        """
        removed = set(removed)
        return {
            _triple(quad)
            for quad in removed
            if quad.subject in erased or not self._said_beside(quad, removed)
        }

    def _said_beside(self, quad: Quad, removed: set[Quad]) -> bool:
        same = self.store.match([cast(Pattern, (quad.subject, quad.predicate, quad.object))])
        return any(q not in removed and self._is_record(q.graph_name) for q in same)

    def follow(self, gone: Iterable[Triple], added: Iterable[Triple]) -> None:
        """Take note of a commit: what is said no more, and what was not said before."""
        for triple in gone:
            self._lose(*triple)
        for triple in added:
            self._gain(triple)
        held: list[dict[Any, Any]] = [self._about, self._much, self._to, self._some, self._named]
        if sum(map(len, held)) > _HELD:
            for known in held:
                known.clear()

    def _lose(self, s: Node, p: Node, o: Node) -> None:
        self._about.pop(s, None)
        self._named.pop(o, None)
        for node, back, known in ((s, False, self._much.get(s)), (o, True, self._to.get(o))):
            some = self._some.get(node)
            for predicate in (p, None):
                if known:
                    known.pop(predicate, None)
                if some:
                    some.pop((predicate, back), None)

    def _gain(self, triple: Triple) -> None:
        s, p, o = triple
        self._named[o] = True
        about = self._about.get(s)
        if about is not None:
            about[p].append(triple)
            about[None].append(triple)
        much = self._much.get(s) if about is None else None
        for node, back, known in ((s, False, much), (o, True, self._to.get(o))):
            some = self._some.get(node)
            for predicate in (p, None) if known or some else ():
                if known and predicate in known:
                    known[predicate].append(triple)
                few = some.get((predicate, back)) if some else None
                if few is not None and not few.full:
                    few.append(triple)


class _Few(list[Triple]):
    """The first of some statements; `full`: there may be more."""

    def __init__(self, found: Iterable[Triple], most: int) -> None:
        super().__init__(islice(_once(found), most))
        self.full = len(self) == most


def _once(found: Iterable[Triple]) -> Iterator[Triple]:
    seen: set[Triple] = set()
    for triple in found:
        if triple not in seen:
            seen.add(triple)
            yield triple


def _pattern(node: Node, predicate: URIRef | None, *, back: bool) -> Pattern:
    p = None if predicate is None else NamedNode(str(predicate))
    term = from_rdflib(node)
    if back:
        return (None, p, term)
    assert isinstance(term, NamedNode | BlankNode)
    return (term, p, None)


def _exact(triple: Triple) -> Pattern:
    s, p, o = triple
    subject, _, _ = _pattern(s, None, back=False)
    return (subject, NamedNode(str(p)), from_rdflib(o))


class Records:
    """The statements of record graphs, less those `gone` and with those `added`."""

    def __init__(self, stored: Stored, *, gone: Iterable[Triple] = (), added: Iterable[Triple] = ()) -> None:
        self._stored = stored
        self._gone = set(gone)
        self._added = set(added)
        self._of: dict[Node, dict[Node | None, list[Triple]]] = {}
        self._to: dict[Node, dict[Node | None, list[Triple]]] = {}
        # How many are gone by their subject, or back by their object, and by predicate.
        self._fewer: Counter[tuple[Node, Node | None, bool]] = Counter()
        for s, p, o in self._gone:
            self._fewer.update(((s, p, False), (s, None, False), (o, p, True), (o, None, True)))
        for triple in self._added:
            enter(self._of, triple[0], triple)
            enter(self._to, triple[2], triple)

    def of(self, subject: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        return self._kept(self._stored.of(subject, predicate), self._of.get(subject, {}).get(predicate))

    def to(self, value: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        return self._kept(self._stored.to(value, predicate), self._to.get(value, {}).get(predicate))

    def about(self, node: Node, *, back: bool) -> About | None:
        """See `Statements`."""
        stored, added = self._stored.about(node, back=back), (self._to if back else self._of).get(node, {})
        if not stored:
            return None if stored is None else added
        if self._gone:
            stored = {p: left for p, said in stored.items() if (left := self._kept([*said], None))}
        return merged(stored, added)

    def some(self, node: Node, predicate: URIRef | None, most: int, *, back: bool) -> Sequence[Triple]:
        """See `Statements`."""
        added = (self._to if back else self._of).get(node, {}).get(predicate, ())
        if len(added) >= most:
            return added[:most]
        # What is gone may be among the first.
        least = most + self._fewer[node, predicate, back]
        stored = self._kept(self._stored.some(node, predicate, least, back=back), None)
        return list(dict.fromkeys((*added, *stored)))[:most] if added and stored else added or stored[:most]

    def all(self) -> Iterable[Triple]:
        """See `Dataset`."""
        yield from self._kept(list(self._stored.match((None, None, None))), None)
        yield from self._added

    def _kept(self, stored: list[Triple], added: list[Triple] | None) -> Sequence[Triple]:
        if self._gone and stored:
            stored = [triple for triple in stored if triple not in self._gone]
        return stored + added if added else stored


def triples(quads: Iterable[Quad | Said]) -> set[Triple]:
    """What the quads (or statements) say."""
    return {_triple(quad) for quad in quads}


def _triple(quad: Quad | Said) -> Triple:
    return (to_rdflib(quad.subject), to_rdflib(quad.predicate), to_rdflib(quad.object))
