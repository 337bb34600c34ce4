"""Consents over HTTP, through the guard: given, withdrawn, renewed; the receipt; and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, parse

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change
from kgservice.namespaces import CI, DPV
from tests.conftest import NOON
from tests.http.persons import IDS, PERSON, refused
from tests.serving import Running, faults, running
from tests.unit.test_findings import enter

NOTICE = "00000000-0000-4000-8000-106200000002"
RENEWED = "00000000-0000-4000-8000-106000000001"
WITHDRAWN = "00000000-0000-4000-8000-106000000005"
VOCABULARY = Path(__file__).parents[1] / "ontology" / "vocabularies" / "dpv-2.3" / "dpv.ttl"
BODY: dict[str, Any] = {
    "subject": PERSON,
    "purposes": ["dpv:ResearchAndDevelopment"],
    "categories": ["ci:CommunicationData", "ci:BehaviouralData"],
    "notice": NOTICE,
    "recipients": ["none"],
    "retention": 730,
    "storagePlace": "data centre in Germany",
    "jurisdiction": "DE",
    "withdrawalWay": "form in the portal",
    "expires": "2028-01-01T00:00:00Z",
    "method": "portal",
    "time": "2026-11-20T10:00:00+01:00",
}


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg_guarded) as server:
        yield server


def give(server: Running, **other: Any) -> Any:
    body = {name: value for name, value in {**BODY, **other}.items() if value is not ...}
    # As ASCII, so that half a character can be sent, too.
    return server.post("/consents", content=json.dumps(body), headers={"Content-Type": "application/json"})


def allowed(server: Running, at: str, **other: str) -> bool:
    asked = {"subject": PERSON, "category": "ci:BehaviouralData", "purpose": "dpv:ResearchAndDevelopment"}
    answer = server.get("/decisions", params={**asked, "at": at, **other})
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["allowed"])


@pytest.mark.slow
def test_a_consent_is_given_withdrawn_and_renewed(server: Running) -> None:
    answer = server.post("/consents?agent=urn:staff:7", json={**BODY, "requested": "2026-11-20T08:00:00Z"})
    assert answer.status_code == 201, answer.text
    given, place = answer.json(), answer.headers["location"]
    assert place == f"/consents/{given['id'].removeprefix(IDS)}"
    assert server.get(place).json() == given
    assert (given["subject"], given["state"], given["explicit"]) == (IDS + PERSON, "in-force", False)
    assert (given["schema"], given["retention"]) == ("ISO/IEC TS 27560:2023", [730])
    assert given["controller"][0]["name"] == "Lauchenau Verdichterbau GmbH"
    assert [(e["type"], e["time"], e["by"], e["expires"]) for e in given["events"]] == [
        ("ConsentRequested", "2026-11-20T08:00:00Z", "DataController", None),
        ("ConsentGiven", "2026-11-20T09:00:00Z", "DataSubject", "2028-01-01T00:00:00Z"),
    ]
    assert not allowed(server, "2026-11-20T08:59:59Z")
    assert allowed(server, "2026-11-20T09:00:00Z")

    answer = server.post(f"{place}/withdraw", json={"method": "letter", "time": "2026-11-20T10:00:00Z"})
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
    assert answer.json()["events"][:2] == given["events"]
    assert not allowed(server, "2026-11-20T10:00:00Z")
    assert allowed(server, "2026-11-20T09:59:59Z")

    again = {"method": "portal", "time": "2026-11-20T11:00:00Z", "expires": "2029-01-01T00:00:00Z"}
    answer = server.post(f"{place}/renew", json=again)
    assert (answer.status_code, answer.json()["state"]) == (200, "in-force")
    assert (answer.json()["expires"], len(answer.json()["events"])) == ("2029-01-01T00:00:00Z", 4)
    assert answer.json()["events"][:2] == given["events"]
    assert allowed(server, "2028-12-31T00:00:00Z")
    assert not allowed(server, "2026-11-20T10:30:00Z")
    assert faults(server) == []
    commits = server.post(
        "/sparql",
        data={
            "query": "SELECT ?reason WHERE { ?c <https://w3id.org/kgservice/ci#commitNumber> ?n ; "
            "<http://purl.org/dc/terms/description>|<http://www.w3.org/2000/01/rdf-schema#comment> ?reason } "
            "ORDER BY DESC(?n) LIMIT 3"
        },
        headers={"Accept": "text/csv"},
    ).text
    assert commits.split() == ["reason", "consent", "renewed", "consent", "withdrawn", "consent", "given"]


def test_renewal_does_not_hide_that_a_consent_had_run_out(server: Running) -> None:
    times = {"time": "2025-01-10T00:00:00Z", "expires": "2026-01-01T00:00:00Z"}
    place = give(server, **times).headers["location"]
    assert server.get(place).json()["state"] == "expired"
    again = {"method": "portal", "time": "2026-11-01T00:00:00Z", "expires": "2028-01-01T00:00:00Z"}
    events = server.post(f"{place}/renew", json=again).json()["events"]
    assert [(e["type"], e["time"]) for e in events] == [
        ("ConsentGiven", "2025-01-10T00:00:00Z"),
        ("ConsentExpired", "2026-01-01T00:00:00Z"),
        ("ConsentRenewed", "2026-11-01T00:00:00Z"),
    ]
    assert allowed(server, "2025-12-31T00:00:00Z")
    assert not allowed(server, "2026-06-01T00:00:00Z")
    assert allowed(server, "2026-11-02T00:00:00Z")


def test_special_categories_and_minors(server: Running) -> None:
    assert give(server, explicit=True).json()["explicit"] is True
    child = "00000000-0000-4000-8000-100700000099"
    made = server.post(
        "/update",
        data={
            "update": "PREFIX ci: <https://w3id.org/kgservice/ci#> INSERT DATA "
            f'{{ <{IDS}{child}> a ci:PrivateCustomer ; ci:birthYear 2012 ; ci:personName "Kim Beispiel" }}'
        },
    )
    assert made.status_code == 204, made.text
    status, _, detail = refused(give(server, subject=child))
    assert (status, "R29" in detail) == (422, True)
    guardian = {"role": "ParentOfDataSubject", "verified": "2026-11-19T10:00:00Z"}
    answer = give(server, subject=child, guardian=guardian, by="ParentOfDataSubject")
    assert answer.status_code == 201, answer.text
    assert answer.json()["guardians"][0]["role"] == "ParentOfDataSubject"
    assert allowed(server, "2026-11-20T12:00:00Z", subject=child)
    page = server.get(answer.headers["location"], headers={"Accept": "text/html"}, params={"lang": "en"})
    verified = '<time datetime="2026-11-19T10:00:00Z">19 Nov 2026, 10:00 UTC</time>'
    assert f"a parent, verified on {verified}" in page.text


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"purposes": ["dpv:Everything"]}, "purposes", "no purpose 'dpv:Everything'; there are "),
    ({"purposes": ["dpv:Everything"]}, "purposes", "`dpv:Marketing`"),
    ({"categories": ["ci:Marketing"]}, "categories", "`ci:BehaviouralData`"),
    ({"categories": []}, "categories", "a list"),
    ({"subject": NOTICE}, "subject", "no person"),
    ({"notice": PERSON}, "notice", NOTICE),
    ({"controller": PERSON}, "controller", "there are"),
    ({"time": "2026-11-20T10:00:00"}, "time", "time zone"),
    ({"time": "2026-11-20"}, "time", "is not a moment"),
    ({"time": 1732100000}, "time", "a moment such as"),
    ({"time": "2026-11-20T12:00:01Z"}, "time", "future"),
    ({"expires": "2026-11-20T09:00:00Z"}, "expires", "before it begins"),
    ({"requested": "2026-11-20T09:00:00Z"}, "requested", "before it is given"),
    ({"expires": ...}, "expires", "missing"),
    ({"recipients": ...}, "recipients", "missing"),
    ({"method": " "}, "method", "a text"),
    ({"method": "\ud800"}, "method", "a text"),
    ({"retention": True}, "retention", "whole number"),
    ({"retention": 0}, "retention", "whole number"),
    ({"explicit": "yes"}, "explicit", "true or false"),
    ({"by": "DataController"}, "by", "one of"),
    ({"guardian": {"role": "Teacher"}}, "guardian.role", "one of"),
    ({"guardian": {"role": "ParentOfDataSubject"}}, "guardian.verified", "missing"),
    ({"state": "given"}, "state", "no member"),
]


def test_what_is_wrong_is_said_and_nothing_is_written(server: Running) -> None:
    head = server.kg.head
    for other, source, words in WRONG:
        status, place, detail = refused(give(server, **other))
        assert (status, place, words in detail) == (400, source, True), (other, detail)
    assert server.kg.head == head


def test_the_guard_has_the_last_word(server: Running) -> None:
    head = server.kg.head
    answer = give(server, expires="2099-01-01T00:00:00Z")
    status, _, detail = refused(answer)
    assert (status, "R34" in detail) == (422, True)
    assert answer.json()["findings"]
    assert server.kg.head == head


@pytest.mark.parametrize("part", ["withdraw", "renew"])
def test_unknown_consents_and_events_out_of_order(server: Running, part: str) -> None:
    head = server.kg.head
    body = {"method": "portal", "time": "2026-11-20T11:00:00Z"}
    if part == "renew":
        body["expires"] = "2028-01-01T00:00:00Z"
    for unknown in ("00000000-0000-4000-8000-000000000000", PERSON, "no%20name", "urn:x"):
        assert refused(server.post(f"/consents/{unknown}/{part}", json=body))[0] == 404
    place = f"/consents/{RENEWED}/{part}"
    for early in ("2026-02-11T10:15:00Z", "2025-06-01T00:00:00Z"):
        status, _, detail = refused(server.post(place, json={**body, "time": early}))
        assert (status, "out of order" in detail) == (409, True)
        assert "2026-02-11T10:15:00Z" in detail
    assert refused(server.post(place, json={**body, "time": "2026-11-20T11:00:00"}))[:2] == (400, "time")
    assert refused(server.post(place, json={**body, "time": "2026-11-21T11:00:00Z"}))[:2] == (400, "time")
    assert refused(server.post(place, json={**body, "scope": "all"}))[:2] == (400, "scope")
    assert refused(server.post(place, json=[]))[0] == 400
    assert refused(server.post(place, content="{"))[0] == 400
    assert server.kg.head == head


def test_what_does_not_hold_cannot_be_withdrawn_or_renewed(server: Running) -> None:
    body = {"method": "portal", "time": "2026-11-20T11:00:00Z"}
    status, _, detail = refused(server.post(f"/consents/{WITHDRAWN}/withdraw", json=body))
    assert (status, "withdrawn" in detail) == (409, True)
    refusal = [
        c
        for c in _consents(server)
        if server.get(f"/consents/{c}").json()["state"] in {"refused", "never-given"}
    ]
    for consent in refusal:
        again = {**body, "expires": "2028-01-01T00:00:00Z"}
        status, _, detail = refused(server.post(f"/consents/{consent}/renew", json=again))
        assert (status, "never given" in detail) == (409, True)
    assert refusal


def mistaken(server: Running, turtle: str) -> None:
    """Put in what the guard would refuse, as a bulk load may bring it."""
    prefixes = f"PREFIX ci: <{CI}> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> PREFIX id: <{IDS}> "
    quads = [
        Quad(quad.subject, quad.predicate, quad.object, DefaultGraph())
        for quad in parse(prefixes + turtle, format=RdfFormat.TURTLE)
    ]
    server.kg.commit(Change(add=tuple(quads), trusted=True))


def taken_back(server: Running) -> Any:
    answer = server.post(f"/consents/{RENEWED}/withdraw", json={"method": "letter"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def in_use(server: Running, at: str) -> bool:
    return allowed(server, at, subject="00000000-0000-4000-8000-100700000001")


@pytest.mark.slow
def test_a_flaw_of_the_history_is_no_reason_to_refuse_a_withdrawal(server: Running) -> None:
    assert in_use(server, "2026-11-20T12:00:00Z")
    mistaken(
        server,
        f'id:odd a ci:ConsentRenewed ; ci:eventOf id:{RENEWED} ; ci:eventEntity "DataSubject" ; '
        'ci:eventTime "2026-03-01T00:00:00"^^xsd:dateTime .',
    )
    assert server.get(f"/consents/{RENEWED}").json()["state"] == "unclear"
    found = taken_back(server)
    assert (found["state"], found["events"][-1]["type"]) == ("unclear", "ConsentWithdrawn")
    renewal = {"method": "portal", "expires": "2028-01-01T00:00:00Z"}
    assert refused(server.post(f"/consents/{RENEWED}/renew", json=renewal))[0] == 409
    mended = server.post(
        "/update",
        data={
            "update": f"PREFIX ci: <{CI}> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> "
            f"DELETE {{ <{IDS}odd> ci:eventTime ?t }} "
            f'INSERT {{ <{IDS}odd> ci:eventTime "2026-03-01T00:00:00Z"^^xsd:dateTime }} '
            f"WHERE {{ <{IDS}odd> ci:eventTime ?t }}"
        },
    )
    assert mended.status_code == 204, mended.text
    assert server.get(f"/consents/{RENEWED}").json()["state"] == "withdrawn"
    assert not in_use(server, "2026-11-20T12:00:00Z")


def test_a_yes_that_is_dated_in_the_future_does_not_undo_a_withdrawal(server: Running) -> None:
    mistaken(
        server,
        f'id:ahead a ci:ConsentRenewed ; ci:eventOf id:{RENEWED} ; ci:eventEntity "DataSubject" ; '
        'ci:eventTime "2027-02-01T00:00:00Z"^^xsd:dateTime .',
    )
    assert in_use(server, "2027-02-02T00:00:00Z")
    found = taken_back(server)
    assert found["state"] == "withdrawn"
    assert sorted((e["time"], e["type"]) for e in found["events"][-3:]) == [
        ("2026-11-20T12:00:00Z", "ConsentWithdrawn"),
        ("2027-02-01T00:00:00Z", "ConsentRenewed"),
        ("2027-02-01T00:00:00Z", "ConsentWithdrawn"),
    ]
    for at in (
        "2026-11-20T12:00:00Z",
        "2027-01-31T00:00:00Z",
        "2027-02-01T00:00:00Z",
        "2027-06-01T00:00:00Z",
    ):
        assert not in_use(server, at)
    assert refused(server.post(f"/consents/{RENEWED}/withdraw", json={"method": "letter"}))[0] == 409


@pytest.mark.parametrize("name", ["0", "z"])
def test_of_events_at_the_same_time_one_may_be_a_yes_that_is_taken_back(server: Running, name: str) -> None:
    mistaken(
        server,
        f'id:{name} a ci:ConsentWithdrawn ; ci:eventOf id:{RENEWED} ; ci:eventEntity "DataSubject" ; '
        'ci:eventTime "2026-02-11T10:15:00Z"^^xsd:dateTime .',
    )
    assert taken_back(server)["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("way", "body", "state"),
    [
        ("withdraw", {"method": "letter"}, "withdrawn"),
        ("renew", {"method": "letter", "expires": "2028-01-01T00:00:00Z"}, "in-force"),
    ],
)
def test_what_the_person_says_later_decides_about_events_at_the_same_time(
    server: Running, way: str, body: dict[str, str], state: str
) -> None:
    enter(
        server.kg,
        f'id:tied a ci:ConsentWithdrawn ; ci:eventOf id:{RENEWED} ; ci:eventMethod "letter" ; '
        'ci:eventEntity "DataSubject" ; ci:eventTime "2026-02-11T10:15:00Z"^^xsd:dateTime .',
    )
    assert server.get(f"/consents/{RENEWED}").json()["state"] == "unclear"
    ties = {"rule": "R33", "status": "open"}
    assert server.get("/findings", params=ties).json()["total"] == 2
    answer = server.post(f"/consents/{RENEWED}/{way}", json=body)
    assert (answer.status_code, answer.json()["state"]) == (200, state), answer.text
    assert server.get("/findings", params=ties).json()["total"] == 0


def _consents(server: Running) -> list[str]:
    query = "SELECT ?c WHERE { ?c a <https://w3id.org/kgservice/ci#ConsentRecord> } ORDER BY ?c"
    answer = server.get("/sparql", params={"query": query}, headers={"Accept": "text/csv"})
    return [line.removeprefix(IDS) for line in answer.text.split()[1:]]


@pytest.mark.slow
def test_a_withdrawal_is_taken_although_a_use_still_runs(server: Running) -> None:
    """What follows for uses of the data is a finding for a steward, and no reason to refuse the person."""
    for consent in _consents(server):
        if server.get(f"/consents/{consent}").json()["state"] == "in-force":
            answer = server.post(f"/consents/{consent}/withdraw", json={"method": "letter"})
            assert answer.status_code == 200, answer.text
    assert server.get("/findings", params={"rule": "R20", "status": "open"}).json()["total"] > 1


def test_the_receipt_as_json_ld_uses_terms_of_dpv(server: Running) -> None:
    answer = server.get(f"/consents/{RENEWED}", headers={"Accept": "application/ld+json"})
    assert answer.headers["content-type"] == "application/ld+json"
    assert answer.headers["cache-control"] == "no-store"
    triples = {quad.triple for quad in parse(answer.text, format=RdfFormat.JSON_LD)}
    known = set(re.findall(r"^dpv:(\w+) a ", VOCABULARY.read_text("utf-8"), re.MULTILINE))
    used = {
        term.value.removeprefix(DPV)
        for triple in triples
        for term in triple
        if isinstance(term, NamedNode) and term.value.startswith(DPV)
    }
    assert used <= known
    assert len(used) > 30
    record = NamedNode(IDS + RENEWED)
    of = {t.predicate.value.removeprefix(DPV) for t in triples if t.subject == record}
    assert of >= {
        *(
            "hasDataSubject",
            "hasDataController",
            "hasNotice",
            "hasPurpose",
            "hasPersonalData",
            "hasRecipient",
        ),
        *("hasStorageCondition", "hasJurisdiction", "hasConsentControl", "hasConsentStatus", "hasDuration"),
    }
    statuses = [t for t in triples if t.predicate.value == f"{DPV}hasConsentStatus"]
    assert len(statuses) == 4


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "de",
            (
                "Bestätigung Ihrer Einwilligung",
                "Die Einwilligung gilt.",
                "Verhaltensdaten",
                "Wie Sie widerrufen",
                ">01.05.2028, 00:00 UTC</time>",
            ),
        ),
        (
            "en",
            (
                "Receipt of your consent",
                "The consent is in force.",
                "behavioural data",
                "How you can withdraw",
                ">1 May 2028, 00:00 UTC</time>",
            ),
        ),
    ],
)
def test_the_receipt_as_a_page(server: Running, language: str, words: tuple[str, ...]) -> None:
    place, accept = f"/consents/{RENEWED}", {"Accept": "text/html", "Accept-Language": language}
    page = server.get(place, headers=accept)
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-language"] == language
    assert page.headers["vary"] == "Accept, Accept-Language"
    assert f'<html lang="{language}">' in page.text
    for word in (*words, "Lauchenau Verdichterbau GmbH", "signed form"):
        assert word in page.text
    assert f"{place}?lang=" in page.text
    assert "<nav" not in page.text  # it is for the person
    assert 'action="/sign-out"' not in page.text
    server.kg.clock = lambda: NOON + timedelta(days=3650)
    later = server.get(place, headers=accept).text
    assert {"de": "ist abgelaufen", "en": "has expired"}[language] in later


def test_methods_and_formats(server: Running) -> None:
    assert server.get("/consents").status_code == 405
    assert server.request("DELETE", f"/consents/{RENEWED}").headers["allow"] == "GET, HEAD, OPTIONS"
    assert server.get(f"/consents/{RENEWED}/withdraw").status_code == 405
    assert server.request("OPTIONS", f"/consents/{RENEWED}/renew").status_code == 204
    assert server.request("HEAD", f"/consents/{RENEWED}").content == b""
    assert refused(server.post(f"/consents/{RENEWED}/delete", json={}))[0] == 404
    assert refused(server.get(f"/consents/{RENEWED}?format=turtle"))[0] == 406
    assert refused(server.get("/consents/no%20name"))[0] == 404
    assert refused(server.get(f"/consents/{RENEWED}?at=now"))[:2] == (400, "at")
