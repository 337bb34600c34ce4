"""Rows from Python in a canonical table of DuckDB: the table made empty, and filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from kgservice.crm.canonical import CANONICAL, KINDS

_AT_ONCE = 10_000
_CREATE = {
    kind: f"CREATE OR REPLACE TABLE {kind} ("
    + ", ".join(f"{name} {type_}" for name, type_ in CANONICAL[kind].items())
    + ")"
    for kind in KINDS
}
# As parameters: a table of Arrow that is made known to DuckDB makes it plan all statements anew.
_INSERT = {
    kind: f"INSERT INTO {kind} SELECT "
    + ", ".join(f"unnest(${at}::{type_}[])" for at, type_ in enumerate(CANONICAL[kind].values(), 1))
    for kind in KINDS
}


def create(db: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Make the canonical table `persons` or `organisations`, empty, in the place of one that is there."""
    db.execute(_CREATE[kind])


def insert(db: duckdb.DuckDBPyConnection, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put rows into the table; what a row does not say is NULL."""
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        db.execute(_INSERT[kind], [[row.get(name) for row in some] for name in CANONICAL[kind]])
