"""Decisions over HTTP: explained in both languages; what is wrong is said, with what there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from tests.serving import Running, running

IDS = "https://kg.example/id/"
RENEWED = "00000000-0000-4000-8000-100700000001"
WITHDRAWN = "00000000-0000-4000-8000-100700000005"
PREFIXES = """PREFIX ci: <https://w3id.org/kgservice/ci#> PREFIX dpv: <https://w3id.org/dpv#>
PREFIX gdpr: <https://w3id.org/dpv/legal/eu/gdpr#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> PREFIX id: <https://kg.example/id/> """


@pytest.fixture
def server(demo_kg: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg) as server:
        yield server


@pytest.fixture
def free(demo_kg: KnowledgeGraph) -> Iterator[Running]:
    """A copy of the demonstration that takes everything, to say what the guard would not let in."""
    with demo_kg.store.copy() as store:
        graph = KnowledgeGraph.open(demo_kg.settings, store, demo_kg.clock, guarded=False)
        with running(graph) as server:
            yield server
        graph.close()


def ask(server: Running, **given: str) -> Any:
    asked = {"subject": RENEWED, "category": "ci:BehaviouralData", "purpose": "dpv:ResearchAndDevelopment"}
    return server.get("/decisions", params={**asked, **given})


def say(server: Running, turtle: str) -> None:
    answer = server.post("/update", data={"update": f"{PREFIXES} INSERT DATA {{ {turtle} }}"})
    assert answer.status_code == 204, answer.text


def test_a_yes_names_the_consent_and_the_event(server: Running) -> None:
    answer = ask(server)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    found = answer.json()
    assert (found["allowed"], found["reason"], found["profile"]) == (True, "consent", "consent-only")
    assert found["record"] == f"{IDS}00000000-0000-4000-8000-106000000001"
    assert found["event"] == {
        "id": f"{IDS}00000000-0000-4000-8000-106100000004",
        "type": "ConsentRenewed",
        "time": "2026-02-11T10:15:00Z",
        "method": "portal",
        "by": "DataSubject",
        "expires": None,
    }
    assert found["at"] == "2026-11-20T12:00:00Z"
    assert found["words"]["en"] == (
        "Yes: “behavioural data” of this person may be used for “research and development” (2026-11-20 12:00 UTC). "
        "The consent 00000000-0000-4000-8000-106000000001 holds: consent renewed on 2026-02-11 10:15 UTC, "
        "it expires on 2028-05-01 00:00 UTC. Controller: Lauchenau Verdichterbau GmbH."
    )
    assert found["words"]["de"].startswith(
        "Ja: Daten der Art „Verhaltensdaten“ dieser Person dürfen für „Forschung und"
    )
    assert [other["holds"] for other in found["considered"]] == [True]
    assert server.request("HEAD", str(answer.request.url.raw_path, "ascii")).content == b""


def test_who_the_consent_was_given_to_is_told_and_decides_nothing(free: Running) -> None:
    ours = {
        "id": f"{IDS}00000000-0000-4000-8000-100400000001",
        "label": dict.fromkeys(("de", "en"), "Lauchenau Verdichterbau GmbH"),
    }
    found = ask(free).json()
    assert (found["controller"], found["considered"][0]["controller"]) == ([ours], [ours])
    assert found["words"]["de"].endswith(" Verantwortlich: Lauchenau Verdichterbau GmbH.")
    assert found["considered"][0]["words"]["de"].endswith(" Verantwortlich: Lauchenau Verdichterbau GmbH.")
    consent = "id:00000000-0000-4000-8000-106000000001"
    say(
        free,
        f'id:other a ci:Provider ; ci:title "Andere AG"@de, "Other Ltd"@en ; ci:controllerOf {consent} .',
    )
    joint = ask(free).json()
    other = {"id": f"{IDS}other", "label": {"de": "Andere AG", "en": "Other Ltd"}}
    assert (joint["allowed"], joint["controller"]) == (True, [ours, other])
    assert joint["words"]["en"].endswith(" Controller: Lauchenau Verdichterbau GmbH, Other Ltd.")
    gone = f"{PREFIXES} DELETE WHERE {{ {consent} ci:controller ?one }} ; DELETE WHERE {{ ?one ci:controllerOf {consent} }}"
    assert free.post("/update", data={"update": gone}).is_success
    nobody = ask(free).json()
    assert (nobody["allowed"], nobody["controller"], "Controller" in nobody["words"]["en"]) == (
        True,
        [],
        False,
    )
    nothing = ask(free, purpose="dpv:Marketing").json()
    assert (nothing["controller"], nothing["considered"]) == ([], [])


def test_a_no_tells_what_ended_it_and_that_it_held_before(server: Running) -> None:
    found = ask(server, subject=IDS + WITHDRAWN, category="CommunicationData").json()
    assert (found["allowed"], found["reason"], found["event"]["type"]) == (
        False,
        "withdrawn",
        "ConsentWithdrawn",
    )
    assert "widerrufen" in found["words"]["de"]
    before = ask(
        server, subject=WITHDRAWN, category="ci:CommunicationData", at="2026-11-20T08:29:59+00:00"
    ).json()
    assert before["allowed"]
    exactly = ask(server, subject=WITHDRAWN, category="ci:CommunicationData", at="2026-11-20T09:30:00+01:00")
    assert (exactly.json()["allowed"], exactly.json()["at"]) == (False, "2026-11-20T08:30:00Z")
    nothing = ask(server, purpose="dpv:Marketing").json()
    assert (nothing["reason"], nothing["record"], nothing["event"]) == ("no-ground", None, None)


