"""Questions 31 to 33, data quality. All columns are compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations

from rdflib import Literal, Namespace
from rdflib.term import Node

from tests.answers.facts import CI, Facts, expected, facts, moment, or_blank, rows
from tests.conftest import NOON

SH = Namespace("http://www.w3.org/ns/shacl#")


def test_q31_completeness() -> None:
    """An entry counts once in each phase that it leads to; a value that is there twice counts once."""
    f = facts()

    def of_claim(pain: Node) -> set[Node]:
        return f.all(pain, CI.occursAt)

    def of_solution(solution: Node) -> set[Node]:
        return {place for pain in f.all(solution, CI.addresses) for place in of_claim(pain)}

    def of_impact(impact: Node) -> set[Node]:
        return {place for solution in f.all(impact, CI.impactOf) for place in of_solution(solution)}

    asked: dict[Node, tuple[Callable[[Node], set[Node]], list[Node]]] = {
        CI.Touchpoint: (lambda place: {place}, [CI.channel, CI.plannedMethod, CI.initiator]),
        CI.PainPoint: (of_claim, [CI.painPointKind, CI.painPointStatus, CI.evidencedBy, CI.affects]),
        CI.Solution: (of_solution, [CI.solutionKind, CI.solutionStatus, CI.deployedAt]),
        CI.Impact: (of_impact, [CI.metric, CI.measurement, CI.baseline, CI.evidencedBy]),
        CI.Evidence: (
            lambda proof: f.all(proof, CI.collectedAt),
            [CI.sourceOfData, CI.collectedAtTime, CI.confidentiality, CI.dataOrigin],
        ),
    }
    found = []
    for cls, (places, wanted) in asked.items():
        by_phase = defaultdict(set)
        for thing in f.of(cls):
            for place in places(thing):
                for phase in f.all(place, CI.phase):
                    by_phase[phase].add(thing)
        for phase, things in by_phase.items():
            filled = sum(bool(f.all(thing, prop)) for thing in things for prop in wanted)
            total = len(things) * len(wanted)
            share = (Decimal(filled) / total).quantize(Decimal("0.01"), ROUND_HALF_UP)
            found.append([cls, f.label(cls), f.label(phase), len(things), total, filled, share])
    assert sorted(rows(found)) == sorted(expected("completeness"))


# What a person has one of at a time. The age is as it was when asked, so two ages are no contradiction.
SINGLE = [
    *(CI.personName, CI.emailAddress, CI.telephone, CI.postalAddress, CI.customerNumber, CI.postalCode),
    *(CI.region, CI.birthYear, CI.gender, CI.maritalStatus, CI.occupation, CI.educationLevel, CI.income),
]


def overlap(f: Facts, first: Node, second: Node) -> bool:
    """Whether two statements hold at a common moment; without limits of validity they hold always."""

    def limit(thing: Node, prop: Node, default: datetime) -> datetime:
        return moment(f.one(thing, prop)) if f.all(thing, prop) else default

    start, end = (datetime.fromisoformat(f"{year}-01-01T00:00:00Z") for year in ("0001", "9999"))
    return max(limit(x, CI.validFrom, start) for x in (first, second)) < min(
        limit(x, CI.validUntil, end) for x in (first, second)
    )


def test_q32_contradictions() -> None:
    """Each pair stands once, the smaller IRI first. What is in common: a claim, a touchpoint or a concept."""
    f = facts()
    found: list[list[object]] = []
    for one, other in f.demo.subject_objects(CI.contradicts):
        first, second = sorted([one, other], key=str)
        common = [CI.evidenceFor, CI.collectedAt, CI.insightFor, CI.concerns]
        found += [
            ["declared", thing, first, f.label(first), second, f.label(second), None]
            for thing in or_blank(f.all(first, *common) & f.all(second, *common))
        ]
    for person in f.of(CI.Person):
        for first, second in combinations(sorted({person} | f.all(person, CI.subjectOf), key=str), 2):
            found += [
                ["values", person, first, a, second, b, prop]
                for prop in SINGLE
                for a in f.all(first, prop)
                for b in f.all(second, prop)
                if a != b and overlap(f, first, second)
            ]
    assert sorted(rows(found)) == sorted(expected("contradictions"))


def in_charge(f: Facts, record: Node, prop: Node) -> list[object]:
    """Who mends it, and the name."""
    owner = f.one(record, prop)
    return [owner, f.one(owner, CI.personName)]


def test_q33_stale_or_duplicate() -> None:
    f = facts()
    found: list[list[object]] = []
    for finding in f.of(SH.ValidationResult):
        record, since = f.one(finding, SH.focusNode), f.one(finding, CI.firstSeen)
        if Literal("open") in f.all(finding, CI.findingStatus):
            (text,) = (
                t for t in f.all(finding, SH.resultMessage) if isinstance(t, Literal) and t.language == "de"
            )
            found.append(
                [record, f.label(record), "finding", since, text, *in_charge(f, finding, CI.findingOwner)]
            )
    over = [(record, end) for record in f.of(CI.Evidence, CI.Claim) for end in f.all(record, CI.validUntil)]
    unmeasured = [
        (solution, due)
        for solution in f.of(CI.Solution)
        for due in f.all(solution, CI.reviewDue)
        if not any(f.all(impact, CI.measurement) for impact in f.all(solution, CI.followedBy))
    ]
    for record, since in over + unmeasured:
        if moment(since) <= NOON:
            found.append(
                [record, f.label(record), "stale", since, None, *in_charge(f, record, CI.responsible)]
            )
    for person in f.of(CI.Person):
        details = f.all(person, CI.subjectOf) & f.of(CI.IdentificationRecord)
        for earlier, later in combinations(sorted(details, key=str), 2):
            since = f.one(later, CI.recordedAt)
            owner = in_charge(f, later, CI.responsible)
            found.append([later, f.label(later), "duplicate", since, earlier, *owner])
    assert sorted(rows(found)) == sorted(expected("stale-or-duplicate"))
