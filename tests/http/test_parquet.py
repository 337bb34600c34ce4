"""Answers of saved questions as Parquet: what is in the file is what the other formats say, with types."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from pyoxigraph import BlankNode, Literal, NamedNode

from kgservice.application.answers.questions import questions
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol import parquet
from kgservice.domain.principal import Role
from kgservice.domain.small_groups import SINGLE
from kgservice.namespaces import XSD
from kgservice.settings import Settings
from kgservice.store.base import Solutions, Term
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.serving import Running

TYPE = "application/vnd.apache.parquet"
PARQUET = {"Accept": TYPE}


@pytest.fixture(scope="module")
def demo(demo_kg: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, demo_kg.clock, guarded=False)
        with serving(kg, tmp_path_factory.mktemp("parquet")) as server:
            yield server
        kg.close()


def read(body: bytes, folder: Path) -> tuple[list[str], list[str], list[tuple[Any, ...]]]:
    """The names, the types and the rows of a file."""
    path = folder / "answer.parquet"
    path.write_bytes(body)
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        found = db.execute("SELECT * FROM read_parquet(?)", [str(path)])
        names, types = zip(*((c[0], str(c[1])) for c in found.description or ()), strict=True)
        return list(names), list(types), found.fetchall()


def columns_of(server: Running, path: str) -> list[tuple[str, ...]]:
    """The lexical values of the rows, as JSON says them."""
    found = server.get(path).json()
    names = found["head"]["vars"]
    return [tuple(row.get(n, {}).get("value") for n in names) for row in found["results"]["bindings"]]


@pytest.mark.parametrize(
    "question", ["impact-of-solution", "unsolved-pain-points", "personas-without-evidence"]
)
def test_the_rows_are_those_of_json(demo: Running, question: str, tmp_path: Path) -> None:
    answer = demo.get(f"/queries/{question}?format=parquet&language=en")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == TYPE
    assert answer.headers["content-disposition"] == f'attachment; filename="{question}.parquet"'
    names, types, rows = read(answer.content, tmp_path)
    assert names == list(questions()[question].columns)
    other = columns_of(demo, f"/queries/{question}?format=json&language=en")
    assert len(rows) == len(other) > 0
    for row, texts in zip(rows, other, strict=True):
        for type_, value, text in zip(types, row, texts, strict=True):
            assert (value is None) == (text is None)
            if type_ == "VARCHAR":
                assert value == text
            elif text is not None and type_ in {"BIGINT", "DOUBLE"}:
                assert float(value) == float(text)


def test_columns_have_types(demo: Running, tmp_path: Path) -> None:
    names, types, rows = read(demo.get("/queries/impact-of-solution?format=parquet").content, tmp_path)
    kinds = dict(zip(names, types, strict=True))
    assert (kinds["value"], kinds["measuredAt"], kinds["solution"]) == (
        *("DOUBLE", "TIMESTAMP WITH TIME ZONE", "VARCHAR"),
    )
    assert any(isinstance(row[names.index("measuredAt")], datetime) for row in rows)


def literal(lexical: str, kind: str) -> Literal:
    return Literal(lexical, datatype=NamedNode(f"{XSD}{kind}"))


CASES: list[tuple[list[Term | None], str, list[Any]]] = [
    ([literal("7", "integer"), None, literal("-9", "long")], "BIGINT", [7, None, -9]),
    ([literal("7", "integer"), literal("0.5", "decimal")], "DOUBLE", [7.0, 0.5]),
    ([literal("INF", "double"), literal("1E3", "double")], "DOUBLE", [float("inf"), 1000.0]),
    ([literal("9" * 19, "integer")], "VARCHAR", ["9" * 19]),
    ([literal("true", "boolean"), literal("0", "boolean")], "BOOLEAN", [True, False]),
    ([literal("2026-02-03", "date")], "DATE", [date(2026, 2, 3)]),
    (
        [literal("2026-02-03T12:00:00+02:00", "dateTime")],
        "TIMESTAMP WITH TIME ZONE",
        [datetime(2026, 2, 3, 10, tzinfo=UTC)],
    ),
    ([literal("2026-02-03T12:00:00", "dateTime")], "VARCHAR", ["2026-02-03T12:00:00"]),
    ([literal("maybe", "boolean")], "VARCHAR", ["maybe"]),
    ([Literal("a"), literal("1", "integer"), NamedNode("urn:x")], "VARCHAR", ["a", "1", "urn:x"]),
    ([Literal("""'"\\\n\u202e<script>""", language="de")], "VARCHAR", ["""'"\\\n\u202e<script>"""]),
    ([BlankNode("b"), None], "VARCHAR", ["_:b", None]),
    ([None, None], "VARCHAR", [None, None]),
    ([], "VARCHAR", []),
]