@pytest.mark.parametrize(
    ("given", "status", "source", "words"),
    [
        ({"purpose": "dpv:Everything"}, 400, "purpose", "`dpv:Marketing`"),
        ({"category": "ci:Marketing"}, 400, "category", "`ci:BehaviouralData`"),
        ({"category": "ci:PainPoint"}, 400, "category", "there is no category 'ci:PainPoint'"),
        ({"at": "2026-11-20T12:00:00"}, 400, "at", "time zone"),
        ({"at": "2026-11-20"}, 400, "at", "is not a moment"),
        ({"subject": ""}, 400, "subject", "missing"),
        ({"subject": "not an iri"}, 400, "subject", "IRI"),
        ({"until": "now"}, 400, "until", "no parameter"),
        ({"subject": "00000000-0000-4000-8000-000000000000"}, 404, None, "no person"),
        ({"subject": "00000000-0000-4000-8000-106000000001"}, 404, None, "no person"),
        ({"format": "turtle"}, 406, None, "json"),
    ],
)
def test_what_is_wrong_is_said(
    server: Running, given: dict[str, str], status: int, source: str | None, words: str
) -> None:
    answer = ask(server, **given)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem.get("source")) == (status, source)
    assert words in problem["detail"]
    assert server.post("/decisions").status_code == 405


def test_events_at_the_same_time_are_told_as_an_error(free: Running) -> None:
    say(
        free,
        "id:tie a ci:ConsentWithdrawn ; ci:eventOf id:00000000-0000-4000-8000-106000000001 ; "
        'ci:eventTime "2026-02-11T11:15:00+01:00"^^xsd:dateTime .',
    )
    found = ask(free).json()
    assert (found["allowed"], found["reason"]) == (False, "unclear")
    assert "Fehler" in found["words"]["de"]


@pytest.mark.parametrize(
    "event",
    [
        'a ci:ConsentEvent ; ci:eventTime "2026-03-01T00:00:00Z"^^xsd:dateTime',
        "a ci:ConsentWithdrawn",
        'a ci:ConsentWithdrawn ; ci:eventTime "2026-03-01T00:00:00"^^xsd:dateTime',
        'a ci:ConsentWithdrawn ; ci:eventTime "some time in March"',
    ],
)
def test_an_event_that_nobody_can_place_never_makes_a_yes(free: Running, event: str) -> None:
    say(free, f"id:odd {event} ; ci:eventOf id:00000000-0000-4000-8000-106000000001 .")
    assert ask(free).json()["reason"] == "unclear"


def test_narrower_special_and_young(free: Running) -> None:
    say(free, "id:gait a ci:DataCategory ; skos:broader ci:BehaviouralData .")
    assert ask(free, category=f"{IDS}gait").json()["allowed"]
    say(free, "id:health skos:narrower id:gait ; a ci:DataCategory, dpv:SpecialCategoryPersonalData .")
    assert ask(free, category=f"{IDS}gait").json()["reason"] == "not-explicit"
    say(free, "id:00000000-0000-4000-8000-106000000001 ci:legalBasis dpv:ExplicitlyExpressedConsent .")
    assert ask(free, category=f"{IDS}gait").json()["allowed"]
    say(
        free,
        "id:kid a ci:Customer, ci:Person ; ci:customerKind ci:YoungCustomers . "
        "id:consent a ci:ConsentRecord ; ci:dataSubject id:kid ; ci:forCategory ci:BehaviouralData ; "
        'ci:forPurpose dpv:ResearchAndDevelopment ; ci:expiresAt "2028-01-01T00:00:00Z"^^xsd:dateTime . '
        "id:given a ci:ConsentGiven ; ci:eventOf id:consent ; "
        'ci:eventTime "2026-01-01T00:00:00Z"^^xsd:dateTime .',
    )
    assert ask(free, subject=f"{IDS}kid").json()["reason"] == "age-unknown"
    say(free, "id:demo a ci:DemographicRecord ; ci:dataSubject id:kid ; ci:birthYear 2012 .")
    assert ask(free, subject=f"{IDS}kid").json()["reason"] == "no-guardian"
    say(
        free,
        "id:parent a ci:GuardianAuthorisation ; ci:authorisationFor id:consent ; "
        'ci:authorisedBy "ParentOfDataSubject" ; ci:verifiedAt "2026-01-02T00:00:00Z"^^xsd:dateTime .',
    )
    assert ask(free, subject=f"{IDS}kid").json()["allowed"]


