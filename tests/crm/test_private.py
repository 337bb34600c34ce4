"""What a source leaves on the disk can be read by its owner only, also what DuckDB makes while it works."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from kgservice.crm.canonical_tables import beside, opened
from kgservice.crm.forgetting import CanonicalTables
from kgservice.crm.private import private
from kgservice.crm.sync import sync
from kgservice.domain.matching import RecordId
from tests.crm.folders import people

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no such rights elsewhere")
PLACE = 'file = "people.csv"'


@pytest.fixture(autouse=True)
def _usual_mask() -> Iterator[None]:
    """What a user has who has set nothing: all may read what is made."""
    before = os.umask(0o022)
    yield
    assert os.umask(before) == 0o022


def modes(folder: Path) -> dict[str, int]:
    """The rights to a folder and all that is in it, by path within it."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in (folder, *folder.rglob("*"))
    }


def open_to_others(found: dict[str, int]) -> list[str]:
    return sorted(name for name, mode in found.items() if mode & 0o077)


def filled(tmp_path: Path) -> Path:
    """The folder of a source that was synchronised."""
    source = people(tmp_path / "s", PLACE)
    (source.folder / "people.csv").write_text(
        "Number;Name;E-Mail;Changed\n1;Anna;a@example.org;2026-01-01\n2;Bo;b@example.org;2026-01-01\n",
        encoding="utf-8",
    )
    folder = tmp_path / "crm"
    seen = list[str]()

    def look(*_: object) -> None:
        seen.extend(open_to_others(modes(folder)))

    sync(source, folder, look)
    assert seen == []
    return folder


def test_all_that_a_run_makes(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    assert modes(folder) == {".": 0o700, "crm.duckdb": 0o600}


@pytest.mark.slow
def test_the_log_and_what_does_not_fit_into_memory(tmp_path: Path) -> None:
    """Also after the log was written back and another one has begun."""
    folder = filled(tmp_path)
    with opened(folder) as db:
        db.execute("CHECKPOINT")
        db.execute("INSERT INTO runs VALUES (9, 'people', NULL, '{}')")
        db.execute("SET memory_limit = '60MB'")
        db.execute("SET preserve_insertion_order = false")
        result = db.execute("SELECT sha256(i::VARCHAR) AS h, i FROM range(2_000_000) t(i) ORDER BY h")
        found = modes(folder)
        assert {"crm.duckdb", "crm.duckdb.wal", "crm.duckdb.tmp"} <= set(found)
        assert any(name.startswith("crm.duckdb.tmp/") for name in found)
        assert open_to_others(found) == []
        assert result.fetchone() is not None


def test_what_was_made_before_is_tightened(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    for reading in (True, False):
        folder.chmod(0o755)
        (folder / "crm.duckdb").chmod(0o644)
        (folder / "runs.jsonl").touch(0o644)
        with opened(folder, read_only=reading) as db:
            assert open_to_others(modes(folder)) == []
            assert db.execute("SELECT count(*) FROM persons").fetchall() == [(2,)]


def test_comparing_and_forgetting(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    folder.chmod(0o755)
    with beside(folder) as db:
        assert open_to_others(modes(folder)) == []
        (place,) = db.execute("SELECT current_setting('temp_directory')").fetchone() or ("",)
        assert Path(place).parent == folder
    assert set(modes(folder)) == {".", "crm.duckdb"}
    assert CanonicalTables(folder / "crm.duckdb").forget([RecordId("people", "1")]) == 1
    assert modes(folder) == {".": 0o700, "crm.duckdb": 0o600}
    with duckdb.connect(folder / "crm.duckdb") as db:
        assert db.execute("SELECT key FROM persons").fetchall() == [("2",)]


def test_the_mask_of_the_process_comes_back_when_the_last_is_done(tmp_path: Path) -> None:
    first, second, go = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        with private(tmp_path / "a"):
            first.set()
            go.wait()
        second.set()

    other = threading.Thread(target=work)
    other.start()
    first.wait()
    with private(tmp_path / "b"):
        go.set()
        second.wait()
        (tmp_path / "made").touch()
    other.join()
    (tmp_path / "later").touch()
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("made", "later")] == [0o600, 0o644]
