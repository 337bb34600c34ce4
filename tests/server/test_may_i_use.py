"""Question 24 against the decision: for each kind of data of a record, the same grounds for the same reasons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, parse

from kgservice.application.answers.questions import ask
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_concepts, read_subject
from kgservice.domain.change import Change
from kgservice.domain.decision import Asked, Reason, allowed
from kgservice.domain.question import with_values
from kgservice.namespaces import CI, DPV

IDS = "https://kg.example/id/"
RESEARCH = f"{DPV}ResearchAndDevelopment"
PREFIXES = f"""PREFIX ci: <{CI}> PREFIX dpv: <{DPV}> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX gdpr: <https://w3id.org/dpv/legal/eu/gdpr#> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
PREFIX id: <{IDS}> """
RECORDS = f"SELECT ?record ?person {{ ?record a <{CI}CustomerDataRecord> ; <{CI}dataSubject> ?person }}"
CATEGORIES = f"SELECT ?c {{ VALUES ?record {{ UNDEF }} ?record <{CI}hasCategory> ?c }}"
SPECIAL = f"""PREFIX ci: <{CI}> ASK {{ VALUES ?record {{ UNDEF }} {{ ?record ci:specialCategory true }} UNION
  {{ ?record ci:screenedBy|^ci:screeningOf ?c . ?c ci:screeningDecision ci:ContainsSpecialCategory }} }}"""
IN_FORCE = {Reason.CONSENT: "in-force", Reason.LEGAL_BASIS: "in-force"}

Rows = set[tuple[str, str | None, str]]


@pytest.fixture(scope="module")
def kg(demo_kg: KnowledgeGraph) -> Iterator[KnowledgeGraph]:
    """A copy of the demonstration that takes everything and keeps no views of purposes."""
    with demo_kg.store.copy() as store:
        settings = replace(demo_kg.settings, purposes="")
        graph = KnowledgeGraph.open(settings, store, demo_kg.clock, guarded=False)
        yield graph
        graph.close()


@contextmanager
def saying(kg: KnowledgeGraph, profile: str, turtle: str = "") -> Iterator[None]:
    """With more statements, and as a deployment of that profile has it."""
    said = parse(PREFIXES + turtle, format=RdfFormat.TURTLE)
    quads = tuple(Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in said)
    kg.settings = replace(kg.settings, profile=profile)
    if quads:
        kg.commit(Change(add=quads, trusted=True))
    try:
        yield
    finally:
        if quads:
            kg.commit(Change(remove=quads, trusted=True))


def told(kg: KnowledgeGraph, record: str, purpose: str) -> tuple[Rows, set[str]]:
    """What the question says by category and ground, and the categories with a ground that holds."""
    solutions = ask(kg, "may-i-use", {"record": record, "purpose": purpose}).solutions
    at = {name: solutions.variables.index(name) for name in ("valid", "category", "ground", "reason")}
    rows: Rows = set()
    holding = set()
    for row in solutions.rows:
        valid, category, ground, reason = (
            row[at[name]] for name in ("valid", "category", "ground", "reason")
        )
        assert isinstance(category, NamedNode)
        assert isinstance(reason, Literal)
        assert isinstance(valid, Literal)
        assert (valid.value == "true") == (reason.value == "in-force")
        rows.add((category.value, ground.value if isinstance(ground, NamedNode) else None, reason.value))
        if valid.value == "true":
            holding.add(category.value)
    return rows, holding


def decided(kg: KnowledgeGraph, record: str, person: str, purpose: str) -> tuple[Rows, set[str]]:
    """What the decision says of each kind of data of the record."""
    subject, activities = read_subject(kg, NamedNode(person))
    concepts, node = read_concepts(kg), {"record": NamedNode(record)}
    special = kg.ask(with_values(SPECIAL, node))
    rows: Rows = set()
    holding = set()
    for (category,) in kg.select(with_values(CATEGORIES, node)).rows:
        assert isinstance(category, NamedNode)
        asked = Asked(category.value, purpose, kg.clock(), special)
        decision = allowed(asked, subject, concepts, kg.policy, activities)
        for one in decision.considered:
            rows.add((category.value, one.ground, IN_FORCE.get(one.reason, one.reason.value)))
        if not decision.considered:
            rows.add((category.value, None, decision.reason.value))
        if decision.allowed:
            holding.add(category.value)
    return rows, holding


def agree(kg: KnowledgeGraph, record: str, person: str, purpose: str) -> set[str]:
    """The reasons that both tell for the record, which are the same."""
    rows, holding = told(kg, record, purpose)
    wanted, allowing = decided(kg, record, person, purpose)
    assert holding == allowing, (record, purpose, rows, wanted)
    if {reason for _, _, reason in wanted} <= {"restricted", "age-unknown"}:
        assert {(category, reason) for category, _, reason in rows} == {(c, r) for c, _, r in wanted}
    else:
        # In the profile consent-only other grounds are told, though they do not count.
        counting = {row for row in rows if row[2] != "consent-only"}
        bare = {(c, None, "no-ground") for c, _, reason in rows if reason == "consent-only"}
        missing = {row for row in bare if row[0] not in {c for c, _, _ in counting}}
        assert counting | missing == wanted, (record, purpose)
    return {reason for _, _, reason in rows}


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["consent-only", "gdpr"])
def test_the_records_of_the_demonstration(kg: KnowledgeGraph, profile: str) -> None:
    with saying(kg, profile):
        named = f"SELECT ?r {{ ?r <{CI}restrictedBy>|^<{CI}restricts> ?any }}"
        restricted = {node.value for (node,) in kg.select(named).rows if isinstance(node, NamedNode)}
        found: set[str] = set()
        seen = 0
        for record, person in kg.select(RECORDS).rows[::3]:
            assert isinstance(record, NamedNode)
            assert isinstance(person, NamedNode)
            for purpose in (RESEARCH, f"{DPV}ServiceProvision"):
                if record.value in restricted:
                    found |= {reason for _, _, reason in told(kg, record.value, purpose)[0]}
                else:
                    found |= agree(kg, record.value, person.value, purpose)
                seen += 1
    assert seen > 60
    assert {"in-force", "no-ground", "restricted"} <= found
    assert ("consent-only" in found) == (profile == "consent-only")


def consent(
    name: str = "k", more: str = "", until: str = 'ci:expiresAt "2028-01-01T00:00:00Z"^^xsd:dateTime'
) -> str:
    return (
        f"id:{name} a ci:ConsentRecord ; ci:dataSubject id:p ; ci:forPurpose dpv:ResearchAndDevelopment ; "
        f"ci:forCategory ci:BehaviouralData ; {until} {more}. "
    )


def event(kind: str, time: str, more: str = "", *, of: str = "k", name: str = "") -> str:
    at = f'; ci:eventTime "{time}"^^xsd:dateTime ' if time else ""
    return f"id:{name or f'e-{kind}-{time[:10]}'} a ci:Consent{kind} ; ci:eventOf id:{of} {at}{more}. "


def activity(basis: str, more: str = "") -> str:
    return (
        f"id:act a ci:ProcessingActivity ; ci:legalBasis gdpr:A6-1-{basis} ; ci:forCategory ci:BehaviouralData ; "
        f"ci:forPurpose dpv:ResearchAndDevelopment {more}. "
    )


PERSON = "id:p a ci:PrivateCustomer . id:r a ci:CustomerDataRecord ; ci:dataSubject id:p ; ci:hasCategory ci:BehaviouralData . "
GIVEN = consent() + event("Given", "2025-06-01T00:00:00Z")
GUARDIAN = (
    "id:g a ci:GuardianAuthorisation ; ci:authorisationFor id:k ; "
    'ci:authorisedBy "ParentOfDataSubject" ; ci:verifiedAt "2025-06-01T00:00:00Z"^^xsd:dateTime . '
)
NARROW = "id:gait a ci:DataCategory ; skos:broader ci:BehaviouralData . id:r ci:hasCategory id:gait . "
ART9 = "id:gait a dpv:SpecialCategoryPersonalData . "
WHOLE = "id:hold a ci:Restriction ; ci:dataSubject id:p "
BALANCED = '; ci:balancingOfInterests "Minutes of 2026-03-01" '
OBJECTION = "id:o a ci:RightsRequest ; ci:dataSubject id:p ; ci:requestKind ci:ObjectionRequest "
CASES: dict[str, tuple[str, str]] = {  # statements → the reason that must be among those told
    "nothing": ("", "no-ground"),
    "given": (GIVEN, "in-force"),
    "whole person restricted": (GIVEN + WHOLE + ". ", "restricted"),
    "restricted, and nothing else": (WHOLE + ". ", "restricted"),
    "restriction lifted": (
        GIVEN + WHOLE + '; ci:validUntil "2026-11-20T12:00:00Z"^^xsd:dateTime . ',
        "in-force",
    ),
    "restriction to come": (
        GIVEN + WHOLE + '; ci:validFrom "2026-11-20T12:00:01Z"^^xsd:dateTime . ',
        "in-force",
    ),
    "restriction with an end that nobody can read": (
        GIVEN + WHOLE + '; ci:validUntil "soon" . ',
        "restricted",
    ),
    "narrower category": (GIVEN + NARROW, "in-force"),
    "narrower special category": (GIVEN + NARROW + ART9, "not-explicit"),
    "special and explicit": (
        consent(more="; ci:legalBasis dpv:ExplicitlyExpressedConsent ")
        + event("Given", "2025-06-01T00:00:00Z")
        + NARROW
        + ART9,
        "in-force",
    ),
    "special record": (GIVEN + "id:r ci:specialCategory true . ", "not-explicit"),
    "screened record": (
        GIVEN + "id:s ci:screeningOf id:r ; ci:screeningDecision ci:ContainsSpecialCategory . ",
        "not-explicit",
    ),
    "one of two categories": (GIVEN + "id:r ci:hasCategory ci:TransactionData . ", "no-ground"),
    "never given": (consent() + event("Requested", "2025-06-01T00:00:00Z"), "never-given"),
    "given in the future": (consent() + event("Given", "2027-06-01T00:00:00Z"), "never-given"),
    "asked again": (GIVEN + event("Requested", "2026-06-01T00:00:00Z"), "in-force"),
    "withdrawn": (GIVEN + event("Withdrawn", "2026-06-01T00:00:00Z"), "withdrawn"),
    "refused": (GIVEN + event("Refused", "2026-06-01T00:00:00Z"), "refused"),
    "invalidated": (GIVEN + event("Invalidated", "2026-06-01T00:00:00Z"), "invalidated"),
    "expired": (GIVEN + event("Expired", "2026-06-01T00:00:00Z"), "expired"),
    "ended by the date of the event": (
        consent()
        + event("Given", "2025-06-01T00:00:00Z", '; ci:expiresAt "2026-06-01T00:00:00Z"^^xsd:dateTime '),
        "expired",
    ),
    "ended by the date of the record": (
        consent(until='ci:expiresAt "2026-11-20T12:00:00Z"^^xsd:dateTime')
        + event("Given", "2025-06-01T00:00:00Z"),
        "expired",
    ),
    "renewed": (GIVEN + event("Renewed", "2026-06-01T00:00:00Z"), "in-force"),
    "without end": (consent(until='ci:recordSchema "x"') + event("Given", "2025-06-01T00:00:00Z"), "endless"),
    "endless": (GIVEN + "id:k dpv:hasDuration dpv:EndlessDuration . ", "endless"),
    "implied": (
        consent(more="; ci:legalBasis dpv:ImpliedConsent ") + event("Given", "2025-06-01T00:00:00Z"),
        "implied",
    ),
    "tie": (GIVEN + event("Withdrawn", "2025-06-01T00:00:00Z"), "unclear"),
    "tie with a request": (GIVEN + event("Requested", "2025-06-01T00:00:00Z"), "unclear"),
    "event without a time": (GIVEN + event("Renewed", ""), "unclear"),
    "event without a zone": (GIVEN + event("Renewed", "2026-06-01T00:00:00"), "unclear"),
    "event of two kinds": (
        GIVEN + event("Renewed", "2026-06-01T00:00:00Z", "; a ci:ConsentWithdrawn "),
        "unclear",
    ),
    "event of no kind": (
        GIVEN
        + 'id:odd a ci:ConsentEvent ; ci:eventOf id:k ; ci:eventTime "2026-06-01T00:00:00Z"^^xsd:dateTime . ',
        "unclear",
    ),
    "end without a zone": (GIVEN + 'id:k ci:expiresAt "2029-01-01T00:00:00"^^xsd:dateTime . ', "unclear"),
    "minor": (GIVEN + "id:p ci:isMinor true . ", "no-guardian"),
    "minor with a parent": (GIVEN + "id:p ci:isMinor true . " + GUARDIAN, "in-force"),
    "a teacher": (GIVEN + "id:p ci:isMinor true . " + GUARDIAN.replace("Parent", "Teacher"), "no-guardian"),
    "verified later": (GIVEN + "id:p ci:isMinor true . " + GUARDIAN.replace('"2025', '"2027'), "no-guardian"),
    "turned 16 in the year of the consent": (GIVEN + "id:p ci:birthYear 2009 . ", "no-guardian"),
    "turned 16 the year before": (GIVEN + "id:p ci:birthYear 2008 . ", "in-force"),
    "a record tells the age": (
        GIVEN + "id:d a ci:DemographicRecord ; ci:dataSubject id:p ; ci:age 15 . ",
        "no-guardian",
    ),
    "age in words": (GIVEN + 'id:p ci:age "15 Jahre" . ', "no-guardian"),
    "age in words of a record": (
        GIVEN + 'id:d a ci:DemographicRecord ; ci:dataSubject id:p ; ci:birthYear "14.02.2011" . ',
        "no-guardian",
    ),
    "age with a decimal point": (GIVEN + "id:p ci:age 35.0 . ", "in-force"),
    "minor, perhaps": (GIVEN + 'id:p ci:isMinor "ja" . ', "no-guardian"),
    "young of an age in words": (
        GIVEN + 'id:p ci:customerKind ci:YoungCustomers ; ci:age "unbekannt" . ',
        "age-unknown",
    ),
    "young": (GIVEN + "id:p ci:customerKind ci:YoungCustomers . ", "age-unknown"),
    "young of known age": (
        GIVEN + "id:p ci:customerKind ci:YoungCustomers ; ci:birthYear 1990 . ",
        "in-force",
    ),
    "two consents": (
        GIVEN
        + event("Withdrawn", "2026-06-01T00:00:00Z")
        + consent("l")
        + event("Given", "2026-01-01T00:00:00Z", of="l"),
        "in-force",
    ),
    "contract": (activity("b"), "not-claimed"),
    "contract of the person": (activity("b") + "id:r ci:legalBasis gdpr:A6-1-b . ", "in-force"),
    "law": (activity("c"), "in-force"),
    "law, special": (activity("c") + NARROW + ART9, "no-article-9"),
    "law, special, excepted": (activity("c", "; ci:article9Basis gdpr:A9-2-b ") + NARROW + ART9, "in-force"),
    "law, minor": (activity("c") + "id:p ci:birthYear 2010 . ", "no-guardian"),
    "interests": (activity("f"), "no-balancing"),
    "interests, weighed": (activity("f", BALANCED), "in-force"),
    "objected": (
        activity("f", BALANCED) + OBJECTION + '; ci:receivedAt "2026-11-19T00:00:00Z"^^xsd:dateTime . ',
        "objected",
    ),
    "objected, refused": (
        activity("f", BALANCED)
        + OBJECTION
        + '; ci:receivedAt "2026-11-01T00:00:00Z"^^xsd:dateTime ; ci:requestOutcome ci:Refused ; '
        'ci:answeredAt "2026-11-10T00:00:00Z"^^xsd:dateTime . ',
        "in-force",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_rule(kg: KnowledgeGraph, case: str) -> None:
    turtle, reason = CASES[case]
    with saying(kg, "gdpr", PERSON + turtle):
        assert reason in agree(kg, f"{IDS}r", f"{IDS}p", RESEARCH)


@pytest.mark.parametrize("case", ["law", "interests, weighed", "given", "minor"])
def test_each_profile(kg: KnowledgeGraph, case: str) -> None:
    turtle, reason = CASES[case]
    with saying(kg, "consent-only", PERSON + turtle):
        found = agree(kg, f"{IDS}r", f"{IDS}p", RESEARCH)
    assert found == ({"consent-only"} if turtle.startswith("id:act") else {reason})


def answers(kg: KnowledgeGraph, question: str, column: str, **given: str) -> set[str]:
    """The values of a column of a question."""
    solutions = ask(kg, question, given).solutions
    at = solutions.variables.index(column)
    return {getattr(row[at], "value", "") for row in solutions.rows}


def test_what_is_told_of_a_person_says_that_all_of_it_is_restricted(kg: KnowledgeGraph) -> None:
    for more, wanted in (
        ("", {"false"}),
        (WHOLE + ". ", {"true"}),
        (WHOLE + '; ci:validUntil "2026-11-20T12:00:00Z"^^xsd:dateTime . ', {"false"}),
        (WHOLE + "; ci:restricts id:r . ", {"true", "false"}),
    ):
        with saying(kg, "consent-only", PERSON + GIVEN + more):
            assert answers(kg, "subject-data", "restricted", person=f"{IDS}p") == wanted, more


@pytest.mark.parametrize(
    ("said", "minor"),
    [
        ("id:p ci:isMinor true", True),
        ("id:p ci:isMinor false", False),
        ("id:p ci:age 15", True),
        ("id:p ci:age 16", False),
        ("id:p ci:birthYear 2011", True),
        ("id:p ci:birthYear 2010", True),  # 16 in this year, nobody knows since when
        ("id:p ci:birthYear 2009", False),
        ("id:d a ci:DemographicRecord ; ci:dataSubject id:p ; ci:age 12", True),
        ("id:d a ci:DemographicRecord ; ci:dataSubject id:p ; ci:birthYear 2015", True),
        ('id:p ci:age "twelve"', True),
        ('id:d a ci:DemographicRecord ; ci:dataSubject id:p ; ci:birthYear "2011?"', True),
        ('id:p ci:isMinor "ja"', True),
        ("id:p ci:age 35.0", False),
    ],
)
def test_minors_are_those_whom_the_decision_takes_for_minors(
    kg: KnowledgeGraph, said: str, minor: bool
) -> None:
    with saying(kg, "consent-only", f"{PERSON}{GIVEN}{said} . "):
        subject, _ = read_subject(kg, NamedNode(f"{IDS}p"))
        assert subject.is_minor(kg.clock(), kg.policy.consent_age) == minor
        assert (f"{IDS}p" in answers(kg, "minors", "person")) == minor
        later = answers(kg, "minors", "person", now="2027-01-01T00:00:00Z")
        assert (f"{IDS}p" in later) == (minor and "2010" not in said)
    with saying(kg, "consent-only", f"{PERSON}{GIVEN}{GUARDIAN}{said} . "):
        assert ("ParentOfDataSubject" in answers(kg, "minors", "authorisedBy")) or not minor


def test_a_restricted_record_is_told_though_the_decision_is_about_all_of_a_category(
    kg: KnowledgeGraph,
) -> None:
    with saying(kg, "gdpr", PERSON + GIVEN + "id:hold a ci:Restriction ; ci:restricts id:r . "):
        rows, holding = told(kg, f"{IDS}r", RESEARCH)
    assert (rows, holding) == ({(f"{CI}BehaviouralData", f"{IDS}k", "restricted")}, set())
