"""`kgservice quarantine` on a store: a document of which one record is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import Run
from tests.http.test_quarantine import ADDRESSES, BAD, GOOD, HEAD, solution


@pytest.mark.slow
def test_what_is_refused_waits_and_is_decided(run: Run, demo_store: Path, tmp_path: Path) -> None:
    store = tmp_path / "copy"
    shutil.copytree(demo_store, store)
    file = tmp_path / "two.ttl"
    file.write_text(HEAD + solution(GOOD, f"; {ADDRESSES}") + solution(BAD), encoding="utf-8")
    here = ("--store", store)
    loaded = run("load", file, *here)
    assert loaded.returncode == 1, loaded.stderr
    assert "In quarantine, with the reasons: 1" in loaded.stderr
    assert "Nothing is in quarantine." in run("quarantine", "--status", "released", *here).stderr
    (entry,) = json.loads(run("quarantine", "--json", *here).stdout)
    assert "R03" in run("quarantine", *here, COLUMNS="220").stdout
    shown = run("quarantine", "show", entry["id"], *here)
    assert f"/{BAD}>" in shown.stdout
    assert "Verstoß R03: Die Lösung geht keinen Pain Point an" in shown.stdout
    assert "The solution" not in shown.stdout
    english = run("quarantine", "show", entry["id"], "--language", "en", *here).stdout
    assert english.count("The solution addresses no pain point") == 1
    assert "violation R03: " in english
    refused = run("quarantine", "release", entry["id"], *here)
    assert refused.returncode == 1
    assert "R03" in refused.stderr
    assert run("quarantine", "discard", entry["id"], "--reason", " ", *here).returncode == 2
    gone = run("quarantine", "discard", entry["id"], "--reason", "entered twice", *here)
    assert "Discarded: entered twice" in gone.stderr
    assert "Verstoß R03: " in run("quarantine", "show", entry["id"], *here).stdout
    assert run("quarantine", "release", entry["id"], *here).returncode == 5
    assert run("quarantine", "show", "nothing", *here).returncode == 4
    assert run("check", *here).returncode == 0


def test_a_mended_document_closes_what_waits(run: Run, demo_store: Path, tmp_path: Path) -> None:
    store = tmp_path / "copy"
    shutil.copytree(demo_store, store)
    here = ("--store", store)
    file = tmp_path / "one.ttl"
    file.write_text(HEAD + solution(BAD), encoding="utf-8")
    assert "In quarantine, with the reasons: 1" in run("load", file, *here).stderr
    mended = tmp_path / "mended.ttl"
    mended.write_text(HEAD + solution(BAD, f"; {ADDRESSES}"), encoding="utf-8")
    assert "Mended, so no longer waiting in quarantine: 1" in run("load", mended, *here).stderr
    assert json.loads(run("quarantine", "--status", "waiting", "--json", *here).stdout) == []
    (entry,) = json.loads(run("quarantine", "--status", "mended", "--json", *here).stdout)
    assert (entry["file"], entry["decision"]) == ("one.ttl", "A later version was taken from mended.ttl")
