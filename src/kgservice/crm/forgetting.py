"""Rows of CRM records deleted for good from the canonical tables of a DuckDB file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb

from kgservice.domain.matching import RecordId
from kgservice.errors import StoreFailed


class CanonicalTables:
    """The canonical tables in a DuckDB file; a file or table that is not there holds no rows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def forget(self, records: Collection[RecordId]) -> int:
        """See `Forgetter.forget`: rows under the key of a person or organisation, and those about a person.

        The file is then written anew: what DuckDB deletes stays in its file otherwise.
        """
        if not records or not self._path.exists():
            return 0
        fresh = self._path.with_name(f"{self._path.name}.forgetting")
        fresh.unlink(missing_ok=True)
        try:
            with duckdb.connect(self._path) as db:
                count = _delete(db, records)
                if count:
                    _copy(db, fresh)
            if count:
                fresh.replace(self._path)
        except duckdb.Error as error:
            fresh.unlink(missing_ok=True)
            raise StoreFailed(f"the rows of the CRM cannot be deleted: {error}") from error
        return count


def _delete(db: duckdb.DuckDBPyConnection, records: Collection[RecordId]) -> int:
    there = {name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    count = 0
    with db.cursor() as work:
        work.begin()
        for table in sorted(_STATEMENTS.keys() & there):
            for one in sorted(records, key=str):
                for statement in _STATEMENTS[table]:
                    deleted = work.execute(statement, [one.source, one.key]).fetchone()
                    count += deleted[0] if deleted else 0
        work.commit()
    return count


def _copy(db: duckdb.DuckDBPyConnection, fresh: Path) -> None:
    """Copy all that there is to a new file."""
    (name,) = db.execute("SELECT current_database()").fetchone() or ("",)
    db.execute("CHECKPOINT")
    db.execute("ATTACH $path AS fresh", {"path": str(fresh)})
    db.execute(f"COPY FROM DATABASE {_quoted(name)} TO fresh")
    db.execute("DETACH fresh")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# In each table, the columns that name somebody by the key of a record.
_STATEMENTS: dict[str, list[str]] = {
    "persons": ["DELETE FROM persons WHERE source = ? AND key = ?"],
    "organisations": ["DELETE FROM organisations WHERE source = ? AND key = ?"],
    "tickets": ["DELETE FROM tickets WHERE source = ? AND person_key = ?"],
    "deals": ["DELETE FROM deals WHERE source = ? AND person_key = ?"],
    "preferences": ["DELETE FROM preferences WHERE source = ? AND person_key = ?"],
}
