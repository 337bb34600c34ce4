"""Questions 24 to 30, consent and privacy. All columns are compared.

Only in question 29 the order of several values in one cell is left open. Question 27 follows `ci:ownerLink`: the
properties that lead from a record to the person in whose graph it belongs.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from rdflib import Literal, Namespace, URIRef
from rdflib.namespace import RDF, RDFS, SKOS
from rdflib.term import Node

from tests.answers.consents import in_force, state
from tests.answers.facts import CI, DPV, Facts, expected, facts, item, moment, or_blank, rows
from tests.conftest import NOON

GDPR = Namespace("https://w3id.org/dpv/legal/eu/gdpr#")
TRUE = Literal(True)
RESEARCH = DPV.ResearchAndDevelopment


def consents(f: Facts, record: Node, purpose: Node) -> set[Node]:
    """The consents of the person for this purpose and the kind of data of the record."""
    return {
        consent
        for consent in f.of(CI.ConsentRecord)
        if f.all(consent, CI.dataSubject) & f.all(record, CI.dataSubject)
        and f.all(consent, CI.forCategory) & f.all(record, CI.hasCategory)
        and purpose in f.all(consent, CI.forPurpose)
    }


def by_consent(f: Facts) -> set[Node]:
    """The legal bases that are consent."""
    narrower = f.ontology.transitive_subjects(SKOS.broader, DPV.Consent)
    return {GDPR["A6-1-a"], *(term for term in narrower if term is not None)}


def activities(f: Facts, record: Node, purpose: Node) -> set[Node]:
    """The processing activities for the same on another legal basis than consent."""
    return {
        activity
        for activity in f.of(CI.ProcessingActivity)
        if f.all(activity, CI.forCategory) & f.all(record, CI.hasCategory)
        and purpose in f.all(activity, CI.forPurpose)
        and f.all(activity, CI.legalBasis) - by_consent(f)
    }


def restricted(f: Facts, record: Node, now: datetime) -> bool:
    """Whether a restriction of the record holds at a moment, or one of its person that names no record."""
    orders = set(f.all(record, CI.restrictedBy))
    for person in f.all(record, CI.dataSubject):
        orders |= {
            o
            for o in f.of(CI.Restriction)
            if person in f.all(o, CI.dataSubject) and not f.all(o, CI.restricts)
        }
    return any(
        moment(f.one(order, CI.validFrom)) <= now
        and all(now < moment(end) for end in f.all(order, CI.validUntil))
        for order in orders
    )


@pytest.mark.parametrize(
    ("case", "record", "purpose", "now"),
    [
        ("given", item(1024, 4), RESEARCH, NOON),
        ("withdrawn", item(1024, 30), RESEARCH, NOON),
        ("before-withdrawal", item(1024, 30), RESEARCH, datetime.fromisoformat("2026-11-20T08:00:00Z")),
        ("given-again", item(1024, 19), RESEARCH, NOON),
        ("expired", item(1024, 7), RESEARCH, NOON),
        ("restricted", item(1024, 8), RESEARCH, NOON),
        ("no-ground", item(1024, 21), DPV.CustomerRelationshipManagement, NOON),
        ("contract", item(1022, 27), DPV.ServiceProvision, NOON),
    ],
)
def test_q24_may_i_use(case: str, record: URIRef, purpose: URIRef, now: datetime) -> None:
    """In the profile consent-only. The rules that no record here shows are in `server/test_may_i_use.py`."""
    f = facts()
    assert TRUE not in f.all(record, CI.specialCategory)
    (category,) = f.all(record, CI.hasCategory)
    found: list[list[object]] = []
    for ground in consents(f, record, purpose):
        reason, since, until = state(f, ground, now)
        found.append([ground, f.label(DPV.Consent), reason, moment_text(since), moment_text(until)])
    found += [
        [ground, f.label(f.one(ground, CI.legalBasis)), "consent-only", None, None]
        for ground in activities(f, record, purpose)
    ]
    found = found or [[None, None, "no-ground", None, None]]
    for row in found:
        row[2] = "restricted" if restricted(f, record, now) else row[2]
    wanted = [[row[2] == "in-force", category, f.label(category), *row] for row in found]
    assert sorted(rows(wanted)) == sorted(expected(f"may-i-use.{case}"))


def moment_text(value: datetime | None) -> str | None:
    """A moment as in the expected files."""
    return value.isoformat().replace("+00:00", "Z") if value else None


def test_q25_stop_after_withdrawal() -> None:
    f = facts()
    found = []
    for consent in f.of(CI.ConsentRecord):
        name, withdrawn, _ = state(f, consent, NOON)
        if name != "withdrawn":
            continue
        assert withdrawn is not None
        for purpose in f.all(consent, CI.forPurpose):
            for record in f.of(CI.CustomerDataRecord):
                if consent not in consents(f, record, purpose):
                    continue
                others = consents(f, record, purpose) - {consent}
                covered = bool(activities(f, record, purpose)) or any(in_force(f, c, NOON) for c in others)
                running = {
                    use
                    for use in f.all(record, CI.usedIn)
                    if purpose in f.all(use, CI.forPurpose)
                    and moment(f.one(use, CI.startedAt)) <= NOON
                    and all(moment(end) > withdrawn for end in f.all(use, CI.endedAt))
                }
                found += [
                    [
                        consent,
                        moment_text(withdrawn),
                        f.label(purpose),
                        record,
                        f.label(record),
                        f.label(f.one(record, CI.hasCategory)),
                        use,
                        f.one(use, CI.startedAt),
                        covered or bool(use and f.all(use, CI.legalBasis) - by_consent(f)),
                    ]
                    for use in or_blank(running)
                ]
    assert sorted(rows(found)) == sorted(expected("stop-after-withdrawal"))


def test_q26_special_category_records() -> None:
    f = facts()
    found = [
        [
            record,
            f.label(record),
            f.label(f.one(record, RDF.type)),
            f.one(record, CI.dataSubject),
            basis,
            f.label(basis),
        ]
        for record in f.of(CI.CustomerDataRecord)
        if TRUE in f.all(record, CI.specialCategory)
        for basis in or_blank(f.all(record, CI.article9Basis))
    ]
    assert sorted(rows(found)) == sorted(expected("special-category-records"))


def about(f: Facts, person: Node) -> set[Node]:
    """The person and all that belongs into the graph of the person."""
    owned = {
        below
        for link in f.ontology.subjects(CI.ownerLink, TRUE)
        for below in f.ontology.transitive_subjects(RDFS.subPropertyOf, link)
    }
    found, new = set(), {person}
    while new:
        found |= new
        new = {s for thing in new for link in owned for s in f.demo.subjects(link, thing)} - found
    return found


def test_q27_subject_data() -> None:
    f, person = facts(), item(1007, 45)
    systems = {
        system
        for link in f.all(person, CI.hasPersonLink)
        if CI.LinkAccepted in f.all(link, CI.decision)
        for record in f.all(link, CI.linksRecord)
        for system in f.all(record, CI.crmSystem)
    }
    held = {triple for record in about(f, person) for triple in f.demo.triples((record, None, None))}
    held |= set(f.demo.triples((None, None, person)))  # also where others name the person
    proof = f.of(CI.ConsentRecord, CI.ConsentEvent, CI.GuardianAuthorisation)
    found = [
        [
            record,
            f.label(f.one(record, RDF.type)),
            prop,
            f.label(prop),
            value,
            f.label(system),
            record not in proof and GDPR["A6-1-c"] not in f.all(record, CI.legalBasis),
            restricted(f, record, NOON),
            bool(f.all(record, CI.dataOrigin) & {CI.ProvidedData, CI.ObservedData}),
        ]
        for record, prop, value in held
        if prop != RDF.type
        for system in or_blank(systems)
    ]
    assert sorted(rows(found)) == sorted(expected("subject-data"))


def test_q28_expiring_consents() -> None:
    f = facts()
    found = []
    for consent in f.of(CI.ConsentRecord):
        until = state(f, consent, NOON).until
        if not in_force(f, consent, NOON):
            continue
        assert until is not None
        notice = f.one(consent, CI.notice)
        assert notice is not None
        reasons = {
            "expires": until <= NOON + timedelta(days=30),
            "old-notice": TRUE not in f.all(notice, CI.noticeCurrent),
        }
        found += [
            [
                consent,
                f.one(consent, CI.dataSubject),
                f.label(purpose),
                reason,
                moment_text(until),
                (until - NOON).days,
                f.one(notice, CI.noticeVersion),
            ]
            for reason, holds in reasons.items()
            if holds
            for purpose in f.all(consent, CI.forPurpose)
        ]
    assert sorted(rows(found)) == sorted(expected("expiring-consents"))


def test_q29_record_of_processing() -> None:
    f = facts()
    named = [CI.controller, CI.forPurpose, CI.forCategory, CI.legalBasis]
    said = [CI.subjectGroup, CI.recipient, CI.storagePlace, CI.jurisdiction, CI.retention, CI.securityMeasure]
    found = set()
    for activity in f.of(CI.ProcessingActivity):
        cells = {p: frozenset(map(f.label, f.all(activity, p))) for p in named}
        cells |= {p: frozenset(map(str, f.all(activity, p))) for p in said}
        order = [CI.controller, CI.forPurpose, CI.subjectGroup, CI.forCategory, *said[1:], CI.legalBasis]
        first = rows([[activity, f.label(activity)]])[0]
        found.add((*(frozenset({text}) for text in first), *(cells[p] for p in order)))
    wanted = expected("record-of-processing")
    assert found == {tuple(frozenset(cell.split("; ")) for cell in row) for row in wanted}
    assert len(found) == len(wanted)


def test_q30_minors() -> None:
    f = facts()
    found = []
    for person in f.of(CI.Person):
        told = [person, *(r for r in f.of(CI.DemographicRecord) if person in f.all(r, CI.dataSubject))]
        ages = {int(str(age)) for one in told for age in f.all(one, CI.age)}
        born = {int(str(year)) for one in told for year in f.all(one, CI.birthYear)}
        young = any(age < 16 for age in ages) or any(NOON.year - year <= 16 for year in born)
        if not young and TRUE not in f.all(person, CI.isMinor):
            continue
        consent = {c for c in f.of(CI.ConsentRecord) if person in f.all(c, CI.dataSubject)}
        proofs = f.all(person, CI.guardianAuthorisation).union(
            *(f.all(c, CI.authorisedThrough) for c in consent)
        )
        for proof in or_blank(proofs):
            rest = [CI.authorisedBy, CI.verifiedAt, CI.authorisationFor]
            found.append([person, proof, *(f.one(proof, p) for p in rest)])
    assert sorted(rows(found)) == sorted(expected("minors"))
