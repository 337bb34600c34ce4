"""Columns that a source had when it was last read, and has no more; and those that are new and ignored."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kgservice.crm import known_columns
from kgservice.crm.canonical_tables import Difference, opened
from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import sync
from kgservice.errors import Conflict
from tests.cli.commands import Run
from tests.cli.conftest import run
from tests.crm.folders import example, people, rows
from tests.crm.servers import as_json, serving

__all__ = ["run"]

GONE = r"people: people has no longer the columns E-Mail; not known are: E-Mail-Adresse\."


def csv(folder: Path, text: str) -> Source:
    source = people(folder / "source", 'file = "people.csv"', connection='delimiter = ","')
    (folder / "source" / "people.csv").write_text(text, encoding="utf-8")
    return source


def test_a_column_that_is_called_something_else_now_takes_nothing_away(tmp_path: Path) -> None:
    folder = example("hubspot", tmp_path)
    sync(read_source(folder), tmp_path / "crm")
    contacts = next(folder.glob("*contacts.csv"))
    text = contacts.read_text(encoding="utf-8-sig")
    head, _, rest = text.partition("\n")
    assert "Unsubscribed from all email" in head
    renamed = head.replace("Unsubscribed from all email", "Von allen E-Mails abgemeldet")
    contacts.write_text(f"{renamed}\n{rest}", encoding="utf-8")
    before = (tmp_path / "crm" / "crm.duckdb").read_bytes()
    with pytest.raises(Conflict) as told:
        sync(read_source(folder), tmp_path / "crm")
    assert (
        "no longer the columns Unsubscribed from all email; not known are: Von allen E-Mails abgemeldet."
        in str(told.value)
    )
    assert (tmp_path / "crm" / "crm.duckdb").read_bytes() == before


def test_going_on_without_a_column(tmp_path: Path) -> None:
    """Who names the new heading keeps what it says; who adds the source again lets it go."""
    folder = tmp_path / "crm"
    sync(csv(tmp_path, "Number,Name,E-Mail\n1,Anna,anna@example.org\n"), folder)
    renamed = csv(tmp_path, "Number,Name,E-Mail-Adresse\n1,Anna,anna@example.org\n")
    with pytest.raises(Conflict, match=GONE):
        sync(renamed, folder)
    settings = renamed.folder / "source.toml"
    text = settings.read_text()
    settings.write_text(text.replace('["E-Mail"]', '["E-Mail", "E-Mail-Adresse"]'))
    assert sync(read_source(renamed.folder), folder).changes == {"persons": Difference(unchanged=1)}
    settings.write_text(text)
    with pytest.raises(Conflict, match="no longer the columns E-Mail-Adresse"):
        sync(renamed, folder)
    known_columns.forget(folder, "people")
    assert sync(renamed, folder).changes == {"persons": Difference(changed=1)}
    assert rows(folder, "SELECT email FROM persons") == [([],)]


def test_a_new_column_that_is_ignored_is_told_once(tmp_path: Path) -> None:
    first = csv(tmp_path, "Number,Name,Shoe\n1,Anna,40\n")
    assert sync(first, tmp_path / "crm").ignored == {}  # as it was when it was added
    more = csv(tmp_path, "Number,Name,Shoe,Hat\n1,Anna,40,57\n")
    assert sync(more, tmp_path / "crm").ignored == {"people": ["Hat"]}
    assert sync(csv(tmp_path, "Number,Name,Shoe,Hat\n1,Änne,40,57\n"), tmp_path / "crm").ignored == {}


def test_a_column_of_a_table_of_which_only_changes_are_read(tmp_path: Path) -> None:
    place = 'table = "customers"\ncursor = "changed"'
    source = people(tmp_path / "s", place, kind="sql", connection='url = "sqlite:///crm.sqlite"')
    with closing(sqlite3.connect(source.folder / "crm.sqlite")) as db:
        db.execute("CREATE TABLE customers (number INTEGER, name TEXT, e_mail TEXT, changed TEXT)")
        db.execute("INSERT INTO customers VALUES (1, 'Anna', 'a@example.org', '2026-01-01')")
        db.commit()
        sync(source, tmp_path / "crm")
        db.execute("ALTER TABLE customers RENAME e_mail TO address")
        db.commit()
    with pytest.raises(Conflict, match="no longer the columns e_mail; not known are: address"):
        sync(source, tmp_path / "crm")


@pytest.mark.parametrize(
    ("first", "then", "fails"),
    [
        ({"e_mail": "a@example.org"}, {}, True),
        ({"e_mail": "a@example.org"}, {"e_mail": None}, False),
        ({"e_mail": None}, {}, False),
    ],
)
def test_a_field_of_an_api_that_no_record_has_any_more(
    tmp_path: Path, first: dict[str, Any], then: dict[str, Any], fails: bool
) -> None:
    """An API may leave out what is empty, but hardly of all records at once."""
    answers = [[{"number": 1, "name": "Anna"}, {"number": 2, "name": "Ben"} | one] for one in (first, then)]
    with serving(lambda *_: as_json(answers[0])) as crm:
        source = people(tmp_path / "s", 'path = "p"', kind="rest", connection=f'url = "{crm.url}"')
        sync(source, tmp_path / "crm")
        answers.pop(0)
        if fails:
            with pytest.raises(Conflict, match="no longer the columns e_mail"):
                sync(source, tmp_path / "crm")
        else:
            sync(source, tmp_path / "crm")


def test_an_older_database_knows_no_columns(tmp_path: Path) -> None:
    source, folder = csv(tmp_path, "Number,Name,E-Mail\n1,Anna,anna@example.org\n"), tmp_path / "crm"
    sync(source, folder)
    with opened(folder) as db:
        db.execute("ALTER TABLE state DROP columns")
    assert sync(csv(tmp_path, "Number,Name\n1,Anna\n"), folder).changes == {"persons": Difference(changed=1)}
    assert json.loads(rows(folder, "SELECT columns FROM state")[0][0])["people"]["found"] == {
        "number": "Number",
        "name": "Name",
    }


@pytest.mark.slow
def test_adding_a_source_again_lets_a_column_go(run: Run, tmp_path: Path) -> None:
    source, store = csv(tmp_path, "Number,Name,E-Mail\n1,Anna,a@b.c\n"), ("--store", tmp_path / "store")
    assert run("crm", "add", source.folder, *store).returncode == 0
    assert run("crm", "sync", *store).returncode == 0
    csv(tmp_path, "Number,Name,Hat\n1,Anna,57\n")
    refused = run("crm", "sync", *store)
    assert refused.returncode == 5
    assert "no longer the columns E-Mail; not known are: Hat" in " ".join(refused.stderr.split())
    assert run("crm", "add", source.folder, *store).returncode == 0
    done = run("crm", "sync", *store)
    assert (done.returncode, "1 changed" in done.stdout) == (0, True)