def test_an_objection_ends_a_decision_until_it_is_refused(free: Running) -> None:
    free.kg.settings = replace(free.kg.settings, profile="gdpr")
    asked = {"category": "ci:TransactionData", "purpose": "dpv:Marketing"}
    say(
        free,
        f"id:bill a ci:TransactionRecord ; ci:dataSubject id:{RENEWED} ; ci:legalBasis gdpr:A6-1-f . "
        "id:ads a ci:ProcessingActivity ; ci:forPurpose dpv:Marketing ; ci:legalBasis gdpr:A6-1-f ; "
        'ci:forCategory ci:TransactionData ; ci:balancingOfInterests "Minutes of 2026-03-01" .',
    )
    assert ask(free, **asked).json()["allowed"]
    body = {"received": "2026-11-19T09:00:00Z"}
    objected = free.post(f"/subjects/{RENEWED}/objection", json=body)
    assert objected.status_code == 201, objected.text
    found = ask(free, **asked).json()
    assert (found["allowed"], found["reason"]) == (False, "objected")
    assert ask(free, **asked, at="2026-11-19T08:00:00Z").json()["allowed"]
    answer = {"outcome": "refused", "reason": "compelling grounds: fraud", "time": "2026-11-20T11:00:00Z"}
    refused = free.post(f"{objected.headers['location']}/answer", json=answer)
    assert refused.status_code == 200, refused.text
    assert not ask(free, **asked, at="2026-11-20T10:00:00Z").json()["allowed"]
    assert ask(free, **asked).json()["allowed"]


def test_nothing_is_allowed_while_all_data_of_the_person_are_restricted(free: Running) -> None:
    purpose = {"purpose": "dpv:ResearchAndDevelopment"}
    view = {**purpose, "query": f"ASK {{ ?s ?p <{IDS}{RENEWED}> }}"}
    assert ask(free).json()["allowed"]
    assert free.get("/sparql", params=view).json()["boolean"]
    begin = {"reason": "disputed", "from": "2026-11-20T10:00:00Z"}
    answer = free.post(f"/subjects/{RENEWED}/restriction", json=begin)
    assert answer.status_code == 201, answer.text
    found = ask(free).json()
    assert (found["allowed"], found["reason"], found["record"]) == (False, "restricted", None)
    assert "The processing of all data of the person is restricted (Art. 18)" in found["words"]["en"]
    assert found["words"]["de"].startswith("Nein: ")
    assert not free.get("/sparql", params=view).json()["boolean"]
    assert ask(free, at="2026-11-20T09:59:59Z").json()["allowed"]
    lift = f"/subjects/{RENEWED}/restriction/{answer.json()['id'].removeprefix(IDS)}/lift"
    assert free.post(lift, json={"informed": True}).status_code == 200
    assert ask(free).json()["allowed"]
    assert not ask(free, at="2026-11-20T11:00:00Z").json()["allowed"]


def test_a_restriction_that_names_records_leaves_the_rest(free: Running) -> None:
    say(
        free,
        f"id:note a ci:DemographicRecord ; ci:dataSubject id:{RENEWED} . "
        f"id:some a ci:Restriction ; ci:dataSubject id:{RENEWED} ; ci:restricts id:note .",
    )
    assert ask(free).json()["allowed"]
    say(free, f'id:all a ci:Restriction ; ci:dataSubject id:{RENEWED} ; ci:validUntil "soon" .')
    assert ask(free).json()["reason"] == "restricted"


def test_other_bases_in_the_profile_gdpr(free: Running) -> None:
    asked = {"category": "ci:TransactionData", "purpose": "dpv:ServiceProvision"}
    assert ask(free, **asked).json()["reason"] == "no-ground"
    free.kg.settings = replace(free.kg.settings, profile="gdpr")
    assert ask(free, **asked).json()["reason"] == "not-claimed"
    say(
        free,
        "id:bill a ci:TransactionRecord ; ci:dataSubject id:" + RENEWED + " ; ci:legalBasis gdpr:A6-1-b .",
    )
    found = ask(free, **asked).json()
    assert (found["allowed"], found["reason"], found["event"]) == (True, "legal-basis", None)
    assert "Abwicklung der Wartungsverträge" in found["words"]["de"]
    assert "Performance of the service contracts" in found["words"]["en"]
    assert found["considered"][0]["basis"] == "eu-gdpr:A6-1-b"
    say(
        free,
        "id:ads a ci:ProcessingActivity ; ci:forPurpose dpv:Marketing ; ci:legalBasis gdpr:A6-1-f ; "
        "ci:forCategory ci:TransactionData .",
    )
    asked["purpose"] = "dpv:Marketing"
    assert ask(free, **asked).json()["reason"] == "no-balancing"
    say(free, 'id:ads ci:balancingOfInterests "Minutes of 2026-03-01" .')
    assert ask(free, **asked).json()["allowed"]
    say(
        free,
        "id:stop a ci:RightsRequest ; ci:dataSubject id:"
        + RENEWED
        + " ; ci:requestKind ci:ObjectionRequest ; "
        'ci:receivedAt "2026-11-19T00:00:00Z"^^xsd:dateTime .',
    )
    assert ask(free, **asked).json()["reason"] == "objected"
    assert ask(free, **asked, at="2026-11-18T00:00:00Z").json()["allowed"]
