"""What `validate` says to people and to programs: tables, a verdict that fits the JSON, and reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.validation import validate
from kgservice.application.imports.load import load_rdf
from kgservice.domain.change import Origin
from tests.cli.commands import Run
from tests.serving import running

PAIN = "<https://w3id.org/kgservice/ci#PainPoint>"


@pytest.mark.slow
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


@pytest.mark.slow
def test_messages_are_in_words_and_the_path_or_terms_stand_below(run: Run, tmp_path: Path) -> None:
    prototype = PAIN.replace("PainPoint", "Prototype")
    confidential = PAIN.replace("PainPoint", "confidentiality"), PAIN.replace("PainPoint", "Confidential")
    (tmp_path / "bad.ttl").write_text(
        f"<urn:p> a {PAIN} . <urn:q> a {prototype} ; {' '.join(confidential)} ."
    )
    table = run("validate", "bad.ttl", "--language", "en", COLUMNS="200").stdout
    assert "The pain point names no touchpoint" in table
    assert "ci:occursAt|^ci:hasPainPoint" in table
    assert "ci:Confidential, ci:confidentiality, ci:coveredBy, ci:covers" in table
    text = run("validate", "bad.ttl", "--language", "de", "--format", "text").stdout
    assert "  in RDF: ci:Confidential, ci:confidentiality, ci:coveredBy, ci:covers\n" in text
    report = json.loads(run("validate", "bad.ttl", "--json").stdout)
    (found,) = (f for f in report["findings"] if f["shape"].endswith("#R40-prototype"))
    assert (found["path"], found["terms"][0]) == ("", "ci:Confidential")


def test_a_value_on_one_of_many_paths_is_told_with_its_field(run: Run, tmp_path: Path) -> None:
    title = PAIN.replace("PainPoint", "title")
    (tmp_path / "bad.ttl").write_text(f"<urn:p> {title} 'hans@example.org'@de .")
    table = run("validate", "bad.ttl", "--language", "de", COLUMNS="200").stdout
    assert "Titel (ci:title)" in table
    assert "ci:description" not in table
    text = run("validate", "bad.ttl", "--language", "en", "--format", "text").stdout
    assert "  field: title (ci:title)\n  value: hans@example.org\n" in text
    assert "ci:description" not in text
    cases = run("validate", "bad.ttl", "--format", "junit").stdout
    assert 'name="urn:p · ci:title · hans@example.org"' in cases
    shacl = run("validate", "bad.ttl", "--format", "turtle").stdout
    assert "sh:resultPath [ sh:alternativePath ( ci:title ci:description " in " ".join(shacl.split())


@pytest.mark.parametrize("where", [[], ["--store", "store"]], ids=["alone", "in a store"])
def test_a_folder_without_rdf_is_bad_input(run: Run, tmp_path: Path, where: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "note.txt").write_text("Nothing here.")
    for folder in ("empty", "notes"):
        done = run("validate", folder, *where)
        assert done.returncode == 2
        assert f"{folder}: there is no RDF file in this folder" in done.stderr
        assert done.stdout == ""


def test_an_error_of_a_service_is_in_the_language_of_the_terminal(
    run: Run, demo_kg: KnowledgeGraph, tmp_path: Path
) -> None:
    (tmp_path / "p.ttl").write_text(f"<urn:p> a {PAIN} .")
    with running(demo_kg) as server:
        asked = ("validate", "p.ttl", "--url", server.url, "--token", "wrong", "--language", "de")
        english, german = (run(*asked, LC_ALL=name).stderr for name in ("C", "de_DE.UTF-8"))
    assert "Anmeldedaten" in german
    assert "Anmeldedaten" not in english


@pytest.mark.slow
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


@pytest.mark.slow
def test_reports_for_programs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.ttl").write_text(f"<urn:p> a {PAIN} .")
    report = json.loads(run("validate", "bad.ttl", "--json").stdout)
    said = {}
    for name in ("json", "json-ld", "sarif"):
        done = run("validate", "bad.ttl", "--format", name, "--language", "en")
        assert done.returncode == 1
        assert done.stderr == ""
        assert done.stdout.endswith("\n")
        said[name] = done.stdout
    assert json.loads(said["json"]) == report
    assert json.loads(said["json-ld"])["@context"]["sh"]
    results = json.loads(said["sarif"])["runs"][0]["results"]
    assert [r["level"] for r in results].count("error") == report["violations"]
    places = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results}
    assert places == {"bad.ttl"}


def test_reports_in_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.ttl").write_text("<urn:p> <urn:q> 1 .")
    done = run("validate", "good.ttl", "--format", "junit", "-o", "report.xml", "-l", "de")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "Keine Befunde." in (tmp_path / "report.xml").read_text(encoding="utf-8")


def test_formats_and_files_that_do_not_fit_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.ttl").write_text("<urn:p> <urn:q> 1 .")
    for options in (("--format", "csv"), ("-o", "report.txt")):
        done = run("validate", "good.ttl", *options)
        assert done.returncode == 2
        assert not (tmp_path / "report.txt").exists()


CI = "@prefix ci: <https://w3id.org/kgservice/ci#> . @prefix id: <https://kg.example/id/> .\n"
SOLUTION = """id:00000000-0000-4000-8000-aaaaaaaaaaa1 a ci:Solution ; ci:confidentiality ci:Internal ;
  ci:inProject id:00000000-0000-4000-8000-100100000001 ; ci:title "Neu"@de , "New"@en ;
  ci:createdAt "2026-11-19T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> ;
  ci:addresses id:00000000-0000-4000-8000-103000000001 .
