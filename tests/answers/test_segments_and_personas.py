"""Questions 21 to 23, segments and personas. All columns are compared.

A membership counts while it holds at the moment asked for. A consent is looked at as in question 24; of the
consents of a person those for the kind of data count, each with all its purposes.
"""

from __future__ import annotations

from rdflib.namespace import RDF
from rdflib.term import Node

from tests.answers.consents import in_force
from tests.answers.facts import CI, Facts, expected, facts, moment, or_blank, rows
from tests.conftest import NOON


def members(f: Facts, segment: Node) -> set[Node]:
    """The persons who belong to a segment now."""
    found = set()
    for membership in f.all(segment, CI.hasMembership):
        begins, ends = f.one(membership, CI.validFrom), f.one(membership, CI.validUntil)
        if moment(begins) <= NOON and (ends is None or moment(ends) > NOON):
            found |= f.all(membership, CI.memberPerson)
    return found


def test_q21_psychographic_segments() -> None:
    f = facts()
    found: list[list[object]] = []
    for segment in f.all(CI.PsychographicCriterion, CI.criterionOf):
        for category in f.all(segment, CI.usesDataCategory):
            about = [segment, f.label(segment, "en"), f.label(category, "en")]
            for member in or_blank(members(f, segment)):
                covering = [
                    consent
                    for consent in f.of(CI.ConsentRecord)
                    if member in f.all(consent, CI.dataSubject) and category in f.all(consent, CI.forCategory)
                ]
                if not covering:
                    found.append([*about, member, None, None, None, False])
                for consent in covering:
                    until, valid = f.one(consent, CI.expiresAt), in_force(f, consent, NOON)
                    found += [
                        [*about, member, consent, f.label(purpose, "en"), until, valid]
                        for purpose in f.all(consent, CI.forPurpose)
                    ]
    assert sorted(rows(found)) == sorted(expected("psychographic-segments"))


def test_q22_product_contexts() -> None:
    f = facts()
    found = [
        [product, f.label(product), context, f.label(context), f.label(f.one(context, RDF.type))]
        for product in f.of(CI.ProductServiceSystem)
        for context in f.all(product, CI.usedInContext)
    ]
    assert sorted(rows(found)) == sorted(expected("product-contexts"))


def test_q23_personas_without_evidence() -> None:
    f = facts()
    found = [
        [persona, f.label(persona), segment, f.label(segment)]
        for persona in f.of(CI.Persona)
        if not f.all(persona, CI.evidencedBy)
        for segment in or_blank(f.all(persona, CI.personaOf))
    ]
    assert sorted(rows(found)) == sorted(expected("personas-without-evidence"))
