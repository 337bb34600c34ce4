"""Loading tables: broken rows, encodings, headings, later deliveries, and what a mapping may not do."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal

from kgservice import resources
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.guard import Guard
from kgservice.application.imports import imports, tables
from kgservice.application.imports.mapping import read_mapping, template_terms
from kgservice.application.imports.tables import TableSummary, is_mapping, load_tables
from kgservice.application.protocol.update import update
from kgservice.domain.change import Origin
from kgservice.errors import BadInput, BadTable
from kgservice.namespaces import CI, Addresses
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.tabular.csv_records import Dialect, records

BROKEN = Path(__file__).parent / "data" / "broken.csv"
ROW = {
    "Date received": "2023-08-25",
    "Product": "Mortgage",
    "Sub-product": "FHA mortgage",
    "Issue": "Trouble during payment process",
    "Sub-issue": "",
    "Consumer complaint narrative": "",
    "Company public response": "",
    "Company": "ACME BANK, N.A.",
    "State": "TX",
    "ZIP code": "00123",
    "Tags": "",
    "Consumer consent provided?": "",
    "Submitted via": "Web",
    "Date sent to company": "2023-08-26",
    "Company response to consumer": "Closed with explanation",
    "Timely response?": "Yes",
    "Consumer disputed?": "N/A",
    "Complaint ID": "1",
}
SNAKE = {title: title.lower().replace("?", "").replace(" ", "_").replace("-", "_") for title in ROW}
TOLD = {
    "Consumer complaint narrative": "They lost my file.",
    "Consumer consent provided?": "Consent provided",
}


def written(path: Path, rows: Iterable[Mapping[str, str]], encoding: str = "utf-8") -> Path:
    text = io.StringIO()
    rows = list(rows)
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def load(kg: KnowledgeGraph, path: Path) -> TableSummary:
    return load_tables(
        kg, resources.folder("examples") / "cfpb", files=[path], rejects=path.parent / "rejects"
    )


def values(kg: KnowledgeGraph, pattern: str) -> list[str]:
    rows = kg.select(f"PREFIX ci: <{CI}> SELECT ?x WHERE {{ {pattern} }} ORDER BY ?x").rows
    return [str(getattr(row[0], "value", None)) for row in rows]


def changed(folder: Path, file: str, old: str, new: str) -> Path:
    shutil.copytree(resources.folder("examples") / "spreadsheet", folder)
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), "utf-8")
    return folder


class TestBrokenRows:
    def test_each_is_told_with_its_line_and_the_others_are_taken(
        self, kg: KnowledgeGraph, tmp_path: Path
    ) -> None:
        path = shutil.copy(BROKEN, tmp_path)
        summary = load(kg, Path(path))
        assert [(row.line, row.reason) for row in summary.refused] == [
            (6, "19 columns instead of 18"),
            (7, "3 columns instead of 18"),
            (8, "Date received is no date: 2023-02-30"),
            (9, "Complaint ID is empty"),
            (11, "the key stands on line 2 with other content"),
            (12, "byte 0xFF is not utf-8"),
            (13, "a quote is not closed or stands in the wrong place"),
            (14, "Submitted via is not known: Carrier pigeon"),
            (15, "Consumer consent provided? is not known: Perhaps; Tags are not known: Astronaut"),
            (16, "a narrative without consent to publish it"),
            (17, "Date sent to company is before Date received"),
            (20, "Consumer disputed? is neither Yes nor No: maybe"),
            (22, "a quote is not closed or stands in the wrong place"),
        ]
        assert {row.file for row in summary.refused} == {"broken.csv"}
        assert (summary.rows, summary.taken, summary.repeated) == (18, 4, 1)
        assert values(kg, "?complaint a ci:Document ; ci:externalId ?x") == ["1", "11", "13", "2"]
        assert 'They said:\n"pay, or else"\nand hung up' in values(kg, "?f ci:content ?x")

    def test_they_wait_in_a_file_that_can_be_mended_and_loaded(
        self, kg: KnowledgeGraph, tmp_path: Path
    ) -> None:
        summary = load(kg, Path(shutil.copy(BROKEN, tmp_path)))
        [rejects] = summary.rejects
        raw = rejects.read_bytes()
        assert raw.count(b"\r\n") == 1 + len(summary.refused)
        assert b"T\xff," in raw  # as it stood, byte for byte
        again = load(kg, rejects)
        # The row whose key came before stands alone here, and so it is a later delivery of that row.
        assert (again.taken, again.added, again.removed) == (1, 1, 1)
        assert len(again.refused) == len(summary.refused) - 1
        mended = tmp_path / "mended.csv"
        mended.write_bytes(
            raw.replace(b"2023-02-30", b"2023-02-28").replace(b"T\xff,", b"TX,").replace(b",surplus", b"")
        )
        after = load(kg, mended)
        assert after.taken == 4
        assert values(kg, "?complaint a ci:Document ; ci:externalId ?x") == [
            "1",
            "11",
            "13",
            "2",
            "3",
            "4",
            "5",
        ]

    def test_a_quote_inside_a_wrong_record_costs_only_its_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_bytes(b'a,b\n1,"x\ny",z\n2,"open\n3,4\n5,"six\nseven"\n')
        found = [(r.line, r.fields, r.fault) for r in records(path, Dialect())]
        assert found == [
            (1, ("a", "b"), None),
            (2, (), "3 columns instead of 2"),
            (4, (), "a quote is not closed or stands in the wrong place"),
            (5, ("3", "4"), None),
            (6, ("5", "six\nseven"), None),
        ]

    def test_zero_bytes_in_a_row(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_bytes(b"a,b\n" + b"1,2\n" * 2000 + b"3,\x00\n4,5\n")
        assert [(r.line, r.fault) for r in records(path, Dialect()) if r.fault] == [(2002, "a zero byte")]

    @given(
        st.lists(
            st.tuples(*[st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))] * 2),
            max_size=8,
        )
    )
    def test_what_is_well_formed_comes_back(self, rows: list[tuple[str, str]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        writer.writerows([("a", "b"), *rows])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "t.csv"
            path.write_bytes(text.getvalue().encode())
            found = list(records(path, Dialect()))
        assert [r.fields for r in found] == [("a", "b"), *rows]
        lines = [r.line for r in found]
        assert lines == sorted(set(lines))


class TestFiles:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    def test_encodings_with_a_mark(self, kg: KnowledgeGraph, tmp_path: Path, encoding: str) -> None:
        path = written(tmp_path / "t.csv", [ROW | {"Company": "Crédit Zürich"}], encoding)
        assert load(kg, path).taken == 1
        assert "Crédit Zürich" in values(kg, "?p a ci:Provider ; ci:title ?x")

    def test_another_encoding_refuses_the_rows_that_it_changes(
        self, kg: KnowledgeGraph, tmp_path: Path
    ) -> None:
        path = written(
            tmp_path / "t.csv", [ROW, ROW | {"Complaint ID": "2", "Company": "Crédit Zürich"}], "latin-1"
        )
        summary = load(kg, path)
        assert [(r.line, r.reason) for r in summary.refused] == [(3, "byte 0xE9 is not utf-8")]
        assert summary.taken == 1

    def test_utf_16_without_mark_is_no_table(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        path = written(tmp_path / "t.csv", [ROW], "utf-16-le")
        with pytest.raises(BadTable, match="UTF-16 without byte order mark"):
            load(kg, path)

    def test_cut_utf_16(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        path = written(tmp_path / "t.csv", [ROW], "utf-16")
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(BadTable, match="utf-16"):
            load(kg, path)

    def test_headings_in_snake_case(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        load(kg, written(tmp_path / "a.csv", [ROW | TOLD]))
        snake = {SNAKE[k]: v for k, v in (ROW | TOLD).items()}
        again = load(kg, written(tmp_path / "b.csv", [dict(reversed(snake.items())) | {"other": "ignored"}]))
        assert (again.taken, again.added, again.removed) == (1, 0, 0)

    def test_missing_columns_are_named(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        row = {k: v for k, v in ROW.items() if k not in {"Company", "Issue", "Tags"}}
        with pytest.raises(BadTable, match=r"columns are missing: Issue, Company$"):
            load(kg, written(tmp_path / "t.csv", [row]))

    def test_a_column_twice(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        with pytest.raises(BadTable, match="'complaint_id' stands there twice"):
            load(kg, written(tmp_path / "t.csv", [ROW | {"complaint_id": "1"}]))

    def test_missing_and_empty_files(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        with pytest.raises(BadTable, match="no such file"):
            load(kg, tmp_path / "none.csv")
        (tmp_path / "empty.csv").touch()
        with pytest.raises(BadTable, match="is empty"):
            load(kg, tmp_path / "empty.csv")

    def test_no_rows(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text(",".join(ROW))
        assert load(kg, tmp_path / "t.csv").rows == 0
        assert kg.head == 0

    def test_progress_reaches_the_end(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        told: list[tuple[str, int, int]] = []
        path = Path(shutil.copy(BROKEN, tmp_path))
        load_tables(
            kg,
            resources.folder("examples") / "cfpb",
            lambda *a: told.append(a),
            [path],
            rejects=tmp_path / "r",
        )
        assert told[-1] == ("broken.csv", 18, 18)


class TestLaterDeliveries:
    def test_what_a_row_no_longer_says_goes(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        first = ROW | TOLD | {"Company response to consumer": "In progress", "Tags": "Servicemember"}
        load(kg, written(tmp_path / "a.csv", [first]))
        assert values(kg, "?s a ci:Solution ; ci:title ?x") == []
        assert values(kg, "?f a ci:Feedback ; ci:content ?x") == ["They lost my file."]
        later = ROW | {"Consumer consent provided?": "Consent withdrawn", "ZIP code": "00999"}
        summary = load(kg, written(tmp_path / "b.csv", [later]))
        assert summary.removed > 0
        assert values(kg, "?f ci:content ?x") == []
        assert values(kg, "?c <http://purl.org/dc/terms/coverage> ?x") == ["00999"]
        assert values(kg, "?s ci:title 'Servicemember'@en ; ci:evidencedBy ?x") == []
        assert values(kg, "?i ci:impactOf/ci:title ?x ; ci:metric/ci:title 'Timely response'@en") == [
            "Closed with explanation"
        ]
        # the history of consent stays
        assert values(kg, "?e ci:eventOf ?r ; ci:eventTime ?x") == [
            "2023-08-25T09:00:00Z",
            "2023-08-25T12:00:00Z",
            "2023-08-26T23:59:59Z",
        ]
        assert load(kg, tmp_path / "b.csv").added == 0

    def test_what_others_said_about_it_stays(self, kg: KnowledgeGraph, tmp_path: Path) -> None:

        load(kg, written(tmp_path / "a.csv", [ROW | TOLD]))
        update(
            kg,
            f"PREFIX ci: <{CI}> INSERT {{ ?f ci:specialCategory false }} WHERE {{ ?f a ci:Feedback }}",
            origin=Origin(),
        )
        load(kg, written(tmp_path / "b.csv", [ROW]))
        assert values(kg, "?f ci:content ?x") == []
        assert values(kg, "?f ci:specialCategory ?x") == ["false"]

    def test_shared_instances_keep_the_earliest_date(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        dates = ["2023-08-25", "2023-08-20", "2023-08-22"]
        rows = [ROW | {"Complaint ID": str(i), "Date received": d} for i, d in enumerate(dates)]
        load(kg, written(tmp_path / "a.csv", rows))
        assert values(kg, "?p ci:detectedAt ?x") == ["2023-08-20T00:00:00Z"]
        load(kg, written(tmp_path / "b.csv", [ROW | {"Complaint ID": "8", "Date received": "2023-07-01"}]))
        assert values(kg, "?p ci:detectedAt ?x") == ["2023-07-01T00:00:00Z"]
        assert load(kg, tmp_path / "a.csv").added == 0

    def test_no_commit_takes_back_what_one_before_it_said(
        self, kg: KnowledgeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tables, "BATCH", 1)
        dates = ["2023-08-25", "2023-08-20", "2023-08-22"]
        rows = [ROW | {"Complaint ID": str(i), "Date received": d} for i, d in enumerate(dates)]
        told: list[int] = []
        summary = load_tables(
            kg,
            resources.folder("examples") / "cfpb",
            lambda _name, done, _total: told.append(done),
            [written(tmp_path / "a.csv", rows)],
            rejects=tmp_path,
        )
        assert (summary.removed, summary.commit, kg.head) == (0, 3, 3)
        assert told == [0, 1, 2, 3]
        assert values(kg, "?p ci:detectedAt ?x") == ["2023-08-20T00:00:00Z"]
        whole = KnowledgeGraph.open(Settings(), OxigraphStore(), guarded=False)
        monkeypatch.setattr(tables, "BATCH", 5)
        assert load(whole, tmp_path / "a.csv").added == summary.added
        whole.close()

    def test_provenance_names_the_file_and_its_digest(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        import hashlib

        path = written(tmp_path / "a.csv", [ROW])
        load(kg, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert f"a.csv (sha256:{digest})" in values(
            kg, "?c ci:commitNumber 1 ; <http://www.w3.org/ns/prov#used> ?file . ?file ?label ?x"
        )


class TestMappings:
    def test_the_spreadsheet_needs_no_code_and_keeps_the_rules(
        self, kg: KnowledgeGraph, guard: Guard, tmp_path: Path
    ) -> None:
        kg.guard, kg.guarded = guard, True
        summary = load_tables(kg, resources.folder("examples") / "spreadsheet", rejects=tmp_path)
        assert (summary.rows, summary.taken, summary.refused) == (10, 10, [])
        assert summary.records[f"{CI}PainPoint"] == 10
        assert summary.records[f"{CI}Impact"] == 4
        assert "Wer darf bestellen? Rechte müssen schriftlich beantragt werden" in values(
            kg, "?p a ci:PainPoint ; ci:title ?x"
        )
        assert values(
            kg, "?p ci:externalId '5' ; ci:addressedBy/ci:followedBy ?i . ?i ci:measurement/ci:value ?x"
        ) == ["7.25"]
        assert load_tables(kg, resources.folder("examples") / "spreadsheet", rejects=tmp_path).added == 0

    def test_instances_are_those_of_the_deployment(self, tmp_path: Path) -> None:
        kg = KnowledgeGraph.open(
            Settings(base="https://other.example/graph/"), OxigraphStore(), guarded=False
        )
        load(kg, written(tmp_path / "t.csv", [ROW | TOLD]))
        a = Addresses("https://other.example/graph/")
        assert values(kg, "?x a ci:PrivateCustomer") == [a.instance("consumer", "1")]
        assert values(kg, "?x a ci:Touchpoint") == [
            a.instance("touchpoint", "ACME BANK, N.A.", "Mortgage", "FHA mortgage", "Web")
        ]
        kg.close()

    def test_the_sql_reaches_no_file(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        folder = changed(
            tmp_path / "m", "source.sql", "FROM typed;", "FROM typed, read_text('/etc/hostname');"
        )
        with pytest.raises(BadTable, match="file system operations are disabled"):
            load_tables(kg, folder)
        (folder / "source.sql").write_text("SET enable_external_access = true")
        with pytest.raises(BadTable, match="configuration"):
            load_tables(kg, folder)

    def test_the_construct_asks_no_other_server(self, tmp_path: Path) -> None:
        folder = changed(tmp_path / "m", "graph.rq", "WHERE {", "WHERE { SERVICE <http://127.0.0.1/> {}")
        with pytest.raises(BadTable, match="without SERVICE"):
            read_mapping(folder)

    def test_a_row_that_the_sql_forgets(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        folder = changed(tmp_path / "m", "source.sql", "WHERE len(faults) = 0;", "WHERE nr <> '3';")
        with pytest.raises(BadTable, match="1 row in neither or both"):
            load_tables(kg, folder)

    def test_malformed_metadata(self, tmp_path: Path) -> None:
        folder = changed(tmp_path / "m", "csv-metadata.json", '"url": "source.sql"', '"url": "../source.sql"')
        with pytest.raises(BadTable, match="leads out of the folder"):
            read_mapping(folder)
        (folder / "csv-metadata.json").write_text('{\n"a": }')
        with pytest.raises(BadTable) as caught:
            read_mapping(folder)
        assert caught.value.line == 2
        (folder / "csv-metadata.json").write_text(json.dumps({"tableSchema": {}}))
        with pytest.raises(BadTable, match="metadata of a table"):
            read_mapping(folder)
        assert not is_mapping(tmp_path)

    def test_other_files_beside_the_folder(self, kg: KnowledgeGraph, tmp_path: Path) -> None:
        folder = resources.folder("examples") / "cfpb"
        path = written(tmp_path / "later.csv", [ROW])
        [summary] = imports.load(kg, [folder, path], Origin())
        assert (summary["files"], summary["rows"], summary["taken"]) == (["later.csv"], 1, 1)
        json.dumps(summary)
        with pytest.raises(BadInput, match="the folder of its mapping"):
            imports.load(kg, [path], Origin())


def blocks(language: str) -> list[str]:
    text = (Path(__file__).parents[2] / "docs" / "tables.md").read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_documentation_shows_what_is_there() -> None:
    folder = resources.folder("examples") / "spreadsheet"
    [shown] = [json.loads(block) for block in blocks("json")]
    real = json.loads((folder / "csv-metadata.json").read_text("utf-8"))
    assert all(column in real["tableSchema"]["columns"] for column in shown["tableSchema"]["columns"])
    assert {k: shown[k] for k in shown if k != "tableSchema"} == {
        k: real[k] for k in shown if k != "tableSchema"
    }
    assert shown["tableSchema"]["primaryKey"] == real["tableSchema"]["primaryKey"]
    sql = (folder / "source.sql").read_text("utf-8")
    [pattern] = blocks("sql")
    assert all(line.rstrip(",") in sql for line in pattern.splitlines())
    [construct] = blocks("sparql")
    assert f"{CI}addressedBy" in set(template_terms(construct))


def test_postal_codes_keep_their_zeros(kg: KnowledgeGraph, tmp_path: Path) -> None:
    load(kg, written(tmp_path / "t.csv", [ROW]))
    [row] = kg.select("SELECT ?x WHERE { ?c <http://purl.org/dc/terms/coverage> ?x }").rows
    assert row[0] == Literal("00123")
