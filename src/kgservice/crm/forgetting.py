"""Rows of CRM records deleted for good from the canonical tables of a DuckDB file."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from kgservice.crm.private import private
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
        all rows have gone.
        """
        mark = self._path.with_name(f"{self._path.name}.forgetting")
        fresh = self._path.with_name(f"{self._path.name}.fresh")
        try:
            unfinished = mark.exists()
            if not self._path.exists() or not (records or unfinished):
                return 0
            count = self._forget(records, mark, fresh, unfinished=unfinished)
        except OSError as error:
            raise StoreFailed("the rows of the CRM cannot be deleted: {error}", error=error) from error
        return count

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
        except duckdb.Error as error:
            raise StoreFailed("the rows of the CRM cannot be deleted: {error}", error=error) from error
        if anew:
            _sync(fresh)
            fresh.replace(self._path)
            _sync(self._path.parent)
        mark.unlink()
        return rows


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


# What is noted of a row goes before the row, by which it is found.
_NOTED = """DELETE FROM changes WHERE source = $source AND (
    kind = 'persons' AND key = $key OR (kind, key) IN (
    SELECT ('tickets', key) FROM tickets WHERE source = $source AND person_key = $key
    UNION ALL SELECT ('deals', key) FROM deals WHERE source = $source AND person_key = $key
    UNION ALL SELECT ('preferences', key) FROM preferences WHERE source = $source AND person_key = $key))"""
_ABOUT = "DELETE FROM {} WHERE source = $source AND person_key = $key"
# An organisation may have the key of a person, and stays.
_STATEMENTS = {
    "changes": _NOTED,
    **{name: _ABOUT.format(name) for name in ("tickets", "deals", "preferences")},
    "persons": "DELETE FROM persons WHERE source = $source AND key = $key",
    "rejects": "DELETE FROM rejects WHERE source = $source AND key = $key",
}
