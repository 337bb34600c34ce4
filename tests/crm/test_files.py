"""Sources that are workbooks and Parquet."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from kgservice.crm.cleaned import Reject
from kgservice.crm.sync import TableCounts, sync
from kgservice.errors import BadTable
from tests.crm.folders import people, rows


def test_a_workbook_with_dates_numbers_and_formulas(tmp_path: Path) -> None:
    source = people(tmp_path / "s", 'file = "people.xlsx"\nsheet = "Kunden"', kind="xlsx")
    book = Workbook()
    sheet = book.create_sheet("Kunden")
    for row in (
        ["Number", "Name", "E-Mail", "Changed"],
        [1, "Jürgen", "j@example.org", datetime(2026, 1, 2, 10, 30)],
        [None, None, None, None],
        [2, "=A2&B2", None, None],
        [3, "x" * 10_000, None, 46024],
    ):
        sheet.append(row)
    book.save(source.folder / "people.xlsx")
    summary = sync(source, tmp_path / "crm")
    assert summary.tables["people"] == TableCounts(3, 2, 0, 1)
    assert summary.rejects == [
        Reject("people", 4, None, "the formula in Name has no stored value", "persons")
    ]
    assert rows(tmp_path / "crm", "SELECT key, len(full_name), updated FROM persons ORDER BY key") == [
        ("1", 6, datetime(2026, 1, 2, 10, 30)),
        ("3", 10_000, datetime(2026, 1, 2)),
    ]


def test_parquet(tmp_path: Path) -> None:
    source = people(tmp_path / "s", 'file = "people.parquet"', kind="parquet")
    table = pa.table({"number": [1, 2], "name": ["Anna", None], "changed": [datetime(2026, 1, 2), None]})
    pq.write_table(table, source.folder / "people.parquet")
    summary = sync(source, tmp_path / "crm")
    assert summary.rejects == [Reject("people", 2, "2", "name is empty", "persons")]
    assert rows(tmp_path / "crm", "SELECT key, full_name, updated FROM persons") == [
        ("1", "Anna", datetime(2026, 1, 2))
    ]


@pytest.mark.parametrize(("kind", "words"), [("xlsx", "no workbook"), ("parquet", "no Parquet")])
def test_a_file_of_another_kind(tmp_path: Path, kind: str, words: str) -> None:
    source = people(tmp_path / "s", f'file = "people.{kind}"', kind=kind)
    (source.folder / f"people.{kind}").write_text("Number;Name\n")
    with pytest.raises(BadTable, match=words):
        sync(source, tmp_path / "crm")
