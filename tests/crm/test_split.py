"""Tables whose rows are persons and organisations alike: each run changes just the records of a row."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from kgservice.crm.canonical import DATABASE
from kgservice.crm.canonical_tables import Difference, opened, rejects_of
from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import sync
from tests.crm.folders import rows

FAULTS = "faults([CASE WHEN name = '?' THEN 'no name' END]) AS faults"
SQL = {
    "persons": f"SELECT line, id AS key, name AS full_name, {FAULTS} FROM raw WHERE firm IS NULL",
    "organisations": f"SELECT line, id AS key, name, {FAULTS} FROM raw WHERE firm IS NOT NULL",
    "preferences": "SELECT line, concat(id, ':', topic) AS key, id AS person_key, topic, 'unknown' AS state, "
    "CAST([] AS VARCHAR[]) AS faults FROM (SELECT line, id, unnest(string_split(topics, ' ')) AS topic "
    "FROM raw WHERE firm IS NULL)",
}
SETTINGS = """
name = "parties"
kind = "sql"
[connection]
url = "sqlite:///crm.sqlite"
[tables.parties]
table = "parties"
key = "id"
{cursor}
split = ["persons", "organisations"]
into = { persons = "persons.sql", organisations = "organisations.sql", preferences = "preferences.sql" }
[tables.parties.columns]
id = ["id"]
name = ["name"]
firm = ["firm"]
topics = ["topics"]
changed = ["changed"]
"""
ROWS = [
    (1, "Anna", None, "news fairs", "2026-01-01 08:00:00"),
    (2, "Ben", None, "news", "2026-01-01 08:00:00"),
    (3, "Cem", None, "news", "2026-01-01 08:00:00"),
    (4, "Dorn GmbH", "x", None, "2026-01-01 08:00:00"),
    (5, "Erle GmbH", "x", None, "2026-01-01 08:00:00"),
    (6, "Fink GmbH", "x", None, "2026-01-01 08:00:00"),
]
LATER = "changed = '2026-02-01 08:00:00'"


@pytest.fixture(params=["", 'cursor = "changed"'], ids=["whole", "incremental"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    """Three persons, two of whom have a topic and one two, and three organisations."""
    folder = tmp_path / "source"
    folder.mkdir()
    for kind, sql in SQL.items():
        (folder / f"{kind}.sql").write_text(sql, encoding="utf-8")
    (folder / "source.toml").write_text(SETTINGS.replace("{cursor}", request.param), encoding="utf-8")
    with closing(sqlite3.connect(folder / "crm.sqlite")) as db:
        db.execute(
            "CREATE TABLE parties (id INTEGER PRIMARY KEY, name TEXT, firm TEXT, topics TEXT, changed TIMESTAMP)"
        )
        db.executemany("INSERT INTO parties VALUES (?, ?, ?, ?, ?)", ROWS)
        db.commit()
    return read_source(folder)


def changed(source: Source, *statements: str) -> None:
    with closing(sqlite3.connect(source.folder / "crm.sqlite")) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def held(folder: Path) -> dict[str, list[str]]:
    """What the canonical tables hold."""
    names = {"persons": "key, full_name", "organisations": "key, name", "preferences": "key"}
    return {
        kind: [" ".join(row) for row in rows(folder, f"SELECT {columns} FROM {kind} ORDER BY key")]
        for kind, columns in names.items()
    }


def test_changed_and_deleted_rows(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    sync(source, folder)
    assert held(folder) == {
        "persons": ["1 Anna", "2 Ben", "3 Cem"],
        "organisations": ["4 Dorn GmbH", "5 Erle GmbH", "6 Fink GmbH"],
        "preferences": ["1:fairs", "1:news", "2:news", "3:news"],
    }
    changed(
        source,
        f"UPDATE parties SET name = 'Anne', topics = 'fairs prices', {LATER} WHERE id = 1",
        "DELETE FROM parties WHERE id IN (2, 5)",
        f"UPDATE parties SET name = 'Fink AG', {LATER} WHERE id = 6",
    )
    done = sync(source, folder)
    assert held(folder) == {
        "persons": ["1 Anne", "3 Cem"],
        "organisations": ["4 Dorn GmbH", "6 Fink AG"],
        "preferences": ["1:fairs", "1:prices", "3:news"],
    }
    assert [(d.new, d.changed, d.gone) for d in done.changes.values()] == [(0, 1, 1), (0, 1, 1), (1, 0, 2)]


def test_a_row_that_becomes_something_else_is_no_longer_what_it_was(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    sync(source, folder)
    changed(
        source,
        f"UPDATE parties SET firm = 'x', topics = NULL, {LATER} WHERE id = 2",
        f"UPDATE parties SET firm = NULL, topics = 'news', {LATER} WHERE id = 4",
    )
    done = sync(source, folder)
    assert held(folder) == {
        "persons": ["1 Anna", "3 Cem", "4 Dorn GmbH"],
        "organisations": ["2 Ben", "5 Erle GmbH", "6 Fink GmbH"],
        "preferences": ["1:fairs", "1:news", "3:news", "4:news"],
    }
    assert [(d.new, d.gone) for d in done.changes.values()] == [(1, 1), (1, 1), (1, 1)]
    assert rows(folder, "SELECT kind FROM changes WHERE change = 'gone' ORDER BY kind, key") == [
        ("organisations",),
        ("persons",),
        ("preferences",),
    ]
    assert not any(d.any for d in sync(source, folder).changes.values())


def test_a_row_that_is_refused_now_keeps_its_records(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    sync(source, folder)
    before = held(folder)
    changed(
        source,
        f"UPDATE parties SET name = '?', {LATER} WHERE id = 1",
        f"UPDATE parties SET name = '?', firm = NULL, {LATER} WHERE id = 4",
    )
    done = sync(source, folder)
    assert held(folder) == before
    # The fourth would have become a person.
    assert [(one.key, one.reason, one.kind) for one in done.rejects] == [
        ("1", "no name", "persons"),
        ("4", "no name", "persons"),
    ]
    assert all(d == Difference(unchanged=d.unchanged) for d in done.changes.values())


def test_what_a_refused_row_was_for_is_told_as_far_as_it_is_known(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    twice = SQL["preferences"].replace("concat(id, ':', topic)", "topic")
    (source.folder / "preferences.sql").write_text(twice, encoding="utf-8")
    organisation = SQL["organisations"].replace(
        "name, faults([CASE WHEN name = '?'", "name, faults([CASE WHEN id = '6'"
    )
    (source.folder / "organisations.sql").write_text(organisation, encoding="utf-8")
    changed(
        source, "UPDATE parties SET name = '?' WHERE id = 1", "UPDATE parties SET name = x'00' WHERE id = 5"
    )
    done = sync(read_source(source.folder), folder)
    told = [(one.table, one.key, one.kind) for one in done.rejects]
    assert told == [
        ("parties", "1", "persons"),
        ("parties", None, None),  # whether it is a person or an organisation, nobody could read
        ("parties", "6", "organisations"),
        ("parties/preferences", "news", "preferences"),
    ]
    assert rows(folder, "SELECT kind FROM rejects ORDER BY kind NULLS FIRST") == [
        (None,),
        ("organisations",),
        ("persons",),
        ("preferences",),
    ]


def test_what_was_refused_before_kinds_were_kept_is_told_and_then_kept_with_them(
    source: Source, tmp_path: Path
) -> None:
    folder = tmp_path / "crm"
    changed(source, "UPDATE parties SET name = '?' WHERE id = 1")
    sync(source, folder)
    with closing(duckdb.connect(folder / DATABASE)) as db:
        for column in ("kind", "taken"):
            db.execute(f"ALTER TABLE rejects DROP COLUMN {column}")
    with opened(folder, read_only=True) as there:
        assert [(one.key, one.kind) for one in rejects_of(there, "parties")] == [("1", None)]
    changed(source, f"UPDATE parties SET topics = 'fairs', {LATER} WHERE id = 1")
    sync(source, folder)
    with opened(folder, read_only=True) as there:
        assert [(one.key, one.kind) for one in rejects_of(there, "parties")] == [("1", "persons")]
