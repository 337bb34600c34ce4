"""`kgservice audit`: list, verify, head, export and archive, also while a service writes the log."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgservice.domain.audit import Action, Draft, Head
from kgservice.store.audit_file import AuditFile, beside
from tests.cli.commands import COMMAND, Run, environment

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
READ = Draft(NOON, Action.READ, "key:3f2a", "GET /sparql", ("reader",), query="=ASK { }", outcome=200)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store, whose log has five entries, one a day; the second is a denial."""
    store = tmp_path / "store"
    file = AuditFile(beside(store))
    days = [replace(READ, moment=NOON + timedelta(days=day)) for day in range(5)]
    days[1] = replace(days[1], action=Action.DENIED, principal="unknown", outcome=401)
    file.append(days)
    file.close()
    return store


def meddle(store: Path, number: int) -> None:
    with sqlite3.connect(beside(store)) as connection:
        connection.execute("DROP TRIGGER entry_remains")
        connection.execute("DELETE FROM entry WHERE number = ?", (number,))
    connection.close()


def test_entries_are_listed(run: Run, store: Path) -> None:
    done = run("audit", "list", "--store", store, "--since", "2026-11-21")
    assert done.returncode == 0
    assert [word in done.stdout for word in ("2026-11-24", "2026-11-20", "denied")] == [True, False, True]
    done = run("audit", "list", "--store", store, "--action", "denied", "--json")
    assert [entry["number"] for entry in json.loads(done.stdout)] == [2]
    done = run(
        "audit", "list", "--store", store, "--principal", "key:3f2a", "--until", "2026-11-23", "--json"
    )
    assert [entry["number"] for entry in json.loads(done.stdout)] == [3, 1]
    assert run("audit", "list", "--store", store, "--action", "anna").returncode == 2


def test_a_log_is_verified_with_the_head_that_was_printed(run: Run, store: Path) -> None:
    head = run("audit", "head", "--store", store).stdout.strip()
    assert str(Head.parse(head)) == head
    done = run("audit", "verify", "--store", store, "--head", head)
    assert (done.returncode, done.stdout) == (0, "")
    assert "5 entries, each as it was written" in done.stderr
    meddle(store, 5)
    assert run("audit", "verify", "--store", store).returncode == 0
    done = run("audit", "verify", "--store", store, "--head", head)
    assert (done.returncode, done.stdout) == (1, "entry 5: it was noted, and the log ends at 4\n")


def test_the_first_fault_is_told(run: Run, store: Path) -> None:
    meddle(store, 3)
    done = run("audit", "verify", "--store", store)
    assert (done.returncode, done.stdout) == (1, "entry 4: entry 3 should stand here\n")
    done = run("audit", "verify", "--store", store, "--json")
    assert (done.returncode, json.loads(done.stdout)["valid"]) == (1, False)
    done = run("audit", "archive", "old.jsonl", "--before", "2026-11-22", "--store", store)
    assert (done.returncode, Path("old.jsonl").exists()) == (6, False)


def test_where_there_is_no_log(run: Run, tmp_path: Path) -> None:
    for command in ("list", "verify", "head", "export"):
        assert run("audit", command, "--store", tmp_path / "none").returncode == 4
    assert not beside(tmp_path / "none").exists()
    assert run("audit", "verify", "--head", "1").returncode == 2


def test_exports_are_verified_as_files(run: Run, store: Path, tmp_path: Path) -> None:
    done = run("audit", "export", "--store", store)
    Path("all.jsonl").write_text(done.stdout, encoding="utf-8")
    head = run("audit", "head", "--store", store).stdout
    assert run("audit", "verify", "all.jsonl", "--head", head).returncode == 0
    Path("all.jsonl").write_text(done.stdout.replace("unknown", "another"), encoding="utf-8")
    done = run("audit", "verify", "all.jsonl")
    assert (done.returncode, done.stdout) == (1, "entry 2: it was changed: its hash is another\n")
    Path("all.jsonl").write_text('{"number": 1}\n', encoding="utf-8")
    assert "all.jsonl, line 1" in run("audit", "verify", "all.jsonl").stderr
    assert run("audit", "export", "--store", store, "-o", "out.csv", "-f", "csv").returncode == 0
    assert Path("out.csv").stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO(Path("out.csv").read_text(encoding="utf-8"))))
    assert [row["query"] for row in rows] == [*["'=ASK { }"] * 5, "", ""]
    assert rows[-1]["resource"] == "kgservice audit export"
    assert run("audit", "export", "--store", store, "-o", "out.csv").returncode == 2


def test_old_entries_are_put_away(run: Run, store: Path) -> None:
    head = run("audit", "head", "--store", store).stdout.strip()
    done = run("audit", "archive", "old.jsonl", "--before", "2026-11-22", "--store", store, "--json")
    assert json.loads(done.stdout)["archived"] == 2
    assert Path("old.jsonl").stat().st_mode & 0o777 == 0o600
    anchor = json.loads(done.stdout)["start"]
    assert run("audit", "verify", "old.jsonl", "--head", anchor).returncode == 0
    done = run("audit", "verify", "--store", store, "--head", head)
    assert (done.returncode, "4 entries after entry 2" in done.stderr) == (0, True)
    assert run("audit", "verify", "--store", store, "--head", anchor).returncode == 0
    done = run("audit", "archive", "new.jsonl", "--before", "2026-11-22", "--store", store)
    assert ("no older entries" in done.stderr, Path("new.jsonl").exists()) == (True, False)
    assert run("audit", "archive", "old.jsonl", "--before", "2026-11-23", "--store", store).returncode == 2


@pytest.mark.slow
def test_a_service_records_and_the_commands_work_beside_it(empty_store: Path, run: Run) -> None:
    store = empty_store
    command = [*COMMAND, "serve", "--store", str(store), "--port", "0"]
    service = subprocess.Popen(
        command,
        env=environment(KGSERVICE_MEMORY="0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert service.stdout is not None
    assert "kgservice is ready" in service.stdout.readline()
    try:
        for _ in range(3):
            assert run("query", "ASK { ?s ?p 'anna' }", "--store", store).returncode == 0
        denied = run("query", "ASK {}", "--url", _address(store), "--token", "anna")
        assert denied.returncode == 3
        assert run("audit", "verify", "--store", store).returncode == 0
        assert (
            run("audit", "archive", "old.jsonl", "--before", "2100-01-01", "--store", store).returncode == 0
        )
        assert run("query", "ASK {}", "--url", _address(store), "--token", "anna").returncode == 3
    finally:
        service.terminate()
        service.communicate(timeout=30)
    assert run("audit", "verify", "old.jsonl").returncode == 0
    assert run("audit", "verify", "--store", store).returncode == 0
    kept = Path("old.jsonl").read_text(encoding="utf-8") + run("audit", "export", "--store", store).stdout
    found = [json.loads(line) for line in kept.splitlines()]
    assert {entry["action"] for entry in found} == {"everything", "denied", "archive", "audit"}
    assert sum(entry.get("count", 1) for entry in found if entry.get("query")) == 3
    assert "anna" not in kept


def _address(store: Path) -> str:
    note = json.loads(store.with_name("store.service.json").read_text(encoding="utf-8"))
    return str(note["url"])
