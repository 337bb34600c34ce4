"""The record statements that full validation looks up: all about a node is read at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from rdflib.term import Node, URIRef

from kgservice.application.guard.record_file import RecordFile
from kgservice.shacl.reach import About, Triple
from kgservice.shacl.terms import interned

_MANY = 100  # quads about a node; of more, only those asked for are read
_HELD = 50_000  # nodes, and statements about those of which much is said; records share many

_ByPredicate = dict[Node | None, list[Triple]]


class Extract:
    """Record statements, each looked up once."""

    def __init__(self, records: RecordFile) -> None:
        self._records = records
        # What is said of nodes, and (True) where they are values; None: too much to read it at once.
        self._about: dict[bool, dict[Node, _ByPredicate | None]] = {False: {}, True: {}}
        self._much: dict[tuple[Node, Node | None, bool], list[Triple]] = {}

    def of(self, subject: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        return self._found(subject, predicate, back=False)

    def to(self, value: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """See `Statements`."""
        return self._found(value, predicate, back=True)

    def some(self, node: Node, predicate: URIRef | None, most: int, *, back: bool) -> Sequence[Triple]:
        """See `Statements`."""
        if self._known(node, back=back) is None and (node, predicate, back) not in self._much:
            return list(islice(_once(self._match(node, predicate, back=back)), most))
        return self._found(node, predicate, back=back)[:most]

    def about(self, node: Node, *, back: bool) -> About | None:
        """See `Statements`."""
        return self._known(node, back=back)

    def all(self) -> Iterable[Triple]:
        """See `Dataset`."""
        return _once(self._records.all())

    def spare(self) -> None:
        """Forget what was looked up if it is much: memory does not grow with the store."""
        nodes = sum(map(len, self._about.values()))
        if nodes + sum(map(len, self._much.values())) > _HELD:
            self._much.clear()
            for known in self._about.values():
                known.clear()

    def _found(self, node: Node, predicate: URIRef | None, *, back: bool) -> Sequence[Triple]:
        known = self._known(node, back=back)
        if known is not None:
            return known.get(predicate, ())
        key = (node, predicate, back)
        if key not in self._much:
            self._much[key] = list(_once(self._match(node, predicate, back=back)))
        return self._much[key]

    def _known(self, node: Node, *, back: bool) -> _ByPredicate | None:
        about = self._about[back]
        if node not in about:
            about[node] = self._read(node, back=back)
        return about[node]

    def _read(self, node: Node, *, back: bool) -> _ByPredicate | None:
        """All about a node, by predicate and (None) together."""
        found = list(islice(self._match(node, None, back=back), _MANY + 1))
        if len(found) > _MANY:
            return None
        every = list(dict.fromkeys(found))
        by: _ByPredicate = {None: every} if every else {}
        for triple in every:
            by.setdefault(triple[1], []).append(triple)
        return by

    def _match(self, node: Node, predicate: URIRef | None, *, back: bool) -> Iterator[Triple]:
        """What several graphs say comes as often."""
        return (self._records.to if back else self._records.of)(interned(node), predicate)


def _once(found: Iterable[Triple]) -> Iterator[Triple]:
    seen: set[Triple] = set()
    for triple in found:
        if triple not in seen:
            seen.add(triple)
            yield triple
