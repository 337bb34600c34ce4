"""JUnit XML and SARIF hold to their schemas and count, name and place the findings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema
from pyoxigraph import BlankNode, Literal, NamedNode

from kgservice.application.guard.validation import validate_files
from kgservice.domain.finding import Finding, Node, Rule
from kgservice.shacl.pipelines import junit, rule_id, sarif
from kgservice.shacl.shapes import Shapes

SCHEMAS = Path(__file__).parent / "schemas"
JUNIT = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")
SARIF = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
SHAPE = "https://w3id.org/kgservice/shapes#"
RECORD = NamedNode("https://kg.example/id/00000000-0000-4000-8000-00000000000a")


def finding(
    shape: str = "R02-kind",
    severity: str = "Violation",
    *,
    focus: Node = RECORD,
    value: Node | None = None,
    component: str = "MinCount",
    said: str = "says too little",
) -> Finding:
    rule = Rule(
        number=shape[:3],
        shape=f"{SHAPE}{shape}",
        severity=severity,
        name={"de": "Art", "en": "kind"},
        message={"de": "Sagen Sie mehr.", "en": "Say more."},
        reason={"de": "Darum.", "en": "That is why."},
        group={"de": "Vollständigkeit", "en": "Completeness"},
    )
    return Finding(
        rule,
        focus,
        "ci:painPointKind",
        value,
        {"de": "sagt zu wenig", "en": said},
        {"de": "Stillstand", "en": "Standstill"},
        f"http://www.w3.org/ns/shacl#{component}ConstraintComponent",
    )


def parsed(findings: Sequence[Finding], language: str = "en") -> ET.Element:
    """The root of the JUnit XML, which holds to the schema."""
    text = junit(findings, language)
    JUNIT.validate(text)
    return ET.fromstring(text)


def log(findings: Sequence[Finding], sources: dict[Node, str] | None = None) -> Any:
    """The run of the SARIF log, which holds to the schema."""
    document = json.loads(json.dumps(sarif(findings, sources)))
    jsonschema.Draft4Validator(SARIF).validate(document)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    return run


def test_a_suite_for_each_rule_and_a_case_for_each_finding() -> None:
    root = parsed(
        [
            finding("R14-persona"),
            finding("R02-kind"),
            finding("R02-evidence", "Warning"),
            finding("R12-sources", "Info"),
        ]
    )
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", "2", "0")
    numbers = [tuple(suite.get(a) for a in ("name", "tests", "failures", "skipped")) for suite in root]
    assert numbers == [("R02", "2", "1", "1"), ("R12", "1", "0", "1"), ("R14", "1", "1", "0")]
    case = root[0][0]
    assert case.get("classname") == "kgservice.R02-kind"
    assert case.get("name") == f"{RECORD.value} · ci:painPointKind"
    (failure,) = case
    assert (failure.tag, failure.get("type"), failure.get("message")) == (
        "failure",
        "Violation",
        "says too little",
    )
    assert (failure.text or "").startswith("violation · R02 · kind\n  about: Standstill <https://kg.example")


def test_warnings_and_notes_fail_nothing_and_are_shown() -> None:
    root = parsed([finding(severity="Warning"), finding("R12-sources", "Info")], "de")
    outcomes = [outcome for case in root.iter("testcase") for outcome in case]
    assert [(o.tag, o.get("type")) for o in outcomes] == [("skipped", "Warning"), ("skipped", "Info")]
    assert all("sagt zu wenig" in (o.text or "") for o in outcomes)


@pytest.mark.parametrize(("language", "words"), [("de", "Keine Befunde."), ("en", "No findings.")])
def test_without_findings_one_case_has_passed(language: str, words: str) -> None:
    root = parsed([], language)
    (case,) = root.iter("testcase")
    assert case.get("name") == words
    assert (root.get("tests"), root.get("failures"), len(case)) == ("1", "0", 0)


def test_cases_of_a_shape_have_names_of_their_own() -> None:
    findings = [
        finding(),
        finding(component="In"),
        finding(value=Literal("x")),
        finding(value=Literal("y")),
        finding(focus=NamedNode("urn:other")),
    ]
    names = [case.get("name") for case in parsed(findings).iter("testcase")]
    assert len(set(names)) == len(findings)
    assert names == [case.get("name") for case in parsed(findings, "de").iter("testcase")]


def test_what_xml_cannot_say_is_replaced() -> None:
    (case,) = parsed([finding(value=Literal('a\x00\x1b\uffffb<&"'), said="]]>\x08")]).iter("testcase")
    assert (case.get("name") or "").endswith('a���b<&"')
    assert case[0].get("message") == "]]>�"


def test_sarif_names_rules_in_both_languages_and_results_by_them() -> None:
    findings = [finding(), finding("R02-evidence", "Warning"), finding("R12-sources", "Info"), finding()]
    run = log(findings)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["R02-kind", "R02-evidence", "R12-sources"]
    assert rules[0]["shortDescription"]["text"] == "kind"
    assert rules[0]["help"]["text"] == "Say more."
    assert rules[0]["properties"]["de"]["fullDescription"] == "Darum."
    assert rules[0]["properties"]["tags"] == ["Completeness"]
    results = run["results"]
    assert [r["level"] for r in results] == ["error", "warning", "note", "error"]
    assert [rules[r["ruleIndex"]]["id"] for r in results] == [r["ruleId"] for r in results]
    assert results[0]["message"]["text"] == "says too little"
    assert results[0]["properties"]["de"]["message"] == "sagt zu wenig"
    (location,) = results[0]["locations"]
    assert location == {
        "logicalLocations": [{"name": "Standstill", "fullyQualifiedName": RECORD.value, "kind": "resource"}]
    }


def test_sarif_without_findings_is_a_run_that_found_nothing() -> None:
    run = log([])
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []


def test_fingerprints_are_those_of_the_findings() -> None:
    def prints(*findings: Finding) -> list[str | None]:
        return [r.get("partialFingerprints", {}).get("finding/v1") for r in log(findings)["results"]]

    first, again, other = prints(finding(), finding(said="in other words"), finding(value=Literal("x")))
    assert first == again != other
    assert prints(finding(focus=BlankNode()), finding(value=BlankNode())) == [None, None]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("data/new.ttl", "data/new.ttl"),
        ("a b/ü#1.ttl", "a%20b/%C3%BC%231.ttl"),
        ("/srv/a b.ttl", "file:///srv/a%20b.ttl"),
    ],
)
def test_files_are_named_by_references(path: str, uri: str) -> None:
    (result,) = log([finding()], {RECORD: path})["results"]
    assert result["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": uri}}


def test_a_shape_of_others_keeps_its_iri_and_one_without_takes_what_is_known() -> None:
    bare = Rule("", "", "https://kg.example/test#Grave")
    alien = Rule("", "https://kg.example/test#shape", "Violation")
    component = "http://www.w3.org/ns/shacl#ClosedConstraintComponent"
    findings = [Finding(rule, RECORD, "", None, {}, {}, component) for rule in (bare, alien)]
    assert [rule_id(f) for f in findings] == ["Closed", "https://kg.example/test#shape"]
    assert [r["level"] for r in log(findings)["results"]] == ["error", "error"]
    assert parsed(findings).get("failures") == "2"


def test_files_know_what_they_describe(tmp_path: Path, shapes: Shapes) -> None:
    first, second = tmp_path / "first.ttl", tmp_path / "second.ttl"
    first.write_text("<urn:a> a <https://w3id.org/kgservice/ci#Persona> .", encoding="utf-8")
    second.write_text("<urn:a> <urn:p> 1 . [] a <https://w3id.org/kgservice/ci#Persona> .", encoding="utf-8")
    report = validate_files([first, second], shapes=shapes)
    places = {type(node): path for node, path in report.sources.items()}
    assert places == {NamedNode: str(first), BlankNode: str(second)}
    found = log(report.findings, dict(report.sources))["results"]
    assert {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in found} == {
        first.as_uri(),
        second.as_uri(),
    }
