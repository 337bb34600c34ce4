"""Statements that make tables, planned once and run often: for work so short that planning is most of it.

DuckDB keeps the plan of a prepared statement for as long as no table is made or dropped, so tables stay and
are emptied. The plans are those of the statements as they are written: what the optimiser knows of a table at
one time would not hold at the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

_MAKES = re.compile(r"\s*CREATE OR REPLACE (?:TEMP )?TABLE (\w+) AS\s(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Prepared statements of a connection, in their order: what empties each table, and what fills it."""

    db: duckdb.DuckDBPyConnection
    statements: Sequence[str]

    def run(self) -> None:
        """Fill the tables anew."""
        for statement in self.statements:
            self.db.execute(statement)


def prepared(db: duckdb.DuckDBPyConnection, steps: Iterable[str]) -> Prepared:
    """Prepare statements of the form `CREATE OR REPLACE TABLE … AS …`, several in a text or one.

    The tables are made at once. The optimiser of the connection is switched off.
    """
    db.execute("PRAGMA disable_optimizer")
    made: list[tuple[str, str]] = []
    for step in steps:
        for statement in duckdb.extract_statements(step):
            db.execute(statement)
            found = _MAKES.fullmatch(statement.query.rstrip().rstrip(";"))
            if found is None:
                raise AssertionError(f"This makes no table: {statement.query[:60]}")
            made.append((found[1], found[2]))
    statements = []
    for table, select in made:
        db.execute(f"PREPARE fill_{table} AS INSERT INTO {table} {select}")
        statements += [f"DELETE FROM {table}", f"EXECUTE fill_{table}"]  # noqa: S608
    return Prepared(db, statements)
