"""Reports say the same to people, to programs and as SHACL, and print alike each time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import RdfFormat, parse
from rdflib.compare import isomorphic
from rdflib.namespace import RDF, SH

from kgservice.domain.finding import Policy
from kgservice.shacl.datasets import GraphStatements
from kgservice.shacl.local import LocalValidator
from kgservice.shacl.report import Report
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.terms import add_all
from kgservice.shacl.validate import context_graph, validate

ROOT = Path(__file__).parents[2]
DATA = """
@prefix ci: <https://w3id.org/kgservice/ci#> .
@prefix ex: <https://kg.example/id/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
ex:solution a ci:Solution ; ci:inProject ex:project ; ci:title "Fernwartung"@de, "Remote maintenance"@en ;
    ci:solutionStatus ci:Deployed ; ci:confidentiality ci:Internal ; ci:reviewDue "2025-06-01T08:00:00+02:00"^^xsd:dateTime .
[] a ci:Persona .
"""


@pytest.fixture
def report(shapes: Shapes, model: rdflib.Graph) -> Report:
    return _report(shapes, model)


def _report(shapes: Shapes, model: rdflib.Graph) -> Report:
    data = rdflib.Graph().parse(data=DATA, format="turtle")
    context = context_graph(datetime(2025, 7, 1, tzinfo=UTC), Policy(open_days=30))
    return validate(data, shapes, model=model, context=context)


def test_findings_come_in_order_of_severity_and_rule(report: Report) -> None:
    assert [(f.severity, f.rule.number) for f in report.findings] == [
        ("Violation", "R03"),
        ("Warning", "R07"),
        ("Warning", "R14"),
    ]
    assert report.counts == {"Violation": 1, "Warning": 2, "Info": 0}
    assert report.violations == 1
    assert not report.conforms


def test_text_in_german(report: Report) -> None:
    assert report.text("de").startswith(
        "Verstoß · R03 · angegangener Pain Point\n"
        "  betrifft: Fernwartung <https://kg.example/id/solution>\n"
        "  Pfad: ci:addresses|^ci:addressedBy\n"
        "  in RDF: ci:PainPoint\n  Die Lösung geht keinen Pain Point an oder etwas, "
    )
    assert report.text("de").endswith("\n\n1 Verstoß, 2 Warnungen, 0 Hinweise.")


def test_text_in_english_shows_the_value_at_fault(report: Report) -> None:
    text = report.text("en")
    about = "  about: Remote maintenance <https://kg.example/id/solution>\n"
    assert f"{about}  value: 2025-06-01T08:00:00+02:00\n" in text
    assert text.endswith("\n\n1 violation, 2 warnings, 0 notes.")


def test_text_without_findings() -> None:
    assert Report(()).text("de") == "Keine Befunde."
    assert Report(()).text("en") == "No findings."
    assert Report(()).conforms


def test_json_has_everything_in_both_languages(report: Report) -> None:
    document = json.loads(json.dumps(report.to_json()))
    finding = document["findings"][0]
    assert document["counts"] == {"Violation": 1, "Warning": 2, "Info": 0}
    assert finding["rule"] == "R03"
    assert finding["focus"] == "https://kg.example/id/solution"
    assert finding["label"] == {"de": "Fernwartung", "en": "Remote maintenance"}
    assert finding["path"] == "ci:addresses|^ci:addressedBy"
    assert finding["shape"] == "https://w3id.org/kgservice/shapes#R03-pain-point"
    assert finding["component"] == "http://www.w3.org/ns/shacl#MinCountConstraintComponent"
    for words in ("message", "name", "reason", "group"):
        assert set(finding[words]) == {"de", "en"}


def test_shacl_report_is_the_same_graph_in_turtle_and_json_ld(report: Report) -> None:
    turtle = rdflib.Graph().parse(data=report.turtle(), format="turtle")
    json_ld = add_all(rdflib.Graph(), parse(json.dumps(report.json_ld()), format=RdfFormat.JSON_LD))
    assert isomorphic(turtle, report.graph)
    assert isomorphic(json_ld, report.graph)
    node = turtle.value(predicate=RDF.type, object=SH.ValidationReport)
    assert turtle.value(node, SH.conforms) == rdflib.Literal(False)
    assert len(list(turtle.objects(node, SH.result))) == 3


def test_messages_with_values_filled_in_keep_their_language(shapes: Shapes, model: rdflib.Graph) -> None:
    data = rdflib.Graph().parse(ROOT / "shapes/core/examples/R06-open-too-long.invalid.ttl")
    report = validate(data, shapes, model=model)
    (finding,) = report.findings
    assert finding.message("de").startswith("Der Pain Point ist seit mehr als 90 Tagen offen")
    assert finding.message("en").startswith("The pain point has been open for longer than 90 days")
    messages = [m for m in report.graph.objects(None, SH.resultMessage) if isinstance(m, rdflib.Literal)]
    assert {m.language for m in messages} == {"de", "en"}


def test_equal_reports_print_alike(shapes: Shapes, model: rdflib.Graph) -> None:
    data = (ROOT / "shapes/core/examples/R13-touchpoint.invalid.ttl").read_text(encoding="utf-8")
    printed = set()
    for _ in range(3):
        graph = rdflib.Graph().parse(data=data, format="turtle")
        printed.add(validate(graph, shapes, model=model).turtle())
    assert len(printed) == 1


def test_context_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        context_graph(datetime(2025, 7, 1), Policy())


def test_paths_of_every_kind_are_shown_as_sparql() -> None:
    shapes = rdflib.Graph().parse(
        data="""
        @prefix sh: <http://www.w3.org/ns/shacl#> . @prefix ex: <https://kg.example/test#> .
        @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        [] a sh:NodeShape ; sh:targetNode ex:x ;
            sh:property ex:sequence, ex:alternative, ex:optional .
        ex:sequence sh:minCount 9 ;
            sh:path ( [ sh:zeroOrMorePath skos:broader ] [ sh:inversePath skos:member ] ) .
        ex:alternative sh:minCount 9 ;
            sh:path [ sh:oneOrMorePath [ sh:alternativePath ( skos:broader ex:up ) ] ] .
        ex:optional sh:minCount 9 ; sh:severity ex:Grave ;
            sh:path [ sh:zeroOrOnePath skos:broader ] .
        """,
        format="turtle",
    )
    report = validate(rdflib.Graph(), Shapes.of(shapes))
    assert {f.path for f in report.findings} == {
        "skos:broader*/^skos:member",
        "(skos:broader|<https://kg.example/test#up>)+",
        "skos:broader?",
    }
    assert report.counts["https://kg.example/test#Grave"] == 1
    assert report.violations == 3


def test_a_dry_run_gives_the_same_report_as_the_validation(
    local: LocalValidator, shapes: Shapes, model: rdflib.Graph
) -> None:
    data = rdflib.Graph().parse(data=DATA, format="turtle")
    data.parse(ROOT / "shapes/core/examples/R13-touchpoint.invalid.ttl")
    whole = validate(data, shapes, model=model)
    difference = local.difference(list(data), GraphStatements(rdflib.Graph()), GraphStatements(data))
    assert difference.report.findings == whole.findings
    assert isomorphic(difference.report.graph, whole.graph)
    assert difference.report.turtle() == whole.turtle()
    assert difference.violations == whole.violations
    back = local.difference(list(data), GraphStatements(data), GraphStatements(rdflib.Graph()))
    number = len(whole.findings)
    assert back.text("en") == f"No findings.\n{number} findings mended."
    assert back.text("de") == f"Keine Befunde.\n{number} Befunde behoben."
    assert (None, SH.conforms, rdflib.Literal(True)) in back.report.graph
