"""Rows of CRM records shown, and deleted for good, from the canonical tables of a DuckDB file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgservice.crm.private import private
from kgservice.crm.work import clear
from kgservice.domain.crm_row import Held
from kgservice.domain.matching import RecordId
from kgservice.errors import StoreFailed

if TYPE_CHECKING:
    import duckdb


class CanonicalTables:
    """The canonical tables in a DuckDB file; a file or table that is not there holds no rows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def forget(self, records: Collection[RecordId]) -> int:
        """See `Forgetter.forget`: rows of persons and about them, what is noted of these, and refused ones.

        The file is then written anew: what DuckDB deletes stays in its file otherwise. A mark beside it says,
        from before the first row goes, that this is to be done; who finds it writes the file anew, even if
        all rows have gone. What processes that were killed have left in the folder goes, too.
        """
        mark = self._path.with_name(f"{self._path.name}.forgetting")
        fresh = self._path.with_name(f"{self._path.name}.fresh")
        try:
            clear(self._path.parent)
            unfinished = mark.exists()
            if not self._path.exists() or not (records or unfinished):
                return 0
            count = self._forget(records, mark, fresh, unfinished=unfinished)
        except OSError as error:
            raise StoreFailed("the rows of the CRM cannot be deleted: {error}", error=error) from error
        return count

    def held(self, records: Collection[RecordId]) -> list[Held]:
        """See `Forgetter.held`. Raises `Conflict` while another process writes the file, `BadTable`."""
        if not records or not self._path.exists():
            return []
        from kgservice.crm.canonical_tables import beside  # noqa: PLC0415 - as in `_forget`

        with beside(self._path.parent) as db:
            there = {
                name
                for (name,) in db.execute(
                    "SELECT table_name FROM duckdb_tables() WHERE database_name = 'held'"
                ).fetchall()
            }
            return [
                Held(record, table, values)
                for record in sorted(records, key=str)
                for table in (name for name in _ROWS if name in there)
                for values in _rows(db, table, record)
            ]

    def _forget(self, records: Collection[RecordId], mark: Path, fresh: Path, *, unfinished: bool) -> int:
        import duckdb  # noqa: PLC0415 - every command knows this place, and few need it

        mark.touch(mode=0o600)
        _sync(mark.parent)
        try:
            with private(self._path.parent), duckdb.connect(self._path) as db:
                rows, noted = _delete(db, records)
                anew = unfinished or rows + noted > 0
                if anew:
                    _copy(db, fresh)
                    # Nobody else has the file open: what lies there is ours, or of a process that was killed.
                    shutil.rmtree(self._path.with_name(f"{self._path.name}.tmp"), ignore_errors=True)
        except duckdb.Error as error:
            raise StoreFailed("the rows of the CRM cannot be deleted: {error}", error=error) from error
        if anew:
            _sync(fresh)
            fresh.replace(self._path)
            _sync(self._path.parent)
        mark.unlink()
        return rows


def _rows(db: duckdb.DuckDBPyConnection, table: str, record: RecordId) -> Iterator[dict[str, Any]]:
    """The rows of a table that are of a record or about it: the columns that have a value."""
    result = db.execute(_ROWS[table], {"source": record.source, "key": record.key})
    columns = [column[0] for column in result.description or ()]
    for row in result.fetchall():
        said = dict(zip(columns, row, strict=True))
        # An organisation that was refused may have the key of a person.
        if table != "rejects" or said.get("kind") in {None, "persons"}:
            yield {name: _plain(value) for name, value in said.items() if value not in (None, [])}


def _plain(value: Any) -> Any:
    """A value of a column as JSON has it; moments are UTC."""
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _delete(db: duckdb.DuckDBPyConnection, records: Collection[RecordId]) -> tuple[int, int]:
    """Delete the rows, and what is noted of them: how many of each."""
    there = {name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    rows = noted = 0
    with db.cursor() as work:
        work.begin()
        for table in (name for name in _STATEMENTS if name in there):
            for one in sorted(records, key=str):
                said = work.execute(_STATEMENTS[table], {"source": one.source, "key": one.key}).fetchone()
                deleted = said[0] if said else 0
                if table == "changes":
                    noted += deleted
                else:
                    rows += deleted
        if "state" in there:  # whom the CRM still has, is told when all of it is read
            for name in {one.source for one in records}:
                work.execute("UPDATE state SET digest = '' WHERE source = $source", {"source": name})
        work.commit()
    return rows, noted


def _copy(db: duckdb.DuckDBPyConnection, fresh: Path) -> None:
    """Copy all that there is to a new file, in the place of one that was broken off."""
    for left in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        left.unlink(missing_ok=True)
    (name,) = db.execute("SELECT current_database()").fetchone() or ("",)
    db.execute("CHECKPOINT")
    db.execute("ATTACH $path AS fresh", {"path": str(fresh)})
    db.execute(f"COPY FROM DATABASE {_quoted(name)} TO fresh")
    db.execute("DETACH fresh")


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_PARTS = ("tickets", "deals", "preferences")
_HELD = "SELECT * FROM held.{} WHERE source = $source AND {} = $key ORDER BY key"
_ROWS = {
    "persons": _HELD.format("persons", "key"),
    **{name: _HELD.format(name, "person_key") for name in _PARTS},
    "rejects": _HELD.format("rejects", "key"),
}
_OF_PERSON = "SELECT {what} FROM {of} WHERE source = $source AND person_key = $key"
# What is noted of a row goes before the row, by which it is found.
_NOTED = f"""DELETE FROM changes WHERE source = $source AND (
    kind = 'persons' AND key = $key OR (kind, key) IN (
    {" UNION ALL ".join(_OF_PERSON.format(what=f"('{name}', key)", of=name) for name in _PARTS)}))"""  # noqa: S608
# A refused row may quote its cells. What it was for is not known of each, so all of the key go.
_REFUSED = f"""DELETE FROM rejects WHERE source = $source AND (key = $key OR key IN (
    {" UNION ALL ".join(_OF_PERSON.format(what="key", of=name) for name in _PARTS)}))"""  # noqa: S608
_ABOUT = "DELETE FROM {} WHERE source = $source AND person_key = $key"
# An organisation may have the key of a person, and stays.
_STATEMENTS = {
    "changes": _NOTED,
    "rejects": _REFUSED,
    **{name: _ABOUT.format(name) for name in _PARTS},
    "persons": "DELETE FROM persons WHERE source = $source AND key = $key",
}
