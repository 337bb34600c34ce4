"""The canonical tables in DuckDB: what all sources hold, what the last runs changed, and what was refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from kgservice.crm.canonical import CANONICAL, DATABASE
from kgservice.crm.cleaned import Reject
from kgservice.crm.private import private, tighten
from kgservice.crm.work import working
from kgservice.errors import BadTable, Conflict, NotFound
from kgservice.tabular.sandbox import quoted

ABOUT_PERSONS = tuple(kind for kind, columns in CANONICAL.items() if "person_key" in columns)
"""The tables whose rows are about a person, by `person_key`."""
# `changes` holds the last change of each row (`new`, `changed`, `gone`) with the number of its run, so that
# who remembers the run that they have dealt with finds all that came after. `state` is what a source was
# read up to; `rejects` are those of its last reading.
_OWN = """
CREATE SEQUENCE IF NOT EXISTS run_numbers;
CREATE TABLE IF NOT EXISTS runs (run BIGINT, source VARCHAR, moment TIMESTAMP, counts VARCHAR);
CREATE TABLE IF NOT EXISTS changes (run BIGINT, source VARCHAR, kind VARCHAR, key VARCHAR, change VARCHAR);
CREATE TABLE IF NOT EXISTS rejects
  (source VARCHAR, "table" VARCHAR, line BIGINT, key VARCHAR, reason VARCHAR, kind VARCHAR,
   taken BOOLEAN DEFAULT false);
CREATE TABLE IF NOT EXISTS state (source VARCHAR, digest VARCHAR, cursors VARCHAR, columns VARCHAR);
"""
_ADDED = (
    ("rejects", "kind", "VARCHAR"),
    ("rejects", "taken", "BOOLEAN DEFAULT false"),
    ("state", "columns", "VARCHAR"),
)


@dataclass(frozen=True, slots=True)
class State:
    """What a source was read up to: a digest of files and settings, and the cursor of each table.

    `columns` are those that each table had then, see `known_columns`; empty if they are not known.
    """

    digest: str
    cursors: Mapping[str, str]
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a run changes in one canonical table: numbers of rows."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    unchanged: int = 0

    @property
    def any(self) -> bool:
        """Whether it changes anything."""
        return bool(self.new or self.changed or self.gone)


@contextmanager
def opened(folder: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database of all sources in a folder; made if it is not there and may be written.

    Folder and files are their owner's alone, also those that were made before. Raises `NotFound` if it is not
    there, `Conflict` while another process writes it, `BadTable` if it is damaged.
    """
    path = folder / DATABASE
    if read_only and not path.exists():
        raise NotFound("nothing was synchronised yet", source=DATABASE)
    with ExitStack() as block:
        if read_only:
            tighten(folder)
        else:
            block.enter_context(private(folder))
        try:
            db = duckdb.connect(
                str(path), read_only=read_only, config={"threads": 2, "autoinstall_known_extensions": False}
            )
        except (duckdb.IOException, duckdb.ConnectionException) as error:
            raise _unopened(error) from None
        block.callback(db.close)
        if not read_only:
            _create(db)
        yield db


