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
from splink import DuckDBAPI, Linker, block_on

from kgservice.crm.canonical_rows import create, insert
from kgservice.crm.fields import FIELDS, frequent
from kgservice.crm.models import MatchModel
from kgservice.crm.normalise import STEPS, prepare, read
from kgservice.crm.pairs import read_pairs
from kgservice.crm.prepared import prepared
from kgservice.domain.matching import BANDS, Pair

# A key of more customers than this is not in the index; a record of only such keys has no candidates.
COMMON = 200
WEAK = 20  # the same of a weak key
AFRESH = 1000  # questions, after which the tables are made anew: rows that are deleted keep their place

_INDEX = {
    kind: f"""
CREATE OR REPLACE TABLE index_{kind} AS
    SELECT k, id FROM blocks_{kind} SEMI JOIN (
        SELECT k FROM blocks_{kind} WHERE source = 'graph'
        GROUP BY k HAVING count(*) <= if(k % 2 = 1, {WEAK}, {COMMON})
    ) USING (k)
    WHERE source = 'graph' ORDER BY k;
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
SELECT row_number() OVER () AS unique_id, * FROM (
    SELECT DISTINCT i.id AS customer, a.id AS record FROM index_{kind} i JOIN blocks_{kind} a USING (k))
"""  # noqa: S608
    for kind in FIELDS
}
_CUSTOMERS = {
    kind: f"""
SELECT unique_id, c.* EXCLUDE (id)
FROM asked_pairs_{kind} JOIN index_rows_{kind} c ON c.id = customer
"""  # noqa: S608
    for kind in FIELDS
}
_RECORDS = {
    kind: f"""
CREATE OR REPLACE TABLE asked_records_{kind} AS SELECT unique_id, r.* EXCLUDE (id, keys)
FROM asked_pairs_{kind} JOIN compared_{kind} r ON r.id = record
"""  # noqa: S608
    for kind in FIELDS
}
_BLOCKED = "SELECT '0' AS match_key, 'customer-__-' || unique_id AS join_key_l, 'record-__-' || unique_id AS join_key_r"
_EMPTY = {kind: f"DELETE FROM asking.{kind}" for kind in FIELDS}  # noqa: S608
_FORGET_PAIRS = {
    kind: f"DELETE FROM asked_pairs_{kind}; DELETE FROM asked_customers_{kind}"  # noqa: S608
    for kind in FIELDS
}
_PAIR = {kind: f"INSERT INTO asked_pairs_{kind} {_PAIRED[kind]}" for kind in FIELDS}
_SIDE = {kind: f"INSERT INTO asked_customers_{kind} {_CUSTOMERS[kind]}" for kind in FIELDS}


class Candidates:
    """An index over the customers of a normalised table, and what scores new records against them.

    It keeps tables of its own in the database of the connection (`index_…`, `frequencies_…`), and what is asked
    in another one in memory, `asking`: a database from which rows were deleted is cleared up now and then, which
    takes seconds for one with a million customers. It may be used by one thread at a time. Pairs of a
    probability below `least` are left out.
    """

    def __init__(
        self,
        db: duckdb.DuckDBPyConnection,
        kind: str,
        model: MatchModel,
        *,
        least: float = BANDS.candidate,
    ) -> None:
        self.db = db
        self.kind = kind
        self.model = model
        self._least = least
        self._asked = 0
        db.execute(_INDEX[kind])
        for column in frequent(kind):
            db.execute(_FREQUENCIES[kind, column])
        self._begin()

    def _begin(self) -> None:
        """Make the tables of what is asked, empty, and plan all that is run on them."""
        kind = self.kind
        self._side = self.db.cursor()
        self._side.execute("ATTACH IF NOT EXISTS ':memory:' AS asking")
        self._side.execute("USE asking")
        self._own = self._between()
        create(self._side, kind)
        prepare(self._side)
        read(self._side, kind)
        self._normalising = prepared(self._side, STEPS[kind])
        for name, select in (("pairs", _PAIRED[kind]), ("customers", _CUSTOMERS[kind])):
            self._own.execute(f"CREATE OR REPLACE TABLE asked_{name}_{kind} AS {select}")
        self._own.execute(_RECORDS[kind])
        self._scoring = prepared(self._between(), (_RECORDS[kind], *self._statements()))

    def _between(self) -> duckdb.DuckDBPyConnection:
        """A connection that sees both databases, and makes its tables in `asking`."""
        ((name,),) = self.db.execute("SELECT current_database()").fetchall()
        cursor = self.db.cursor()
        cursor.execute(f"SET search_path = 'asking.main,{name}.main'")
        return cursor

    def close(self) -> None:
        """Close the connections that it has made of its own; that of the table is for the caller to close."""
        for own in (self._scoring.db, self._own, self._side):
            own.close()

    def _statements(self) -> tuple[str, str]:
        """What fills the table of pairs that Splink reads, and what Splink scores them with.

        Splink takes half a second to write its SQL, and that is the same each time.
        """
        kind = self.kind
        api = DuckDBAPI(self._own)
        customers = api.register(f"asked_customers_{kind}", dataset_display_name="customer")
        records = api.register(f"asked_records_{kind}", dataset_display_name="record")
        linker = Linker(
            [customers, records],
            self.model.settings("duckdb"),
            log_level=logging.ERROR,
            validate_settings=False,
        )
        for column in frequent(kind):
            table = api.register(f"frequencies_{kind}_{column}")
            linker.table_management.register_term_frequency_lookup(table, column)
        scored = linker.inference.predict_between(
            customers,
            records,
            blocking_rules_to_generate_predictions=[block_on("unique_id")],
            threshold_match_probability=self._least,
            warning_mode="never",
        )
        blocked = re.search(r"__splink__blocked_id_pairs_[0-9a-f]{9}", scored.sql_used_to_create)
        if blocked is None:
            raise AssertionError("Splink has no table of pairs any more")
        statement = f"CREATE OR REPLACE TABLE asked_scored_{kind} AS {scored.sql_used_to_create}"
        scored.drop_table_from_database_and_remove_from_cache()
        return f"CREATE OR REPLACE TABLE {blocked[0]} AS {_BLOCKED} FROM asked_pairs_{kind}", statement

    def _normalise(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._side.execute(_EMPTY[self.kind])
        insert(self._side, self.kind, list(rows))
        read(self._side, self.kind)
        self._normalising.run()

    def _pair(self) -> None:
        """Look the keys up. Here the optimiser is what finds the few rows among millions."""
        self._own.execute(_FORGET_PAIRS[self.kind])
        self._own.execute(_PAIR[self.kind])
        self._own.execute(_SIDE[self.kind])

    def of(self, rows: Iterable[Mapping[str, Any]]) -> list[Pair]:
        """The pairs of new records (rows of the canonical table) and customers, the likeliest first."""
        self._asked += 1
        if self._asked % AFRESH == 0:
            self.close()
            self._begin()
        self._normalise(rows)
        self._pair()
        self._scoring.run()
        return list(read_pairs(self.db, self.kind, self.model, asked=True))
