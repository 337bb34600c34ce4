"""`kgservice quality`: a table in two languages, JSON, and measurements kept, with and without a service."""

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


def row(text: str, *words: str) -> list[str]:
    """The cells of the one row that holds all of these words."""
    (line,) = [line for line in text.splitlines() if all(word in line for word in words)]
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_a_table_in_two_languages(run: Run, demo_store: Path) -> None:
    german = run("quality", "--store", demo_store, "--language", "de")
    assert german.returncode == 0
    assert row(german.stdout, "Person ", "54 von 54")[-3:] == ["100,0 %", "54 von 54", ""]
    assert row(german.stdout, "Wirkung", "9 von 11")[-3] == "81,8 %"
    assert "Bisher ist keine Messung aufbewahrt" in german.stderr
    english = run("quality", "--store", demo_store, "--language", "en")
    assert row(english.stdout, "impact", "9 of 11")[-3] == "81.8%"
    assert row(english.stdout, "open findings, 0 to 7 days")[:2] == [
        "conformity",
        "open findings, 0 to 7 days",
    ]


@pytest.mark.slow
def test_record_keeps_the_measurement(run: Run, demo_store: Path, tmp_path: Path) -> None:
    store = tmp_path / "copy"
    shutil.copytree(demo_store, store)
    kept = run("quality", "--store", store, "--record", "--language", "en")
    assert "The measurement is kept." in kept.stderr
    body = json.loads(run("quality", "--store", store, "--json").stdout)
    (part,) = next(m for m in body["measures"] if m["id"] == "unique-persons")["parts"]
    assert [(h["numerator"], h["denominator"]) for h in part["history"]] == [(54, 54)]
    assert run("check", "--store", store).returncode == 0


def test_through_a_service(run: Run, kg: KnowledgeGraph) -> None:
    with running(kg) as server:
        asked = ("--url", server.url, "--token", TOKEN)
        shown = run("quality", *asked, "--language", "en")
        assert row(shown.stdout, "consent coverage")[-3:] == ["not applicable", "0 of 0", ""]
        kept = json.loads(run("quality", "--record", "--json", *asked).stdout)
        assert kept["time"] == "2026-11-20T12:00:00Z"
        assert kg.head == 1
        again = json.loads(run("quality", "--json", *asked).stdout)
        assert again == kept == server.get("/quality").json()
        kg.clock = lambda: NOON + timedelta(days=1)
        tomorrow = run("quality", *asked, "--language", "en").stdout
        counts = [line for line in tomorrow.splitlines() if "finding, violation" in line]
        assert [line.split("│")[-2].strip() for line in counts] == ["0 (2026-11-20)"] * 4
