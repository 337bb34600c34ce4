"""Tickets over HTTP: opened, extended, answered; and the record of processing activities."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pyoxigraph import RdfFormat, parse

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import erasing, requests
from kgservice.errors import NotFound
from kgservice.namespaces import CI
from tests.conftest import NOON
from tests.http.persons import IDS, PERSON, refused
from tests.serving import Running, faults, running

ERASURE = "00000000-0000-4000-8000-106400000006"
ANSWERED = "00000000-0000-4000-8000-106400000001"


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg_guarded) as server:
        yield server


def opened(server: Running, kind: str = "access", received: str = "2026-10-31T09:00:00Z") -> str:
    body = {"subject": PERSON, "kind": kind, "received": received}
    answer = server.post("/requests?agent=urn:staff:7", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def test_a_ticket_is_opened_extended_and_answered(server: Running) -> None:
    place = opened(server)
    ticket = server.get(place).json()
    assert (ticket["status"], ticket["due"], ticket["subject"]) == (
        *("open", "2026-11-30T09:00:00Z", IDS + PERSON),
    )
    longer = server.post(f"{place}/extend", json={"reason": "many records", "months": 1}).json()
    assert (longer["outcome"], longer["due"], longer["reason"]) == (
        *("extended", "2026-12-31T09:00:00Z", "many records"),
    )
    assert refused(server.post(f"{place}/extend", json={"reason": "still"}))[0] == 409
    done = server.post(f"{place}/answer", json={"outcome": "fulfilled"}).json()
    assert (done["status"], done["outcome"], done["answered"]) == (
        *("answered", "fulfilled", "2026-11-20T12:00:00Z"),
    )
    assert refused(server.post(f"{place}/answer", json={"outcome": "refused", "reason": "x"}))[0] == 409
    assert faults(server) == []


def test_the_list_tells_what_is_urgent(server: Running) -> None:
    found = server.get("/requests", params={"status": "open"}).json()["requests"]
    assert [one["due"] for one in found] == sorted(one["due"] for one in found)
    assert len(found) == 3
    server.kg.clock = lambda: NOON + timedelta(days=21)
    overdue = server.get("/requests", params={"status": "overdue"}).json()["requests"]
    assert [one["kind"] for one in overdue] == ["rectification", "erasure"]
    assert len(server.get("/requests", params={"kind": "erasure"}).json()["requests"]) == 2


def test_a_letter_found_late_is_recorded_all_the_same(server: Running) -> None:
    place = opened(server, received="2026-09-01T09:00:00Z")
    assert server.get(place).json()["status"] == "overdue"
    late = server.get("/findings", params={"rule": "R36", "status": "open"}).json()
    assert late["total"] == 1
    assert refused(server.post(f"{place}/extend", json={"reason": "late"}))[0] == 409


def test_what_is_wrong_is_said_and_nothing_is_written(server: Running) -> None:
    head = server.kg.head
    good = {"subject": PERSON, "kind": "access"}
    for other, source in (
        ({"kind": "everything"}, "kind"),
        ({"kind": None}, "kind"),
        ({"received": "2026-11-21T12:00:00Z"}, "received"),
        ({"received": "2026-11-01"}, "received"),
        ({"due": "2027-11-01T00:00:00Z"}, "due"),
    ):
        assert refused(server.post("/requests", json={**good, **other}))[:2] == (400, source), other
    assert refused(server.post("/requests", json={**good, "subject": ANSWERED}))[0] == 404
    place = f"/requests/{ERASURE}"
    for part, body, source in (
        ("extend", {}, "reason"),
        ("extend", {"reason": "x", "months": 3}, "months"),
        ("answer", {}, "outcome"),
        ("answer", {"outcome": "extended"}, "outcome"),
        ("answer", {"outcome": "refused"}, "reason"),
        ("answer", {"outcome": "fulfilled", "time": "2026-11-20T08:00:00Z"}, "time"),
    ):
        assert refused(server.post(f"{place}/{part}", json=body))[:2] == (400, source), body
    number = server.post(
        "/requests", content='{"months": %s}' % ("1" * 5000), headers={"Content-Type": "application/json"}
    )
    assert (refused(number)[0], "number" in refused(number)[2]) == (400, True)
    status, _, words = refused(server.post(f"{place}/answer", json={"outcome": "fulfilled"}))
    assert (status, "R37" in words) == (422, True)
    assert refused(server.post(f"/requests/{ANSWERED}/answer", json={"outcome": "fulfilled"}))[0] == 409
    assert refused(server.get(f"/requests/{PERSON}"))[0] == 404
    assert refused(server.get("/requests/no%20name"))[0] == 404
    assert refused(server.get("/requests?status=late"))[:2] == (400, "status")
    assert refused(server.post(f"{place}/close", json={}))[0] == 404
    assert server.request("DELETE", place).headers["allow"] == "GET, HEAD, OPTIONS"
    assert server.kg.head == head


def test_the_record_of_processing_activities(server: Running) -> None:
    found = server.get("/processing-activities").json()["activities"]
    assert len(found) >= 3
    assert {one["controller"][0]["label"]["de"] for one in found} == {"Lauchenau Verdichterbau GmbH"}
    assert all(one["controller"][0]["address"] and one["retention"] and one["measures"] for one in found)
    assert [one["missing"] for one in found] == [[]] * len(found)
    answer = server.get("/processing-activities?format=csv&lang=en")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["id"] for row in rows] == [one["id"] for one in found]
    assert {row["missing"] for row in rows} == {""}
    graph = server.get("/processing-activities", headers={"Accept": "application/ld+json"})
    subjects = {quad.subject.value for quad in parse(graph.content, format=RdfFormat.JSON_LD)}
    assert subjects == {one["id"] for one in found}


def test_what_the_record_lacks_is_named(kg: KnowledgeGraph) -> None:
    with running(kg) as server:
        made = f"INSERT DATA {{ <urn:a> a <{CI}ProcessingActivity> }}"
        assert server.post("/update", data={"update": made}).is_success
        (found,) = server.get("/processing-activities").json()["activities"]
        assert found["missing"] == [
            *("controller", "purposes", "subjectGroups", "categories", "recipients", "transfers"),
            *("retention", "measures"),
        ]


def test_the_record_tells_officers_representatives_and_joint_controllers(kg: KnowledgeGraph) -> None:
    with running(kg) as server:
        made = (
            f"PREFIX ci: <{CI}> PREFIX id: <{IDS}> INSERT DATA {{ id:use a ci:ProcessingActivity ; "
            "ci:controller id:first, id:second . id:first a ci:Provider ; ci:controllerAddress 'Street 1' ; "
            "ci:controllerContact 'privacy@first.example' ; ci:dataProtectionOfficer 'dpo@first.example' . "
            "id:second a ci:Provider ; ci:controllerAddress 'Street 2' ; "
            "ci:controllerContact 'privacy@second.example' ; ci:controllerRepresentative 'Office in Trier' }"
        )
        assert server.post("/update", data={"update": made}).is_success
        (found,) = server.get("/processing-activities").json()["activities"]
        first, second = found["controller"]
        assert (first["officer"], first["representative"]) == ("dpo@first.example", None)
        assert (second["officer"], second["representative"]) == (None, "Office in Trier")
        assert not [name for name in found["missing"] if name.startswith("controller")]
        answer = server.get("/processing-activities?format=csv&lang=en")
        (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
        assert row["controller"] == (
            "first, Street 1, privacy@first.example, dpo@first.example; "
            "second, Street 2, privacy@second.example, Office in Trier"
        )


def test_no_ticket_is_opened_for_who_is_being_erased(demo_kg_guarded: KnowledgeGraph) -> None:
    kg, failed = demo_kg_guarded, list[Exception]()

    def ask() -> None:
        try:
            requests.open_(kg, {"subject": PERSON, "kind": "access", "received": "2026-11-19T09:00:00Z"})
        except NotFound as error:
            failed.append(error)

    with kg.writing:
        asking = threading.Thread(target=ask)
        asking.start()
        erasing.erase(kg, PERSON, {"otherBasis": "erase"})
        asking.join(0.2)
    asking.join()
    assert len(failed) == 1
