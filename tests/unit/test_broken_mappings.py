"""Mappings that are broken or hostile: each is refused as `BadTable`, and nothing of its table is loaded."""

from __future__ import annotations

import io
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.mapping import read_mapping
from kgservice.application.imports.row_graphs import Workbench
from kgservice.application.imports.tables import load_tables
from kgservice.domain.clock import Clock
from kgservice.errors import BadInput, BadTable, DeadlineExceeded
from kgservice.http.resources.imports import _line, _put
from kgservice.namespaces import Addresses
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.tabular.csv_records import Dialect, records

SQL = "CREATE TABLE rejects (line BIGINT, reason VARCHAR);"
GOOD = f"{SQL} CREATE VIEW good AS SELECT *"
CONSTRUCT = """PREFIX xyz: <http://sparql.xyz/facade-x/data/> PREFIX ci: <https://w3id.org/kgservice/ci#>
CONSTRUCT { ?n a ci:Provider ; ci:title ?a } WHERE { ?row xyz:node ?n . OPTIONAL { ?row xyz:a ?a } }"""
NODE = "instance('thing', [a]) AS node"


def metadata(**changes: Any) -> dict[str, Any]:
    return {
        "url": "t.csv",
        "tableSchema": {"primaryKey": "a", "columns": [{"name": "a"}, {"name": "b"}]},
        "transformations": [
            {"url": "m.sql", "scriptFormat": "application/sql"},
            {"url": "m.rq", "scriptFormat": "application/sparql-query"},
        ],
    } | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mapping that works: a table of two columns."""
    folder = tmp_path / "mapping"
    folder.mkdir()
    (folder / "t.csv").write_text("a,b\nx,1\ny,2\n")
    (folder / "m.sql").write_text(f"{GOOD}, {NODE} FROM raw;")
    (folder / "m.rq").write_text(CONSTRUCT)
    (folder / "csv-metadata.json").write_text(json.dumps(metadata()))
    return folder


def refused(kg: KnowledgeGraph, folder: Path) -> str:
    """Why the mapping is refused; nothing was committed, and no path of this machine is told."""
    with pytest.raises(BadTable) as caught:
        load_tables(kg, folder, rejects=folder.parent / "rejects")
    assert kg.head == 0
    told = str(caught.value)
    assert str(folder) not in told
    assert tempfile.gettempdir() not in told
    return told


def test_the_mapping_works(kg: KnowledgeGraph, folder: Path) -> None:
    summary = load_tables(kg, folder, rejects=folder.parent / "rejects")
    assert (summary.rows, summary.taken, summary.added) == (2, 2, 4)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DROP TABLE doubles", "doubles"),
        ("DROP TABLE incomplete", "incomplete"),
        ("DROP TABLE raw", "raw"),
        ("DROP TABLE rejects", "rejects"),
        ("", "good"),
        (f"{SQL} CREATE TABLE good AS SELECT a, {NODE} FROM raw", "line"),
        (f"{GOOD}, CAST(concat('x', line) AS INTEGER) AS n FROM raw", "Could not convert"),
        (f'{GOOD}, 1 AS "a b>" FROM raw', "makes no IRI"),
        (f"{GOOD}, [[1.5]] AS n FROM raw", "no term"),
        (f"{GOOD}, {{'x': 1}} AS n FROM raw", "no term"),
        (f"{SQL} CREATE VIEW good AS SELECT line FROM raw", "SQL of the mapping"),
        (f"{SQL} CREATE VIEW good AS SELECT a, line + 7 AS line FROM raw", "neither or both"),
        (f"{GOOD} FROM raw; INSERT INTO rejects VALUES (99, 'made up')", "a line that raw has not"),
        (f"{GOOD} FROM raw; CREATE OR REPLACE TABLE rejects AS SELECT 'x' AS line, 1 AS reason", "rejects|x"),
        ("BEGIN; SELECT error('no')", "no"),
        ("SET memory_limit = '1TB'", "configuration"),
    ],
)
def test_sql(kg: KnowledgeGraph, folder: Path, sql: str, reason: str) -> None:
    (folder / "m.sql").write_text(sql)
    assert re.search(reason, refused(kg, folder))


def test_memory_and_disk_are_limited(folder: Path) -> None:
    with Workbench(read_mapping(folder), Addresses("https://kg.example/"), seconds=60) as bench:
        limits = bench._db.execute(
            "SELECT current_setting('memory_limit'), current_setting('max_temp_directory_size')"
        ).fetchone()
        spill = bench._sandbox.folder
        assert spill.is_dir()
    assert limits == ("1.8 GiB", "7.4 GiB")
    assert not spill.exists()


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE x AS SELECT count(*) FROM range(1000000000) AS a, range(1000000000) AS b",
        "CREATE TABLE x AS WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n FROM t) SELECT max(n) FROM t",
        "; ".join(["CREATE OR REPLACE TABLE x AS SELECT sum(range) FROM range(10000000)"] * 1000),
        f"{SQL} CREATE VIEW good AS SELECT *, {NODE}, (SELECT count(*) FROM range(1000000000) AS x, "
        "range(1000000000) AS y) AS n FROM raw",
    ],
)
def test_sql_that_takes_too_long_is_stopped(clock: Clock, folder: Path, sql: str) -> None:
    (folder / "m.sql").write_text(sql)
    kg = KnowledgeGraph.open(Settings(mapping_deadline=0.5), OxigraphStore(), clock, guarded=False)
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"SQL of the mapping was stopped after 0\.5 s"):
        load_tables(kg, folder, rejects=folder.parent / "rejects")
    assert time.monotonic() - begun < 30
    assert kg.head == 0
    kg.close()


def test_nothing_stays_when_a_mapping_fails(
    kg: KnowledgeGraph, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = folder.parent / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    (folder / "m.sql").write_text("DROP TABLE raw")
    refused(kg, folder)
    assert list(scratch.iterdir()) == []


def test_null_in_a_list_is_no_term(kg: KnowledgeGraph, folder: Path) -> None:
    (folder / "m.sql").write_text(f"{SQL} CREATE VIEW good AS SELECT line, [NULL, a] AS a, {NODE} FROM raw")
    assert load_tables(kg, folder).added == 4


def test_a_refusal_without_a_reason(kg: KnowledgeGraph, folder: Path) -> None:
    (folder / "m.sql").write_text(
        f"CREATE VIEW good AS SELECT *, {NODE} FROM raw WHERE b = '1';"
        "CREATE VIEW rejects AS SELECT line, NULL AS reason FROM raw WHERE b <> '1'"
    )
    [row] = load_tables(kg, folder, rejects=folder.parent / "rejects").refused
    assert (row.line, row.reason) == (3, "refused without a reason")


def test_a_row_that_is_refused_many_times_is_told_of_once(folder: Path) -> None:
    (folder / "m.sql").write_text(
        f"CREATE VIEW good AS SELECT *, {NODE} FROM raw WHERE false; CREATE VIEW rejects AS "
        "SELECT line, CAST(range AS VARCHAR) AS reason FROM raw, range(1000000)"
    )
    with Workbench(read_mapping(folder), Addresses("https://kg.example/"), seconds=60) as bench:
        bench.fill(iter([(2, ("x", "1")), (3, ("y", "2"))]))
        assert bench.rejects() == [(2, "999999"), (3, "999999")]


@pytest.mark.parametrize("name", ["select", "order", "row", "rowid", "table"])
def test_columns_named_like_keywords(kg: KnowledgeGraph, folder: Path, name: str) -> None:
    columns = [{"name": name, "required": True}, {"name": "a"}]
    changed = metadata(tableSchema={"primaryKey": [name, "a"], "columns": columns})
    (folder / "csv-metadata.json").write_text(json.dumps(changed))
    (folder / "t.csv").write_text(f"a,{name}\nx,1\ny,2\ny,2\nz,\n")
    summary = load_tables(kg, folder, rejects=folder.parent / "rejects")
    assert (summary.taken, summary.repeated) == (2, 1)
    assert [row.reason for row in summary.refused] == [f"{name} is empty"]


MARKS: list[Any] = [";;", "", 5, None, "\n", "\0"]
QUOTES: list[Any] = ["", None, [], '""']


def column(**changes: Any) -> dict[str, Any]:
    return {"tableSchema": {"primaryKey": "a", "columns": [{"name": "a"} | changes]}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"url": "\0"}, "no name of a file"),
        ({"url": "x" * 5000}, "no such file"),
        ({"url": 5}, "metadata of a table"),
        ({"tables": [{"url": "."}]}, r"^\.: there is no such file"),
        ({"transformations": [{"url": ".", "scriptFormat": "application/sql"}]}, r"^\.: cannot be read"),
        ({"transformations": []}, "need SQL"),
        ({"https://w3id.org/kgservice/table#own": [[1]]}, "table#own is a string"),
        ({"https://w3id.org/kgservice/table#own": 5}, "table#own is a string"),
        ({"https://w3id.org/kgservice/table#own": ["b"]}, "has not as UUID: b"),
        ({"https://w3id.org/kgservice/table#earliest": {"a": 1}}, "table#earliest is a string"),
        ({"tableSchema": {"primaryKey": [], "columns": [{"name": "a"}]}}, "primaryKey names no column"),
        ({"tableSchema": {"primaryKey": "a", "columns": [{"name": "a"}] * 2}}, "two columns 'a'"),
        (column(titles=[5]), "titles is a string"),
        (column(titles="\ud800"), "half a character"),
        ({"dc:title": "\ud800"}, "half a character"),
        ({"url": "\ud800"}, "half a character"),
        *(({"dialect": {"delimiter": mark}}, "delimiter is one") for mark in MARKS),
        *(({"dialect": {"quoteChar": mark}}, "quoteChar is one") for mark in QUOTES),
        ({"dialect": {"delimiter": '"'}}, "are both"),
        ({"dialect": {"delimiter": "→", "encoding": "latin-1"}}, "not both in latin-1"),
        *(
            ({"dialect": {"encoding": name}}, "encoding .* is not known")
            for name in (
                "rot13",
                "hex",
                "idna",
                "undefined",
                "punycode",
                "unicode_escape",
                "none",
                5,
                "\0",
                "",
            )
        ),
        ({"dialect": {"encoding": "utf-16"}}, "is not utf-16"),
        ({"dialect": []}, "metadata of a table"),
    ],
)
def test_metadata(kg: KnowledgeGraph, folder: Path, changes: dict[str, Any], reason: str) -> None:
    (folder / "csv-metadata.json").write_text(json.dumps(metadata(**changes)))
    assert re.search(reason, refused(kg, folder))


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5000, "[]", "5", "null", '{"a": ' * 100_000])
def test_metadata_that_is_none(kg: KnowledgeGraph, folder: Path, text: str) -> None:
    (folder / "csv-metadata.json").write_text(text)
    assert "metadata of a table" in refused(kg, folder)


def test_byte_order_marks(kg: KnowledgeGraph, folder: Path) -> None:
    for path in folder.iterdir():
        path.write_text(path.read_text(), "utf-8-sig")
    assert load_tables(kg, folder).taken == 2


def test_a_query_that_is_no_construct(kg: KnowledgeGraph, folder: Path) -> None:
    (folder / "m.rq").write_text("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o ")
    refused(kg, folder)


def test_a_query_that_would_end_the_stack(kg: KnowledgeGraph, folder: Path) -> None:
    deep = "(" * 100_000 + "1" + ")" * 100_000
    (folder / "m.rq").write_text(f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ ?s ?p ?o FILTER{deep} }}")
    assert "brackets are open" in refused(kg, folder)


def test_one_zero_byte_costs_its_row(kg: KnowledgeGraph, folder: Path) -> None:
    (folder / "t.csv").write_bytes(b"a,b\nx,1\ny\0,2\nz,3\n")
    summary = load_tables(kg, folder, rejects=folder.parent / "rejects")
    assert [(row.line, row.reason) for row in summary.refused] == [(3, "a zero byte")]
    assert summary.taken == 2


def test_half_a_character_costs_its_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n+2AA-,1\nx,2\n")
    found = [(r.fields, r.fault) for r in records(path, Dialect(encoding="utf-7"))]
    assert found == [(("a", "b"), None), ((), "half a character is not utf-7"), (("x", "2"), None)]


def test_reasons_that_the_encoding_of_the_file_has_not(kg: KnowledgeGraph, folder: Path) -> None:
    columns = [{"name": "a", "titles": ["a", "Ω"]}, {"name": "b", "titles": ["β", "b"], "required": True}]
    changed = metadata(dialect={"encoding": "latin-1"}, tableSchema={"primaryKey": "a", "columns": columns})
    (folder / "csv-metadata.json").write_text(json.dumps(changed))
    (folder / "t.csv").write_text("a,b\nx,\ny,2\n")
    summary = load_tables(kg, folder, rejects=folder.parent / "rejects")
    assert [row.reason for row in summary.refused] == ["β is empty"]
    assert b"\\u03b2 is empty" in summary.rejects[0].read_bytes()


@pytest.mark.parametrize("names", [("a", "a/b.ttl"), ("a/b.ttl", "a"), ("a", "a/b/c.ttl"), ("é" * 200,)])
def test_uploads_that_cannot_stand_together(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(BadInput):
        _put([(name, io.BytesIO(b"x")) for name in names], tmp_path)


def test_lines_of_an_answer_hold_any_text() -> None:
    assert json.loads(_line({"detail": "\ud800 é"})) == {"detail": "\ud800 é"}
