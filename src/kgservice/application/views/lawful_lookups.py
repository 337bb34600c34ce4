"""The same as `lawful_facts`, by single look-ups: for views, which must tell what a change would do to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from pyoxigraph import NamedNode

from kgservice.application.views.lawful_parts import Said, activities_of, subject_of
from kgservice.domain.consent import Activity, Concepts, Consent, Subject
from kgservice.domain.facts import Facts
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI, DPV, RDF, SKOS

BROADER, NARROWER = NamedNode(f"{SKOS}broader"), NamedNode(f"{SKOS}narrower")
SPECIAL = NamedNode(f"{DPV}SpecialCategoryPersonalData")
_CONSENT = ("forCategory", "forPurpose", "expiresAt", f"{DPV}hasDuration")
_EVENT = ("eventTime", "expiresAt", "eventMethod", "eventEntity")
_AUTHORISATION = ("authorisedBy", "verifiedAt", "authorisationFor")
_OBJECTION = ("receivedAt", "answeredAt", "requestOutcome")
_RESTRICTION = ("validFrom", "validUntil")
_ACTIVITY = ("forCategory", "forPurpose", "balancingOfInterests", "article9Basis")
_PERSON = ("age", "birthYear", "isMinor")


def _ci(name: str) -> NamedNode:
    return NamedNode(name if ":" in name else CI + name)


_CONSENT_RECORD, _DEMOGRAPHIC = _ci("ConsentRecord"), _ci("DemographicRecord")
_GUARDIAN, _PROCESSING = _ci("GuardianAuthorisation"), _ci("ProcessingActivity")
_SUBJECT, _BASIS, _KIND, _USES = _ci("dataSubject"), _ci("legalBasis"), _ci("customerKind"), _ci("usesRecord")
_RESTRICTED, _RESTRICTS, _RESTRICTED_BY = _ci("Restriction"), _ci("restricts"), _ci("restrictedBy")
_OBJECTS, _PERSON_CLASS = _ci("ObjectionRequest"), _ci("Person")


def find_subject(facts: Facts, person: NamedNode, *, claims: bool) -> Subject:
    """The person; with `claims`, also the bases other than consent that records and uses name."""
    parts: defaultdict[str, dict[str, Said]] = defaultdict(dict)
    kinds = [*facts.nodes(person, _KIND)]
    for membership in facts.subjects(person, _ci("memberPerson")):
        for segment in facts.nodes(membership, _ci("membershipOf")):
            kinds += facts.nodes(segment, _ci("segmentKindOfCustomer"))
    parts["person"][person.value] = {**_said(facts, person, _PERSON), "urn:kind": list(upwards(facts, kinds))}
    consents = []
    for node in facts.subjects(person, _SUBJECT):
        types = facts.objects(node, TYPE)
        if _DEMOGRAPHIC in types:
            parts["demographic"][node.value] = _said(facts, node, _PERSON)
        if _CONSENT_RECORD in types:
            consents.append(node)
            _add_consent(facts, node, parts)
        if _OBJECTS in facts.objects(node, _ci("requestKind")):
            parts["objection"][node.value] = _said(facts, node, _OBJECTION)
        if _RESTRICTED in types and not (
            facts.nodes(node, _RESTRICTS) or facts.subjects(node, _RESTRICTED_BY)
        ):
            parts["restriction"][node.value] = _said(facts, node, _RESTRICTION)
        if claims and _CONSENT_RECORD not in types:
            for claim in (node, *facts.subjects(node, _USES)):
                parts["claim"][claim.value] = _basis(facts, claim)
    for node in authorisations(facts, person, consents):
        parts["authorisation"][node.value] = _said(facts, node, _AUTHORISATION)
    return subject_of(person.value, parts)


def find_consent(facts: Facts, record: NamedNode) -> Consent | None:
    """A consent by itself; None where there is no such record, or it is nobody's."""
    owners = facts.nodes(record, _SUBJECT)
    if _CONSENT_RECORD not in facts.objects(record, TYPE) or not any(
        _PERSON_CLASS in facts.objects(owner, TYPE) for owner in owners
    ):
        return None
    parts: defaultdict[str, dict[str, Said]] = defaultdict(dict)
    _add_consent(facts, record, parts)
    return subject_of("", parts).consents[0]


def _add_consent(facts: Facts, node: NamedNode, parts: defaultdict[str, dict[str, Said]]) -> None:
    parts["consent"][node.value] = {**_said(facts, node, _CONSENT), **_basis(facts, node)}
    for event in facts.subjects(node, _ci("eventOf")):
        kind = {f"{RDF}type": list(facts.objects(event, TYPE))}
        parts["event"][event.value] = {**_said(facts, event, (*_EVENT, "eventOf")), **kind}


def authorisations(facts: Facts, person: NamedNode, consents: Iterable[NamedNode]) -> set[NamedNode]:
    """What guardians of the person agreed to."""
    found = set(facts.subjects(person, _ci("authorises")))
    for consent in consents:
        found.update(facts.subjects(consent, _ci("authorisationFor")))
    return {node for node in found if _GUARDIAN in facts.objects(node, TYPE)}


def find_activities(facts: Facts) -> tuple[Activity, ...]:
    """The processing activities that rest on other bases than consent."""
    nodes = facts.subjects(_PROCESSING, TYPE)
    parts = {node.value: {**_said(facts, node, _ACTIVITY), **_basis(facts, node)} for node in nodes}
    return tuple(activities_of({"activity": parts}))


def find_concepts(facts: Facts) -> Concepts:
    """The data categories and purposes, with what is broader."""
    trees = []
    special = set()
    for kind in (_ci("DataCategory"), _ci("ProcessingPurpose")):
        below = _walk(facts.subjects(kind, TYPE), lambda node: _around(facts, node, NARROWER, BROADER))
        trees.append({n.value: frozenset(b.value for b in broader(facts, n)) for n in below})
        for node in below:
            above = upwards(facts, [node])
            if SPECIAL in above or any(SPECIAL in facts.objects(one, TYPE) for one in above):
                special.add(node.value)
    categories, purposes = ({name: tree[name] for name in sorted(tree)} for tree in trees)
    return Concepts(categories, purposes, frozenset(special))


def broader(facts: Facts, concept: NamedNode) -> set[NamedNode]:
    """The concepts directly above."""
    return _around(facts, concept, BROADER, NARROWER)


def upwards(facts: Facts, concepts: Iterable[NamedNode]) -> list[NamedNode]:
    """The concepts and all broader ones."""
    return _walk(concepts, lambda node: broader(facts, node))


def _around(facts: Facts, node: NamedNode, there: NamedNode, back: NamedNode) -> set[NamedNode]:
    return {*facts.nodes(node, there), *facts.subjects(node, back)}


def _walk(starts: Iterable[NamedNode], step: Callable[[NamedNode], set[NamedNode]]) -> list[NamedNode]:
    reached = dict.fromkeys(starts)
    waiting = list(reached)
    while waiting:
        for node in step(waiting.pop()):
            if node not in reached:
                reached[node] = None
                waiting.append(node)
    return list(reached)


def _basis(facts: Facts, node: NamedNode) -> Said:
    return {"urn:basis": list(upwards(facts, facts.nodes(node, _BASIS)))}


def _said(facts: Facts, node: NamedNode, names: Iterable[str]) -> Said:
    return {name: list(facts.objects(node, _ci(name))) for name in names}
