"""Statements that are planned once give what they would give anew, whatever the tables hold by then."""

from __future__ import annotations

import duckdb
import pytest

from kgservice.crm.prepared import prepared


def test_the_tables_are_filled_anew_from_what_is_there_now() -> None:
    with duckdb.connect() as db:
        db.execute("CREATE TABLE given (number INTEGER)")
        filling = prepared(
            db,
            (
                "CREATE OR REPLACE TEMP TABLE twice AS SELECT 2 * number AS number FROM given WHERE number > 1;"
                "CREATE OR REPLACE TABLE summed AS SELECT sum(number) AS number FROM twice;",
            ),
        )
        for numbers, expected in (([1, 2, 3], 10), ([1], None), ([500], 1000), ([], None), ([7, 8], 30)):
            db.execute("DELETE FROM given")
            if numbers:
                db.execute("INSERT INTO given SELECT unnest($1::INTEGER[])", [numbers])
            filling.run()
            assert db.execute("FROM summed").fetchall() == [(expected,)]


def test_what_makes_no_table_is_a_mistake() -> None:
    with duckdb.connect() as db, pytest.raises(AssertionError, match="makes no table"):
        prepared(db, ("SELECT 1",))
