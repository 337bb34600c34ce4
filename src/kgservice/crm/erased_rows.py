"""Rows about persons who were erased here: refused, and told as still in the CRM, but not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace

import pyarrow as pa

from kgservice.crm.canonical import CANONICAL
from kgservice.crm.cleaned import Cleaned, Reject
from kgservice.domain.matching import RecordId

REASON = "was erased here, and is still in the CRM"
Erased = Callable[[RecordId], bool]
"""Whether a record was linked to somebody who was erased."""


def nobody(_record: RecordId) -> bool:
    """Nobody was erased."""
    return False


def refuse(one: Cleaned, source: str, erased: Erased, present: Set[str]) -> None:
    """Take rows of erased persons, and rows about them, out of what a table has made.

    Of a row of theirs that was refused for something else, what that was is not told: it may quote the row.
    Of the keys that are `present`, though their rows were not read now, theirs are told, too.
    """
    if "persons" in one.table.primary:
        one.rejects = [
            Reject(one.table.name, reject.line, reject.key, REASON, "persons")
            if reject.table == one.table.name
            and reject.key is not None
            and erased(RecordId(source, reject.key))
            else reject
            for reject in one.rejects
        ]
        one.rejects += [
            Reject(one.table.name, 0, key, REASON, "persons")
            for key in sorted(present - one.keys)
            if erased(RecordId(source, key))
        ]
    for kind, made in one.made.items():
        column = "key" if kind == "persons" else "person_key"
        if column not in CANONICAL[kind]:
            continue  # organisations are nobody's data
        whose = made.column(column).to_pylist()
        gone = [key is not None and erased(RecordId(source, key)) for key in whose]
        if not any(gone):
            continue
        keys, lines = made.column("key").to_pylist(), one.lines[kind].to_pylist()
        first = kind in one.table.primary
        where = one.table.name if first else f"{one.table.name}/{kind}"
        one.rejects += [
            Reject(where, line, key, REASON, kind)
            for line, key, is_gone in zip(lines, keys, gone, strict=True)
            if is_gone
        ]
        one.taken -= sum(gone) if first else 0
        left = pa.array([not is_gone for is_gone in gone])
        one.made[kind], one.lines[kind] = made.filter(left), one.lines[kind].filter(left)


def kept(rejects: Iterable[Reject]) -> list[Reject]:
    """Refused rows as they are kept: of those of the erased, nothing by which they could be known again."""
    return [replace(one, line=0, key=None) if one.reason == REASON else one for one in rejects]


def known(rejects: Sequence[Reject]) -> list[str]:
    """The keys of refused rows of which the tables keep what was known before."""
    return [one.key for one in rejects if one.key is not None and one.reason != REASON and not one.taken]
