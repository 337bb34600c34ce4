"""Sources in MariaDB: a server of the tests' own, where one is installed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from kgservice.crm.canonical_tables import Difference
from kgservice.crm.cleaned import Reject
from kgservice.crm.settings import read_source
from kgservice.crm.sync import TableCounts, look, sync
from kgservice.errors import BadInput, SourceFailed, Unauthorised
from tests.crm.database_servers import CREDENTIALS, ENVIRON, Server, mariadb
from tests.crm.folders import rows

TABLE = 'table = "customers"\ncursor = "changed"'
DEALS = """
SELECT line, number AS key, moment_of(changed) AS updated, title, amount_of(amount) AS amount,
  faults([unread('amount', amount, amount_of(amount))]) AS faults
FROM raw
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with mariadb() as one:
        yield one


@pytest.fixture
def customers(server: Server) -> Server:
    """The server with two customers, as a CRM keeps them."""
    server.does(
        "DROP TABLE IF EXISTS customers",
        "CREATE TABLE customers (number INT PRIMARY KEY, name TEXT, e_mail VARCHAR(99), changed DATETIME, secret BLOB)",
        "INSERT INTO customers VALUES (1, 'Anna', 'anna@example.org', '2026-01-02 08:00:00', NULL),"
        " (2, 'Jürgen Weiß 😀', NULL, '2026-01-03 10:00:00', x'00FF')",
    )
    return server


@pytest.mark.slow
def test_a_table_only_what_has_changed_and_what_is_gone(customers: Server, tmp_path: Path) -> None:
    source, folder = customers.source(tmp_path / "source", TABLE), tmp_path / "crm"
    first = sync(source, folder, environ=ENVIRON)
    assert first.tables["people"] == TableCounts(2, 2, 0, 0)
    assert rows(folder, "SELECT key, full_name, email, updated FROM persons ORDER BY key") == [
        ("1", "Anna", ["anna@example.org"], datetime(2026, 1, 2, 8)),
        ("2", "Jürgen Weiß 😀", [], datetime(2026, 1, 3, 10)),
    ]
    # the last row is read again, since another may have come at the same moment; nothing is written
    before = (folder / "crm.duckdb").read_bytes()
    again = sync(source, folder, environ=ENVIRON)
    assert (again.run, again.tables["people"].read) == (0, 1)
    assert (folder / "crm.duckdb").read_bytes() == before
    customers.does(
        "UPDATE customers SET name = 'Anne', changed = '2026-02-01' WHERE number = 1",
        "DELETE FROM customers WHERE number = 2",
        "INSERT INTO customers VALUES (3, REPEAT('ß', 10000), '=1+1', '2026-02-02', NULL)",
        "INSERT INTO customers VALUES (4, NULL, NULL, '2026-02-02', NULL)",
    )
    third = sync(source, folder, environ=ENVIRON)
    assert third.changes["persons"] == Difference(new=1, changed=1, gone=1)
    assert third.rejects == [Reject("people", 3, "4", "name is empty", "persons")]
    assert rows(folder, "SELECT key, full_name, email FROM persons ORDER BY key") == [
        ("1", "Anne", ["anna@example.org"]),
        ("3", "ß" * 10_000, ["=1+1"]),
    ]
    found = look(source, environ=ENVIRON)["people"]
    assert ([*found.found], found.ignored) == (["number", "name", "mail", "changed"], ("secret",))


def test_a_query_and_a_cursor_that_is_a_number(customers: Server, tmp_path: Path) -> None:
    place = 'query = "SELECT number, upper(name) AS name FROM customers WHERE name LIKE \'A%\';"\ncursor = "number"'
    source = customers.source(tmp_path / "source", place)
    assert sync(source, tmp_path / "crm", environ=ENVIRON).changes["persons"] == Difference(new=1)
    customers.does("INSERT INTO customers VALUES (10, 'Ali', NULL, NULL, NULL)")
    last = sync(source, tmp_path / "crm", environ=ENVIRON)
    assert (last.tables["people"].read, last.changes["persons"]) == (2, Difference(new=1, unchanged=1))
    assert rows(tmp_path / "crm", "SELECT key, full_name FROM persons ORDER BY key") == [
        ("1", "ANNA"),
        ("10", "ALI"),
    ]


