"""`kgservice links` on a store, and through a service: list, show, decide, review with keys."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.proposing import propose
from kgservice.domain.clock import Clock
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.cli.commands import Run
from tests.serving import running
from tests.unit.links import AMBROS, FRAUKE, TILMAN, pair
from tests.unit.links import run as run_of

UNDECIDED = "00000000-0000-4000-8000-107000000045"


@pytest.fixture
def store(demo_store: Path, tmp_path: Path, clock: Clock) -> Path:
    """The demonstration with three candidates of another source, the likeliest that of Tilman."""
    path = tmp_path / "copy"
    shutil.copytree(demo_store, path)
    kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), clock)
    propose(kg, run_of(), [pair("77", TILMAN, 4.0), pair("78", AMBROS, 3.0), pair("79", FRAUKE, 2.0)])
    kg.close()
    return path


def states(run: Run, store: Path) -> list[str]:
    """How the three links stand, the likeliest first."""
    found = json.loads(run("links", "--source", "erp", "--json", "--store", store).stdout)
    return [link["state"] for link in found["links"]]


@pytest.mark.slow
def test_list_show_and_decide(run: Run, store: Path) -> None:
    here = ("--store", store, "--language", "en")
    listed = run("links", "--state", "candidate", *here)
    assert listed.returncode == 0, listed.stderr
    assert "Tilman Kantwerk" in listed.stdout
    assert "4 of 4 links" in listed.stderr
    shown = run("links", "show", UNDECIDED, *here)
    assert "DIETMAR KLÄRWEIN" in shown.stdout
    assert "+5.53" in shown.stdout
    rejected = run("links", "reject", UNDECIDED, "--reason", "other plant", *here)
    assert "The link is rejected." in rejected.stderr, rejected.stderr
    again = json.loads(run("links", "show", UNDECIDED, "--json", *here).stdout)
    assert again["decisions"][0]["reason"] == "other plant"
    undone = json.loads(run("links", "undo", UNDECIDED, "--reason", "no", "--json", *here).stdout)
    assert undone["state"] == "candidate"
    assert run("links", "undo", UNDECIDED, "--reason", "no", *here).returncode == 5
    assert run("links", "accept", "nothing", "--reason", "no", *here).returncode == 4
    assert run("links", "accept", UNDECIDED, "--reason", " ", *here).returncode == 2
    assert run("links", "--state", "x", *here).returncode == 2
    assert run("links", "--source", " ", *here).returncode == 2
    report = run("links", "report", *here)
    assert "Piotr Zielbach" in report.stdout
    counts = json.loads(run("links", "report", "--json", *here).stdout)
    assert counts["sources"]["erp"] == {"candidate": 3, "accepted": 0, "rejected": 0}
    for one in counts["quality"]:
        assert [band["from"] for band in one["bands"]] == [0.5, 0.9, 0.99]
        assert all(band["right"] <= band["decided"] <= band["links"] for band in one["bands"])
    assert sum(band["decided"] for one in counts["quality"] for band in one["bands"]) > 0
    assert "right (95 %)" in run("links", "report", "--language", "en", *here).stdout


@pytest.mark.slow
def test_a_review_with_keys(run: Run, store: Path) -> None:
    here = ("--store", store)
    # Accept the first, think better of it, reject it; skip the second; accept the third.
    done = run("links", "review", "--source", "erp", "--language", "en", *here, stdin="aursa")
    assert done.returncode == 0, done.stderr
    assert "Accepted 2, rejected 1, skipped 1, undone 1." in done.stderr
    assert "TILMAN KANTWERK" in done.stdout
    assert states(run, store) == ["rejected", "candidate", "accepted"]
    (first, *_) = json.loads(run("links", "--source", "erp", "--json", *here).stdout)["links"]
    assert [one["verdict"] for one in first["decisions"]] == [
        "AcceptedByPerson",
        "DecisionUndone",
        "RejectedByPerson",
    ]
    assert first["decisions"][2]["reason"] == "reviewed side by side in the terminal"
    assert run("check", *here).returncode == 0
    quiet = run("links", "review", "--source", "erp", "--json", *here, stdin="q")
    assert json.loads(quiet.stdout) == {"accept": 0, "reject": 0, "skip": 0, "undo": 0}
    assert "Keine Verknüpfung wartet." in run("links", "review", "--source", "none", *here).stderr


def test_undo_before_anything_and_unknown_keys_do_nothing(run: Run, store: Path) -> None:
    done = run("links", "review", "--source", "erp", "--language", "en", "--store", store, stdin="uxssq")
    assert "Nothing has been decided in this review yet." in done.stderr
    assert "Accepted 0, rejected 0, skipped 2, undone 0." in done.stderr
    assert states(run, store) == ["candidate"] * 3


def test_through_a_service(run: Run, store: Path, clock: Clock) -> None:
    kg = KnowledgeGraph.open(Settings(store=store), OxigraphStore(store), clock)
    with running(kg) as server:
        there = ("--url", server.url, "--token", server.token)
        listed = json.loads(run("links", "--source", "erp", "--json", *there).stdout)
        assert listed["total"] == 3
        key = listed["links"][0]["id"]
        accepted = run("links", "accept", key, "--reason", "yes", "--agent", "Marit", "--json", *there)
        assert json.loads(accepted.stdout)["decisions"][0]["byName"] == "Marit"
        assert run("links", "undo", key, "--reason", "no", *there).returncode == 0
        assert json.loads(run("links", "report", "--json", *there).stdout)["total"] == 13
        assert "Kantwerk" in run("links", "show", key, *there).stdout
        done = run("links", "review", "--source", "erp", "--json", *there, stdin="ras")
        assert json.loads(done.stdout) == {"accept": 1, "reject": 1, "skip": 1, "undo": 0}
    kg.close()
