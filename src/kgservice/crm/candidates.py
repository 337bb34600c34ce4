"""One new record against all customers: candidates from an index of blocking keys, scored as in bulk.

Splink scores between two tables (`predict_between`); which pairs that are is decided here, by looking the keys of
the new records up in the index. Frequencies of values are those of all customers.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker, block_on

from kgservice.crm.canonical import CANONICAL
from kgservice.crm.fields import FIELDS, frequent
from kgservice.crm.models import MatchModel
from kgservice.crm.normalise import normalise, prepare
from kgservice.crm.pairs import read_pairs
from kgservice.domain.matching import POSSIBLE, Pair

# A key of more customers than this is not followed; a record of only such keys has no candidates.
COMMON = 200
WEAK = 20  # the same of a weak key

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
    SELECT k, i.id AS customer, a.id AS record, count(*) OVER (PARTITION BY a.k, a.id) AS customers
    FROM index_{kind} i JOIN asking.blocks_{kind} a USING (k)
)
SELECT row_number() OVER () AS unique_id, * FROM (
    SELECT DISTINCT customer, record FROM looked_up WHERE customers <= if(k % 2 = 1, $weak, $common))
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
_BLOCKED = """SELECT '0' AS match_key, 'customer-__-' || unique_id AS join_key_l, 'record-__-' || unique_id AS join_key_r
    FROM asked_pairs"""
_EMPTY = {kind: f"DELETE FROM asking.{kind}" for kind in FIELDS}  # noqa: S608
_INSERT = {kind: f"INSERT INTO asking.{kind} BY NAME FROM asked_rows" for kind in FIELDS}
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
        # Planning such short work takes longer than doing it as it is written.
        self._side.execute("PRAGMA disable_optimizer")
        self._side.execute(_CREATE[kind])
        prepare(self._side)
        db.execute(_INDEX[kind])
        self._normalise([])
        self._pair()
        self._score, self._blocked = self._statements()

    def _statements(self) -> tuple[str, str]:
        """What Splink scores the asked pairs with, and what fills the table of pairs that it reads.

        Splink takes half a second to write its SQL, and that is the same each time.
        """
        api = DuckDBAPI(self.db)
        customers = api.register("asked_customers", dataset_display_name="customer")
        records = api.register("asked_records", dataset_display_name="record")
        linker = Linker(
            [customers, records],
            self.model.settings("duckdb"),
            log_level=logging.ERROR,
            validate_settings=False,
        )
        for column in frequent(self.kind):
            self.db.execute(_FREQUENCIES[self.kind, column])
            table = api.register(f"frequencies_{self.kind}_{column}")
            linker.table_management.register_term_frequency_lookup(table, column)
        scored = linker.inference.predict_between(
            customers,
            records,
            blocking_rules_to_generate_predictions=[block_on("unique_id")],
            threshold_match_probability=POSSIBLE,
            warning_mode="never",
        )
        blocked = re.search(r"__splink__blocked_id_pairs_[0-9a-f]{9}", scored.sql_used_to_create)
        if blocked is None:
            raise AssertionError("Splink has no table of pairs any more")
        statement = f"CREATE OR REPLACE TABLE asked_scored AS {scored.sql_used_to_create}"
        scored.drop_table_from_database_and_remove_from_cache()
        return statement, f"CREATE OR REPLACE TABLE {blocked[0]} AS {_BLOCKED}"

    def _normalise(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._side.execute(_EMPTY[self.kind])
        given = list(rows)
        if given:
            columns = {name: pa.array([row.get(name) for row in given]) for name in CANONICAL[self.kind]}
            self._side.register("asked_rows", pa.table(columns))
            self._side.execute(_INSERT[self.kind])
            self._side.unregister("asked_rows")
        normalise(self._side, self.kind)

    def _pair(self) -> None:
        self.db.execute(_PAIRED[self.kind], {"common": COMMON, "weak": WEAK})
        self.db.execute(_SIDES[self.kind])

    def of(self, rows: Iterable[Mapping[str, Any]]) -> list[Pair]:
        """The pairs of new records (rows of the canonical table) and customers, the likeliest first."""
        self._normalise(rows)
        self._pair()
        self.db.execute(self._blocked)
        self.db.execute(self._score)
        return list(read_pairs(self.db, self.kind, self.model, asked=True))
