"""The demonstration graph has no violation and only its deliberate findings; damage to it is found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rdflib
from rdflib import Literal, URIRef
from rdflib.namespace import RDF, XSD

from kgservice.application.validation import validate_files
from kgservice.domain.finding import Policy
from kgservice.namespaces import CI
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.validate import context_graph, validate

DEMO = Path(__file__).parents[2] / "demo"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
ID = "https://kg.example/id/00000000-0000-4000-8000-"
NS = rdflib.Namespace(CI)
NEW = rdflib.Namespace("https://kg.example/id/test-")

DELIBERATE = [
    ("Warning", "R05-baseline", "103200000008"),
    ("Warning", "R05-baseline", "103200000010"),
    ("Warning", "R06-open-too-long", "103000000011"),
    ("Warning", "R06-open-too-long", "103000000017"),
    ("Warning", "R11-declared-category", "102500000018"),
    ("Warning", "R14-persona", "105300000004"),
    ("Info", "R12-sources", "103500000002"),
    ("Info", "R12-sources", "103500000004"),
]

Found = set[tuple[str, str]]


@pytest.fixture(scope="module")
def demo() -> rdflib.Graph:
    graph = rdflib.Graph()
    for path in sorted(DEMO.glob("*.ttl")):
        graph.parse(path)
    return graph


def _findings(graph: rdflib.Graph, shapes: Shapes, model: rdflib.Graph) -> Found:
    report = validate(graph, shapes, model=model, context=context_graph(NOW, Policy()))
    return {(f.rule.shape.split("#")[1], f.focus.value) for f in report.findings}


def test_demo_has_exactly_the_deliberate_findings(shapes: Shapes) -> None:
    report = validate_files([DEMO], shapes=shapes, clock=lambda: NOW)
    found = [
        (f.severity, f.rule.shape.split("#")[1], f.focus.value.removeprefix(ID)) for f in report.findings
    ]
    assert found == DELIBERATE, report.text("en")
    assert report.violations == 0


def _first(graph: rdflib.Graph, cls: URIRef, holds: Callable[[URIRef], bool]) -> URIRef:
    nodes = sorted(n for n in graph.subjects(RDF.type, cls) if isinstance(n, URIRef) and holds(n))
    assert nodes, f"the demonstration graph has no fitting {cls}"
    return nodes[0]


def _lose_evidence(graph: rdflib.Graph) -> Found:
    pain = URIRef(f"{ID}103000000002")
    assert (pain, NS.evidencedBy, None) in graph
    graph.remove((pain, NS.evidencedBy, None))
    graph.remove((None, NS.evidenceFor, pain))
    return {("R02-evidence", str(pain))}


def _lose_kind(graph: rdflib.Graph) -> Found:
    pain = URIRef(f"{ID}103000000003")
    assert (pain, NS.painPointKind, None) in graph
    graph.remove((pain, NS.painPointKind, None))
    return {("R02-kind", str(pain))}


def _second_channel(graph: rdflib.Graph) -> Found:
    touchpoint = _first(graph, NS.Touchpoint, lambda t: (t, NS.channel, NS.Fax) not in graph)
    graph.add((touchpoint, NS.channel, NS.Fax))
    return {("R01-channel", str(touchpoint))}


def _solution_of_nothing(graph: rdflib.Graph) -> Found:
    graph.add((NEW.solution, RDF.type, NS.Solution))
    graph.add((NEW.solution, NS.inProject, URIRef(f"{ID}100100000001")))
    return {("R03-pain-point", str(NEW.solution))}


def _lose_unit(graph: rdflib.Graph) -> Found:
    impact = _first(graph, NS.UsageImpact, lambda i: (i, NS.measurement, None) in graph)
    measurement = graph.value(impact, NS.measurement)
    graph.remove((measurement, NS.unit, None))
    return {("R04-unit", str(measurement))}


def _late_baseline(graph: rdflib.Graph) -> Found:
    impact = _first(
        graph,
        NS.UsageImpact,
        lambda i: (
            (i, NS.baseline, None) in graph
            and any((s, NS.deployedAt, None) in graph for s in graph.objects(i, NS.impactOf))
        ),
    )
    baseline = graph.value(impact, NS.baseline)
    assert baseline is not None
    sharing = set(graph.subjects(NS.baseline, baseline))
    graph.remove((baseline, NS.measuredAt, None))
    graph.add((baseline, NS.measuredAt, Literal("2026-10-30T00:00:00Z", datatype=XSD.dateTime)))
    return {("R05-baseline-before", str(i)) for i in sharing}


def _lose_impact(graph: rdflib.Graph) -> Found:
    solution = URIRef(f"{ID}103100000009")
    impacts = {*graph.subjects(NS.impactOf, solution), *graph.objects(solution, NS.followedBy)}
    graph.remove((None, NS.impactOf, solution))
    graph.remove((solution, NS.followedBy, None))
    graph.set((solution, NS.solutionStatus, NS.Deployed))
    graph.set((solution, NS.reviewDue, Literal("2026-10-30T00:00:00Z", datatype=XSD.dateTime)))
    return {("R07-review-due", str(solution)), *(("R04-solution", str(i)) for i in impacts)}


def _leave_project(graph: rdflib.Graph) -> Found:
    pain = URIRef(f"{ID}103000000012")
    graph.add((NEW.project, RDF.type, NS.Project))
    graph.set((pain, NS.inProject, NEW.project))
    return {("R08-pain-point", str(pain))}


def _unplanned_method(graph: rdflib.Graph) -> Found:
    touchpoint = URIRef(f"{ID}101000000001")
    graph.add((NEW.use, RDF.type, NS.MethodUse))
    graph.add((NEW.use, NS.usedAt, touchpoint))
    graph.add((NEW.minutes, RDF.type, NS.Document))
    graph.add((NEW.minutes, NS.collectedAt, touchpoint))
    graph.add((NEW.minutes, NS.collectedBy, NEW.use))
    return {("R10-planned-method", str(NEW.minutes))}


def _orphans(graph: rdflib.Graph) -> Found:
    graph.add((NEW.need, RDF.type, NS.LatentNeed))
    graph.add((NEW.record, RDF.type, NS.SocialMediaRecord))
    return {("R13-need", str(NEW.need)), ("R13-evidence", str(NEW.record))}


DAMAGE = (
    _lose_evidence,
    _lose_kind,
    _second_channel,
    _solution_of_nothing,
    _lose_unit,
    _late_baseline,
    _lose_impact,
    _leave_project,
    _unplanned_method,
    _orphans,
)


def test_each_damage_gives_its_finding_and_no_other(
    demo: rdflib.Graph, shapes: Shapes, model: rdflib.Graph
) -> None:
    """All at once, on different nodes, so that the graph is validated twice and not for each."""
    before = _findings(demo, shapes, model)
    damaged = rdflib.Graph()
    damaged += demo
    expected = [damage(damaged) for damage in DAMAGE]
    assert _findings(damaged, shapes, model) == before.union(*expected)
    assert not before & set().union(*expected)
