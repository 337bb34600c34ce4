"""After an erasure nothing that runs have written holds a row of the person: tables, refused rows, work folders."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kgservice.crm import erased_rows
from kgservice.crm.canonical import DATABASE
from kgservice.crm.canonical_tables import opened
from kgservice.crm.cleaned import Reject
from kgservice.crm.forgetting import CanonicalTables
from kgservice.crm.settings import read_source
from kgservice.crm.sync import sync
from kgservice.crm.work import WORK, working
from kgservice.domain.matching import RecordId
from tests.crm.folders import example, rows
from tests.unpacked import files_with

ZOE, HANS = RecordId("werkstatt", "0002"), RecordId("werkstatt", "0003")
# All that has arrived lies in the work folder when the cleaning begins.
KILLED = """
import os, signal, sys
from pathlib import Path
from kgservice.crm import sync
from kgservice.crm.settings import read_source
sync.Cleaning = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
sync.sync(read_source(Path(sys.argv[1])), Path(sys.argv[2]))
"""


def holding(folder: Path, text: str) -> list[str]:
    """The files in a folder that have the text somewhere, packed or not."""
    return sorted(files_with(folder, {text}))


@pytest.mark.slow
def test_what_a_killed_run_has_left(tmp_path: Path) -> None:
    """Killed when all rows have arrived: dlt's folders with its state and its packages, and raw.duckdb."""
    source, folder = read_source(example("werkstatt", tmp_path)), tmp_path / "crm"
    sync(source, folder)
    (source.folder / "kunden.csv").write_bytes((source.folder / "kunden.csv").read_bytes() + b"\n")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, source.folder, folder], env=dict(os.environ), timeout=60, check=False
    )
    assert done.returncode == -9
    spilled = folder / f"{DATABASE}.tmp"
    spilled.mkdir()
    (spilled / "duckdb_temp_storage_DEFAULT-0.tmp").write_text("zoe@example.com", encoding="utf-8")
    left = [Path(name) for name in holding(folder, "zoe@example.com")]
    assert {path.suffix for path in left if path.parts[0].startswith(WORK)} == {".duckdb", ".parquet"}
    CanonicalTables(folder / DATABASE).forget([ZOE])
    assert holding(folder, "zoe@example.com") == []
    assert [path.name for path in folder.iterdir()] == [DATABASE]


def test_the_folder_of_a_run_that_is_at_work_stays(tmp_path: Path) -> None:
    source, folder = read_source(example("werkstatt", tmp_path)), tmp_path / "crm"
    sync(source, folder)
    with working(folder) as work:
        (work / "spilled").touch()
        CanonicalTables(folder / DATABASE).forget([ZOE])
        sync(source, folder)
        assert (work / "spilled").exists()
    assert [path.name for path in folder.iterdir()] == [DATABASE]


def test_what_was_refused_of_rows_about_them(tmp_path: Path) -> None:
    source, folder = read_source(example("werkstatt", tmp_path)), tmp_path / "crm"
    sync(source, folder)
    orders = source.folder / "auftraege.csv"
    orders.write_bytes(orders.read_bytes().replace("349,00 €".encode("cp1252"), b"viel"))
    sync(source, folder)  # the order is refused now, and stays as it was known
    assert rows(folder, "SELECT reason FROM rejects WHERE key = 'A-2'") == [("Betrag cannot be read: viel",)]
    CanonicalTables(folder / DATABASE).forget([ZOE])
    assert holding(folder, "viel") == []
    assert rows(folder, "SELECT key FROM rejects ORDER BY line") == [("A-3",), ("0003",), ("0004",), (None,)]


def test_why_a_row_of_theirs_is_refused_later_on_is_not_kept(tmp_path: Path) -> None:
    """It may quote the row, as that of a day that there is not."""
    source, folder = read_source(example("werkstatt", tmp_path)), tmp_path / "crm"
    done = sync(source, folder, erased=lambda record: record == HANS)
    (one,) = (reject for reject in done.rejects if reject.key == "0003")
    assert one == Reject("kunden", 4, "0003", erased_rows.REASON, "persons")
    assert (done.tables["kunden"].taken, done.tables["kunden"].rejected) == (3, 3)
    assert holding(folder, "31.02.1960") == []
    assert rows(folder, "SELECT key, line FROM rejects WHERE reason = ?", erased_rows.REASON) == [(None, 0)]


def test_who_is_still_in_the_file_is_told_though_it_is_what_it_was(tmp_path: Path) -> None:
    source, folder = read_source(example("werkstatt", tmp_path)), tmp_path / "crm"
    sync(source, folder)
    CanonicalTables(folder / DATABASE).forget([ZOE])
    for _ in range(2):
        done = sync(source, folder, erased=lambda record: record == ZOE)
        told = [one for one in done.rejects if one.reason == erased_rows.REASON]
        assert [(one.table, one.line, one.key) for one in told if one.kind == "persons"] == [
            ("kunden", 3, "0002")
        ]
        assert {one.kind for one in told} == {"persons", "deals", "preferences"}
        assert all(one.line for one in told)
    assert done.run == 0


def test_what_was_refused_of_an_organisation_is_not_told_to_a_person_of_its_key(tmp_path: Path) -> None:
    source, folder = read_source(example("werkstatt", tmp_path)), tmp_path / "crm"
    sync(source, folder)
    with opened(folder) as db:
        for kind in ("organisations", "persons"):
            db.execute(
                "INSERT INTO rejects VALUES (?, 'x', 1, ?, ?, ?, false)",
                [ZOE.source, ZOE.key, f"of {kind}", kind],
            )
    held = CanonicalTables(folder / DATABASE).held([ZOE])
    assert [one.values["reason"] for one in held if one.table == "rejects"] == ["of persons"]