def test_amounts_are_exact(server: Server, tmp_path: Path) -> None:
    server.does(
        "CREATE OR REPLACE TABLE orders (number BIGINT, title TEXT, amount DECIMAL(18, 2), changed TIMESTAMP NULL)",
        "INSERT INTO orders VALUES (9007199254740993, 'Fenster', 1234567890123.45, NULL), (2, 'Tür', -0.10, NULL)",
    )
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "deals.sql").write_text(DEALS)
    columns = "".join(f'{name} = ["{name}"]\n' for name in ("number", "title", "amount", "changed"))
    (folder / "source.toml").write_text(
        f'name = "shop"\nkind = "sql"\n{CREDENTIALS}\n[connection]\nurl = "{server.url}"\n[tables.orders]\ntable = "orders"\n'
        f'key = "number"\ninto = {{ deals = "deals.sql" }}\n[tables.orders.columns]\n{columns}'
    )
    sync(read_source(folder), tmp_path / "crm", environ=ENVIRON)
    assert rows(tmp_path / "crm", "SELECT key, amount, updated FROM deals ORDER BY key") == [
        ("2", Decimal("-0.10"), None),
        ("9007199254740993", Decimal("1234567890123.45"), None),
    ]


def test_the_source_is_not_written_to(customers: Server, tmp_path: Path) -> None:
    place = 'query = "DELETE FROM customers RETURNING number, name"'
    with pytest.raises(SourceFailed):
        sync(customers.source(tmp_path / "source", place), tmp_path / "crm", environ=ENVIRON)
    with customers.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM customers")).scalar() == 2


def test_refused_and_missing_credentials(customers: Server, tmp_path: Path) -> None:
    source = customers.source(tmp_path / "source", TABLE)
    with pytest.raises(Unauthorised, match="Access denied") as refused:
        sync(source, tmp_path / "crm", environ={"U": "anna", "P": "falsch"})
    assert "falsch" not in str(refused.value)
    with pytest.raises(Unauthorised, match="variable U"):
        sync(source, tmp_path / "crm", environ={})


@pytest.mark.parametrize(
    ("place", "error", "words"),
    [
        ('table = "nothing"', BadInput, "there is no table nothing"),
        ('query = "SELEKT"', SourceFailed, "SQL syntax|SELEKT"),
        ('table = "mysql.user"', Unauthorised, "denied"),
    ],
)
def test_what_cannot_be_read_is_told(
    customers: Server, tmp_path: Path, place: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as told:
        sync(customers.source(tmp_path / "source", place), tmp_path / "crm", environ=ENVIRON)
    assert "geheim" not in str(told.value)


def test_a_renamed_column_changes_nothing(customers: Server, tmp_path: Path) -> None:
    source, folder = customers.source(tmp_path / "source", TABLE), tmp_path / "crm"
    sync(source, folder, environ=ENVIRON)
    before = (folder / "crm.duckdb").read_bytes()
    customers.does("ALTER TABLE customers RENAME COLUMN name TO label")
    with pytest.raises(BadInput, match="columns are missing: Name; not known are: label, secret"):
        sync(source, folder, environ=ENVIRON)
    assert (folder / "crm.duckdb").read_bytes() == before


@pytest.mark.slow
def test_a_connection_that_is_cut_in_the_middle_changes_nothing(customers: Server, tmp_path: Path) -> None:
    source, folder = customers.source(tmp_path / "source", TABLE), tmp_path / "crm"
    sync(source, folder, environ=ENVIRON)
    before = (folder / "crm.duckdb").read_bytes()
    customers.does(
        "INSERT INTO customers SELECT seq, REPEAT('x', 2000), NULL, '2026-03-01', NULL FROM seq_10_to_20009"
    )
    done = []

    def cut(_table: str, rows_done: int, _all: int) -> None:
        done.append(rows_done)
        if len(done) == 1:
            with customers.engine.connect() as connection:
                ids = "SELECT id FROM information_schema.processlist WHERE id <> connection_id()"
                for (one,) in connection.execute(sa.text(ids)).all():
                    connection.execute(sa.text(f"KILL {one}"))

    with pytest.raises(SourceFailed, match="people: ") as told:
        sync(source, folder, cut, environ=ENVIRON)
    assert "SELECT" not in str(told.value)
    assert done[-1] < 20_000
    assert (folder / "crm.duckdb").read_bytes() == before
    assert [p.name for p in folder.iterdir()] == ["crm.duckdb"]
    assert sync(source, folder, environ=ENVIRON).changes["persons"].new == 20_000


def test_looking_at_a_large_table_does_not_fetch_all_of_it(server: Server, tmp_path: Path) -> None:
    server.does(
        "CREATE OR REPLACE TABLE large AS SELECT seq AS number, REPEAT('x', 2000) AS name FROM seq_1_to_20000"
    )

    def sent() -> int:
        with server.engine.connect() as connection:
            row = connection.execute(sa.text("SHOW GLOBAL STATUS LIKE 'Bytes_sent'")).one()
            return int(row[1])

    before = sent()
    found = look(server.source(tmp_path / "source", 'table = "large"'), environ=ENVIRON)["people"]
    assert [*found.found] == ["number", "name"]
    assert sent() - before < 20_000_000  # of 40 million
