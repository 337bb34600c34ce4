"""Questions 1 to 6, tracing: from pain point to solution, impact and lesson. All columns are compared."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rdflib import URIRef
from rdflib.namespace import RDF
from rdflib.term import Node

from tests.answers.facts import CI, expected, facts, item, moment, number, or_blank, rows
from tests.conftest import NOON


def test_q01_pain_points_behind_solution() -> None:
    f, solution = facts(), item(1031, 6)
    chains = [
        (pain, place, proof)
        for pain in f.all(solution, CI.addresses)
        for place in or_blank(f.all(pain, CI.occursAt))
        for proof in or_blank(f.all(pain, CI.evidencedBy))
    ]
    found = [
        [
            solution,
            f.label(solution),
            pain,
            f.label(pain),
            f.label(place),
            f.label(f.one(place, CI.phase)),
            proof,
            f.label(proof),
            f.label(f.one(proof, RDF.type)),
            f.one(proof, CI.collectedAtTime),
            f.label(f.one(f.one(proof, CI.collectedBy), CI.method)),
            f.label(f.one(proof, CI.confidentiality)),
        ]
        for pain, place, proof in chains
    ]
    assert sorted(rows(found)) == sorted(expected("pain-points-behind-solution"))


def test_q02_impact_of_solution() -> None:
    f = facts()
    found = []
    for impact in f.of(CI.Impact):
        solution, after, before = (f.one(impact, p) for p in (CI.impactOf, CI.measurement, CI.baseline))
        if solution is None:
            continue
        assert after is not None
        value = number(f.one(after, CI.value))
        base = number(f.one(before, CI.value)) if before else None
        found.append(
            [
                solution,
                f.label(solution),
                impact,
                f.label(impact),
                f.label(f.one(impact, CI.metric)),
                f.label(f.one(after, CI.unit)),
                base,
                f.one(before, CI.measuredAt),
                value,
                f.one(after, CI.measuredAt),
                None if base is None else value - base,
                f.label(f.one(impact, CI.measuredWith)),
            ]
        )
    assert sorted(rows(found)) == sorted(expected("impact-of-solution"))


@pytest.mark.parametrize(
    ("case", "phase", "minimum_age", "language"),
    [("unsolved-pain-points", None, 0, "de"), ("unsolved-pain-points.old", CI.MarketLaunch, 90, "en")],
)
def test_q03_unsolved_pain_points(case: str, phase: URIRef | None, minimum_age: int, language: str) -> None:
    f = facts()
    detected = {pain: moment(f.one(pain, CI.detectedAt)) for pain in f.of(CI.PainPoint)}
    found = []
    for pain, since in sorted(detected.items(), key=lambda entry: entry[1]):
        if f.all(pain, CI.addressedBy) or since > NOON:
            continue
        age = (NOON - since).days
        for place in or_blank(f.all(pain, CI.occursAt)):
            at = f.one(place, CI.phase)
            if age >= minimum_age and phase in (None, at):
                found.append(
                    [
                        pain,
                        f.label(pain, language),
                        f.label(at, language),
                        f.label(place, language),
                        f.label(f.one(pain, CI.painPointStatus), language),
                        f.one(pain, CI.detectedAt),
                        age,
                    ]
                )
    assert rows(found) == expected(case)


@pytest.mark.parametrize(
    ("case", "now"),
    [
        ("deployed-without-impact", NOON),
        ("deployed-without-impact.same-day", datetime(2026, 9, 7, 12, tzinfo=UTC)),
    ],
)
def test_q04_deployed_without_impact(case: str, now: datetime) -> None:
    f = facts()
    measured = {
        f.one(impact, CI.impactOf)
        for impact in f.of(CI.Impact)
        for measurement in f.all(impact, CI.measurement)
        if f.all(measurement, CI.value)
    }
    found = []
    for solution in f.of(CI.Solution) - measured:
        if f.one(solution, CI.solutionStatus) == CI.Deployed:
            deployed, due = f.one(solution, CI.deployedAt), f.one(solution, CI.reviewDue)
            overdue = moment(due) < now if due else None
            if moment(deployed) <= now:
                days = (now - moment(deployed)).days
                found.append([solution, f.label(solution), deployed, days, due, overdue])
    assert sorted(rows(found)) == sorted(expected(case))


def voices(proof: Node) -> set[Node]:
    """Whom a piece of evidence comes from: person, else organisation, else data source, else itself."""
    f = facts()
    ranks = (f.all(proof, p) for p in (CI.dataSubject, CI.aboutOrganisation, CI.sourceOfData))
    return next(filter(None, ranks), {proof})


def test_q05_single_source_claims() -> None:
    f = facts()
    found = []
    for claim in set(f.of(CI.Claim)) - set(f.of(CI.PainPointCandidate)):  # these always have one
        proofs = f.all(claim, CI.evidencedBy)
        sources = set().union(*map(voices, proofs))
        if len(sources) == 1:
            kind = f.label(f.one(claim, RDF.type))
            found.append([claim, f.label(claim), kind, len(proofs), sources.pop()])
    assert sorted(rows(found)) == sorted(expected("single-source-claims"))


def test_q06_lessons_for_touchpoint() -> None:
    f, touchpoint = facts(), item(1010, 24)
    plans_and_uses = f.all(touchpoint, CI.plannedMethod, CI.methodUse)
    methods = set().union(*(f.all(plan, CI.method) for plan in plans_and_uses))
    like_this = f.all(touchpoint, CI.phase, CI.channel) | methods
    found = []
    for lesson in f.of(CI.LessonLearned):
        learned_from = f.all(lesson, CI.learnedFrom)
        learned_at = learned_from | {place for pain in learned_from for place in f.all(pain, CI.occursAt)}
        reasons = (f.all(lesson, CI.appliesTo) & like_this) | (learned_at & {touchpoint})
        found += [
            [lesson, f.label(lesson), reason, f.label(reason), f.label(origin)]
            for reason in reasons
            for origin in or_blank(learned_from)
        ]
    assert sorted(rows(found)) == sorted(expected("lessons-for-touchpoint"))
