"""Questions 34 to 36, CRM. All columns are compared."""

from __future__ import annotations

from rdflib import URIRef
from rdflib.term import Node

from tests.answers.consents import state
from tests.answers.facts import CI, Facts, expected, facts, or_blank, rows
from tests.conftest import NOON


def participant(f: Facts, link: Node) -> Node:
    """The person or organisation that a link means."""
    found = f.one(link, CI.linkedPerson, CI.linkedOrganisation)
    assert found is not None
    return found


def crm_record(f: Facts, link: Node) -> Node:
    """The record of the CRM that a link means."""
    found = f.one(link, CI.linksRecord)
    assert found is not None
    return found


def test_q34_crm_match() -> None:
    f = facts()
    found = []
    for link in f.of(CI.CrmLink):
        who, record = participant(f, link), crm_record(f, link)
        found.append(
            [
                who,
                f.one(who, CI.personName) or f.label(who),
                record,
                f.one(record, CI.externalId),
                f.label(f.one(record, CI.crmSystem)),
                f.label(f.one(link, CI.matchRule)),
                f.one(link, CI.confidence),
                f.label(f.one(link, CI.decision)),
                f.one(link, CI.decidedAt),
            ]
        )
    assert sorted(rows(found)) == sorted(expected("crm-match"))


def test_q35_crm_differences() -> None:
    """The graph's value is that of the person or organisation, else those of the records about it."""
    f = facts()
    found = []
    for link in f.of(CI.CrmLink):
        if CI.LinkAccepted not in f.all(link, CI.decision):
            continue
        who, record = participant(f, link), crm_record(f, link)
        for field in f.all(record, CI.hasFieldValue):
            prop, value = URIRef(str(f.one(field, CI.fieldProperty))), f.one(field, CI.fieldValue)
            kept = f.all(who, prop) or {
                v for r in f.all(who, CI.subjectOf) & f.of(CI.Evidence) for v in f.all(r, prop)
            }
            found += [
                [who, record, f.one(field, CI.fieldName), f.label(prop), value, ours, f.one(field, CI.wins)]
                for ours in or_blank(kept)
                if ours is None or str(ours).lower() != str(value).lower()
            ]
    assert sorted(rows(found)) == sorted(expected("crm-differences"))


def test_q36_crm_consent() -> None:
    f = facts()
    words = {"in-force": "given", "never-given": "none"}
    first_that_applies = ["given", "withdrawn", "refused", "expired", "none"]
    found = []
    for link in f.of(CI.CrmLink):
        record = crm_record(f, link)
        if CI.LinkRejected in f.all(link, CI.decision):
            continue
        for theirs in f.all(record, CI.crmConsentState):
            person = participant(f, link)
            consents = [c for c in f.of(CI.ConsentRecord) if person in f.all(c, CI.dataSubject)]
            names = [state(f, consent, NOON).name for consent in consents]
            ours = min((words.get(n, n) for n in names), key=first_that_applies.index, default="none")
            found.append([person, record, f.one(record, CI.externalId), theirs, ours, str(theirs) == ours])
    assert sorted(rows(found)) == sorted(expected("crm-consent"))
