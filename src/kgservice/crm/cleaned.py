"""What becomes of the rows of a table of a source: what is made of them, and which are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pyarrow as pa

from kgservice.crm.settings import Table


@dataclass(frozen=True, slots=True, order=True)
class Reject:
    """A row that was refused: its table, its line or number, its key if it has one, and the reason.

    `kind` is the canonical table that it was for, or None where it was refused before its content could tell.
    If `taken`, the row was not refused: only the cell that the reason tells of was left out.
    """

    table: str
    line: int
    key: str | None
    reason: str
    kind: str | None = None
    taken: bool = False


@dataclass(slots=True)
class Cleaned:
    """What became of the rows of one raw table.

    `rows` = `taken` + `repeated` + the `rejects` of the table itself. `keys` are those of all rows
    that could be told apart; `made` holds the rows for each canonical table, in its columns, `lines` where
    each of them stands.
    """

    table: Table
    rows: int
    taken: int
    repeated: int
    cursor: str | None
    keys: set[str]
    rejects: list[Reject] = field(default_factory=list)
    made: dict[str, pa.Table] = field(default_factory=dict)
    lines: dict[str, pa.ChunkedArray] = field(default_factory=dict)

    def split_off(self, kind: str) -> set[str]:
        """The keys of the rows that became something else than `kind`, of all that a row may become."""
        others = (self.made[other] for other in self.table.primary if other != kind)
        return {key for made in others for key in made.column("key").to_pylist()}


def unplaced(rejects: Iterable[Reject]) -> Counter[Reject]:
    """Refused rows without their numbers, which differ with what is read of a table."""
    return Counter(replace(one, line=0) for one in rejects)


def place(reject: Reject) -> tuple[str, int, str]:
    """What refused rows are ordered by."""
    return reject.table, reject.line, reject.reason
