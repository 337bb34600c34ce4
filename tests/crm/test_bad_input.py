"""Whatever a source does wrong is told, row by row where that can be, and what was known stays as it was."""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from kgservice.crm.canonical_tables import Difference
from kgservice.crm.cleaned import Reject
from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import TableCounts, sync
from kgservice.errors import BadInput, BadTable, DeadlineExceeded, KgError, SourceFailed
from tests.crm.folders import COLUMNS, PERSONS, example, people, rows
from tests.crm.servers import Answer, as_json, serving

PLACES = {
    "csv": ('file = "people.csv"', 'delimiter = ","'),
    "xlsx": ('file = "people.xlsx"', ""),
    "parquet": ('file = "people.parquet"', ""),
    "sql": ('table = "people"', 'url = "sqlite:///crm.sqlite"'),
}
GIVEN = [("1", "Anna"), ("2", "Ben")]
LONG = "ß" * 10_000


def of_kind(folder: Path, kind: str) -> Source:
    place, connection = PLACES[kind]
    return people(folder, place, kind=kind, connection=connection)


def put(source: Source, given: list[tuple[str, Any]], name: str = "Name") -> Path:
    """Give a source these rows of numbers and names, in a column `name`; its file."""
    if source.kind == "sql":
        path = source.folder / "crm.sqlite"
        with closing(sqlite3.connect(path)) as db:
            db.execute("DROP TABLE IF EXISTS people")
            db.execute(f'CREATE TABLE people (number TEXT, "{name}" TEXT)')
            db.executemany("INSERT INTO people VALUES (?, ?)", given)
            db.commit()
        return path
    path = source.folder / f"people.{source.kind}"
    if source.kind == "csv":
        lines = [("Number", name), *given]
        path.write_text("".join(f'{a},"{b}"\n' for a, b in lines), encoding="utf-8")
    elif source.kind == "xlsx":
        book = Workbook()
        sheet = book.worksheets[0]
        for row in [("Number", name), *given]:
            sheet.append(row)
        book.save(path)
    else:
        pq.write_table(pa.table({"Number": [a for a, _ in given], name: [b for _, b in given]}), path)
    return path


@contextmanager
def nothing_changes(folder: Path) -> Iterator[None]:
    """What is in the block leaves the database as it was, and nothing beside it."""
    before = (folder / "crm.duckdb").read_bytes()
    yield
    assert (folder / "crm.duckdb").read_bytes() == before
    assert [p.name for p in folder.iterdir()] == ["crm.duckdb"]


@pytest.mark.parametrize("kind", PLACES)
def test_a_column_that_is_renamed_later(tmp_path: Path, kind: str) -> None:
    source, folder = of_kind(tmp_path / "source", kind), tmp_path / "crm"
    put(source, GIVEN)
    assert sync(source, folder).changes["persons"] == Difference(new=2)
    put(source, GIVEN, name="Nachname")
    with nothing_changes(folder), pytest.raises(BadInput, match="missing: Name; not known are: Nachname"):
        sync(source, folder)
    put(source, GIVEN)
    assert sync(source, folder).changes.get("persons", Difference(unchanged=2)) == Difference(unchanged=2)


@pytest.mark.parametrize("kind", ["parquet", "sql"])
def test_long_cells_and_formulas(tmp_path: Path, kind: str) -> None:
    source = of_kind(tmp_path / "source", kind)
    put(source, [("1", LONG), ("2", '=HYPERLINK("http://example.org")')])
    sync(source, tmp_path / "crm")
    assert rows(tmp_path / "crm", "SELECT full_name FROM persons ORDER BY key") == [
        (LONG,),
        ('=HYPERLINK("http://example.org")',),
    ]


def test_a_formula_with_a_stored_value_is_that_value(tmp_path: Path) -> None:
    source = of_kind(tmp_path / "source", "xlsx")
    path = put(source, [("1", '="An"&"na"')])
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    formula = re.compile(rb'<c r="B2"( t="\w+")?>(<f>.*?</f>)<v ?(/>|></v>)')
    stored, found = formula.subn(rb'<c r="B2" t="str">\2<v>Anna</v>', sheet)
    assert found == 1
    with zipfile.ZipFile(path, "w") as book:
        for name, content in parts.items():
            book.writestr(name, stored if content is sheet else content)
    sync(source, tmp_path / "crm")
    assert rows(tmp_path / "crm", "SELECT full_name FROM persons") == [("Anna",)]


