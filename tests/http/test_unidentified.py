"""Requests of somebody whom the graph does not know: recorded, answered, shown to nobody who has a purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law.audit import opened
from kgservice.namespaces import CI, XSD
from kgservice.settings import Settings
from tests.http.persons import IDS, PERSON, refused
from tests.http.test_audit_tickets import told
from tests.http.test_requests import ERASURE
from tests.serving import Running, faults, running

LETTER = {"kind": "access", "reference": "DSR-2026-17", "received": "2026-10-31T09:00:00Z"}


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg_guarded) as server:
        yield server


def recorded(server: Running, **others: str) -> str:
    answer = server.post("/requests", json=LETTER | others)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def test_it_is_due_in_a_month_and_listed_beside_the_others(server: Running) -> None:
    place = recorded(server)
    ticket = server.get(place).json()
    assert (ticket["status"], ticket["due"]) == ("open", "2026-11-30T09:00:00Z")
    assert (ticket["subject"], ticket["tombstone"], ticket["reference"]) == (None, None, "DSR-2026-17")
    waiting = server.get("/requests", params={"status": "open"}).json()["requests"]
    assert [one["reference"] for one in waiting] == ["DSR-2026-17", None, None, None]
    page = server.get("/pages/requests?lang=de").text
    assert ("DSR-2026-17" in page, "nicht im Graphen" in page) == (True, True)
    one = server.get(f"/pages{place}?lang=en").text
    assert ("DSR-2026-17" in one, "nothing held" in one, 'value="fulfilled"' in one) == (True, True, False)
    assert server.get("/findings", params={"rule": "R36", "status": "open"}).json()["total"] == 0
    assert faults(server) == []


@pytest.mark.parametrize("outcome", ["nothing-held", "not-identified", "passed-on"])
def test_it_is_answered_without_words(server: Running, outcome: str) -> None:
    place = recorded(server)
    for body, source in (
        ({"outcome": "fulfilled"}, "outcome"),
        ({"outcome": "refused", "reason": "x"}, "outcome"),
        ({"outcome": outcome, "reason": "Frau Krüger ist unbekannt"}, "reason"),
    ):
        assert refused(server.post(f"{place}/answer", json=body))[:2] == (400, source), body
    assert refused(server.post(f"{place}/extend", json={"reason": "much"}))[0] == 409
    done = server.post(f"{place}/answer", json={"outcome": outcome}).json()
    assert (done["status"], done["outcome"], done["reason"]) == ("answered", outcome, None)
    assert refused(server.post(f"{place}/answer", json={"outcome": outcome}))[0] == 409
    # nobody says so of a person whom the graph knows
    known = server.post(f"/requests/{ERASURE}/answer", json={"outcome": outcome})
    assert refused(known)[:2] == (400, "outcome")


@pytest.mark.parametrize(
    "reference",
    [
        *("erika@example.org", "Frau Krüger", "Krueger", "0301234567", "DSR-2026-17 ", "DSR-2026-17\n"),
        *("DSR 2026 17", "https://mail.example/17", "KRUEGERIN-1", "DSR-1-2-3-4", "DSR-1234567", "DSR-١"),
    ],
)
def test_its_reference_names_nobody(server: Running, reference: str) -> None:
    head = server.kg.head
    answer = refused(server.post("/requests", json=LETTER | {"reference": reference}))
    assert answer[:2] == (400, "reference")
    assert reference not in answer[2]
    assert server.kg.head == head


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ('ci:correspondenceReference "DSR-2026-17"', 204),
        ('ci:correspondenceReference "erika@example.org"', 422),
        ('ci:correspondenceReference "DSR-2026-17" ; ci:description "Frau Krüger"@de', 422),
        (f'ci:correspondenceReference "DSR-2026-17" ; ci:dataSubject <{IDS}{PERSON}>', 422),
    ],
)
def test_an_update_says_no_more(server: Running, more: str, status: int) -> None:
    stated = f"""PREFIX ci: <{CI}> PREFIX xsd: <{XSD}>
    INSERT DATA {{ <{IDS}00000000-0000-4000-8000-106400000077> a ci:UnidentifiedRequest ;
        ci:requestKind ci:AccessRequest ; ci:requestOutcome ci:Pending ;
        ci:receivedAt "2026-11-19T00:00:00Z"^^xsd:dateTime ; ci:dueAt "2026-12-19T00:00:00Z"^^xsd:dateTime ;
        {more} }}"""
    assert server.post("/update", data={"update": stated}).status_code == status


def test_a_request_is_of_a_person_or_of_a_letter(server: Running) -> None:
    head = server.kg.head
    assert refused(server.post("/requests", json=LETTER | {"subject": PERSON}))[:2] == (400, "reference")
    assert refused(server.post("/requests", json={"kind": "access"}))[:2] == (400, "subject")
    assert server.kg.head == head


def test_no_purpose_shows_it(server: Running) -> None:
    recorded(server)
    query = f"ASK {{ {{ ?x a <{CI}UnidentifiedRequest> }} UNION {{ ?x <{CI}correspondenceReference> ?y }} }}"
    assert server.kg.reader(None).ask(query)
    for purpose in server.kg.settings.active_purposes:
        assert not server.kg.reader(purpose).ask(query), purpose
    assert check(server.kg) == []


def test_the_audit_log_names_it(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    kg = demo_kg_guarded
    kg.settings = Settings(store=tmp_path / "store")
    with opened(kg.settings) as log, running(kg, audit=log) as server:
        place = recorded(server)
        server.post(f"{place}/answer", json={"outcome": "nothing-held"})
    ticket = place.removeprefix("/requests/")
    assert told(kg.settings) == [
        ("right", "POST /requests", 201, ticket),
        ("right", "POST /requests/{}/answer", 200, ticket),
    ]
