"""New records of a CRM looked up: who of the customers each may be, from an index that is kept in memory.

The index knows what the view for matching shows, and is thrown away at once when somebody may not be shown
there any more. It is made anew, at the next question, when the view says something else of a customer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels
from kgservice.application.links import customers as link_customers
from kgservice.application.sources import packages as crm_packages
from kgservice.application.sources.asked_records import Row
from kgservice.crm.canonical import KINDS
from kgservice.domain.matching import Pair
from kgservice.errors import Busy, StoreFailed

if TYPE_CHECKING:
    from kgservice.crm.customer_index import CustomerIndex
    from kgservice.crm.models import MatchModel

_TIMES = 3  # that a question is tried, while customers change
_AGAIN = 5  # seconds


@dataclass(slots=True)
class _Held:
    """An index (None: nobody is in it) with the model that it weighs with, and the last trained one, if any.

    `digest` is of the customers that it was made of, `state` the last one of the view that said the same.
    """

    index: CustomerIndex | None
    model: MatchModel
    trained: MatchModel | None
    digest: bytes
    state: int


@dataclass(frozen=True, slots=True)
class Found:
    """The customers that records may be: pairs by the number of the record, names by IRI, and the model."""

    pairs: Sequence[Sequence[Pair]]
    names: dict[str, str]
    model: MatchModel

    def to_json(self, keys: Sequence[object]) -> dict[str, Any]:
        """It as JSON, with the `keys` that the records have in their CRM."""
        described = self.model.described
        return {
            "kind": described.kind,
            "model": {"digest": described.digest, "version": described.version},
            "records": [
                {"key": key, "candidates": [self._candidate(pair) for pair in pairs]}
                for key, pairs in zip(keys, self.pairs, strict=True)
            ],
        }

    def _candidate(self, pair: Pair) -> dict[str, Any]:
        """A candidate as a link is told, with numbers as exact as there."""
        fields = [
            {
                "field": name,
                "weight": round(weight, 2) + 0.0,
                "record": pair.values.get(name, ("", ""))[0] or None,
                "customer": pair.values.get(name, ("", ""))[1] or None,
            }
            for name, weight in pair.fields.items()
        ]
        return {
            "customer": pair.customer,
            "customerName": self.names.get(pair.customer),
            "probability": round(pair.probability, 6),
            "weight": round(pair.weight, 2) + 0.0,
            "fields": sorted(fields, key=lambda one: (-abs(one["weight"]), one["field"])),
        }


class Lookups:
    """Who in the graph new records may be. Any thread may ask; of each kind one at a time is answered."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kept = {kind: _Kept(kg, kind) for kind in KINDS}
        kg.when_hidden.append(self.forget)

    def of(self, kind: str, rows: Sequence[Row]) -> Found:
        """The candidates for each row (see `asked_rows`), the likeliest first.

        Raises `BadInput` when packages are missing, `BadParameter` when nothing may be matched, `Busy` while
        customers change faster than they are compared, `StoreFailed` when they have no room in memory.
        """
        crm_packages.check_matching()
        return self._kept[kind].of(rows)

    def forget(self) -> None:
        """Throw the indexes away, at once or after the question that uses one; this waits for nobody."""
        for kept in self._kept.values():
            kept.forget()

    close = forget


class _Kept:
    """The index of one kind, as long as it says what the view says."""

    def __init__(self, kg: KnowledgeGraph, kind: str) -> None:
        self._kg = kg
        self._kind = kind
        self._turn = Lock()
        self._hidden = Event()
        self._held: _Held | None = None

    def of(self, rows: Sequence[Row]) -> Found:
        try:
            with self._turn:
                for _ in range(_TIMES):
                    held = self._current()
                    found = self._found(held, rows)
                    if self._is_current(held):
                        return found
        except StoreFailed:
            self._hidden.set()  # it may have taken all the memory there is
            raise
        finally:
            self._tidy()
        raise Busy("The customers change faster than they can be compared", after=_AGAIN)

    def forget(self) -> None:
        self._hidden.set()
        self._tidy()

    def _tidy(self) -> None:
        """Throw the index away if it is to be forgotten; whoever uses it now does that when they are done."""
        while self._hidden.is_set() and self._turn.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._turn.release()

    def _close(self) -> None:
        self._hidden.clear()
        held, self._held = self._held, None
        if held is not None and held.index is not None:
            held.index.close()

    def _found(self, held: _Held, rows: Sequence[Row]) -> Found:
        pairs: dict[str, list[Pair]] = {str(row["key"]): [] for row in rows}
        for pair in held.index.of(rows) if held.index is not None else ():
            pairs[pair.record.key].append(pair)
        customers = {pair.customer for of in pairs.values() for pair in of}
        names = labels(link_customers.reader(self._kg), customers, self._kg.settings.language)
        return Found(list(pairs.values()), names, held.model)

    def _current(self) -> _Held:
        """The index of what the view says now, made anew if it said something else before."""
        # They need optional packages.
        from kgservice.crm.kept_models import kept  # noqa: PLC0415

        if self._hidden.is_set():
            self._close()
        held, trained = self._held, kept(self._kg.settings.crm_folder, self._kind)
        state = link_customers.reader(self._kg).state
        if held is None or held.trained != trained or held.state != state:
            rows, digest = self._read()
            if held is None or held.trained != trained or held.digest != digest:
                self._close()
                self._held = held = self._made(rows, trained, digest, state)
            held.state = state
        return held

    def _is_current(self, held: _Held) -> bool:
        """Whether the view still says of all customers what it said when the index was made."""
        state = link_customers.reader(self._kg).state
        if state != held.state:
            _, digest = self._read()
            if digest != held.digest:
                return False
            held.state = state
        return not self._hidden.is_set()

    def _read(self) -> tuple[list[link_customers.Row], bytes]:
        """The customers as the view says them, and a digest of that."""
        rows = list(link_customers.customers(self._kg, self._kind))
        digest = hashlib.blake2b()
        for row in rows:
            digest.update(repr(row).encode())
        return rows, digest.digest()

    def _made(
        self, rows: Sequence[link_customers.Row], trained: MatchModel | None, digest: bytes, state: int
    ) -> _Held:
        from kgservice.crm.customer_index import CustomerIndex  # noqa: PLC0415 - as above
        from kgservice.crm.models import shipped  # noqa: PLC0415
        from kgservice.crm.untrained import prior_between, untrained_for  # noqa: PLC0415

        model = trained or untrained_for(shipped(self._kind), prior_between(1, len(rows)))
        least = link_customers.bands(self._kg).candidate
        index = CustomerIndex(self._kind, rows, model, least=least) if rows else None
        return _Held(index, model, trained, digest, state)
