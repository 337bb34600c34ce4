"""Sources in SQL databases: SQLite here, PostgreSQL where its server is installed, MariaDB by its address."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from kgservice.crm.canonical_tables import Difference
from kgservice.crm.cleaning import Reject
from kgservice.crm.settings import Source
from kgservice.crm.sync import TableCounts, look, sync
from kgservice.errors import BadInput, SourceFailed, Unauthorised
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


def test_a_row_that_was_refused_stays_known_until_it_changes(tmp_path: Path) -> None:
    path, folder = (
        database(tmp_path / "source", [(1, None, None, "2026-01-01 00:00:00"), *ROWS[1:]]),
        tmp_path / "crm",
    )
    source = sqlite(tmp_path / "source")
    refused = [Reject("people", 1, "1", "Name is empty")]
    assert sync(source, folder).rejects == refused
    assert sync(source, folder).rejects == refused  # not read again
    changed(path, "UPDATE customers SET name = 'Anna', changed = '2026-02-01 00:00:00' WHERE number = 1")
    assert sync(source, folder).rejects == []


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
    assert (found.found, found.ignored) == (("number", "name", "mail", "changed"), ("secret",))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of the tests' own with password authentication; its address without a user."""
    initdb, server = shutil.which("initdb"), shutil.which("postgres")
    if initdb is None or server is None:
        pytest.skip("PostgreSQL's server is not installed, so it is not tested here")
    folder = tmp_path_factory.mktemp("postgres")
    user = group = None
    if os.geteuid() == 0:  # its server refuses to run as root
        user, group = "nobody", "nogroup"
        for path in (folder, *[p for p in folder.parents if p.name.startswith(("pytest-", "popen-"))]):
            path.chmod(0o755)
        shutil.chown(folder, user, group)
    secret = folder / "secret"
    secret.write_text("geheim\n")
    if user is not None:
        shutil.chown(secret, user, group)
    port = _free_port()
    subprocess.run(
        [initdb, "-D", folder / "data", "-U", "anna", "--pwfile", secret, "-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale=C"],
        check=True, capture_output=True, timeout=60, cwd=folder, user=user, group=group,
    )  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [server, "-D", folder / "data", "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"],
            stdout=log, stderr=log, cwd=folder, user=user, group=group,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                with psycopg.connect(
                    f"host=127.0.0.1 port={port} user=anna password=geheim dbname=postgres", autocommit=True
                ) as db:
                    db.execute(
                        "CREATE TABLE customers (number BIGINT, name TEXT, e_mail TEXT, changed TIMESTAMPTZ)"
                    )
                    break
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (folder / "log").read_text()
                assert process.poll() is None, (folder / "log").read_text()
        yield f"postgresql://127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_postgresql(postgres: str, tmp_path: Path) -> None:
    port = postgres.partition("127.0.0.1:")[2].partition("/")[0]
    with psycopg.connect(
        f"host=127.0.0.1 port={port} user=anna password=geheim dbname=postgres", autocommit=True
    ) as db:
        db.cursor().executemany(
            "INSERT INTO customers VALUES (%s, %s, %s, %s)", [(*row[:3], f"{row[3]}+01") for row in ROWS]
        )
        more = '[credentials]\nuser = { env = "U" }\npassword = { env = "P" }'
        source = people(
            tmp_path / "source", 'table = "public.customers"\ncursor = "changed"', kind="sql", connection=f'url = "{postgres}"', more=more
        )  # fmt: skip
        environ = {"U": "anna", "P": "geheim"}
        assert sync(source, tmp_path / "crm", environ=environ).changes["persons"] == Difference(new=2)
        assert rows(tmp_path / "crm", "SELECT CAST(updated AS VARCHAR) FROM persons ORDER BY key") == [
            ("2026-01-02 07:00:00",),
            ("2026-01-03 09:00:00",),
        ]
        assert sync(source, tmp_path / "crm", environ=environ).run == 0
        db.execute("DELETE FROM customers WHERE number = 1")
        db.execute("UPDATE customers SET name = 'Jörg', changed = now() WHERE number = 2")
        last = sync(source, tmp_path / "crm", environ=environ)
        assert last.changes["persons"] == Difference(changed=1, gone=1)
        query = 'query = "SELECT number, name, changed FROM customers"\ncursor = "changed"'
        asked = people(tmp_path / "asked", query, kind="sql", connection=f'url = "{postgres}"', more=more)
        assert sync(asked, tmp_path / "other", environ=environ).changes["persons"] == Difference(new=1)
        assert sync(asked, tmp_path / "other", environ=environ).tables["people"].read == 1
    with pytest.raises(Unauthorised) as refused:
        sync(source, tmp_path / "crm", environ={"U": "anna", "P": "falsch"})
    assert "falsch" not in str(refused.value)
    with pytest.raises(Unauthorised, match="variable U"):
        sync(source, tmp_path / "crm", environ={})


def test_mariadb(tmp_path: Path) -> None:
    """Runs where KGSERVICE_TEST_MARIADB gives the address of a server (with user and password in U and P)."""
    url = os.environ.get("KGSERVICE_TEST_MARIADB")
    if url is None:
        pytest.skip("no MariaDB server is given (KGSERVICE_TEST_MARIADB), so it is not tested here")
    more = '[credentials]\nuser = { env = "U" }\npassword = { env = "P" }'
    place = "query = \"SELECT 1 AS number, 'Jürgen' AS name, TIMESTAMP '2026-01-01 10:00:00' AS changed\""
    source = people(tmp_path / "source", place, kind="sql", connection=f'url = "{url}"', more=more)
    assert sync(source, tmp_path / "crm").changes["persons"] == Difference(new=1)