id:00000000-0000-4000-8000-103000000001 ci:note "Seen again"@en ."""
"""Good beside the pain point of the demonstration, of which it says more; by itself that has no class."""
NEW = "https://kg.example/id/00000000-0000-4000-8000-aaaaaaaaaaa1"
PART = '[] ci:note "A part of nothing"@en .'


@pytest.mark.slow
def test_files_are_judged_as_if_they_were_in_the_store(run: Run, demo_store: Path, tmp_path: Path) -> None:
    (tmp_path / "one.ttl").write_text(CI + SOLUTION, encoding="utf-8")
    alone = run("validate", "one.ttl", "--json")
    assert (alone.returncode, json.loads(alone.stdout)["violations"] > 0) == (1, True)
    dry = run("validate", "one.ttl", "--json", "--store", demo_store)
    assert dry.returncode == 0, dry.stdout + dry.stderr
    report = json.loads(dry.stdout)
    assert report.keys() == json.loads(alone.stdout).keys() | {"mended"}
    assert report["violations"] == report["counts"]["Violation"] == 0
    (tmp_path / "two.ttl").write_text(CI + SOLUTION.replace("ci:addresses", "ci:source"), encoding="utf-8")
    bad = run("validate", "two.ttl", "--format", "text", "-l", "en", "--store", demo_store)
    assert bad.returncode == 1
    assert "violation · R03" in bad.stdout
    by_variable = run("validate", "one.ttl", "--json", KGSERVICE_STORE=str(demo_store))
    assert json.loads(by_variable.stdout) == report
    asked = run("query", f"ASK {{ <{NEW}> ?p ?o }}", "--format", "json", "--store", demo_store)
    assert json.loads(asked.stdout)["boolean"] is False


def test_a_running_service_judges_files(run: Run, demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    """One is sent as it is, several as one document: blank nodes of two files are not the same."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "one.ttl").write_text(CI + SOLUTION, encoding="utf-8")
    (folder / "notes.txt").write_text("no RDF", encoding="utf-8")
    with running(demo_kg_guarded) as server:
        service = ("--url", server.url, "--token", server.token)
        before = demo_kg_guarded.head
        good = run("validate", "data", "--json", *service)
        assert (good.returncode, json.loads(good.stdout)["violations"]) == (0, 0)
        for name in ("a.ttl", "b.ttl"):
            (folder / name).write_text(CI + PART.replace("[]", "_:x"), encoding="utf-8")
        parts = run("validate", "data", "--json", *service)
        assert parts.returncode == 1
        assert [f["rule"] for f in json.loads(parts.stdout)["findings"]].count("R00") == 2
        assert run("validate", "data/notes.txt", *service).returncode == 2
        (tmp_path / "broken.ttl").write_text("x <", encoding="utf-8")
        broken = run("validate", "broken.ttl", *service)
        assert broken.returncode == 2
        assert "broken.ttl, line 1, column 1" in broken.stderr
        assert run("validate", "data/one.ttl", "--url", server.url, "--token", "wrong").returncode == 3
        assert demo_kg_guarded.head == before


def test_files_alone_are_judged_by_the_settings(run: Run, tmp_path: Path) -> None:
    assert run("validate", tmp_path, KGSERVICE_PROFILE="nothing").returncode == 2
    (tmp_path / "bad.ttl").write_text(CI + "<urn:p> a ci:PainPiont .", encoding="utf-8")
    done = run("validate", "bad.ttl", "-l", "en")
    assert done.returncode == 1
    assert "ci:PainPiont is no class of the model" in done.stdout


@pytest.mark.slow
def test_a_running_service_gives_the_same_reports(run: Run, kg: KnowledgeGraph, tmp_path: Path) -> None:
    path = tmp_path / "pain.ttl"
    path.write_text(f"<https://kg.example/id/00000000-0000-4000-8000-00000000000a> a {PAIN} .")
    load_rdf(kg, [path], Origin())
    with running(kg) as server:
        service = ("--url", server.url, "--token", server.token)
        done = run("validate", "--format", "text", "-l", "en", *service)
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout == f"{validate(kg).text('en')}\n"
        table = run("validate", "-l", "en", *service)
        assert table.returncode == 1
        assert "violations" in table.stderr