@pytest.mark.parametrize(("terms", "type_", "values"), CASES)
def test_each_kind_of_value(terms: list[Term | None], type_: str, values: list[Any], tmp_path: Path) -> None:
    out = io.BytesIO()
    parquet.write(Solutions(("x",), [(term,) for term in terms]), out)
    names, types, rows = read(out.getvalue(), tmp_path)
    assert (names, types) == (["x"], [type_])
    assert [row[0] for row in rows] == values


def test_names_that_sql_takes_for_one_stay_two(tmp_path: Path) -> None:
    out = io.BytesIO()
    parquet.write(Solutions(("x", "X"), [(Literal("a"), Literal("b"))]), out)
    assert read(out.getvalue(), tmp_path)[0::2] == (["x", "X_2"], [("a", "b")])


def test_it_is_negotiated_tagged_and_asked_for_by_head(demo: Running) -> None:
    path = "/queries/impact-of-solution"
    first = demo.get(path, headers=PARQUET)
    assert (first.status_code, first.headers["content-type"]) == (200, TYPE)
    again = demo.get(path, headers={**PARQUET, "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = demo.request("HEAD", path, headers=PARQUET)
    assert (head.status_code, head.headers["etag"], head.content) == (200, first.headers["etag"], b"")
    assert "etag" not in demo.get("/queries/unsolved-pain-points", headers=PARQUET).headers  # it asks for now
    liked = demo.get(path, headers={"Accept": f"text/csv;q=0.5, {TYPE};q=0.4"})
    assert liked.headers["content-type"].startswith("text/csv")
    assert demo.get(f"{path}?format=turtle").status_code == 406


def test_what_is_refused_is_a_problem(demo: Running) -> None:
    for path, status in (
        ("/queries/impact-of-solution?solution=ci:None", 400),
        ("/queries/no-such-question", 404),
    ):
        answer = demo.get(path, headers=PARQUET)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def suppressed(answer: httpx.Response) -> int:
    return int(answer.headers["kg-suppressed"])


@pytest.mark.slow
def test_a_reader_gets_no_more_than_in_csv(demo: Running, tmp_path: Path) -> None:
    reader = make_key(demo.kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
    seen = 0
    for question in questions().values():
        counts = [n for n, column in question.columns.items() if column.persons]
        if not counts or question.persons == SINGLE or question.everything:
            continue
        if any(parameter.required and parameter.default is None for parameter in question.parameters):
            continue
        path = f"/queries/{question.id}?format="
        answer, other = (asking(demo, path + kind, reader) for kind in ("parquet", "json"))
        assert answer.status_code == other.status_code == 200, question.id
        assert suppressed(answer) == suppressed(other)
        names, _, rows = read(answer.content, tmp_path)
        told = other.json()["results"]["bindings"]
        assert [[v is not None for v in row] for row in rows] == [[n in row for n in names] for row in told]
        seen += suppressed(answer)
    assert seen > 0
    single = next(q.id for q in questions().values() if q.persons == SINGLE and not q.everything)
    assert asking(demo, f"/queries/{single}?format=parquet", reader).status_code == 403
