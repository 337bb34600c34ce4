"""The customer of each record: what is accepted, and what a steward decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from kgservice.domain.matching import BANDS, Band, Bands, Pair, RecordId

# So many bits the best has to be ahead of the second to be accepted by rule: 2^4 = 16 times likelier.
AHEAD = 4.0


@dataclass(frozen=True, slots=True)
class Decided:
    """What stewards have decided: pairs of record and customer that are the same, and pairs that are not."""

    accepted: frozenset[tuple[RecordId, str]] = frozenset()
    rejected: frozenset[tuple[RecordId, str]] = frozenset()


NOTHING = Decided()


@dataclass(frozen=True, slots=True)
class Assigned:
    """A pair and its band; `rival` is what stands in the way of accepting it: a customer, or a record."""

    pair: Pair
    band: Band
    rival: str | None = None


def assign(
    pairs: Iterable[Pair],
    *,
    decided: Decided = NOTHING,
    unique: Collection[str] = (),
    apart: Collection[frozenset[RecordId]] = (),
    ahead: float = AHEAD,
    bands: Bands = BANDS,
) -> list[Assigned]:
    """The pairs that are accepted by rule, and those that a steward is asked about, the likeliest first.

    A pair that a steward decided is not among them, nor is another one of a record whose customer is
    decided. A record has one customer at most: its best one, accepted if `bands` say so and the second is
    `ahead` bits behind.
    Of a source in `unique`, which holds no one twice, a customer has one record at most, too. Two records
    that are `apart` are never accepted for one customer: a person decides on both.
    """
    pinned = {record for record, _ in decided.accepted}
    taken = {(record.source, customer) for record, customer in decided.accepted if record.source in unique}
    left = [
        pair
        for pair in pairs
        if bands.of(pair) is not Band.NONE
        and pair.record not in pinned
        and (pair.record, pair.customer) not in decided.rejected
        and (pair.record.source, pair.customer) not in taken
    ]
    left.sort(key=_order)
    of_record: dict[RecordId, list[Pair]] = defaultdict(list)
    of_customer: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in left:
        of_record[pair.record].append(pair)
        if pair.record.source in unique:
            of_customer[pair.record.source, pair.customer].append(pair)
    found: list[Assigned] = []
    gone: set[RecordId] = set()
    for pair in left:
        if pair.record in gone or (pair.record.source, pair.customer) in taken:
            continue
        customers = [
            other
            for other in of_record[pair.record]
            if other is not pair and (other.record.source, other.customer) not in taken
        ]
        records = [
            other
            for other in of_customer.get((pair.record.source, pair.customer), ())
            if other is not pair and other.record not in gone
        ]
        rival = next((o.customer for o in customers if pair.weight - o.weight < ahead), None) or next(
            (o.record.key for o in records if pair.weight - o.weight < ahead), None
        )
        if bands.of(pair) is Band.ACCEPTED and rival is None:
            found.append(Assigned(pair, Band.ACCEPTED))
            gone.add(pair.record)
            if pair.record.source in unique:
                taken.add((pair.record.source, pair.customer))
        else:
            found.append(Assigned(pair, Band.CANDIDATE, rival))
    return _held_back(found, decided, apart) if apart else found


def _held_back(
    found: list[Assigned], decided: Decided, apart: Collection[frozenset[RecordId]]
) -> list[Assigned]:
    """What is accepted, but for records of one customer that are apart."""
    linked: dict[str, list[RecordId]] = defaultdict(list)
    accepted = {(each.pair.record, each.pair.customer) for each in found if each.band is Band.ACCEPTED}
    for record, customer in sorted(accepted | decided.accepted, key=str):
        linked[customer].append(record)

    def rival(pair: Pair) -> str | None:
        return next((o.key for o in linked[pair.customer] if frozenset((o, pair.record)) in apart), None)

    return [
        replace(each, band=Band.CANDIDATE, rival=other)
        if each.band is Band.ACCEPTED and (other := rival(each.pair)) is not None
        else each
        for each in found
    ]


def _order(pair: Pair) -> tuple[float, str, str, str]:
    return -pair.weight, pair.record.source, pair.record.key, pair.customer


def best(assigned: Iterable[Assigned]) -> dict[RecordId, Assigned]:
    """The likeliest customer of each record."""
    found: dict[RecordId, Assigned] = {}
    for each in assigned:
        found.setdefault(each.pair.record, each)
    return found
