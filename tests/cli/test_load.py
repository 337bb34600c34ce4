"""What `load` says to people: what was made, what was refused and where the store is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import Run
from tests.cli.test_service import TABLE


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A folder with a table of three rows, one of them refused, and its mapping."""
    folder = tmp_path / "workshop"
    folder.mkdir()
    for name, content in TABLE.items():
        (folder / name).write_text(content)
    return folder


def lines(text: str) -> list[str]:
    """The lines with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.slow
def test_load_of_a_table_says_what_came_of_it(run: Run, table: Path, tmp_path: Path) -> None:
    done = run("load", table)
    assert done.returncode == 1, done.stderr  # one row is refused
    said = lines(done.stdout)
    assert {"file pains.csv", "rows 3", "rows taken 2", "rows refused 1"} <= set(said)
    assert "records ci:Persona 2" in said
    assert "statements removed 0" in said
    assert [line for line in said if line.startswith("statements added ") and not line.endswith(" 0")]
    assert not [line for line in said if line.startswith("Nothing changed")]
    (rejects,) = (tmp_path / "data" / "rejects").iterdir()
    assert str(rejects.relative_to(tmp_path)) in done.stderr
    assert (rejects.stat().st_mode & 0o777, rejects.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    rejects.chmod(0o644)  # as it was made before
    (summary,) = json.loads(run("load", table, "--json").stdout)
    assert [(one["line"], one["row"]) for one in summary["refused"]] == [(3, "2,")]
    assert summary["rejects"] == [str(rejects.relative_to(tmp_path))]
    assert rejects.stat().st_mode & 0o777 == 0o600
    assert "What is empty" in done.stdout + done.stderr


def test_a_second_load_says_that_nothing_changed(run: Run, table: Path) -> None:
    first = run("load", table)
    second = run("load", table)
    assert "Nothing changed: the graph said all of this already." in second.stdout
    assert "New store: " in first.stderr
    assert "New store: " not in second.stderr


def test_a_load_of_which_all_is_refused_says_nothing_else(run: Run, table: Path) -> None:
    (table / "pains.csv").write_text("\n".join((table / "pains.csv").read_text().splitlines()[:1]) + "\n2,\n")
    done = run("load", table)
    assert {"rows taken 0", "rows refused 1"} <= set(lines(done.stdout))
    assert "Nothing changed" not in done.stdout
    assert done.returncode == 1


def test_what_is_in_quarantine_is_told_with_reasons(run: Run, tmp_path: Path) -> None:
    bad = "".join(f"<urn:p{n}> a <https://w3id.org/kgservice/ci#Touchpoint> .\n" for n in range(7))
    (tmp_path / "bad.ttl").write_text(bad)
    done = run("load", "bad.ttl", COLUMNS="200")
    assert done.returncode == 1
    assert "In quarantine, with the reasons: 7" in done.stderr
    assert done.stdout.count("bad.ttl") == 1 + 5  # the file, and five reasons
    assert "R01" in done.stdout
    assert "… and 2 more\n" in done.stderr
    assert run("load", "bad.ttl", "--json").returncode == 1


def test_a_new_store_is_named(run: Run, table: Path, tmp_path: Path) -> None:
    done = run("load", table, "--store", "elsewhere/store", "--json")
    assert f"New store: {tmp_path}/elsewhere/store\n" in done.stderr
    assert "New store" not in done.stdout


def test_load_of_rdf_counts_statements(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.ttl").write_text("<urn:p> a <https://w3id.org/kgservice/ci#Persona> .")
    assert {"file p.ttl", "statements read 1", "statements added 1"} <= set(
        lines(run("load", "p.ttl").stdout)
    )
