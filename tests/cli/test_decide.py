"""The command `decide`: the answer in words or JSON, from the store or the running service."""

from __future__ import annotations

import json
from pathlib import Path

from kgservice.application.graph.graph import KnowledgeGraph
from tests.cli.commands import Run
from tests.serving import running

PERSON = "00000000-0000-4000-8000-100700000005"
ASKED = ("decide", PERSON, "ci:CommunicationData", "dpv:ResearchAndDevelopment")


def test_the_answer_is_told_in_words(run: Run, demo_store: Path) -> None:
    done = run(*ASKED, "--store", demo_store, "--at", "2026-11-20T12:00:00Z")
    assert done.returncode == 0
    assert done.stdout.startswith(
        "Nein: Daten der Art „Kommunikationsdaten“ dieser Person dürfen für „Forschung"
    )
    assert "widerrufen" in done.stdout
    english = run(*ASKED, "--store", demo_store, "--at", "2026-11-01T12:00:00Z", "--language", "en")
    assert english.stdout.startswith("Yes: ")


def test_the_answer_is_told_as_json(run: Run, demo_store: Path) -> None:
    done = run(*ASKED, "--store", demo_store, "--at", "2026-11-20T12:00:00Z", "--json")
    assert (json.loads(done.stdout)["reason"], done.stderr) == ("withdrawn", "")


def test_what_is_wrong_is_said(run: Run, demo_store: Path) -> None:
    without_zone = run(*ASKED, "--store", demo_store, "--at", "2026-11-20T12:00:00")
    assert (without_zone.returncode, "time zone" in without_zone.stderr) == (2, True)
    unknown = run(*ASKED[:-1], "dpv:Everything", "--store", demo_store)
    assert (unknown.returncode, "`dpv:Marketing`" in unknown.stderr) == (2, True)
    nobody = run("decide", "urn:nobody", *ASKED[2:], "--store", demo_store)
    assert (nobody.returncode, "no person" in nobody.stderr) == (4, True)


def test_a_running_service_is_asked(run: Run, demo_kg: KnowledgeGraph) -> None:
    with running(demo_kg) as server:
        options = ("--url", server.url, "--token", server.token, "--language", "en")
        assert run(*ASKED, *options).stdout.startswith("No: ")
        wrong = run(*ASKED, *options, "--at", "2026-11-20")
    assert (wrong.returncode, "is not a moment" in wrong.stderr) == (2, True)
