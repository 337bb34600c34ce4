"""When views of purposes change by themselves: for each person and the first of all, in the state graph."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.changes.effect import Effect
from kgservice.namespaces import SCHEMA, XSD, Addresses
from kgservice.store.base import Dataset, Store

DUE = NamedNode(f"{SCHEMA}expires")
_STAMP = NamedNode(f"{XSD}dateTime")


class Dues:
    """The notes of one store."""

    def __init__(self, store: Store, addresses: Addresses) -> None:
        self._store = store
        self._state = NamedNode(addresses.state)

    def first(self) -> datetime | None:
        """The first of all moments, or an earlier one."""
        return min(map(_moment, self._noted(self._state)), default=None)

    def persons(self) -> dict[str, datetime]:
        """The moment of each person that has one."""
        rows = self._store.select(
            f"SELECT ?person ?t WHERE {{ ?person {DUE} ?t }}", Dataset((self._state,), ())
        ).rows
        return {p.value: _moment(t) for p, t in rows if isinstance(p, NamedNode) and p != self._state}

    def changed(self, persons: Mapping[NamedNode, datetime | None]) -> Effect:
        """Note the moments of some persons; None: there is none any more."""
        effect = Effect()
        for person, due in persons.items():
            self._replace(effect, person, due)
        return effect

    def with_first(self, effect: Effect) -> Effect:
        """The effect with a note of the first moment, which can only become earlier by it."""
        old = self.first()
        self._replace(
            effect, self._state, min((*self.noted_in(effect), *([old] if old else ())), default=None)
        )
        return effect

    def with_exact_first(self, effect: Effect, first: datetime | None) -> Effect:
        """The effect with a note that this is the first moment."""
        self._replace(effect, self._state, first)
        return effect

    def noted_in(self, effect: Effect) -> list[datetime]:
        """The moments that an effect notes."""
        return [_moment(t.object) for t in effect.add.within(self._state) if t.predicate == DUE]

    def _replace(self, effect: Effect, node: NamedNode, due: datetime | None) -> None:
        old = {Quad(node, DUE, term, self._state) for term in self._noted(node)}
        now = {quad(node, due, self._state)} if due else set()
        effect.remove.update(old - now)
        effect.add.update(now - old)

    def _noted(self, node: NamedNode) -> list[Literal]:
        found = self._store.match([(node, DUE, None)], self._state)
        return [quad.object for quad in found if isinstance(quad.object, Literal)]


def quad(node: NamedNode, due: datetime, state: NamedNode) -> Quad:
    """The note that a node has to be looked at again at a moment."""
    return Quad(node, DUE, Literal(due.isoformat().replace("+00:00", "Z"), datatype=_STAMP), state)


def _moment(term: object) -> datetime:
    assert isinstance(term, Literal)
    return datetime.fromisoformat(term.value)
