"""Organisations that rows of persons bring besides, and keys that two tables of a source have."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import SyncSummary, sync
from kgservice.errors import BadTable
from tests.crm.folders import rows
from tests.crm.servers import Answer, as_json, serving

NONE = "CAST([] AS VARCHAR[]) AS faults"
SQL = {
    "persons": "SELECT line, id AS key, name AS full_name, firm AS organisation_key, "
    "faults([CASE WHEN name = '?' THEN 'no name' END]) AS faults FROM raw",
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


def told(done: SyncSummary) -> list[tuple[str, str | None, str]]:
    return [(one.table, one.key, one.reason) for one in done.rejects]


@pytest.mark.slow
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
    assert [(d.new, d.changed, d.gone) for d in done.changes.values()] == [(0, 1, 1), (1, 0, 3)]
    assert sync(source, folder).run == 0


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_row_of_a_person_that_is_refused_keeps_what_it_brought(source: Source, tmp_path: Path) -> None:
    """Nobody else brings Birke; when the row is gone for good, so is the firm."""
    folder = tmp_path / "crm"
    sync(source, folder)
    changed(source, f"UPDATE contacts SET name = '?', {LATER} WHERE id = 3")
    done = sync(source, folder)
    assert told(done) == [("contacts", "3", "no name")]
    assert rows(folder, "SELECT full_name, organisation_key FROM persons WHERE key = '3'") == [
        ("Cem", "Birke")
    ]
    assert held(folder) == ["A1 -", "A2 -", "Ahorn Ulm", "Birke Jena", "Eibe Bonn"]
    changed(source, "DELETE FROM contacts WHERE id = 3")
    sync(source, folder)
    assert held(folder) == ["A1 -", "A2 -", "Ahorn Ulm", "Eibe Bonn"]


def test_a_mapping_that_does_not_name_what_its_rows_bring_is_refused(source: Source, tmp_path: Path) -> None:
    """Else a firm would be gone with the first row of it that is refused."""
    folder, sql = tmp_path / "crm", source.folder / "persons.sql"
    sync(source, folder)
    sql.write_text(SQL["persons"].replace("firm AS organisation_key, ", ""), encoding="utf-8")
    changed(source, f"UPDATE contacts SET name = '?', {LATER} WHERE id = 3")
    said = "SQL of contacts into persons has no column organisation_key that names which of the organisations"
    with pytest.raises(BadTable, match=said):
        sync(read_source(source.folder), folder)
    assert "Birke Jena" in held(folder)


@pytest.mark.slow
@pytest.mark.parametrize("account", ["unread", "refused", "gone"])
def test_what_rows_bring_besides_never_takes_the_place_of_an_account(
    source: Source, tmp_path: Path, account: str
) -> None:
    folder = tmp_path / "crm"
    sync(source, folder)
    changed(source, f"UPDATE contacts SET firm = 'A2', {LATER} WHERE id = 4")
    if account == "refused":
        changed(source, f"UPDATE accounts SET name = '?', {LATER} WHERE id = 'A2'")
    if account == "gone":
        changed(source, "DELETE FROM accounts WHERE id = 'A2'")
    done = sync(source, folder)
    twice = ("contacts/organisations", "A2", "another table has organisations of the key A2")
    expected = {"unread": [twice], "refused": [("accounts", "A2", "no name"), twice], "gone": []}
    assert told(done) == expected[account]
    assert ("A2 Bonn" if account == "gone" else "A2 -") in held(folder)
    assert sync(source, folder).run == 0


def test_a_row_that_changes_never_takes_the_place_of_one_that_another_table_has(
    source: Source, tmp_path: Path
) -> None:
    folder = tmp_path / "crm"
    text = (source.folder / "source.toml").read_text(encoding="utf-8")
    more = (
        text.partition("[tables.accounts]")[2]
        .replace("accounts", "branches")
        .replace("branches.sql", "accounts.sql")
    )
    (source.folder / "source.toml").write_text(f"{text}[tables.branches]{more}", encoding="utf-8")
    changed(
        source,
        "CREATE TABLE branches (id TEXT PRIMARY KEY, name TEXT, changed TIMESTAMP)",
        *(f"INSERT INTO branches VALUES ('{key}', 'branch {key}', {BEFORE})" for key in ("A2", "B1")),
    )
    more_than_one = read_source(source.folder)
    twice = [("branches", "A2", "another table has organisations of the key A2")]
    assert told(sync(more_than_one, folder)) == twice
    changed(source, f"UPDATE branches SET name = 'branch two', {LATER} WHERE id = 'A2'")
    assert told(sync(more_than_one, folder)) == twice
    named = rows(folder, "SELECT name FROM organisations WHERE key IN ('A2', 'B1') ORDER BY key")
    assert named == [("A2 GmbH",), ("branch B1",)]


def test_an_api_that_lists_no_keys_is_asked_for_all_accounts(source: Source, tmp_path: Path) -> None:
    """What changed alone would not tell whose the key of a firm is."""
    folder = tmp_path / "crm"
    firms = {"/contacts": [{"id": "1", "name": "Anna", "firm": "Ahorn", "town": "Ulm"}]}
    firms["/accounts"] = [{"id": "A1", "name": "A1 GmbH", "changed": "2026-01-15"}]
    asked: list[dict[str, str]] = []

    def answer(path: str, query: dict[str, str], _headers: dict[str, str]) -> Answer:
        asked.append(query)
        return as_json(firms[path])

    with serving(answer) as crm:
        text = SETTINGS.format(cursor='cursor = "changed"\noptions = { cursor_param = "since" }')
        text = (
            text.replace('"sql"', '"rest"')
            .replace("sqlite:///crm.sqlite", crm.url)
            .replace("table =", "path =")
        )
        (source.folder / "source.toml").write_text(text, encoding="utf-8")
        api = read_source(source.folder)
        sync(api, folder)
        firms["/contacts"][0]["firm"] = "A1"
        done = sync(api, folder)
    assert asked == [{}] * 4
    assert told(done) == [("contacts/organisations", "A1", "another table has organisations of the key A1")]
    assert held(folder) == ["A1 -"]
