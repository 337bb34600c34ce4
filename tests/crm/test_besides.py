"""Organisations that rows of persons bring besides: they go when no row brings them any more."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import sync
from tests.crm.folders import rows

NONE = "CAST([] AS VARCHAR[]) AS faults"
SQL = {
    "persons": f"SELECT line, id AS key, name AS full_name, {NONE} FROM raw",
    "firms": f"SELECT min(line) AS line, firm AS key, max(town) AS city, {NONE} FROM raw "
    "WHERE firm IS NOT NULL GROUP BY firm",
    "accounts": "SELECT line, id AS key, name, faults([CASE WHEN name = '?' THEN 'no name' END]) AS faults "
    "FROM raw",
}
SETTINGS = """
name = "contacts"
kind = "sql"
[connection]
url = "sqlite:///crm.sqlite"
[tables.contacts]
table = "contacts"
key = "id"
{cursor}
into = {{ persons = "persons.sql", organisations = "firms.sql" }}
[tables.contacts.columns]
id = ["id"]
name = ["name"]
firm = ["firm"]
town = ["town"]
changed = ["changed"]
[tables.accounts]
table = "accounts"
key = "id"
{cursor}
into = {{ organisations = "accounts.sql" }}
[tables.accounts.columns]
id = ["id"]
name = ["name"]
changed = ["changed"]
"""
BEFORE, LATER = "'2026-01-01 08:00:00'", "changed = '2026-02-01 08:00:00'"
LATEST = [("contacts", "4"), ("accounts", "A1")]


@pytest.fixture(params=["", 'cursor = "changed"'], ids=["whole", "incremental"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    """Four persons of three firms, and two accounts."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name, sql in SQL.items():
        (folder / f"{name}.sql").write_text(sql, encoding="utf-8")
    (folder / "source.toml").write_text(SETTINGS.format(cursor=request.param), encoding="utf-8")
    source = read_source(folder)
    changed(
        source,
        "CREATE TABLE contacts (id INTEGER PRIMARY KEY, name TEXT, firm TEXT, town TEXT, changed TIMESTAMP)",
        "CREATE TABLE accounts (id TEXT PRIMARY KEY, name TEXT, changed TIMESTAMP)",
        *(
            f"INSERT INTO contacts VALUES ({key}, '{name}', '{firm}', '{town}', {BEFORE})"
            for key, name, firm, town in (
                (1, "Anna", "Ahorn", "Ulm"),
                (2, "Ben", "Ahorn", "Köln"),
                (3, "Cem", "Birke", "Jena"),
                (4, "Dora", "Eibe", "Bonn"),
            )
        ),
        *(f"INSERT INTO accounts VALUES ('{key}', '{key} GmbH', {BEFORE})" for key in ("A1", "A2")),
        *(f"UPDATE {table} SET changed = '2026-01-15 08:00:00' WHERE id = '{key}'" for table, key in LATEST),
    )
    return source


def changed(source: Source, *statements: str) -> None:
    with closing(sqlite3.connect(source.folder / "crm.sqlite")) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def held(folder: Path) -> list[str]:
    """The organisations with their towns."""
    found = rows(folder, "SELECT key, coalesce(city, '-') FROM organisations ORDER BY key")
    return [" ".join(row) for row in found]


def test_what_no_row_brings_any_more_is_gone(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    sync(source, folder)
    assert held(folder) == ["A1 -", "A2 -", "Ahorn Ulm", "Birke Jena", "Eibe Bonn"]
    changed(
        source,
        "DELETE FROM contacts WHERE id = 3",
        f"UPDATE contacts SET firm = 'Fichte', {LATER} WHERE id = 4",
        "DELETE FROM accounts WHERE id = 'A2'",
    )
    done = sync(source, folder)
    assert held(folder) == ["A1 -", "Ahorn Ulm", "Fichte Bonn"]
    assert [(d.new, d.changed, d.gone) for d in done.changes.values()] == [(0, 0, 1), (1, 0, 3)]
    assert sync(source, folder).run == 0


def test_one_that_other_rows_bring_is_made_of_all_of_them(source: Source, tmp_path: Path) -> None:
    """Not of those alone that were changed."""
    folder = tmp_path / "crm"
    sync(source, folder)
    changed(source, f"UPDATE contacts SET name = 'Benno', {LATER} WHERE id = 2")
    sync(source, folder)
    assert held(folder)[2] == "Ahorn Ulm"
    changed(source, "DELETE FROM contacts WHERE id = 1")
    sync(source, folder)
    assert held(folder)[2] == "Ahorn Köln"


def test_a_row_of_an_account_that_is_refused_keeps_it(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    sync(source, folder)
    changed(source, f"UPDATE accounts SET name = '?', {LATER} WHERE id = 'A2'")
    done = sync(source, folder)
    assert [(one.key, one.reason) for one in done.rejects] == [("A2", "no name")]
    assert "A2 -" in held(folder)
