"""The demonstration graph has no violation and only its deliberate findings; damage to it is found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import RdfFormat, parse
from rdflib import Literal, URIRef
from rdflib.namespace import DCTERMS, PROV, RDF, SH, XSD

from kgservice.application.guard.validation import validate_files
from kgservice.domain.finding import Policy
from kgservice.namespaces import CI
from kgservice.shacl.datasets import GraphStatements
from kgservice.shacl.local import LocalValidator
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.terms import add_all
from kgservice.shacl.validate import context_graph

DEMO = Path(__file__).parents[2] / "demo"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ID = "https://kg.example/id/00000000-0000-4000-8000-"
NS = rdflib.Namespace(CI)
NEW = rdflib.Namespace("https://kg.example/id/test-")
DPV = rdflib.Namespace("https://w3id.org/dpv#")

DELIBERATE = [
    ("Warning", "R05-baseline", "103200000008"),
    ("Warning", "R05-baseline", "103200000010"),
    ("Warning", "R06-open-too-long", "103000000011"),
    ("Warning", "R06-open-too-long", "103000000017"),
    ("Warning", "R07-review-due", "103100000007"),
    ("Warning", "R11-declared-category", "102500000018"),
    ("Warning", "R14-persona", "105300000004"),
    ("Warning", "R22-expires-soon", "106000000009"),
    ("Warning", "R22-expires-soon", "106000000010"),
    ("Warning", "R43-segment", "105100000003"),
    ("Warning", "R43-segment", "105100000004"),
    ("Warning", "R43-segment", "105100000005"),
    ("Warning", "R43-segment", "105100000006"),
    ("Warning", "R43-segment", "105100000008"),
    ("Info", "R12-sources", "103500000002"),
    ("Info", "R12-sources", "103500000004"),
]

Found = set[tuple[str, str]]


@pytest.fixture
def demo() -> rdflib.Graph:
    graph = rdflib.Graph()
    for path in sorted(DEMO.glob("*.ttl")):
        graph.parse(path)
    return graph


def test_demo_has_exactly_the_deliberate_findings(shapes: Shapes) -> None:
    report = validate_files([DEMO], shapes=shapes, clock=lambda: NOW)
    found = [
        (f.severity, f.rule.shape.split("#")[1], f.focus.value.removeprefix(ID)) for f in report.findings
    ]
    assert found == DELIBERATE, report.text("en")
    assert report.violations == 0


def test_each_finding_kept_is_of_a_shape_that_finds_it(shapes: Shapes) -> None:
    """Each names a shape with its rule and severity; those that still hold are what a validation finds."""
    kept = add_all(rdflib.Graph(), parse(path=DEMO / "findings.trig", format=RdfFormat.TRIG))
    findings = set(kept.subjects(RDF.type, SH.ValidationResult))
    assert len(findings) == 16
    for finding in findings:
        shape, severity = kept.value(finding, SH.sourceShape), kept.value(finding, SH.resultSeverity)
        assert shape in shapes.rules, finding
        rule = shapes.rules[shape]
        assert (str(kept.value(finding, DCTERMS.identifier)), severity) == (rule.number, SH[rule.severity])
        if kept.value(finding, NS.findingStatus) != Literal("mended"):
            focus = str(kept.value(finding, SH.focusNode)).removeprefix(ID)
            assert (rule.severity, rule.shape.split("#")[1], focus) in DELIBERATE, finding


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
    graph.add((NEW.solution, NS.confidentiality, NS.Internal))
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
    return {("R17-baseline-before", str(i)) for i in sharing}


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


def _tell(graph: rdflib.Graph, evidence: URIRef) -> None:
    """What every item of evidence has to state."""
    graph.add((evidence, NS.confidentiality, NS.Internal))
    graph.add((evidence, NS.recordedAt, Literal("2026-10-30T00:00:00Z", datatype=XSD.dateTime)))


def _unplanned_method(graph: rdflib.Graph) -> Found:
    touchpoint = URIRef(f"{ID}101000000001")
    graph.add((NEW.use, RDF.type, NS.MethodUse))
    graph.add((NEW.use, NS.usedAt, touchpoint))
    graph.add((NEW.minutes, RDF.type, NS.Document))
    graph.add((NEW.minutes, NS.collectedAt, touchpoint))
    graph.add((NEW.minutes, NS.collectedBy, NEW.use))
    _tell(graph, NEW.minutes)
    return {("R10-planned-method", str(NEW.minutes))}


def _orphans(graph: rdflib.Graph) -> Found:
    graph.add((NEW.need, RDF.type, NS.LatentNeed))
    graph.add((NEW.record, RDF.type, NS.Document))
    graph.add((NEW.record, NS.sourceOfData, NEW.source))
    _tell(graph, NEW.record)
    return {("R13-need", str(NEW.need)), ("R13-evidence", str(NEW.record))}


def _erase_half(graph: rdflib.Graph) -> Found:
    request = URIRef(f"{ID}106400000003")
    assert (request, NS.requestKind, NS.ErasureRequest) in graph
    graph.set((request, NS.requestOutcome, NS.Fulfilled))
    graph.set((request, NS.answeredAt, Literal("2026-11-12T00:00:00Z", datatype=XSD.dateTime)))
    return {("R37-records-left", str(request)), ("R37-person-left", str(request))}


def _use_restricted(graph: rdflib.Graph) -> Found:
    record = _first(graph, NS.Feedback, lambda r: (None, NS.restricts, r) in graph)
    graph.add((NEW.reading, PROV.used, record))
    return {("R38-use", str(record))}


def _lose_level(graph: rdflib.Graph) -> Found:
    document = _first(graph, NS.Document, lambda d: d not in NEW)
    graph.remove((document, NS.confidentiality, None))
    return {("R40-level", str(document))}


def _pin_up_customer(graph: rdflib.Graph) -> Found:
    wall = _first(graph, NS.CustomerWall, lambda w: (w, NS.shows, None) in graph)
    graph.add((wall, NS.shows, URIRef(f"{ID}102000000001")))
    return {("R41-records", str(wall)), ("R41-identifiers", str(wall))}


def _address_in_text(graph: rdflib.Graph) -> Found:
    pain = URIRef(f"{ID}103000000005")
    graph.add((pain, NS.description, Literal("Gemeldet von b.eschlohe@silberquell.example", lang="de")))
    return {("R42-email", str(pain))}


def _link_twice(graph: rdflib.Graph) -> Found:
    account = URIRef(f"{ID}107000000011")
    graph.set((URIRef(f"{ID}107000000052"), NS.linksRecord, account))
    return {("R51-one-subject", str(account))}


def _other_purpose(graph: rdflib.Graph) -> Found:
    use = URIRef(f"{ID}106300000001")
    assert (use, NS.forPurpose, DPV.ResearchAndDevelopment) in graph
    graph.set((use, NS.forPurpose, DPV.Marketing))
    return {("R25-use", str(use))}


def _unscreened(graph: rdflib.Graph) -> Found:
    message = URIRef(f"{ID}102400000001")
    screening = graph.value(None, NS.screeningOf, message)
    assert screening is not None
    graph.remove((screening, None, None))
    return {("R27-screening", str(message))}


def _minor_alone(graph: rdflib.Graph) -> Found:
    consent = URIRef(f"{ID}106000000046")
    authorisation = graph.value(None, NS.authorisationFor, consent)
    assert authorisation is not None
    graph.remove((authorisation, None, None))
    graph.remove((None, NS.guardianAuthorisation, authorisation))
    return {("R29-authorisation", str(consent))}


def _yes_after_no(graph: rdflib.Graph) -> Found:
    """Given an hour after it was refused, without a new request."""
    consent = URIRef(f"{ID}106000000014")
    event = NEW.event
    graph.add((event, RDF.type, NS.ConsentGiven))
    graph.add((event, NS.eventOf, consent))
    graph.add((event, NS.eventTime, Literal("2025-04-05T12:00:00Z", datatype=XSD.dateTime)))
    graph.add((event, NS.eventMethod, Literal("telephone")))
    graph.add((event, NS.eventEntity, Literal("DataSubject")))
    return {("R32-given", str(event)), ("R31-duration", str(consent))}


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
    _erase_half,
    _use_restricted,
    _lose_level,
    _pin_up_customer,
    _address_in_text,
    _link_twice,
    _other_purpose,
    _unscreened,
    _minor_alone,
    _yes_after_no,
)


@pytest.mark.slow
def test_each_damage_gives_its_finding_and_no_other(demo: rdflib.Graph, local: LocalValidator) -> None:
    """All at once, on different nodes; that this is what plain pySHACL finds is for `test_generated`."""
    damaged = rdflib.Graph()
    damaged += demo
    expected = [damage(damaged) for damage in DAMAGE]
    changed = set(demo) ^ set(damaged)
    context = context_graph(NOW, Policy())
    found = local.difference(changed, GraphStatements(demo), GraphStatements(damaged), context)
    assert {(f.rule.shape.split("#")[1], f.focus.value) for f in found.new} == set().union(*expected)
    assert found.gone == []
