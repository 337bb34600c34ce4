"""Commands that open the store themselves write to its audit log what requests would."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from kgservice.application.graph.erased import Erased
from kgservice.application.law import audit
from kgservice.cli.recording import owner
from kgservice.domain.audit import Action, Draft
from kgservice.namespaces import DPV
from kgservice.settings import Settings
from kgservice.store.audit_file import AuditFile, beside
from tests.cli.commands import Run
from tests.conftest import NOON

ME = f"local:{pwd.getpwuid(os.getuid()).pw_name}"
RESEARCH = f"{DPV}ResearchAndDevelopment"
VIEW = "https://kg.example/view"
PERSON = "00000000-0000-4000-8000-100700000005"
OTHER = "00000000-0000-4000-8000-100700000026"
"""A person with no request."""


@pytest.fixture
def store(demo_store: Path, tmp_path: Path) -> Path:
    """A store of its own with the demonstration graph."""
    shutil.copytree(demo_store, tmp_path / "store")
    return tmp_path / "store"


def entries(store: Path) -> list[dict[str, Any]]:
    file = AuditFile(beside(store))
    found = [line.to_json() for line in file.lines()]
    assert audit.verified(file).faults == ()
    file.close()
    return found


def told(store: Path) -> list[tuple[Any, ...]]:
    return [(e["action"], e["resource"], e.get("outcome")) for e in entries(store)]


@pytest.mark.slow
def test_reads_tell_who_for_which_purpose_and_which_view(run: Run, store: Path) -> None:
    run("query", "SELECT ?anna { ?anna ?p 'Anna' }", "--store", store)
    run("query", "ASK { ?s ?p ?o }", "--store", store, "--purpose", RESEARCH)
    run("ask", "3", "--store", store, "--format", "csv")
    run("trace", "none", "--store", store)
    run("export", "-o", "all.nq", "--store", store)
    run("findings", "--store", store)
    found = entries(store)
    assert [(e["action"], e["resource"], e.get("view"), e.get("purpose"), e["outcome"]) for e in found] == [
        ("everything", "kgservice query", f"{VIEW}/everything", None, 0),
        ("read", "kgservice query", f"{VIEW}/ResearchAndDevelopment", RESEARCH, 0),
        ("everything", "kgservice ask unsolved-pain-points", f"{VIEW}/everything", None, 0),
        ("everything", "kgservice trace", f"{VIEW}/everything", None, 4),
        ("everything", "kgservice export", f"{VIEW}/everything", None, 0),
        ("read", "kgservice findings", None, None, 0),
    ]
    assert {(e["principal"], *e["roles"]) for e in found} == {(ME, "administrator")}
    assert found[1]["query"] == "ASK { ?1 ?2 ?3 }"
    assert "nna" not in str(found)


@pytest.mark.slow
def test_rights_changes_and_keys_are_recorded(run: Run, store: Path, tmp_path: Path) -> None:
    run("subject", "find", "--iri", PERSON, "--store", store)
    run("subject", "access", PERSON, "-o", "data.json", "--store", store)
    run("subject", "access", "nobody", "--store", store)
    run("requests", "open", PERSON, "access", "--store", store)
    run("decide", PERSON, "ci:BehaviouralData", "dpv:Marketing", "--store", store)
    run("subject", "erase", PERSON, "--yes", "--other-basis", "erase", "--store", store)
    (tmp_path / "idea.ttl").write_text("<urn:a> <urn:b> <urn:c> .")
    run("load", "idea.ttl", "--store", store)
    run("compact", "--store", store)
    made = run("keys", "create", "--name", "k", "--role", "reader", "--json", "--store", store)
    assert made.returncode == 0, made.stderr
    assert told(store) == [
        ("right", "kgservice subject find", 0),
        ("right", "kgservice subject access", 0),
        ("right", "kgservice subject access", 4),
        ("right", "kgservice requests open", 0),
        ("consent", "kgservice decide", 0),
        ("right", "kgservice subject erase", 0),
        ("change", "kgservice load", 0),
        ("change", "kgservice compact", 0),
        ("key", "kgservice keys create", 0),
    ]
    (mark,) = {e["person"] for e in entries(store) if "person" in e}
    assert mark == Erased.beside(store).mark(PERSON)


@pytest.mark.slow
def test_the_ticket_of_each_right_is_named(run: Run, store: Path) -> None:
    def done(*words: str) -> dict[str, Any]:
        ended = run(*words, "--json", "--store", store)
        assert ended.returncode == 0, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    run("subject", "access", OTHER, "--store", store)  # nobody asked
    ticket = done("requests", "open", OTHER, "access")["id"]
    done("subject", "access", OTHER)
    done("requests", "answer", ticket, "fulfilled")
    restricted = done("subject", "restrict", OTHER)["request"]
    rectified = done("subject", "rectify", OTHER, "--set", "ci:age=41")["request"]
    objection = done("subject", "object", OTHER)["id"]
    erased = done("subject", "erase", PERSON, "--yes", "--other-basis", "erase")["request"]
    found = [(e["resource"].removeprefix("kgservice "), e.get("ticket")) for e in entries(store)]
    assert found == [
        ("subject access", None),
        *(
            (command, iri.rpartition("/")[2])
            for command, iri in (
                ("requests open", ticket),
                ("subject access", ticket),
                ("requests answer", ticket),
                ("subject restrict", restricted),
                ("subject rectify", rectified),
                ("subject object", objection),
                ("subject erase", erased),
            )
        ),
    ]


def test_readings_of_the_log_are_recorded(run: Run, store: Path, tmp_path: Path) -> None:
    run("query", "ASK {}", "--store", store)
    for command in (["list", "--json"], ["export", "-o", "log.jsonl"], ["verify"], ["head"]):
        assert run("audit", *command, "--store", store).returncode == 0
    assert '"kgservice query"' in (tmp_path / "log.jsonl").read_text(encoding="utf-8")
    assert told(store)[1:] == [("audit", "kgservice audit list", 0), ("audit", "kgservice audit export", 0)]
    with sqlite3.connect(beside(store)) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    connection.close()
    for command in (["list"], ["export"], ["export", "-o", "more.jsonl"]):
        done = run("audit", *command, "--store", store)
        assert (done.returncode, done.stdout) == (6, ""), command
    assert not (tmp_path / "more.jsonl").exists()


def test_denials_are_recorded(run: Run, store: Path) -> None:
    assert run("query", "ASK {}", "--purpose", "dpv:Nothing", "--store", store).returncode == 3
    assert run("query", "ASK { SERVICE <http://a.example/> {} }", "--store", store).returncode == 3
    assert told(store) == [("denied", "kgservice query", 3)] * 2


@pytest.mark.slow
def test_nothing_is_answered_that_cannot_be_recorded(run: Run, store: Path, tmp_path: Path) -> None:
    run("query", "ASK {}", "--store", store)
    with sqlite3.connect(beside(store)) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    connection.close()
    for command in (["query", "ASK {}"], ["export"], ["findings", "--json"], ["subject", "access", PERSON]):
        done = run(*command, "--store", store)
        assert (done.returncode, done.stdout) == (6, ""), command
    assert run("export", "-o", "all.nq", "--store", store).returncode == 6
    assert not (tmp_path / "all.nq").exists()


def test_a_log_that_was_tampered_with_stops_commands(run: Run, store: Path) -> None:
    for _ in range(3):
        run("query", "ASK {}", "--store", store)
    with sqlite3.connect(beside(store)) as connection:
        connection.execute("DROP TRIGGER entry_stays")
        connection.execute("UPDATE entry SET body = replace(body, 'local:', 'other:')")
    connection.close()
    done = run("query", "ASK {}", "--store", store)
    assert (done.returncode, done.stdout, "tampered" in done.stderr) == (6, "", True)


def test_the_name_is_that_of_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("USER", "somebody-else")
    assert owner(Settings()).name == ME
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 5)
    assert owner(Settings()).name == f"local:{2**31 - 5}"


def test_what_is_archived_names_the_user_too(run: Run, store: Path) -> None:
    file = AuditFile(beside(store))
    file.append([Draft(NOON, Action.READ, "key:3f2a", "GET /sparql")])
    file.close()
    run("audit", "archive", "old.jsonl", "--before", "2027-01-01", "--store", store)
    assert [(e["action"], e["principal"]) for e in entries(store)] == [("archive", ME)]
