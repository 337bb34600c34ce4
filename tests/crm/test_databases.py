"""Sources in SQL databases: SQLite, and PostgreSQL where its server is installed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from kgservice.crm.canonical_tables import Difference
from kgservice.crm.cleaned import Reject
from kgservice.crm.settings import Source
from kgservice.crm.sync import TableCounts, look, sync
from kgservice.errors import BadInput, SourceFailed, Unauthorised
from tests.crm.database_servers import ENVIRON, Server, postgresql
from tests.crm.folders import people, rows

ROWS = [(1, "Anna", "anna@example.org", "2026-01-02 08:00:00"), (2, "Jürgen", None, "2026-01-03 10:00:00")]


def database(folder: Path, given: Sequence[tuple[object, ...]] = ROWS) -> Path:
    """A SQLite database with a table `customers`."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "crm.sqlite")) as db:
        db.execute(
            "CREATE TABLE customers (number INTEGER PRIMARY KEY, name TEXT, e_mail TEXT, changed TIMESTAMP, secret TEXT)"
        )
        db.executemany("INSERT INTO customers (number, name, e_mail, changed) VALUES (?, ?, ?, ?)", given)
        db.commit()
    return folder / "crm.sqlite"


def changed(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(sql)
        db.commit()


def sqlite(
    folder: Path, place: str = 'table = "customers"\ncursor = "changed"', url: str = "sqlite:///crm.sqlite"
) -> Source:
    return people(folder, place, kind="sql", connection=f'url = "{url}"')


def test_a_table_only_what_has_changed_and_what_is_gone(tmp_path: Path) -> None:
    path, folder = database(tmp_path / "source"), tmp_path / "crm"
    source = sqlite(tmp_path / "source")
    first = sync(source, folder)
    assert first.tables["people"] == TableCounts(2, 2, 0, 0)
    assert rows(folder, "SELECT key, full_name, email FROM persons ORDER BY key") == [
        ("1", "Anna", ["anna@example.org"]),
        ("2", "Jürgen", []),
    ]
    # the last row is read again, since another may have come at the same moment; nothing is written
    before = (folder / "crm.duckdb").read_bytes()
    again = sync(source, folder)
    assert (again.run, again.tables["people"].read, again.changes["persons"]) == (
        0,
        1,
        Difference(unchanged=1),
    )
    assert (folder / "crm.duckdb").read_bytes() == before
    changed(path, "UPDATE customers SET name = 'Anne', changed = '2026-02-01 00:00:00' WHERE number = 1")
    changed(path, "DELETE FROM customers WHERE number = 2")
    changed(path, "INSERT INTO customers VALUES (3, 'Cem', NULL, '2026-02-02 00:00:00', '')")
    third = sync(source, folder)
    assert (third.tables["people"].read, third.changes["persons"]) == (
        2,
        Difference(new=1, changed=1, gone=1),
    )
    assert rows(folder, "SELECT key, full_name FROM persons ORDER BY key") == [("1", "Anne"), ("3", "Cem")]


def test_a_row_without_a_moment_is_read_each_time(tmp_path: Path) -> None:
    path, folder = database(tmp_path / "source"), tmp_path / "crm"
    source = sqlite(tmp_path / "source")
    sync(source, folder)
    changed(path, "INSERT INTO customers VALUES (3, 'Cem', NULL, NULL, '')")
    assert sync(source, folder).changes["persons"] == Difference(new=1, unchanged=1)
    changed(path, "UPDATE customers SET name = 'Cem A.' WHERE number = 3")
    assert sync(source, folder).changes["persons"] == Difference(changed=1, unchanged=1)
    assert rows(folder, "SELECT full_name FROM persons WHERE key = '3'") == [("Cem A.",)]


def test_a_row_that_was_refused_stays_known_until_it_changes(tmp_path: Path) -> None:
    path, folder = (
        database(tmp_path / "source", [(1, None, None, "2026-01-01 00:00:00"), *ROWS[1:]]),
        tmp_path / "crm",
    )
    source = sqlite(tmp_path / "source")
    refused = [Reject("people", 1, "1", "name is empty", "persons")]
    assert sync(source, folder).rejects == refused
    again = sync(source, folder)
    assert (again.run, again.rejects) == (0, refused)
    changed(path, "UPDATE customers SET name = 'Anna', changed = '2026-02-01 00:00:00' WHERE number = 1")
    assert sync(source, folder).rejects == []


def test_a_new_row_with_an_older_moment(tmp_path: Path) -> None:
    """As one that was imported into the CRM with the moments that it had elsewhere."""
    path, folder = database(tmp_path / "source"), tmp_path / "crm"
    source = sqlite(tmp_path / "source")
    sync(source, folder)
    changed(path, "INSERT INTO customers VALUES (3, 'Cem', NULL, '2019-02-02 00:00:00', '')")
    assert sync(source, folder).changes["persons"] == Difference(new=1, unchanged=1)
    assert sync(source, folder).run == 0
    more = ", ".join(f"({n}, 'Nr. {n}', NULL, '2018-01-01 00:00:00', '')" for n in range(100, 1100))
    changed(path, f"INSERT INTO customers VALUES {more}")
    assert sync(source, folder).changes["persons"] == Difference(new=1000, unchanged=3)
    assert sync(source, folder).tables["people"].read == 1


def test_two_rows_of_one_key_of_which_one_is_newer(tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    path = database(tmp_path / "source", [])
    changed(path, "DROP TABLE customers")
    changed(path, "CREATE TABLE customers (number INTEGER, name TEXT, changed TEXT)")
    changed(path, "INSERT INTO customers VALUES (1, 'Groß', '2026-03-01'), (1, 'Doppelt', '2026-03-03')")
    source = sqlite(tmp_path / "source")
    refused = [Reject("people", 2, "1", "another row has the key 1, with other content", "persons")]
    assert sync(source, folder).rejects == refused
    again = sync(source, folder)
    assert (again.run, again.rejects, again.changes["persons"]) == (0, refused, Difference(unchanged=1))
    changed(path, "INSERT INTO customers VALUES (1, 'Dritter', '2026-03-04')")
    assert len(sync(source, folder).rejects) == 2
    assert rows(folder, "SELECT full_name FROM persons") == [("Groß",)]
    changed(path, "DELETE FROM customers WHERE name <> 'Dritter'")
    assert sync(source, folder).rejects == []
    assert rows(folder, "SELECT full_name FROM persons") == [("Dritter",)]


@pytest.mark.parametrize("moment", ["31.01.2026", "1/31/2026", "9"])
def test_a_cursor_whose_order_is_not_that_of_time(tmp_path: Path, moment: str) -> None:
    """It is refused when the source is added, and when a run meets it."""
    path = database(tmp_path / "source", [])
    changed(path, "DROP TABLE customers")
    changed(path, "CREATE TABLE customers (number INTEGER, name TEXT, changed TEXT)")
    changed(path, f"INSERT INTO customers VALUES (1, 'Anna', '{moment}')")
    source = sqlite(tmp_path / "source")
    for do in (lambda: look(source), lambda: sync(source, tmp_path / "crm")):
        with pytest.raises(
            BadInput, match="people: the cursor changed holds texts whose order is not that of"
        ):
            do()
    whole = sqlite(tmp_path / "source", 'table = "customers"')
    assert look(whole)["people"].found["changed"] == "changed"


def test_a_query_and_other_settings_read_everything_again(tmp_path: Path) -> None:
    database(tmp_path / "source")
    place = 'query = "SELECT number, upper(name) AS name, changed FROM customers WHERE number < 2;"\ncursor = "changed"'
    summary = sync(sqlite(tmp_path / "source", place), tmp_path / "crm")
    assert summary.changes["persons"] == Difference(new=1)
    assert rows(tmp_path / "crm", "SELECT full_name FROM persons") == [("ANNA",)]
    other = sync(sqlite(tmp_path / "source"), tmp_path / "crm")
    assert other.changes["persons"] == Difference(new=1, changed=1)


def test_the_source_is_not_written_to(tmp_path: Path) -> None:
    path = database(tmp_path / "source")
    place = 'query = "DELETE FROM customers RETURNING number, name"'
    with pytest.raises(SourceFailed):
        sync(sqlite(tmp_path / "source", place), tmp_path / "crm")
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM customers").fetchone() == (2,)


@pytest.mark.parametrize(
    ("place", "url", "error", "words"),
    [
        ('table = "nothing"', "sqlite:///crm.sqlite", BadInput, "there is no table nothing"),
        ('query = "SELEKT"', "sqlite:///crm.sqlite", SourceFailed, "no such table: SELEKT"),
        (
            'query = "SELECT number FROM customers"',
            "sqlite:///crm.sqlite",
            BadInput,
            "columns are missing: Name",
        ),
        ('table = "customers"', "sqlite:///other.sqlite", BadInput, "is not there"),
        ('table = "customers"', "oracle://x/y", BadInput, "begins with none of"),
        ('table = "customers"', "no address", BadInput, "no address of a database"),
        (
            'table = "customers"',
            "postgresql://anna:geheim@127.0.0.1/x",
            BadInput,
            "holds a user or a password",
        ),
        (
            'table = "customers"',
            "postgresql://127.0.0.1/x?user=anna&password=geheim",
            BadInput,
            "holds a user or a password",
        ),
        ('table = "customers"', "postgresql://127.0.0.1:9/x", SourceFailed, "people: "),
        ('table = "customers"', "mariadb://127.0.0.1:9/x", SourceFailed, "people: "),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, place: str, url: str, error: type[Exception], words: str
) -> None:
    database(tmp_path / "source")
    with pytest.raises(error, match=words) as told:
        sync(sqlite(tmp_path / "source", place, url), tmp_path / "crm")
    assert "geheim" not in str(told.value)
    assert "SELECT" not in str(told.value)


def test_looking_at_a_table_names_what_is_ignored(tmp_path: Path) -> None:
    database(tmp_path / "source")
    found = look(sqlite(tmp_path / "source"))["people"]
    assert ([*found.found], found.ignored) == (["number", "name", "mail", "changed"], ("secret",))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with postgresql() as one:
        yield one


@pytest.mark.slow
def test_postgresql(postgres: Server, tmp_path: Path) -> None:
    postgres.does(
        "CREATE TABLE customers (number BIGINT, name TEXT, e_mail TEXT, changed TIMESTAMPTZ)",
        "INSERT INTO customers VALUES (1, 'Anna', 'anna@example.org', '2026-01-02 08:00:00+01'),"
        " (2, 'Jürgen', NULL, '2026-01-03 10:00:00+01')",
    )
    source = postgres.source(tmp_path / "source", 'table = "public.customers"\ncursor = "changed"')
    assert sync(source, tmp_path / "crm", environ=ENVIRON).changes["persons"] == Difference(new=2)
    assert rows(tmp_path / "crm", "SELECT CAST(updated AS VARCHAR) FROM persons ORDER BY key") == [
        ("2026-01-02 07:00:00",),
        ("2026-01-03 09:00:00",),
    ]
    assert sync(source, tmp_path / "crm", environ=ENVIRON).run == 0
    postgres.does(
        "DELETE FROM customers WHERE number = 1",
        "UPDATE customers SET name = 'Jörg', changed = now() WHERE number = 2",
        "INSERT INTO customers VALUES (3, 'Cem', NULL, '2019-01-02 08:00:00+01')",
    )
    last = sync(source, tmp_path / "crm", environ=ENVIRON)
    assert last.changes["persons"] == Difference(new=1, changed=1, gone=1)
    postgres.does("DELETE FROM customers WHERE number = 3")
    query = 'query = "SELECT number, name, changed FROM customers"\ncursor = "changed"'
    asked = postgres.source(tmp_path / "asked", query)
    assert sync(asked, tmp_path / "other", environ=ENVIRON).changes["persons"] == Difference(new=1)
    assert sync(asked, tmp_path / "other", environ=ENVIRON).tables["people"].read == 1
    with pytest.raises(Unauthorised) as refused:
        sync(source, tmp_path / "crm", environ={"U": "anna", "P": "falsch"})
    assert "falsch" not in str(refused.value)
    with pytest.raises(Unauthorised, match="variable U"):
        sync(source, tmp_path / "crm", environ={})
    postgres.does("CREATE USER ben PASSWORD 'geheim'")
    with pytest.raises(Unauthorised, match="permission denied"):
        sync(source, tmp_path / "crm", environ={"U": "ben", "P": "geheim"})


@pytest.mark.slow
def test_a_connection_that_is_cut_in_the_middle_changes_nothing(postgres: Server, tmp_path: Path) -> None:
    postgres.does(
        "CREATE TABLE many AS SELECT 1 AS number, 'Anna' AS name, 'a@example.org' AS e_mail, now() AS changed"
    )
    source = postgres.source(tmp_path / "source", 'table = "many"\ncursor = "changed"')
    folder = tmp_path / "crm"
    sync(source, folder, environ=ENVIRON)
    before = (folder / "crm.duckdb").read_bytes()
    postgres.does("INSERT INTO many SELECT g, 'Anna', NULL, now() FROM generate_series(10, 20009) AS g")
    done = []

    def cut(_table: str, rows_done: int, _all: int) -> None:
        done.append(rows_done)
        if len(done) == 1:
            postgres.does(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = current_user AND pid <> pg_backend_pid()"
            )

    with pytest.raises(SourceFailed, match="people: ") as told:
        sync(source, folder, cut, environ=ENVIRON)
    assert "SELECT" not in str(told.value)
    assert done[-1] < 20_000
    assert (folder / "crm.duckdb").read_bytes() == before
    assert [p.name for p in folder.iterdir()] == ["crm.duckdb"]
    assert sync(source, folder, environ=ENVIRON).changes["persons"] == Difference(new=20_000, unchanged=1)
