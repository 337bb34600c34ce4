"""`kgservice crm`: sources are added, listed and synchronised from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import COMMAND, Run, environment
from tests.cli.conftest import run
from tests.crm.folders import example

__all__ = ["run"]


def test_from_adding_to_synchronising(run: Run, tmp_path: Path) -> None:
    folder = example("werkstatt", tmp_path)
    added = run("crm", "add", folder, "--store", tmp_path / "store")
    assert (added.returncode, added.stdout.splitlines()[0]) == (0, "Added werkstatt (csv).")
    assert "Notiz" in added.stdout + added.stderr
    first = run("crm", "sync", "--store", tmp_path / "store")
    assert first.returncode == 0
    assert "7 read, 3 taken, 1 repeated, 3 rejected" in first.stdout
    assert "Geburtsdatum cannot be read: 31.02.1960" in first.stdout + first.stderr
    again = run("crm", "sync", "werkstatt", "--store", tmp_path / "store")
    assert "Nothing has changed." in again.stdout
    listed = json.loads(run("crm", "list", "--json", "--store", tmp_path / "store").stdout)["sources"]
    assert [(one["name"], one["persons"], one["deals"], one["rejects"]) for one in listed] == [
        ("werkstatt", 3, 2, 4)
    ]
    assert "werkstatt" in run("crm", "list", "--store", tmp_path / "store").stdout
    assert (tmp_path / "crm" / "crm.duckdb").is_file()
    assert not (tmp_path / "store").exists()  # the graph has nothing to do with it yet


def test_json(run: Run, tmp_path: Path) -> None:
    folder = example("werkstatt", tmp_path)
    added = json.loads(run("crm", "add", folder, "--json", "--store", tmp_path / "store").stdout)
    assert added["tables"]["kunden"]["ignored"] == ["Notiz"]
    (summary,) = json.loads(run("crm", "sync", "--json", "--store", tmp_path / "store").stdout)
    assert summary["tables"]["auftraege"] == {"read": 3, "taken": 2, "repeated": 0, "rejected": 1}
    assert summary["rejects"][0] == {
        "table": "auftraege",
        "line": 4,
        "key": "A-3",
        "reason": "Betrag cannot be read: vier",
        "kind": "deals",
        "taken": False,
    }


def test_all_rows_are_refused(run: Run, tmp_path: Path) -> None:
    folder, store = example("werkstatt", tmp_path), ("--store", tmp_path / "store")
    for name in ("kunden.csv", "auftraege.csv"):
        head, *_ = (folder / name).read_bytes().splitlines()
        (folder / name).write_bytes(head + b"\nX\n")
    assert run("crm", "add", folder, *store).returncode == 0
    for _ in range(2):
        assert run("crm", "sync", *store).returncode == 1
    (folder / "auftraege.csv").write_bytes(head + b"\n")
    assert run("crm", "sync", "--allow-empty", *store).returncode == 1


def test_errors_have_exit_codes(run: Run, tmp_path: Path) -> None:
    store = ("--store", tmp_path / "store")
    assert run("crm", "sync", *store).returncode == 2
    assert run("crm", "sync", "nobody", *store).returncode == 4
    assert "No source" in run("crm", "list", *store).stderr
    folder = example("werkstatt", tmp_path)
    other = example("werkstatt", tmp_path / "other")
    assert run("crm", "add", folder, *store).returncode == 0
    taken = run("crm", "add", other, *store)
    assert (taken.returncode, "another name" in taken.stderr) == (5, True)
    (folder / "kunden.csv").unlink()
    missing = run("crm", "sync", *store)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "kunden.csv: is not there" in missing.stderr
    text = (folder / "source.toml").read_text(encoding="utf-8").replace("werkstatt", "anders")
    (folder / "source.toml").write_text(text, encoding="utf-8")
    assert "add it again" in run("crm", "sync", *store).stderr


def test_a_source_that_fails_does_not_stop_the_others(run: Run, tmp_path: Path) -> None:
    store = ("--store", tmp_path / "store")
    broken, whole = example("vertrieb", tmp_path), example("werkstatt", tmp_path)
    for folder in (broken, whole):
        assert run("crm", "add", folder, *store).returncode == 0
    (broken / "kontakte.csv").unlink()
    synced = run("crm", "sync", *store)
    assert synced.returncode == 2
    assert "vertrieb: kontakte.csv: is not there" in synced.stderr
    assert "7 read, 3 taken, 1 repeated, 3 rejected" in synced.stdout
    listed = json.loads(run("crm", "list", "--json", *store).stdout)["sources"]
    assert {one["name"]: one.get("persons", 0) for one in listed} == {"vertrieb": 0, "werkstatt": 3}


def test_without_the_packages_the_command_says_what_to_install(tmp_path: Path) -> None:
    """The extra is not there: the package is imported, and `crm` tells what it needs."""
    hidden = (
        "import sys\nfrom importlib.abc import MetaPathFinder\n"
        "class Hidden(MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in {'dlt', 'openpyxl', 'pyarrow', 'simple_salesforce', 'sqlalchemy'}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    code = (
        hidden
        + "import importlib.util as u\nu.find_spec = lambda n, p=None, f=u.find_spec: None if n in {'dlt'} else f(n, p) if n not in {'openpyxl','pyarrow','simple_salesforce','sqlalchemy'} else None\n"
    )
    code += "from kgservice.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "crm", "list", "--store", str(tmp_path / "s" / "store")],
        capture_output=True, text=True, env=environment(), timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "pip install 'kgservice[crm]'" in done.stderr


@pytest.mark.slow
def test_a_real_process_says_only_what_is_asked(tmp_path: Path) -> None:
    """dlt and its libraries write nothing of their own, not to the terminal and not into the home folder."""
    folder, home = example("werkstatt", tmp_path), tmp_path / "home"
    home.mkdir()
    store = ["--store", str(tmp_path / "store")]
    for args in (["add", str(folder)], ["sync"]):
        done = subprocess.run(
            [*COMMAND, "crm", *args, "--json", *store],
            capture_output=True, text=True, env=environment(HOME=str(home)), timeout=120, check=False, cwd=tmp_path,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        json.loads(done.stdout)
    assert list(home.iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["crm", "home", "werkstatt"]


@pytest.mark.slow
def test_the_deadline_of_a_mapping_is_that_of_the_settings(run: Run, tmp_path: Path) -> None:
    folder, store = example("werkstatt", tmp_path), ("--store", tmp_path / "store")
    assert run("crm", "add", folder, *store).returncode == 0
    endless = "(SELECT count(*) FROM range(1000000000) AS a, range(1000000000) AS b) > 0 AND"
    script = folder / "kunden.sql"
    text = script.read_text(encoding="utf-8")
    assert "FROM raw" in text
    script.write_text(text.replace("FROM raw", f"FROM raw WHERE {endless} true"), encoding="utf-8")
    late = run("crm", "sync", *store, KGSERVICE_MAPPING_DEADLINE="0.5")
    assert (late.returncode, late.stdout) == (6, "")
    assert "werkstatt: the SQL of the mapping was stopped after 0.5 s" in late.stderr
    script.write_text(text, encoding="utf-8")
    assert run("crm", "sync", *store).returncode == 0
