"""The commands for the rights of persons: on the store and through the running service."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.proposing import propose
from tests.cli.commands import Run
from tests.serving import running
from tests.unit.links import TILMAN, pair
from tests.unit.links import run as matching

PERSON = "00000000-0000-4000-8000-100700000005"
OTHER = "00000000-0000-4000-8000-100700000006"
NAME = "Walburga Friesinger"


@pytest.fixture
def store(demo_store: Path, tmp_path: Path) -> Path:
    """A store of the test's own with the demonstration graph."""
    return Path(shutil.copytree(demo_store, tmp_path / "data" / "store"))


def test_a_person_is_found_and_their_data_written(run: Run, demo_store: Path, tmp_path: Path) -> None:
    at = ("--store", demo_store)
    done = run("subject", "find", "--crm", "sales-crm:CON-1005", *at)
    assert (PERSON in done.stdout, NAME in done.stdout) == (True, True)
    assert run("subject", "find", "--email", "a@b.example", *at).stderr == "0 rows\nNobody fits.\n"
    found = json.loads(run("subject", "find", "--iri", PERSON, "--json", *at).stdout)
    assert found["matches"][0]["key"] == PERSON
    data = json.loads(run("subject", "access", PERSON, *at).stdout)
    assert data["name"] == NAME
    target = tmp_path / "mine.csv"
    assert run("subject", "export", PERSON, "--format", "csv", "-o", target, *at).returncode == 0
    assert NAME in {
        row["value"] for row in csv.DictReader(io.StringIO(target.read_text("utf-8"), newline=""))
    }
    assert target.stat().st_mode & 0o077 == 0


def test_what_is_wrong_is_said(run: Run, demo_store: Path) -> None:
    at = ("--store", demo_store)
    assert run("subject", "find", *at).returncode == 2
    assert run("subject", "access", PERSON, "--format", "csv", *at).returncode == 2
    assert run("subject", "rectify", PERSON, "--set", "ci:personName", *at).returncode == 2
    nobody = run("subject", "access", "00000000-0000-4000-8000-000000000000", *at)
    assert (nobody.returncode, "no person" in nobody.stderr) == (4, True)
    assert run("requests", "list", "--status", "late", *at).returncode == 2
    assert run("processing-activities", "--format", "xml", *at).returncode == 2
    assert run("subject", "erase", PERSON, *at, stdin="n\n").returncode == 1


@pytest.mark.slow
def test_a_person_is_rectified_restricted_and_erased(run: Run, store: Path) -> None:
    at = ("--store", store)
    done = run("subject", "rectify", PERSON, "--set", "ci:personName=Walburga Berg", *at)
    assert (done.returncode, done.stdout) == (0, "Rectified.\n"), done.stderr
    made = json.loads(run("subject", "restrict", PERSON, "--reason", "disputed", "--json", *at).stdout)
    assert run("subject", "lift", PERSON, made["id"], *at).returncode == 2
    assert run("subject", "lift", PERSON, made["id"], "--informed", *at).stdout == "Lifted.\n"
    done = run("subject", "erase", PERSON, "--other-basis", "erase", "--yes", *at)
    assert (done.returncode, "until they are written anew" in done.stderr) == (0, True)
    assert run("subject", "access", PERSON, *at).returncode == 4
    assert NAME.encode() in b"".join(path.read_bytes() for path in store.iterdir())
    done = run("compact", *at)
    assert (done.returncode, "MiB before" in done.stdout) == (0, True), done.stderr
    assert NAME.encode() not in b"".join(path.read_bytes() for path in store.iterdir())
    assert json.loads(store.with_name("store.erased.jsonl").read_text("utf-8").splitlines()[-1]) == {
        "purged": 1
    }
    assert run("check", *at).returncode == 0


def test_tickets_and_the_record_of_activities(run: Run, store: Path) -> None:
    at = ("--store", store)
    ticket = json.loads(run("requests", "open", OTHER, "access", "--json", *at).stdout)
    assert (ticket["status"], ticket["outcome"]) == ("open", "pending")
    assert "extended" in run("requests", "extend", ticket["id"], "--reason", "much", *at).stdout
    assert "refused" in run("requests", "answer", ticket["id"], "refused", "--reason", "no", *at).stdout
    assert ticket["id"][-12:] in run("requests", "list", "--status", "answered", *at).stdout
    assert "objection" not in run("requests", "list", *at).stdout
    assert "to be answered by" in run("subject", "object", OTHER, *at).stdout
    rows = list(csv.DictReader(io.StringIO(run("processing-activities", *at).stdout, newline="")))
    assert {row["missing"] for row in rows} == {""}


