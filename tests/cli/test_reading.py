"""Commands that read: query, ask, trace, validate, check, export."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pyoxigraph
import pytest

from kgservice.application.answers.questions import questions
from kgservice.namespaces import KG
from tests.cli.commands import COMMAND, Run, environment

PAIN = "00000000-0000-4000-8000-103000000001"
PAINS = "PREFIX ci: <https://w3id.org/kgservice/ci#> SELECT ?p WHERE { ?p a ci:PainPoint } ORDER BY ?p"


def test_query_shows_a_table(run: Run, demo_store: Path) -> None:
    done = run("query", PAINS, "--store", demo_store)
    assert done.returncode == 0, done.stderr
    assert f"https://kg.example/id/{PAIN}" in done.stdout
    assert "rows" in done.stderr


def test_query_reads_standard_input_and_files(run: Run, demo_store: Path, tmp_path: Path) -> None:
    (tmp_path / "pains.rq").write_text(PAINS)
    by_stdin = run("query", "-", "--store", demo_store, "--format", "csv", stdin=PAINS)
    by_file = run("query", "--file", "pains.rq", "--store", demo_store, "--format", "csv")
    assert by_stdin.returncode == by_file.returncode == 0
    assert by_stdin.stdout == by_file.stdout
    assert by_stdin.stdout.startswith("p\n") or by_stdin.stdout.startswith("p\r\n")


def test_query_json_is_sparql_results_json_and_nothing_else(run: Run, demo_store: Path) -> None:
    done = run("query", PAINS, "--store", demo_store, "--json")
    rows = json.loads(done.stdout)["results"]["bindings"]
    assert {"type": "uri", "value": f"https://kg.example/id/{PAIN}"} in [row["p"] for row in rows]


@pytest.mark.parametrize(
    ("query", "shown"),
    [("ASK { ?s ?p ?o }", "yes\n"), ("ASK { <urn:a> <urn:b> <urn:c> }", "no\n")],
)
def test_query_says_yes_or_no(run: Run, demo_store: Path, query: str, shown: str) -> None:
    assert run("query", query, "--store", demo_store).stdout == shown


def test_query_writes_a_graph_in_the_format_asked_for(run: Run, demo_store: Path) -> None:
    query = "CONSTRUCT { <urn:a> <urn:b> ?n } WHERE { VALUES ?n { 1 } }"
    done = run("query", query, "--store", demo_store, "--format", "ntriples")
    assert done.stdout == '<urn:a> <urn:b> "1"^^<http://www.w3.org/2001/XMLSchema#integer> .\n'


def test_ask_lists_the_questions(run: Run, demo_store: Path) -> None:
    done = run("ask", "--store", demo_store, "--json")
    listed = json.loads(done.stdout)
    assert len(listed) >= 40
    assert {"id", "title", "parameters"} <= listed[0].keys()


def test_ask_answers_in_the_language_asked_for(run: Run, demo_store: Path) -> None:
    solution = "00000000-0000-4000-8000-103100000001"
    done = run("ask", "impact-of-solution", "-p", f"solution={solution}", "-l", "en", "--store", demo_store)
    assert done.returncode == 0, done.stderr
    assert "14.5" in done.stdout
    assert "3.2" in done.stdout
    assert "hour" in " ".join(done.stdout.split())


def test_ask_lists_numbers_too(run: Run, demo_store: Path) -> None:
    rows = run("ask", "--store", demo_store, "--language", "en").stdout.splitlines()
    (row,) = [row for row in rows if "unsolved-pain-points" in row]
    assert row.strip("│ ").startswith("3 │ unsolved-pain-points")


@pytest.mark.parametrize(
    ("language", "head", "word"),
    [("de", "Abweichung", "nicht durchlaufen"), ("en", "Difference", "not passed")],
)
def test_ask_shows_heads_and_words_of_the_language(
    run: Run, demo_store: Path, language: str, head: str, word: str
) -> None:
    asked = ("ask", "planned-and-actual-journey", "--store", demo_store, "--language", language)
    table = run(*asked, COLUMNS="400").stdout
    assert head in table
    assert word in table
    assert "not-passed" not in table
    csv = run(*asked, "--format", "csv").stdout
    assert "plannedOrder" in csv
    assert "not-passed" in csv


def test_ask_describes_a_question(run: Run, demo_store: Path) -> None:
    text = run("ask", "3", "--describe", "--store", demo_store, "--language", "en").stdout
    assert text.startswith("3 unsolved-pain-points: Which pain points have no solution")
    assert "  phase (instance ci:Phase): Only this phase" in text
    assert "      ci:MarketLaunch  market launch" in text
    assert "  minimumAge (integer; default 0)" in text
    assert "  language (string; default de; values de, en)" in text
    assert "  ageDays: Full days since then." in text
    done = run("ask", "may-i-use", "--describe", "--store", demo_store, "--json")
    record, purpose, *_ = json.loads(done.stdout)["parameters"]
    assert record["required"]
    assert record["possible"] is None  # too many
    assert purpose["possible"]["https://w3id.org/dpv#Marketing"] == "Marketing"
    assert run("ask", "--describe", "--store", demo_store).returncode == 2
    assert (
        run("ask", "none", "--describe", "--store", demo_store).returncode
        == run("ask", "none", "--store", demo_store).returncode
    )


def test_questions_in_help_exist(run: Run) -> None:
    names = re.findall(r"kgservice ask ([a-z][a-z-]+|\d+)", run("ask", "--help").stdout)
    assert len(names) >= 2
    assert set(names) <= questions().keys()


def test_trace_shows_the_chain_as_a_tree(run: Run, demo_store: Path) -> None:
    done = run("trace", PAIN, "--store", demo_store, "--language", "en")
    assert done.returncode == 0, done.stderr
    places = [done.stdout.index(words) for words in ("noticed too late", "Early warning", "14.5", "3.2")]
    assert places == sorted(places)


def test_trace_takes_an_iri_and_gives_json(run: Run, demo_store: Path) -> None:
    done = run("trace", f"https://kg.example/id/{PAIN}", "--store", demo_store, "--json")
    assert json.loads(done.stdout)["focus"].endswith(PAIN)


def test_check_finds_the_store_sound(run: Run, demo_store: Path) -> None:
    done = run("check", "--store", demo_store, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"faults": []}), done.stderr


def test_export_writes_the_dataset_and_one_graph(run: Run, demo_store: Path, tmp_path: Path) -> None:
    whole = run("export", "-o", "all.nq", "--store", demo_store)
    assert whole.returncode == 0, whole.stderr
    graphs = {str(q.graph_name) for q in pyoxigraph.parse(path=tmp_path / "all.nq")}
    assert "<https://kg.example/graph/provenance>" in graphs
    one = run("export", "--graph", "https://kg.example/graph/provenance", "--store", demo_store)
    triples = list(pyoxigraph.parse(one.stdout, pyoxigraph.RdfFormat.TURTLE))
    assert any(t.predicate.value.endswith("commitNumber") for t in triples)
    assert list(tmp_path.glob("*.part")) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", ["validate", "load"])
def test_what_is_no_value_of_its_datatype_is_told_by_the_finding_alone(tmp_path: Path, command: str) -> None:
    (tmp_path / "bad.ttl").write_text(
        """@prefix ci: <https://w3id.org/kgservice/ci#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
        <https://kg.example/id/1> a ci:PainPoint ; ci:detectedAt "Erika Musterfrau"^^xsd:dateTime ."""
    )
    args = [*COMMAND, command, "bad.ttl", "--json"]
    done = subprocess.run(args, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert "R15" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Invalid isoformat" not in done.stderr


def test_validate_reports_findings_and_exits_with_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.ttl").write_text(
        "@prefix ci: <https://w3id.org/kgservice/ci#> . <https://kg.example/id/1> a ci:PainPoint ."
    )
    done = run("validate", "bad.ttl", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["counts"]["Violation"] > 0
    assert {finding["focus"] for finding in report["findings"]} == {"https://kg.example/id/1"}


def test_version_names_what_it_stands_on(run: Run) -> None:
    versions = json.loads(run("version", "--json").stdout)
    assert {"kgservice", "python", "pyoxigraph"} <= versions.keys()


@pytest.mark.slow
def test_warnings_alone_do_not_make_the_data_invalid(run: Run, demo_store: Path, tmp_path: Path) -> None:
    stored = run("validate", "--store", demo_store, "--json")
    report = json.loads(stored.stdout)
    assert (stored.returncode, report["violations"]) == (0, 0)
    assert {finding["severity"] for finding in report["findings"]} == {"Info", "Warning"}
    (tmp_path / "bad.ttl").write_text("<urn:p> a <https://w3id.org/kgservice/ci#PainPoint> .")
    files = run("validate", "bad.ttl", "--json")
    assert (files.returncode, json.loads(files.stdout)["violations"] > 0) == (1, True)


def test_the_example_in_the_help_of_ask_works(run: Run, demo_store: Path) -> None:
    example = next(line for line in run("ask", "--help").stdout.splitlines() if "--format csv" in line)
    done = run(*example.split()[1:], "--store", demo_store)
    assert done.returncode == 0, done.stderr


def test_turtle_has_prefixes(run: Run, demo_store: Path) -> None:
    for graph in ("ontology", "provenance"):
        done = run("export", "--graph", f"https://kg.example/graph/{graph}", "--store", demo_store)
        assert "@prefix ci: <https://w3id.org/kgservice/ci#> .\n" in done.stdout
        assert list(pyoxigraph.parse(done.stdout, pyoxigraph.RdfFormat.TURTLE))


@pytest.mark.parametrize("query", ["ASK {}", "SELECT ?z { VALUES ?z { 1 } }"])
def test_json_ends_with_a_line_feed(run: Run, demo_store: Path, query: str) -> None:
    said = run("query", query, "--store", demo_store, "--json").stdout
    assert said.endswith("}\n")
    assert not said.endswith("\n\n")


def test_columns_stand_in_the_order_of_the_query(run: Run, demo_store: Path) -> None:
    query = "SELECT ?zebra ?ape ?mouse { VALUES (?mouse ?ape ?zebra) { (1 2 3) } }"
    said = run("query", query, "--store", demo_store).stdout
    places = [said.index(word) for word in ("zebra", "ape", "mouse")]
    assert places == sorted(places)


def test_search_needs_no_service(run: Run, demo_store: Path) -> None:
    done = run("ask", "search", "--param", "text=verdichter*", "--store", demo_store, "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert "Lauchenau Verdichterbau GmbH" in done.stdout
    query = f'PREFIX kg: <{KG}> SELECT ?t {{ (?s ?score ?t) kg:matches "lauchenauer" }}'
    found = run("query", query, "--store", demo_store, "--format", "csv")
    assert "Lauchenau Verdichterbau GmbH" in found.stdout
    refused = run("query", query.replace("?t {", "?t FROM <urn:g> {"), "--store", demo_store)
    assert refused.returncode == 2
    assert "name no other graph" in refused.stderr
    off = run("query", query, "--store", demo_store, KGSERVICE_SEARCH="0")
    assert (off.returncode, "switched off" in off.stderr) == (3, True)
