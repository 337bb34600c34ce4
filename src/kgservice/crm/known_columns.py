"""Which columns a source had when it was last read: one that is missing now would empty what it had said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kgservice.crm.canonical import DATABASE
from kgservice.crm.canonical_tables import opened
from kgservice.crm.extract import Delivered
from kgservice.crm.rows import unknown
from kgservice.crm.settings import Source, Table
from kgservice.errors import Conflict

Known = Mapping[str, Mapping[str, Any]]
"""Of each table: `found`, the columns by their names, each with its heading, and what was `ignored`."""


def check(source: Source, before: Known, delivered: Mapping[str, Delivered]) -> None:
    """Raise `Conflict` that names the columns that the last run found in a table, and this one does not.

    Of a table whose records may leave out what is empty, these are the columns that had something, and only
    where all of its records were read.
    """
    for table in source.tables:
        now, known = delivered[table.name].columns, before.get(table.name)
        if known is None or not (now.whole or (delivered[table.name].complete and now.found)):
            continue
        names = {c.name for c in table.columns} & known["found"].keys() - now.found.keys()
        if names:
            raise Conflict(
                "{table} has no longer the columns {names}{instead}. Name their new headings in the settings;"
                " or, if what they said is to go, add the source again (kgservice crm add)",
                table=table.name,
                names=", ".join(sorted(known["found"][name] for name in names)),
                instead=unknown(fresh(before, table, delivered) or now.ignored),
                source=source.name,
            )


def fresh(before: Known, table: Table, delivered: Mapping[str, Delivered]) -> list[str]:
    """The columns of a table that are ignored, and were not there when it was last read."""
    known = before.get(table.name)
    return sorted({*delivered[table.name].columns.ignored} - {*known["ignored"]}) if known else []


def after(before: Known, delivered: Mapping[str, Delivered]) -> Known:
    """What is known of the columns after a run."""
    known = {}
    for name, one in delivered.items():
        found = {
            c: title
            for c, title in one.columns.found.items()
            if one.columns.whole or c not in one.columns.empty
        }
        ignored = {*one.columns.ignored}
        if not one.columns.whole and not (one.complete and one.columns.found) and name in before:
            found, ignored = found | before[name]["found"], ignored.union(before[name]["ignored"])
        known[name] = {"found": found, "ignored": sorted(ignored)}
    return known


def forget(folder: Path, source: str) -> None:
    """Let the next run of a source take its columns as they are. Raises `Conflict` while a run is at work."""
    if (folder / DATABASE).exists():
        with opened(folder) as db:
            db.execute("UPDATE state SET columns = NULL WHERE source = ?", [source])