@pytest.mark.parametrize(
    ("kind", "cut", "error", "words"),
    [
        ("xlsx", True, BadTable, r"people\.xlsx: is no workbook"),
        ("xlsx", False, BadTable, r"people\.xlsx: is broken"),
        ("parquet", True, BadTable, r"people\.parquet: is no Parquet"),
        ("parquet", False, BadTable, r"people\.parquet: is broken"),
        ("sql", True, SourceFailed, "malformed"),
        ("sql", False, SourceFailed, "malformed"),
    ],
)
def test_a_file_that_is_cut_or_broken_in_the_middle(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, cut: bool, error: type[KgError], words: str
) -> None:
    source, folder = of_kind(tmp_path / "source", kind), tmp_path / "crm"
    put(source, GIVEN)
    sync(source, folder)
    path = put(source, [(str(n), f"Person {n * 7919 % 10007} {n}") for n in range(20_000)])
    content = path.read_bytes()
    start = len(content) // 2
    if kind == "xlsx":  # the sheet is not all of the archive
        with zipfile.ZipFile(path) as book:
            info = book.getinfo("xl/worksheets/sheet1.xml")
        start = info.header_offset + info.compress_size // 2
    after = b"" if cut else b"\xff" * 40_960 + content[start + 40_960 :]
    path.write_bytes(content[:start] + after)
    with nothing_changes(folder), pytest.raises(error, match=words):
        sync(source, folder)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_csv_that_is_cut_within_quotes(tmp_path: Path) -> None:
    source = of_kind(tmp_path / "source", "csv")
    path = put(source, [*GIVEN, ("3", "Cem")])
    path.write_bytes(path.read_bytes()[:-4])
    summary = sync(source, tmp_path / "crm")
    assert summary.tables["people"] == TableCounts(3, 2, 0, 1)
    assert summary.rejects == [Reject("people", 4, None, "a quote is not closed", "persons")]


def test_utf_8_where_another_encoding_is_declared(tmp_path: Path) -> None:
    """Taken as cp1252 each byte means something, and all names would be wrong."""
    folder = example("suitecrm", tmp_path)
    sync(read_source(folder), tmp_path / "crm")
    contacts = folder / "Kontakte.csv"
    contacts.write_bytes(contacts.read_text(encoding="cp1252").encode())
    with nothing_changes(tmp_path / "crm"), pytest.raises(BadTable, match=r"Kontakte\.csv: is utf-8, not"):
        sync(read_source(folder), tmp_path / "crm")


@pytest.mark.slow
def test_another_encoding_where_utf_8_is_declared(tmp_path: Path) -> None:
    folder = example("hubspot", tmp_path)
    whole = sync(read_source(folder), tmp_path / "crm")
    contacts = next(folder.glob("*contacts.csv"))
    text = contacts.read_text(encoding="utf-8-sig")
    contacts.write_bytes(text.encode("cp1252"))
    summary = sync(read_source(folder), tmp_path / "crm")
    beyond = sum(not line.isascii() for line in text.splitlines())
    refused = [r for r in summary.rejects if "is not utf-8" in r.reason]
    assert 0 < len(refused) == beyond < whole.tables["contacts"].read
    assert all(r.line > 1 for r in refused)
    assert summary.tables["contacts"].read == whole.tables["contacts"].read


def test_texts_that_are_none_are_refused_row_by_row(tmp_path: Path) -> None:
    names = ["Jürgen 😀", "half \ud800", "zero \0", None]
    answer = as_json([{"number": n, "name": name} for n, name in enumerate(names, start=1)])
    with serving(lambda *_: answer) as crm:
        source = people(tmp_path / "source", 'path = "p"', kind="rest", connection=f'url = "{crm.url}"')
        summary = sync(source, tmp_path / "crm")
    assert summary.tables["people"] == TableCounts(4, 1, 0, 3)
    assert summary.rejects == [
        Reject("people", 2, None, "U+D800 is no character", "persons"),
        Reject("people", 3, None, "a zero byte", "persons"),
        Reject("people", 4, "4", "name is empty", "persons"),
    ]


