"""Questions 37 to 40, provenance and time.

All columns are compared, but in question 37 not the IRI of the commit and the number of statements that it added:
the service makes the one, and the other depends on the size of the demonstration.
"""

from __future__ import annotations

from datetime import datetime

import pytest
from rdflib import PROV, Literal, URIRef
from rdflib.namespace import RDF
from rdflib.term import Node

from tests.answers.facts import CI, Facts, expected, facts, item, moment, rows
from tests.conftest import NOON


def test_q37_changes() -> None:
    """The demonstration is loaded in one commit, at noon; what happened before that stands in `demo/history.ttl`."""
    f, record = facts(), item(1031, 6)
    loading: list[object] = [None, 1, Literal(NOON), "kgservice", "demonstration graph", "demo", None, 0]
    activities: list[list[object]] = [
        [
            change,
            None,
            f.one(change, CI.endedAt),
            f.one(f.one(change, CI.responsible), CI.personName),
            f.label(change),
            f.label(f.one(change, PROV.used)),
            None,
            None,
        ]
        for change in f.demo.subjects(PROV.generated, record)
    ]
    found = sorted([loading, *activities], key=lambda row: moment_of(row[2]), reverse=True)
    commit, *others = expected("changes")
    assert commit[6] == "*"
    assert rows(found) == [["", *commit[1:6], "", commit[7]], *others]


def moment_of(value: object) -> datetime:
    """The moment in a cell."""
    assert isinstance(value, Node)
    return moment(value)


def valid_from(f: Facts, thing: Node) -> Node | None:
    """From when a thing is valid; else detected, deployed, collected, measured or, if an insight, created."""
    measured = {m for value in f.all(thing, CI.measurement) for m in f.all(value, CI.measuredAt)}
    created = f.all(thing, CI.createdAt) if thing in f.of(CI.Insight) else set()
    stated = [f.all(thing, p) for p in (CI.validFrom, CI.detectedAt, CI.deployedAt, CI.collectedAtTime)]
    return next((min(moments, key=moment) for moments in [*stated, measured, created] if moments), None)


@pytest.mark.parametrize(
    ("case", "valid_at", "known_at", "about", "project"),
    [
        ("state-at", "2025-03-01", "2025-02-01", None, item(1001, 1)),
        ("state-at.person", "2026-09-15", None, item(1007, 9), None),
        ("state-at.before-move", "2026-08-01", None, item(1007, 9), None),
        ("state-at.known-then", "2026-09-15", "2026-09-15", item(1007, 9), None),
    ],
)
def test_q38_state_at(
    case: str, valid_at: str, known_at: str | None, about: URIRef | None, project: URIRef | None
) -> None:
    f = facts()
    day = datetime.fromisoformat(f"{valid_at}T00:00:00Z")
    known = datetime.fromisoformat(f"{known_at}T00:00:00Z") if known_at else NOON
    found = []
    for thing in f.of(CI.PainPoint, CI.Insight, CI.Solution, CI.Impact, CI.SegmentMembership, CI.Evidence):
        begins, ends = valid_from(f, thing), f.one(thing, CI.validUntil)
        recorded = f.one(thing, CI.recordedAt) or f.one(thing, CI.createdAt) or begins
        if (
            begins is not None
            and moment(begins) <= day
            and (ends is None or day < moment(ends))
            and moment(recorded) <= known
            and (about is None or about in {thing} | f.all(thing, CI.dataSubject, CI.memberPerson))
            and (project is None or project in f.all(thing, CI.inProject))
        ):
            found.append([thing, f.label(f.one(thing, RDF.type)), f.label(thing), begins, ends, recorded])
    assert sorted(rows(found)) == sorted(expected(case))


def test_q39_derived_statements() -> None:
    f, true = facts(), Literal(True)
    by_ai = set(f.demo.subjects(CI.derivedByAI, true)) - f.of(PROV.Activity)
    derived = {e for e in f.of(CI.Evidence) if f.all(e, CI.dataOrigin) & {CI.DerivedData, CI.InferredData}}
    found = [
        [
            record,
            f.label(record),
            f.label(f.one(record, RDF.type)),
            record in by_ai,
            f.label(f.one(record, CI.dataOrigin)),
            len(f.all(record, CI.evidencedBy, CI.derivedFrom)),
        ]
        for record in by_ai | derived
    ]
    assert sorted(rows(found)) == sorted(expected("derived-statements"))


def closure(f: Facts, start: Node, *properties: Node) -> set[Node]:
    """All that is reached from `start` in one or more steps."""
    found: set[Node] = set()
    new = f.all(start, *properties)
    while new:
        found |= new
        new = {there for here in new for there in f.all(here, *properties)} - found
    return found


def test_q40_retracted_source() -> None:
    f, source = facts(), item(1009, 3)
    # Requirements, concepts and solutions made from a claim, solutions that realise those, and their impacts
    rests = [CI.leadsTo, CI.insightFor, CI.addressedBy, CI.realisedBy, CI.followedBy]
    counted = f.of(CI.Requirement, CI.SolutionConcept, CI.Solution, CI.Impact)

    def from_source(proof: Node) -> bool:
        return any(source in f.all(p, CI.sourceOfData) for p in {proof} | closure(f, proof, CI.derivedFrom))

    found = []
    for claim in f.of(CI.Claim):
        proofs = f.all(claim, CI.evidencedBy)
        lost = {proof for proof in proofs if from_source(proof)}
        if lost:
            left = len(proofs - lost)
            found.append(
                [
                    source,
                    f.label(source),
                    claim,
                    f.label(claim),
                    f.label(f.one(claim, RDF.type)),
                    len(lost),
                    left,
                    "weaker" if left else "falls",
                    len(closure(f, claim, *rests) & counted),
                ]
            )
    assert sorted(rows(found)) == sorted(expected("retracted-source"))
