"""What `validate` says to people: numbers by rule, the first findings, and a verdict that fits the JSON."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import Run

PAIN = "<https://w3id.org/kgservice/ci#PainPoint>"


def test_warnings_alone_are_no_violations(run: Run, demo_store: Path) -> None:
    report = json.loads(run("validate", "--store", demo_store, "--json").stdout)
    warnings, notes = report["counts"]["Warning"], report["counts"]["Info"]
    assert (report["conforms"], report["violations"]) == (False, 0)
    said = run("validate", "--store", demo_store, "--language", "en")
    words = f"{warnings} warning{'s'[: warnings != 1]}, {notes} note{'s'[: notes != 1]}."
    assert f"No violations; {words}\n" in said.stderr
    assert "valid" not in said.stderr


def test_heads_and_severities_are_german(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.ttl").write_text(f"<urn:p> a {PAIN} .")
    done = run("validate", "bad.ttl", "--language", "de")
    assert done.returncode == 1
    for word in ("Anzahl", "Schwere", "Regel", "Datensatz", "Meldung", "Verstoß"):
        assert word in done.stdout
    for word in ("severity", "Violation", "message"):
        assert word not in done.stdout
    assert "Verstöße, " in done.stderr


def test_many_findings_are_counted_and_cut(run: Run, tmp_path: Path) -> None:
    (tmp_path / "many.ttl").write_text("".join(f"<urn:p{n}> a {PAIN} .\n" for n in range(30)))
    report = json.loads(run("validate", "many.ttl", "--json").stdout)
    most = len(report["findings"])
    assert most > 100
    some = run("validate", "many.ttl", "--language", "en")
    assert some.stdout.count("urn:p") == 50
    assert f"… and {most - 50} more" in some.stderr
    numbers = [line.split("│")[1:4] for line in some.stdout.splitlines() if "R02" in line]
    assert ["30", "violation", "R02"] in [[cell.strip() for cell in cells] for cells in numbers]
    every = run("validate", "many.ttl", "--language", "en", "--all")
    assert every.stdout.count("urn:p") == most
    assert " more " not in every.stderr
