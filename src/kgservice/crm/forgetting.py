"""Rows of CRM records deleted for good from the canonical tables of a DuckDB file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

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

        The file is then written anew: what DuckDB deletes stays in its file otherwise.
        """
        if not records or not self._path.exists():
            return 0
        import duckdb  # noqa: PLC0415 - every command knows this place, and few need it

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
        for table in (name for name in _STATEMENTS if name in there):
            for one in sorted(records, key=str):
                deleted = work.execute(_STATEMENTS[table], {"source": one.source, "key": one.key}).fetchone()
                count += deleted[0] if deleted and table != "changes" else 0
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