def test_bytes_that_are_no_text_in_a_database(tmp_path: Path) -> None:
    """SQLite keeps any bytes as text; one such row does not keep the others out, nor does its key."""
    source = people(
        tmp_path / "source", 'table = "people"\ncursor = "changed"', kind="sql", connection='url = "sqlite:///crm.sqlite"'
    )  # fmt: skip
    with closing(sqlite3.connect(source.folder / "crm.sqlite")) as db:
        db.execute("CREATE TABLE people (number TEXT, name TEXT, changed TEXT)")
        db.execute(
            "INSERT INTO people VALUES ('1', 'Anna', '2026-01-01'), ('2', CAST(x'4aff' AS TEXT), '2026-01-01'),"
            " (CAST(x'fe' AS TEXT), 'Cem', '2026-01-01'), ('4', x'4aff', '2026-01-01')"
        )
        db.commit()
    refused = [
        Reject("people", 2, None, "byte 0xFF is not utf-8", "persons"),
        Reject("people", 3, None, "byte 0xFE is not utf-8", "persons"),
        Reject("people", 4, None, "byte 0xFF is not utf-8", "persons"),
    ]
    for run in (1, 2):
        summary = sync(source, tmp_path / "crm")
        assert (summary.run > 0, summary.rejects) == (run == 1, refused)
    assert rows(tmp_path / "crm", "SELECT key, full_name FROM persons") == [("1", "Anna")]


ENDLESS = "(SELECT count(*) FROM range(1000000000) AS a, range(1000000000) AS b)"


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql",
    [
        PERSONS.replace("name AS full_name", f"concat(name, {ENDLESS}) AS full_name"),
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n FROM t) SELECT line, number AS key, name AS full_name, "
        "faults([(SELECT CAST(max(n) AS VARCHAR) FROM t)]) AS faults FROM raw",
    ],
    ids=["product", "recursion"],
)
def test_sql_that_takes_too_long_is_stopped(tmp_path: Path, sql: str) -> None:
    """What was known stays, and the next run is an ordinary one."""
    source = people(tmp_path / "s", PLACES["csv"][0], connection=PLACES["csv"][1])
    put(source, GIVEN)
    sync(source, tmp_path / "crm")
    late = people(tmp_path / "s", PLACES["csv"][0], connection=PLACES["csv"][1], sql=sql)
    put(late, [*GIVEN, ("3", "Cem")])
    begun = time.monotonic()
    with (
        nothing_changes(tmp_path / "crm"),
        pytest.raises(DeadlineExceeded, match=r"people: the SQL of the mapping was stopped after 0\.5 s"),
    ):
        sync(late, tmp_path / "crm", seconds=0.5)
    assert time.monotonic() - begun < 30
    source = people(tmp_path / "s", PLACES["csv"][0], connection=PLACES["csv"][1])
    assert sync(source, tmp_path / "crm", seconds=60).changes["persons"] == Difference(new=1, unchanged=2)


def test_two_tables_of_one_source_that_make_the_same_key(tmp_path: Path) -> None:
    source = of_kind(tmp_path / "source", "csv")
    put(source, GIVEN)
    (source.folder / "more.csv").write_text("Number,Name\n2,Otto\n3,Cem\n", encoding="utf-8")
    with (source.folder / "source.toml").open("a", encoding="utf-8") as file:
        file.write('[tables.more]\nfile = "more.csv"\nkey = "number"\ninto = { persons = "people.sql" }\n')
        file.write(COLUMNS.replace("people", "more"))
    assert (source.folder / "people.sql").read_text() == PERSONS
    summary = sync(read_source(source.folder), tmp_path / "crm")
    assert summary.rejects == [Reject("more", 0, "2", "another table has persons of the key 2", "persons")]
    assert summary.tables["more"] == TableCounts(2, 1, 0, 1)
    assert rows(tmp_path / "crm", "SELECT key, full_name FROM persons ORDER BY key") == [*GIVEN, ("3", "Cem")]


@pytest.mark.slow
def test_a_crm_that_is_too_slow_once_is_asked_again(tmp_path: Path) -> None:
    released, asked = threading.Event(), []

    def answer(*_: object) -> Answer:
        asked.append(1)
        if len(asked) == 1:
            released.wait(30)
        return as_json([{"number": 1, "name": "Anna"}])

    with serving(answer) as crm:
        source = people(
            tmp_path / "source", 'path = "p"', kind="rest", connection=f'url = "{crm.url}"\ntimeout = 1\nattempts = 2'
        )  # fmt: skip
        summary = sync(source, tmp_path / "crm")
        released.set()
    assert (summary.changes["persons"], len(asked)) == (Difference(new=1), 2)