def test_a_request_of_somebody_unknown(run: Run, store: Path) -> None:
    at = ("--store", store)
    assert run("requests", "unidentified", "access", "erika@example.org", *at).returncode == 2
    made = run("requests", "unidentified", "access", "DSR-2026-17", "--json", *at)
    ticket = json.loads(made.stdout)
    assert (ticket["reference"], ticket["subject"], ticket["outcome"]) == ("DSR-2026-17", None, "pending")
    assert "DSR-2026-17" in run("requests", "list", "--status", "open", *at).stdout
    assert "nothing-held" in run("requests", "answer", ticket["id"], "nothing-held", *at).stdout


def test_a_running_service_is_asked(run: Run, demo_kg_guarded: KnowledgeGraph) -> None:
    with running(demo_kg_guarded) as server:
        at = ("--url", server.url, "--token", server.token)
        assert (
            NAME
            in run(
                "subject", "find", "--email", "walburga.friesinger@metallbau-rotensteig.example", *at
            ).stdout
        )
        assert json.loads(run("subject", "export", PERSON, "--format", "json", *at).stdout)["statements"] > 10
        ticket = json.loads(run("subject", "object", PERSON, "--json", *at).stdout)
        assert ticket["kind"] == "objection"
        assert "refused" in run("requests", "answer", ticket["id"], "refused", "--reason", "no", *at).stdout
        made = json.loads(run("subject", "restrict", PERSON, "--json", *at).stdout)
        assert run("subject", "lift", PERSON, made["id"], "--informed", *at).returncode == 0
        assert run("requests", "open", PERSON, "access", *at).returncode == 0
        assert "pending" in run("requests", "list", "--status", "open", *at).stdout
        assert "missing" in run("processing-activities", *at).stdout
        done = run("subject", "erase", PERSON, "--other-basis", "erase", "--yes", "--json", *at)
        assert json.loads(done.stdout)["filesWait"] is True
        assert run("subject", "access", PERSON, *at).returncode == 4


def test_an_erasure_tells_who_may_be_the_same(run: Run, demo_kg_guarded: KnowledgeGraph) -> None:
    kg = demo_kg_guarded
    propose(kg, matching(), [pair("E-77", TILMAN, 2.0)])
    with running(kg) as server:
        at = ("--url", server.url, "--token", server.token)
        done = run("subject", "erase", TILMAN, "--other-basis", "erase", "--yes", *at)
        assert "May be of this person, nobody has decided, stays: erp E-77\n" in done.stdout, done.stderr


@pytest.mark.parametrize(("language", "words"), [("de", "Ihre Daten bei uns"), ("en", "Your data with us")])
def test_access_is_a_page_that_the_person_can_keep(
    run: Run, demo_store: Path, tmp_path: Path, language: str, words: str
) -> None:
    at = ("--store", demo_store)
    target = tmp_path / "mine.html"
    done = run("subject", "access", PERSON, "--format", "html", "-l", language, "-o", target, *at)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert target.stat().st_mode & 0o077 == 0
    page = target.read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert f'<html lang="{language}">' in page
    assert (f"<h1>{words}</h1>" in page, NAME in page) == (True, True)
    # Every text is there, and nothing that is needed from a service or leads into one.
    data = json.loads(run("subject", "access", PERSON, *at).stdout)
    said = {one["value"] for record in data["data"] for one in record["values"] if one["datatype"]}
    shown = unescape(page)
    assert not {text for text in said if text not in shown and text not in {"true", "false"}}
    assert not re.findall(r'(?:href|src|action)="(?!#)[^"]*"', page)
    printed = run("subject", "access", PERSON, "--format", "html", "-l", language, *at).stdout
    assert re.sub(r"<time[^>]*>[^<]*</time>", "", printed) == re.sub(r"<time[^>]*>[^<]*</time>", "", page)


def test_access_is_a_page_through_a_service_too(run: Run, demo_kg_guarded: KnowledgeGraph) -> None:
    with running(demo_kg_guarded) as server:
        at = ("--url", server.url, "--token", server.token)
        done = run("subject", "access", PERSON, "--format", "html", "-l", "en", *at)
        assert ("Your data with us" in done.stdout, NAME in done.stdout) == (True, True), done.stderr
        nobody = run("subject", "access", "none", "--format", "html", *at)
        assert (nobody.returncode, "no person none" in nobody.stderr, "<" in nobody.stderr) == (
            4,
            True,
            False,
        )
    done = run("subject", "export", PERSON, "--format", "html", *at)
    assert (done.returncode, "'html' is none of jsonld, csv, json" in done.stderr) == (2, True)