@contextmanager
def beside(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, to which that of all sources is attached as `held`, to be read.

    What does not fit into memory goes into a folder that only its owner reads. Raises as `opened` does.
    """
    path = folder / DATABASE
    if not path.exists():
        raise NotFound("nothing was synchronised yet", source=DATABASE)
    tighten(folder)
    with (
        working(folder) as spilled,
        duckdb.connect(
            ":memory:",
            config={"threads": 2, "autoinstall_known_extensions": False, "temp_directory": str(spilled)},
        ) as db,
    ):
        try:
            db.execute("ATTACH $path AS held (READ_ONLY)", {"path": str(path)})
        except (
            duckdb.IOException,
            duckdb.BinderException,
            duckdb.ConnectionException,
            duckdb.ResourceInUseException,
        ) as error:
            raise _unopened(error) from None
        yield db


def _unopened(error: duckdb.Error) -> Conflict | BadTable:
    """What to raise when the file cannot be opened: somebody else has it open to write, or it is damaged."""
    said = str(error)
    if any(words in said.lower() for words in ("lock", "different configuration", "already attached")):
        return Conflict("somebody else works on it; try again when that is done", source=DATABASE)
    return BadTable("is damaged: {said}", said=said[:200], source=DATABASE)


def _create(db: duckdb.DuckDBPyConnection) -> None:
    there = {name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    for table, column, kind in _ADDED:
        if table in there and column not in {name for name, *_ in db.execute(f"DESCRIBE {table}").fetchall()}:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    if there >= {*CANONICAL, "state", "rejects", "changes", "runs"}:
        return
    for table, columns in CANONICAL.items():
        listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
        db.execute(f"CREATE TABLE IF NOT EXISTS {quoted(table)} ({listed})")
    db.execute(_OWN)


def state_of(db: duckdb.DuckDBPyConnection, source: str) -> State | None:
    """What a source was read up to, or None."""
    row = db.execute("SELECT digest, cursors, columns FROM state WHERE source = ?", [source]).fetchone()
    return State(row[0], json.loads(row[1]), json.loads(row[2] or "{}")) if row else None


def rejects_of(db: duckdb.DuckDBPyConnection, source: str) -> list[Reject]:
    """The rows that are refused of a source, in order."""
    rows = db.execute("SELECT * EXCLUDE (source) FROM rejects WHERE source = ?", [source]).fetchall()
    return sorted((Reject(*row) for row in rows), key=lambda r: (r.table, r.line, r.reason))


def size_of(db: duckdb.DuckDBPyConnection, kind: str, source: str) -> int:
    """The number of rows that a canonical table has of a source."""
    row = db.execute(f"SELECT count(*) FROM {quoted(kind)} WHERE source = ?", [source]).fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def keys_of(db: duckdb.DuckDBPyConnection, kind: str, source: str) -> set[str]:
    """The keys of the rows that a canonical table has of a source."""
    found = db.execute(f"SELECT key FROM {quoted(kind)} WHERE source = ?", [source])  # noqa: S608
    return {key for (key,) in found.fetchall()}


def compare(
    db: duckdb.DuckDBPyConnection, kind: str, source: str, staged: str, going: str | None
) -> Difference:
    """Note in a temporary table what `staged` rows change in the table `kind`; nothing is changed yet.

    `going` is a temporary table of the keys that are gone, or None if none is.
    """
    there, change = quoted(kind), quoted(f"change {kind}")
    columns = [quoted(name) for name in CANONICAL[kind]]
    old, new = (", ".join(f"{side}.{name}" for name in columns) for side in ("old", "new"))
    db.execute(
        f"CREATE OR REPLACE TEMP TABLE {change} AS SELECT new.key, CASE WHEN old.key IS NULL THEN 'new' "  # noqa: S608
        f"WHEN row({new}) IS DISTINCT FROM row({old}) THEN 'changed' ELSE 'unchanged' END AS change "
        f"FROM {quoted(staged)} AS new LEFT JOIN {there} AS old ON old.source = ? AND old.key = new.key",
        [source],
    )
    if going is not None:
        db.execute(
            f"INSERT INTO {change} SELECT key, 'gone' FROM {there} WHERE source = ? "  # noqa: S608
            f"AND key IN (SELECT key FROM {quoted(going)}) AND key NOT IN (SELECT key FROM {quoted(staged)})",
            [source],
        )
    counts = dict(db.execute(f"SELECT change, count(*) FROM {change} GROUP BY change").fetchall())  # noqa: S608
    return Difference(**counts)


def apply(db: duckdb.DuckDBPyConnection, kind: str, source: str, staged: str, run: int) -> None:
    """Make the changes that `compare` has noted, within the transaction of the caller."""
    there, change = quoted(kind), quoted(f"change {kind}")
    db.execute(
        f"DELETE FROM {there} WHERE source = ? AND key IN (SELECT key FROM {change} "  # noqa: S608
        "WHERE change IN ('changed', 'gone'))",
        [source],
    )
    db.execute(
        f"INSERT INTO {there} SELECT * FROM {quoted(staged)} WHERE key IN (SELECT key FROM {change} "  # noqa: S608
        "WHERE change IN ('new', 'changed'))"
    )
    db.execute(
        f"DELETE FROM changes WHERE source = ? AND kind = ? AND key IN (SELECT key FROM {change} "  # noqa: S608
        "WHERE change <> 'unchanged')",
        [source, kind],
    )
    db.execute(
        f"INSERT INTO changes SELECT ?, ?, ?, key, change FROM {change} WHERE change <> 'unchanged'",  # noqa: S608
        [run, source, kind],
    )


def overview(folder: Path) -> dict[str, dict[str, int | str]]:
    """Of each source: its rows in each canonical table, those refused, and the last run that changed it."""
    if not (folder / DATABASE).exists():
        return {}
    found: dict[str, dict[str, int | str]] = {}
    with opened(folder, read_only=True) as db:
        for table, which in (*((table, "TRUE") for table in CANONICAL), ("rejects", "NOT taken")):
            counted = f"SELECT source, count(*) FROM {quoted(table)} WHERE {which} GROUP BY source"  # noqa: S608
            for source, count in db.execute(counted).fetchall():
                found.setdefault(source, {})[table] = count
        for source, moment in db.execute("SELECT source, max(moment) FROM runs GROUP BY source").fetchall():
            found.setdefault(source, {})["last run"] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return found


def next_run(db: duckdb.DuckDBPyConnection) -> int:
    """The number of a new run."""
    row = db.execute("SELECT nextval('run_numbers')").fetchone()
    assert row is not None
    return int(row[0])
