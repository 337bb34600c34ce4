"""`kgservice findings` for people and for programs, on the store and through a running service."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from tests.cli.commands import Run
from tests.conftest import NOON
from tests.serving import TOKEN, running
from tests.unit.test_findings import enter

BASELINE = "00000000-0000-4000-8000-108000000002"  # R05, open
WITHDRAWAL = "00000000-0000-4000-8000-108000000011"  # R20, a violation
EMPLOYEE = "00000000-0000-4000-8000-100800000001"


def test_lists_in_two_languages_fit_a_terminal(run: Run, demo_store: Path) -> None:
    german = run("findings", "--store", demo_store, "--rule", "R05", "--language", "de", COLUMNS="80")
    for line in (
        "Warnung · R05 · hingenommen · Jannik Föhrental · seit 2026-09-01",
        "  Die Wirkung hat keine Ausgangsmessung.",
        f"  {BASELINE}",
    ):
        assert line in map(str.rstrip, german.stdout.splitlines())
    assert "2 von 2 Befunden" in german.stderr
    english = run("findings", "show", BASELINE, "--store", demo_store, "--language", "en")
    for word in ("The impact has no baseline.", "valid example", "ci:baseline", "warning"):
        assert word in english.stdout


@pytest.mark.slow
def test_a_store_is_stewarded(run: Run, demo_store: Path, tmp_path: Path) -> None:
    store = tmp_path / "copy"
    shutil.copytree(demo_store, store)
    here = ("--store", store, "--language", "en")
    assert "The finding is open." in run("findings", "assign", BASELINE, "--owner", EMPLOYEE, *here).stderr
    mine = json.loads(run("findings", "--owner", EMPLOYEE, "--rule", "R05", "--json", *here).stdout)
    assert [each["id"] for each in mine["findings"]] == [BASELINE]
    until = ("--reason", "not measured", "--until", "9999-01-01")
    assert (
        "The finding is waived." in run("findings", "waive", BASELINE, *until, "--agent", "Eva", *here).stderr
    )
    assert run("findings", "waive", WITHDRAWAL, *until, *here).returncode == 3
    assert "The finding is open." in run("findings", "reopen", BASELINE, *here).stderr
    assert run("findings", "fix", BASELINE, "tag-de-00000000", *here).returncode == 5
    assert run("findings", "show", "nothing", *here).returncode == 4
    assert run("findings", "--status", "closed", *here).returncode == 2
    assert run("findings", "waive", BASELINE, "--reason", "x", "--until", "1999-01-01", *here).returncode == 2
    assert run("check", "--store", store).returncode == 0


@pytest.mark.slow
def test_through_a_service(run: Run, kg: KnowledgeGraph) -> None:
    enter(
        kg,
        "id:pager a ci:Channel ; skos:prefLabel 'pager'@en , 'Piepser' . id:eva a ci:Employee . id:p a ci:Persona .",
    )
    kg.guarded = True
    with running(kg) as server:
        asked = ("--url", server.url, "--token", TOKEN, "--language", "en")
        found = json.loads(run("findings", "--json", *asked).stdout)
        assert found == server.get("/findings").json()
        label, persona = found["findings"]
        why = run("findings", "show", label["iri"], "--json", *asked)
        proposal = json.loads(why.stdout)["explanation"]["proposals"][0]
        table = run("findings", "show", label["id"], *asked)
        assert proposal["id"] in table.stdout
        assert "Apply: kgservice findings fix" in table.stderr
        done = run("findings", "fix", label["id"], proposal["id"], *asked)
        assert "The finding is mended." in done.stderr
        eva = f"{kg.addresses.ids}eva"
        given = json.loads(run("findings", "assign", persona["id"], "--owner", eva, "--json", *asked).stdout)
        assert given["owner"] == eva
        until = (NOON + timedelta(days=1)).isoformat()
        waived = run("findings", "waive", persona["id"], "--reason", "x", "--until", until, "--json", *asked)
        assert json.loads(waived.stdout)["status"] == "waived"
        assert run("findings", "reopen", persona["id"], *asked).returncode == 0
        refreshed = run("findings", "refresh", *asked)
        assert refreshed.stderr.startswith("New 0, mended 0, open again 0; now 1 open, 0 waived.")
        assert json.loads(run("findings", "refresh", "--json", *asked).stdout)["open"] == 1
