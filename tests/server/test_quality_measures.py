"""Each measure of quality on a few records that were counted by hand, and on the demonstration."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import NamedNode, Quad
from rdflib.namespace import RDF

from kgservice.application.answers.questions import questions
from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import load_rdf
from kgservice.application.protocol.update import update
from kgservice.application.stewards.quality import dqv, history, measure, record, report
from kgservice.domain.change import Change, Origin
from kgservice.domain.finding import Policy
from kgservice.domain.measures import MEASURES
from kgservice.domain.quality import Measurement, Part, restored
from kgservice.errors import Forbidden
from kgservice.namespaces import CI, SH
from kgservice.resources import folder
from tests.conftest import NOON

HEAD = """@prefix ci: <https://w3id.org/kgservice/ci#> . @prefix t: <https://kg.example/id/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> . @prefix dpv: <https://w3id.org/dpv#> .
"""
KNOWN = questions()
DQV = rdflib.Namespace("http://www.w3.org/ns/dqv#")
CHAIN = ("Touchpoint", "PainPoint", "Solution", "Impact")
Counts = dict[tuple[str, str], tuple[int, int]]


def load(kg: KnowledgeGraph, folder: Path, turtle: str) -> None:
    (folder / "case.ttl").write_text(HEAD + turtle, encoding="utf-8")
    load_rdf(kg, [folder / "case.ttl"], Origin())


def counts(kg: KnowledgeGraph, id: str) -> Counts:  # noqa: A002
    """Numerator and denominator by class and topic (local names)."""
    return {
        (m.part.of_class.rpartition("#")[2], m.part.topic.rpartition("#")[2]): (m.numerator, m.denominator)
        for m in measure(kg, known=KNOWN)
        if m.measure.id == id
    }


def of(kg: KnowledgeGraph, folder: Path, turtle: str, id: str) -> Counts:  # noqa: A002
    load(kg, folder, turtle)
    return counts(kg, id)


def day(text: str) -> str:
    return f'"{text}T00:00:00Z"^^xsd:dateTime'


def test_nothing_of_nothing_is_not_applicable(kg: KnowledgeGraph) -> None:
    found = measure(kg, known=KNOWN)
    assert {m.measure.id for m in found} == set(MEASURES)
    assert all((m.numerator, m.denominator) == (0, 0) for m in found)
    assert {m.value for m in found if m.measure.better == "higher"} == {None}
    assert {m.value for m in found if m.measure.better == "lower"} == {Decimal(0)}
    assert len(found) == 4 + 10 + 3 + 4 + 1 + 1 + 4 * 3


TOUCHPOINT = "a ci:Touchpoint ; ci:phase ci:MarketLaunch ; ci:channel ci:Web ; ci:plannedMethod t:m"


def test_complete_touchpoints(kg: KnowledgeGraph, tmp_path: Path) -> None:
    turtle = f"""
        t:a {TOUCHPOINT} .
        t:b {TOUCHPOINT} ; ci:phase ci:IdeaGeneration ; ci:spansPhases true .
        t:no1 {TOUCHPOINT} ; ci:phase ci:IdeaGeneration .
        t:no2 {TOUCHPOINT} ; ci:channel ci:Phone .
        t:no3 {TOUCHPOINT} ; ci:phase t:other ; ci:spansPhases true .
        t:no4 a ci:Touchpoint ; ci:channel ci:Web ; ci:plannedMethod t:m .
        t:no5 a ci:Touchpoint ; ci:phase ci:MarketLaunch ; ci:plannedMethod t:m .
        t:no6 a ci:Touchpoint ; ci:phase ci:MarketLaunch ; ci:channel ci:Web .
        t:c a ci:Touchpoint . t:m2 ci:plannedFor t:c ; a ci:PlannedMethod . t:m a ci:PlannedMethod . ci:MarketLaunch ci:phaseOf t:c . ci:Web ci:channelOf t:c .
    """
    found = of(kg, tmp_path, turtle, "completeness-by-class")
    assert found["Touchpoint", ""] == (3, 9)
    assert found["Impact", ""] == (0, 0)


def test_complete_pain_points(kg: KnowledgeGraph, tmp_path: Path) -> None:
    pain = "a ci:PainPoint ; ci:occursAt t:p ; ci:painPointKind ci:Problem ; ci:evidencedBy t:e"
    young, old = day("2026-08-23"), day("2026-08-22")  # 89.5 and 90.5 days before the noon of the clock
    turtle = f"""
        t:a {pain} ; ci:detectedAt {young} .
        t:b {pain} ; ci:detectedAt {old} ; ci:painPointStatus ci:Resolved .
        t:c {pain} ; ci:detectedAt {old} ; ci:addressedBy t:s .
        t:no1 {pain} ; ci:detectedAt {old} .
        t:no2 {pain} .
        t:no3 {pain} ; ci:detectedAt {young} ; ci:painPointKind ci:Challenge .
        t:no4 a ci:PainPoint ; ci:painPointKind ci:Problem ; ci:evidencedBy t:e ; ci:detectedAt {young} .
        t:p a ci:Touchpoint .
    """
    assert of(kg, tmp_path, turtle, "completeness-by-class")["PainPoint", ""] == (3, 7)
    longer = measure(kg, policy=Policy(open_days=91), known=KNOWN)
    assert next(m.numerator for m in longer if m.part == Part(f"{CI}PainPoint")) == 4


def test_complete_solutions_and_impacts(kg: KnowledgeGraph, tmp_path: Path) -> None:
    impact = "a ci:Impact ; ci:impactOf t:a ; ci:metric ci:ComplaintCount ; ci:evidencedBy t:e ; ci:measurement t:m"
    turtle = f"""
        t:a a ci:Solution ; ci:addresses t:p ; ci:solutionStatus ci:Deployed ; ci:reviewDue {day("2026-01-01")} .
        t:b a ci:Solution ; ci:addresses t:p ; ci:solutionStatus ci:Deployed ; ci:reviewDue {day("2026-12-01")} .
        t:c a ci:Solution ; ci:addresses t:p ; ci:solutionStatus ci:Planned ; ci:reviewDue {day("2026-01-01")} .
        t:no1 a ci:Solution ; ci:addresses t:p ; ci:solutionStatus ci:Deployed ; ci:reviewDue {day("2026-01-01")} .
        t:no2 a ci:Solution .
        t:p a ci:PainPoint . t:e a ci:Document .
        t:m ci:value 1.5 ; ci:unit ci:Hour ; ci:measuredAt {day("2026-02-01")} .
        t:i {impact} ; ci:baseline t:m0 .
        t:no3 {impact} .
        t:no6 {impact} ; ci:baseline t:m0 ; ci:evidencedBy t:nothing .
        t:no4 {impact} ; ci:baseline t:m0 ; ci:measurement t:m0 .
        t:no5 a ci:Impact ; ci:impactOf t:a ; ci:metric ci:ComplaintCount ; ci:evidencedBy t:e ; ci:measurement t:m0 ; ci:baseline t:m .
    """
    found = of(kg, tmp_path, turtle, "completeness-by-class")
    assert (found["Solution", ""], found["Impact", ""]) == ((3, 5), (1, 5))
    assert counts(kg, "reviews-in-time") == {("Solution", ""): (1, 2)}


def test_the_whole_chain_by_phase(kg: KnowledgeGraph, tmp_path: Path) -> None:
    turtle = """
        t:full a ci:Touchpoint ; ci:phase ci:MarketLaunch .  t:half a ci:Touchpoint ; ci:phase ci:MarketLaunch .
        t:calm a ci:Touchpoint ; ci:phase ci:MarketLaunch .  t:idea a ci:Touchpoint ; ci:phase ci:IdeaGeneration .
        t:p1 a ci:PainPoint ; ci:occursAt t:full , t:half ; ci:evidencedBy t:e ; ci:addressedBy t:s1 .
        t:p2 a ci:PainPoint ; ci:occursAt t:half ; ci:evidencedBy t:e ; ci:addressedBy t:s2 .
        t:p3 a ci:PainPoint ; ci:occursAt t:idea ; ci:addressedBy t:s1 .
        t:s1 a ci:Solution . t:i1 a ci:Impact ; ci:impactOf t:s1 ; ci:measurement t:m . t:m ci:value 3 .
        t:s2 a ci:Solution . t:i2 a ci:Impact ; ci:impactOf t:s2 ; ci:measurement t:m2 .
    """
    found = of(kg, tmp_path, turtle, "chain-by-phase")
    assert found["PainPoint", "MarketLaunch"] == (1, 2)  # p2: its impact has no value
    assert found["Touchpoint", "MarketLaunch"] == (1, 2)  # calm does not count
    assert found["PainPoint", "IdeaGeneration"] == found["Touchpoint", "IdeaGeneration"] == (0, 1)
    assert found["PainPoint", "ConceptDevelopment"] == (0, 0)


def test_evidence_recorded_in_time(kg: KnowledgeGraph, tmp_path: Path) -> None:
    collected = f"a ci:Document ; ci:collectedAtTime {day('2026-01-01')}"
    turtle = f"""
        t:a {collected} ; ci:recordedAt {day("2026-01-01")} .
        t:b {collected} ; ci:recordedAt {day("2026-01-15")} .
        t:no1 {collected} ; ci:recordedAt "2026-01-15T00:00:01Z"^^xsd:dateTime .
        t:no2 {collected} ; ci:recordedAt {day("2025-12-31")} .
        t:no3 {collected} .
        t:no4 a ci:Document ; ci:recordedAt {day("2026-01-01")} .
    """
    assert of(kg, tmp_path, turtle, "evidence-recorded-in-time") == {("Evidence", ""): (2, 6)}


def test_segments_evaluated_in_time(kg: KnowledgeGraph, tmp_path: Path) -> None:
    turtle = f"""
        t:a a ci:DynamicSegment ; ci:lastEvaluatedAt {day("2026-05-25")} .
        t:no1 a ci:DynamicSegment ; ci:lastEvaluatedAt {day("2026-05-24")} .
        t:no2 a ci:DynamicSegment . t:static a ci:Segment .
    """
    found = of(kg, tmp_path, turtle, "segments-evaluated-in-time")
    assert found == {("DynamicSegment", ""): (1, 3)}  # 179.5 and 180.5 days before


def test_unique_records(kg: KnowledgeGraph, tmp_path: Path) -> None:
    place = "ci:inProject t:j ; ci:phase ci:MarketLaunch ; ci:channel ci:Web"
    turtle = f"""
        t:j a ci:Project .
        t:p1 a ci:PainPoint ; ci:occursAt t:x ; ci:title "Gift"@en .
        t:p2 a ci:PainPoint ; ci:occursAt t:x , t:y ; ci:title "Gift"@en .
        t:p3 a ci:PainPoint ; ci:occursAt t:x ; ci:title "Gift"@de .
        t:p4 a ci:PainPoint ; ci:occursAt t:y ; ci:title "Other"@en .
        t:p5 a ci:PainPoint ; ci:occursAt t:z ; ci:title "Gift"@en .
        t:s1 a ci:Solution ; ci:addresses t:p1 ; ci:title "Gift"@en .
        t:s2 a ci:Solution ; ci:addresses t:p3 ; ci:title "Gift"@en .
        t:s3 a ci:Solution ; ci:addresses t:p5 ; ci:title "Gift"@en .
        t:x a ci:Touchpoint ; ci:title "Call"@en ; {place} .
        t:y a ci:Touchpoint ; ci:title "Call"@en ; {place} ; ci:previousPass t:x .
        t:z a ci:Touchpoint ; ci:title "Fair"@en ; {place} .
        t:z2 a ci:Touchpoint ; ci:title "Fair"@en ; {place} .
        t:anna a ci:ContactPerson . t:bert a ci:ContactPerson .
        t:e1 a ci:Feedback ; ci:dataSubject t:anna ; ci:collectedAt t:x ; ci:title "Feedback"@en .
        t:e2 a ci:Feedback ; ci:dataSubject t:bert ; ci:collectedAt t:x ; ci:title "Feedback"@en .
        t:e3 a ci:Feedback ; ci:dataSubject t:bert ; ci:collectedAt t:x ; ci:title "Feedback"@en .
        t:e4 a ci:Document ; ci:collectedAt t:x ; ci:title "Feedback"@en .
        t:e5 a ci:Document ; ci:collectedAt t:x ; ci:title "Feedback"@en .
    """
    assert of(kg, tmp_path, turtle, "unique-records") == {
        ("PainPoint", ""): (3, 5),
        ("Solution", ""): (1, 3),
        ("Touchpoint", ""): (2, 4),
        ("Evidence", ""): (1, 5),
    }


def test_unique_persons(kg: KnowledgeGraph, tmp_path: Path) -> None:
    turtle = """
        t:a a ci:ContactPerson ; ci:emailAddress "anna@firm.example" .
        t:b a ci:ContactPerson . t:rb a ci:IdentificationRecord ; ci:dataSubject t:b ; ci:emailAddress "Anna@firm.example" .
        t:c a ci:ContactPerson ; ci:customerNumber "7" . t:d a ci:ContactPerson ; ci:emailAddress "7" .
        t:e a ci:ContactPerson . t:f a ci:ContactPerson .
        t:e1 a ci:IdentificationRecord ; ci:dataSubject t:e ; ci:customerNumber "8" .
        t:e2 a ci:IdentificationRecord ; ci:dataSubject t:e ; ci:customerNumber "8" .
    """
    assert of(kg, tmp_path, turtle, "unique-persons") == {("Person", ""): (4, 6)}


def consent(name: str, category: str, *events: tuple[str, str], more: str = "") -> str:
    lines = [f"t:{name} a ci:ConsentRecord ; ci:dataSubject t:anna ; ci:forCategory {category} {more} ."]
    lines += [
        f"t:{name}{i} a ci:Consent{kind} ; ci:eventOf t:{name} ; ci:eventTime {day(when)} ."
        for i, (kind, when) in enumerate(events)
    ]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("consents", "covered"),
    [
        ("", 0),
        (consent("c", "ci:PreferenceData", ("Requested", "2026-01-01")), 0),
        (consent("c", "ci:PreferenceData", ("Given", "2026-01-01")), 1),
        (consent("c", "ci:BehaviouralData", ("Given", "2026-01-01")), 0),
        (consent("c", "ci:PreferenceData", ("Given", "2026-02-02")), 0),
        (consent("c", "ci:PreferenceData", ("Given", "2026-01-01"), ("Withdrawn", "2026-01-15")), 0),
        (consent("c", "ci:PreferenceData", ("Given", "2026-01-01"), ("Withdrawn", "2026-03-01")), 1),
        (
            consent(
                "c",
                "ci:PreferenceData",
                ("Given", "2026-01-01"),
                ("Withdrawn", "2026-01-15"),
                ("Renewed", "2026-01-20"),
            ),
            1,
        ),
        (
            consent(
                "c", "ci:PreferenceData", ("Given", "2026-01-01"), more=f"; ci:expiresAt {day('2026-01-31')}"
            ),
            0,
        ),
        (consent("c", "ci:PreferenceData", ("Given", "2026-01-01"), more="; ci:forPurpose dpv:Marketing"), 1),
    ],
)
def test_consent_at_the_time_of_collection(
    kg: KnowledgeGraph, tmp_path: Path, consents: str, covered: int
) -> None:
    turtle = f"""
        t:anna a ci:ContactPerson . t:bert a ci:ContactPerson .
        t:r a ci:PreferenceRecord ; ci:dataSubject t:anna ; ci:hasCategory ci:PreferenceData ;
            ci:collectedAtTime {day("2026-02-01")} .
        t:no1 a ci:PreferenceRecord ; ci:dataSubject t:bert ; ci:hasCategory ci:PreferenceData ;
            ci:collectedAtTime {day("2026-02-01")} .
        t:no2 a ci:PreferenceRecord ; ci:dataSubject t:anna ; ci:hasCategory ci:PreferenceData .
        t:no3 a ci:PreferenceRecord ; ci:dataSubject t:anna ; ci:collectedAtTime {day("2026-02-01")} .
        t:none a ci:Document .
    """
    assert of(kg, tmp_path, turtle + consents, "consent-coverage") == {
        ("CustomerDataRecord", ""): (covered, 4)
    }


def test_consent_for_each_kind_purpose_and_provider(kg: KnowledgeGraph, tmp_path: Path) -> None:
    record = f"a ci:Feedback ; ci:dataSubject t:anna ; ci:collectedAtTime {day('2026-02-01')}"
    given = ("Given", "2026-01-01")
    turtle = f"""
        t:anna a ci:ContactPerson . t:j a ci:Project ; ci:provider t:us .
        t:a {record} ; ci:hasCategory ci:CommunicationData , ci:PreferenceData .
        t:no1 {record} ; ci:hasCategory ci:CommunicationData , ci:BehaviouralData .
        t:b {record} ; ci:hasCategory ci:CommunicationData ; ci:forPurpose dpv:Marketing .
        t:no2 {record} ; ci:hasCategory ci:PreferenceData ; ci:forPurpose dpv:Marketing .
        t:c {record} ; ci:hasCategory ci:PreferenceData ; ci:inProject t:j .
        t:no3 {record} ; ci:hasCategory ci:CommunicationData ; ci:inProject t:j .
    """
    turtle += consent("m", "ci:CommunicationData", given, more="; ci:forPurpose dpv:Marketing")
    turtle += consent("p", "ci:PreferenceData", given, more="; ci:controller t:us")
    assert of(kg, tmp_path, turtle, "consent-coverage") == {("CustomerDataRecord", ""): (3, 6)}


def test_open_findings_by_age(kg: KnowledgeGraph, tmp_path: Path) -> None:
    def finding(name: str, severity: str, seen: str, status: str = "open", until: str = "") -> str:
        since = f'; ci:firstSeen "{seen}"^^xsd:dateTime' if seen else ""
        end = f'; ci:waivedUntil "{until}"^^xsd:dateTime' if until else ""
        return (
            f"t:{name} a <{SH}ValidationResult> ; <{SH}resultSeverity> <{SH}{severity}> ; "
            f'ci:findingStatus "{status}" {since} {end} .'
        )

    found = [
        finding("a", "Violation", "2026-11-20T11:00:00Z"),
        finding("b", "Violation", "2026-11-12T13:00:00Z"),  # 7 full days
        finding("c", "Violation", "2026-11-12T12:00:00Z"),  # 8
        finding("d", "Warning", "2026-10-20T13:00:00Z"),  # 30
        finding("e", "Warning", "2026-10-20T12:00:00Z"),  # 31
        finding("f", "Warning", "2026-08-22T12:00:00Z"),  # 90
        finding("g", "Warning", "2026-08-21T12:00:00Z"),  # 91
        finding("h", "Warning", ""),
        finding("i", "Info", "2026-11-20T11:00:00Z", "mended"),
        finding("j", "Info", "2026-11-20T11:00:00Z", "waived", "2026-11-20T12:00:01Z"),
        finding("k", "Info", "2026-11-20T11:00:00Z", "waived", "2026-11-20T12:00:00Z"),  # has run out
    ]
    path = tmp_path / "findings.trig"
    path.write_text(f"{HEAD} <{kg.addresses.finding}> {{ {' '.join(found)} }}", encoding="utf-8")
    load_rdf(kg, [path], Origin(), trusted=True)
    numbers = {
        ages: [
            counts(kg, f"open-findings-{ages}")["ValidationResult", severity]
            for severity in ("Violation", "Warning", "Info")
        ]
        for ages in ("0-7", "8-30", "31-90", "over-90")
    }
    assert numbers == {
        "0-7": [(2, 3), (0, 5), (1, 1)],
        "8-30": [(1, 3), (1, 5), (0, 1)],
        "31-90": [(0, 3), (2, 5), (0, 1)],
        "over-90": [(0, 3), (2, 5), (0, 1)],
    }


def test_the_demonstration(demo_kg: KnowledgeGraph) -> None:
    """By `demo/README.md`: impacts 8 and 10, pain points 11 and 17, solution 7 are flawed; no duplicates."""
    assert counts(demo_kg, "completeness-by-class") == {
        ("Touchpoint", ""): (31, 31),
        ("PainPoint", ""): (16, 18),
        ("Solution", ""): (12, 13),
        ("Impact", ""): (9, 11),
    }
    assert counts(demo_kg, "reviews-in-time") == {("Solution", ""): (9, 10)}
    assert counts(demo_kg, "segments-evaluated-in-time") == {("DynamicSegment", ""): (3, 3)}
    assert counts(demo_kg, "unique-persons") == {("Person", ""): (54, 54)}
    ages = ("0-7", "8-30", "31-90", "over-90")
    warnings = [counts(demo_kg, f"open-findings-{age}")["ValidationResult", "Warning"] for age in ages]
    assert warnings == [(1, 11), (2, 11), (2, 11), (6, 11)]


EXAMPLES = [p for p in sorted(folder("shapes").glob("core/examples/*.ttl")) if p.name < "R08"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_completeness_on_the_examples_of_the_shapes(kg: KnowledgeGraph, path: Path) -> None:
    """Each example of a rule makes the record incomplete that the shape finds, and no other."""
    load_rdf(kg, [path], Origin())
    data = rdflib.Graph().parse(path)
    stated = next(data.objects(None, rdflib.URIRef("https://w3id.org/kgservice/shapes#now")), None)
    # Without a moment the rules about now find nothing: as long before all that the example tells of.
    now = datetime.fromisoformat(str(stated or "2000-01-01T00:00:00Z"))
    kg.clock = lambda: now
    announced = set(data.objects(None, rdflib.URIRef(f"{SH}focusNode")))
    for focus in tuple(announced):  # a measurement at fault makes its impact incomplete
        announced |= set(data.subjects(rdflib.URIRef(f"{CI}measurement"), focus))
    assert bool(announced) == path.name.endswith(".invalid.ttl")
    complete = counts(kg, "completeness-by-class")
    missing = sum(all_there - whole for whole, all_there in complete.values())
    assert missing == sum(
        kg.ask(f"ASK {{ VALUES ?c {{ {' '.join(f'<{CI}{name}>' for name in CHAIN)} }} <{focus}> a ?c }}")
        for focus in announced
    )
    assert missing > 0 or not announced


def test_defaults_of_the_questions_are_those_of_the_policy() -> None:
    for each in MEASURES.values():
        question = KNOWN[each.question]
        for name, number in each.policy.items():
            assert question.parameter(name).default == str(getattr(Policy(), number)), each.id
        for name in each.given:
            question.parameter(name)


# History


def test_a_day_has_one_measurement_and_days_add_up(kg: KnowledgeGraph, tmp_path: Path) -> None:
    now = NOON
    kg.clock = lambda: now
    pain = "a ci:PainPoint ; ci:occursAt t:x"
    load(kg, tmp_path, f't:a {pain} ; ci:title "A"@en . t:b {pain} ; ci:title "A"@en .')
    assert record(kg, KNOWN)[1]
    now += timedelta(hours=3)
    load(kg, tmp_path, f't:c {pain} ; ci:title "C"@en .')
    assert not record(kg, KNOWN)[1]
    now += timedelta(days=1)
    load(kg, tmp_path, f't:d {pain} ; ci:title "D"@en .')
    assert record(kg, KNOWN)[1]
    assert check(kg) == []
    assert [
        (past.time, past.measurement.numerator, past.measurement.denominator)
        for past in history(kg)
        if past.measurement.measure.id == "unique-records"
    ] == [(NOON + timedelta(hours=3), 1, 3), (NOON + timedelta(days=1, hours=3), 2, 4)]
    assert {
        past.measurement.part for past in history(kg) if past.measurement.measure.id == "unique-persons"
    } == (set())  # no persons: not applicable, nothing kept
    in_view = kg.select("PREFIX dqv: <http://www.w3.org/ns/dqv#> SELECT ?m { ?m a dqv:QualityMeasurement }")
    assert len(in_view.rows) == len(history(kg))


def test_what_no_longer_applies_leaves_the_day(kg: KnowledgeGraph, tmp_path: Path) -> None:
    load(kg, tmp_path, "t:a a ci:ContactPerson .")
    record(kg, KNOWN)
    before = {past.measurement.measure.id for past in history(kg)}
    update(kg, "DELETE WHERE { ?a a <https://w3id.org/kgservice/ci#ContactPerson> }", origin=Origin())
    record(kg, KNOWN)
    assert before - {past.measurement.measure.id for past in history(kg)} == {"unique-persons"}
    assert check(kg) == []


def test_the_same_again_is_no_commit(kg: KnowledgeGraph) -> None:
    first, _ = record(kg, KNOWN)
    again, new = record(kg, KNOWN)
    assert (again.number, again.added, again.removed, new) == (first.number, 0, 0, False)


def test_users_cannot_write_the_graph(kg: KnowledgeGraph) -> None:
    record(kg, KNOWN)
    graph = NamedNode(kg.addresses.quality)
    quad = Quad(NamedNode("urn:a"), NamedNode("urn:b"), NamedNode("urn:c"), graph)
    for change in (Change(add=(quad,)), Change(remove=(quad,)), Change(drop=(graph,))):
        with pytest.raises(Forbidden):
            kg.commit(change)
    with pytest.raises(Forbidden):
        update(kg, f"INSERT DATA {{ GRAPH {graph} {{ <urn:a> <urn:b> <urn:c> }} }}", origin=Origin())
    other = Quad(quad.subject, quad.predicate, quad.object, NamedNode(kg.addresses.provenance))
    with pytest.raises(Forbidden):
        kg.commit(Change(add=(other,), trusted=True))


def test_shares_come_back_as_they_were_counted() -> None:
    each, part = MEASURES["consent-coverage"], Part("urn:c")
    for whole in (1, 3, 7, 997, 999_983):
        for some in {0, 1, whole // 3, whole - 1, whole}:
            value = Measurement(each, part, some, whole).value
            assert value is not None
            assert restored(each, part, value, whole) == Measurement(each, part, some, whole)


def test_dqv_says_each_thing_once(kg: KnowledgeGraph, tmp_path: Path) -> None:
    load(kg, tmp_path, "t:a a ci:ContactPerson .")
    record(kg, KNOWN)
    graph = rdflib.Graph()
    graph.parse(data="\n".join(f"{t} ." for t in dqv(kg, KNOWN)), format="nt")
    measurements = set(graph.subjects(RDF.type, DQV.QualityMeasurement))
    assert len(measurements) == 2 * sum(m.value is not None for m in measure(kg, known=KNOWN))
    for each in measurements:
        for prop in (DQV.computedOn, DQV.isMeasurementOf, DQV.value):
            assert len(set(graph.objects(each, prop))) == 1
        metric = graph.value(each, DQV.isMeasurementOf)
        (value,) = graph.objects(each, DQV.value)
        assert isinstance(value, rdflib.Literal)
        assert value.datatype == graph.value(metric, DQV.expectedDataType)
        assert (graph.value(metric, DQV.inDimension), RDF.type, DQV.Dimension) in graph
    used = {p for p in graph.predicates() if str(p).startswith(str(DQV))}
    assert used == {DQV.computedOn, DQV.isMeasurementOf, DQV.value, DQV.inDimension, DQV.expectedDataType}


def test_the_report_has_words(demo_kg: KnowledgeGraph) -> None:
    measures = {m["id"]: m for m in report(demo_kg, KNOWN).to_json()["measures"]}
    assert measures["open-findings-0-7"]["parts"][1]["topic"]["de"] == "Verstoß"
    assert {p["topic"]["en"] for p in measures["chain-by-phase"]["parts"]} >= {"concept development"}
    assert measures["completeness-by-class"]["parts"][1]["now"]["value"] == pytest.approx(16 / 18)
