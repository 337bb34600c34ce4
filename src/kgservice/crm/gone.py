"""Which rows of the canonical tables a source has no more, be it read as a whole or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from kgservice.crm.canonical import CANONICAL, NAMING
from kgservice.crm.canonical_tables import ABOUT_PERSONS
from kgservice.crm.cleaned import Cleaned
from kgservice.crm.erased_rows import known
from kgservice.crm.extract import Delivered
from kgservice.tabular.sandbox import quoted

KEYS = "keys that are gone"
"""The temporary table of the keys."""


def note(
    db: duckdb.DuckDBPyConnection,
    source: str,
    kind: str,
    parts: Sequence[Cleaned],
    delivered: Mapping[str, Delivered],
) -> None:
    """Note which keys of the canonical table `kind` may be gone: those staged now are not, whatever is noted.

    `parts` are the tables that rows of the kind come from. A row that is there but refused keeps what was
    known of it, with the organisation or person that it names if they came with it.
    """
    first = [one for one in parts if kind in one.table.primary]
    besides = [one for one in parts if kind not in one.table.primary]
    about = "person_key" if kind in ABOUT_PERSONS else None
    found = f"INSERT INTO {quoted(KEYS)} SELECT key FROM {quoted(kind)} WHERE source = $source AND "  # noqa: S608
    db.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(KEYS)} (key VARCHAR)")
    # A row that became a record of another kind is no longer what it was.
    moved = set[str]().union(*(one.split_off(kind) for one in first))
    db.execute(f"{found} key IN (SELECT unnest($moved))", {"source": source, "moved": sorted(moved)})
    refused = {key for one in besides for key in known(one.rejects)}
    present = [_present(one, delivered[one.table.name], kind) for one in parts]
    if all(keys is not None for keys in present):
        there = {key for one in first for key in known(one.rejects)} | refused
        there = there.union(*(keys for keys in present if keys is not None))
        there = there.union(*(_named(db, source, kind, one) for one in besides))
        whose = f"AND ({about} IS NULL OR {about} NOT IN (SELECT unnest($refused)))" if about else ""
        db.execute(
            f"{found} key NOT IN (SELECT unnest($there)) {whose}",
            {"source": source, "there": sorted(there)} | ({"refused": sorted(refused)} if about else {}),
        )
    elif about and not first:
        again = {key for one in parts for key in one.keys} - refused
        persons = db.execute(
            f"SELECT DISTINCT {about} FROM {quoted(kind)} WHERE source = ? AND {about} IS NOT NULL",  # noqa: S608
            [source],
        ).fetchall()
        for keys in (delivered[one.table.name].present for one in parts):
            if keys is not None:
                again |= {key for (key,) in persons if key not in keys}
        db.execute(f"{found} {about} IN (SELECT unnest($again))", {"source": source, "again": sorted(again)})


def _named(db: duckdb.DuckDBPyConnection, source: str, kind: str, one: Cleaned) -> set[str]:
    """The keys that the refused rows of a table, as they are known, name in the canonical table `kind`."""
    found = set[str]()
    for primary in one.table.primary:
        if (column := NAMING.get(kind)) in CANONICAL[primary]:
            rows = db.execute(
                f"SELECT {column} FROM {quoted(primary)} WHERE source = $source AND {column} IS NOT NULL "  # noqa: S608
                "AND key IN (SELECT unnest($refused))",
                {"source": source, "refused": known(one.rejects)},
            ).fetchall()
            found.update(key for (key,) in rows)
    return found


def _present(one: Cleaned, delivered: Delivered, kind: str) -> set[str] | None:
    """The keys of the rows of a kind that a table brings without having been read now, or None if unknown.

    Of what rows bring besides, that is unknown unless all of them were read.
    """
    if delivered.complete:
        return set()
    return delivered.present if kind in one.table.primary else None
