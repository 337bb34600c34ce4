"""One new record against all customers: candidates from an index of blocking keys, scored as in bulk.

Splink scores between two tables (`predict_between`); which pairs that are is decided here, by looking the keys of
the new records up in the index. Frequencies of values are those of all customers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker, block_on

from kgservice.crm.canonical import CANONICAL
from kgservice.crm.levels import FIELDS, frequent
from kgservice.crm.matching import read_pairs
from kgservice.crm.models import MatchModel
from kgservice.crm.normalise import normalise
from kgservice.domain.matching import POSSIBLE, Pair

# A key of more customers than this is not followed; a record of only such keys has no candidates.
COMMON = 200

_INDEX = {
    kind: f"""
CREATE OR REPLACE TABLE index_{kind} AS SELECT k, id FROM blocks_{kind} WHERE source = 'graph' ORDER BY k;
CREATE OR REPLACE TABLE index_rows_{kind} AS FROM compared_{kind} WHERE source = 'graph' ORDER BY id
"""  # noqa: S608
    for kind in FIELDS
}
_FREQUENCIES = {
    (kind, column): f"""
CREATE OR REPLACE TABLE frequencies_{kind}_{column} AS
    SELECT {column}, count(*) / sum(count(*)) OVER () AS tf_{column}
    FROM index_rows_{kind} WHERE {column} IS NOT NULL GROUP BY ALL
"""  # noqa: S608
    for kind in FIELDS
    for column in frequent(kind)
}
# A pair has the same number in both tables: a customer stands there once for each record that it may be.
_PAIRED = {
    kind: f"""
CREATE OR REPLACE TABLE asked_pairs AS
WITH looked_up AS (
    SELECT i.id AS customer, a.id AS record, count(*) OVER (PARTITION BY a.k, a.id) AS customers
    FROM index_{kind} i JOIN asking.blocks_{kind} a USING (k)
)
SELECT row_number() OVER () AS unique_id, * FROM (
    SELECT DISTINCT customer, record FROM looked_up WHERE customers <= $common)
"""  # noqa: S608
    for kind in FIELDS
}
_SIDES = {
    kind: f"""
CREATE OR REPLACE TABLE asked_customers AS
    SELECT unique_id, c.* EXCLUDE (id, source, key)
    FROM asked_pairs JOIN index_rows_{kind} c ON c.id = customer;
CREATE OR REPLACE TABLE asked_records AS
    SELECT unique_id, r.* EXCLUDE (id, source, key)
    FROM asked_pairs JOIN asking.compared_{kind} r ON r.id = record
"""  # noqa: S608
    for kind in FIELDS
}
_EMPTY = {kind: f"DELETE FROM asking.{kind}" for kind in FIELDS}  # noqa: S608
_INSERT = {
    kind: f"INSERT INTO asking.{kind} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
    for kind, columns in CANONICAL.items()
    if kind in FIELDS
}
_CREATE = {
    kind: f"CREATE TABLE {kind} ({', '.join(f'{name} {type_}' for name, type_ in CANONICAL[kind].items())})"
    for kind in FIELDS
}


class Candidates:
    """An index over the customers of a normalised table, and what scores new records against them.

    It keeps its own tables in the database of the connection (`index_…`, `frequencies_…`, `asked_…`) and may be
    used by one thread at a time.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, kind: str, model: MatchModel) -> None:
        self.db = db
        self.kind = kind
        self.model = model
        self._side = db.cursor()
        self._side.execute("ATTACH IF NOT EXISTS ':memory:' AS asking")
        self._side.execute("USE asking")
        self._side.execute(_CREATE[kind])
        db.execute(_INDEX[kind])
        self._normalise([])
        self._pair()
        self._linker = self._made()

    def _made(self) -> Linker:
        api = DuckDBAPI(self.db)
        self._customers = api.register("asked_customers", dataset_display_name="customer")
        self._records = api.register("asked_records", dataset_display_name="record")
        settings = self.model.settings("duckdb")
        linker = Linker(
            [self._customers, self._records], settings, log_level=logging.ERROR, validate_settings=False
        )
        for column in frequent(self.kind):
            self.db.execute(_FREQUENCIES[self.kind, column])
            table = api.register(f"frequencies_{self.kind}_{column}")
            linker.table_management.register_term_frequency_lookup(table, column)
        return linker

    def _normalise(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._side.execute(_EMPTY[self.kind])
        values = [[row.get(name) for name in CANONICAL[self.kind]] for row in rows]
        if values:
            self._side.executemany(_INSERT[self.kind], values)
        normalise(self._side, self.kind)

    def _pair(self) -> None:
        self.db.execute(_PAIRED[self.kind], {"common": COMMON})
        self.db.execute(_SIDES[self.kind])

    def of(self, rows: Iterable[Mapping[str, Any]], least: float = POSSIBLE) -> list[Pair]:
        """The pairs of new records (rows of the canonical table) and customers, the likeliest first."""
        self._normalise(rows)
        self._pair()
        scored = self._linker.inference.predict_between(
            self._customers,
            self._records,
            blocking_rules_to_generate_predictions=[block_on("unique_id")],
            threshold_match_probability=least,
            warning_mode="never",
        )
        self.db.execute("DROP TABLE IF EXISTS asked_scored")
        scored.as_duckdbpyrelation().create("asked_scored")
        scored.drop_table_from_database_and_remove_from_cache()
        return list(read_pairs(self.db, self.kind, self.model, asked=True))
