"""Findings over HTTP: a steward lists, reads, assigns, waives and mends them; what is wrong is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from tests.conftest import NOON
from tests.serving import Running, faults, running
from tests.unit.test_findings import enter

BASELINE = "00000000-0000-4000-8000-108000000002"  # R05, open
WAIVED = "00000000-0000-4000-8000-108000000001"
WITHDRAWAL = "00000000-0000-4000-8000-108000000011"  # R20, a violation
EMPLOYEE = "00000000-0000-4000-8000-100800000001"
UNTIL = (NOON + timedelta(days=30)).isoformat()


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg_guarded) as server:
        yield server


def problem(answer: Any) -> tuple[int, str | None]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json().get("source")


def test_the_list_is_filtered(server: Running) -> None:
    whole = server.get("/findings")
    assert (whole.status_code, whole.headers["cache-control"]) == (200, "no-store")
    assert whole.json()["total"] == len(whole.json()["findings"]) == 16
    grave = ["Violation", "Warning", "Info"]
    order = [(f["status"] == "mended", grave.index(f["severity"])) for f in whole.json()["findings"]]
    assert order == sorted(order)
    assert (True, 0) in order  # a violation that is mended comes after the notes that are open
    asked = {"rule": "R05", "status": "open", "severity": "Warning", "limit": "5"}
    (only,) = server.get("/findings", params=asked).json()["findings"]
    assert only["id"] == BASELINE
    assert (only["ownerName"], only["firstSeen"]) == ("Jannik Föhrental", "2026-09-01T02:00:00Z")
    mine = server.get("/findings", params={"owner": only["owner"], "limit": "1"}).json()
    assert (len(mine["findings"]), mine["total"] > 3) == (1, True)
    focus = server.get("/findings", params={"focus": only["focus"]}).json()
    assert focus["findings"] == [only]
    (waived,) = server.get("/findings?status=waived").json()["findings"]
    assert waived["id"] == WAIVED
    assert waived["waiver"]["until"] == "2027-09-01T00:00:00Z"
    assert server.request("HEAD", "/findings").content == b""


def test_a_finding_is_explained(server: Running) -> None:
    found = server.get(f"/findings/{BASELINE}").json()
    why = found["explanation"]
    assert set(why["name"]) == set(why["reason"]) == set(why["group"]) == set(why["message"]) == {"de", "en"}
    assert why["path"] == "ci:baseline|^ci:baselineOf"
    assert why["values"] == why["proposals"] == []
    assert why["example"]["name"] == "R05.valid.ttl"
    assert why["statements"]


@pytest.mark.slow
def test_a_steward_assigns_waives_and_reopens(server: Running) -> None:
    place = f"/findings/{BASELINE}"
    assigned = server.post(f"{place}/owner", json={"owner": EMPLOYEE})
    assert assigned.json()["owner"].endswith(EMPLOYEE)
    assert server.post(f"{place}/owner", json={"owner": None}).json()["owner"] is None
    body = {"reason": "nobody measured before", "until": UNTIL}
    waived = server.post(f"{place}/waiver", params={"agent": "urn:staff:7"}, json=body).json()
    assert waived["status"] == "waived"
    assert waived["waiver"] == {
        "reason": "nobody measured before",
        "by": "urn:staff:7",
        "until": "2026-12-20T12:00:00Z",
    }
    server.kg.clock = lambda: NOON + timedelta(days=30)
    assert server.get(place).json()["status"] == "open"
    assert server.get("/findings?status=open&rule=R05").json()["total"] == 1
    reopened = server.request("DELETE", f"{place}/waiver").json()
    assert (reopened["status"], reopened["waiver"]) == ("open", None)
    assert faults(server) == []


def test_consent_is_not_waived(server: Running) -> None:
    body = {"reason": "we know her", "until": UNTIL}
    refused = server.post(f"/findings/{WITHDRAWAL}/waiver", json=body)
    assert problem(refused) == (403, None)
    announced = server.get("/findings?rule=R22").json()["findings"][0]  # a warning: it may
    assert server.post(f"/findings/{announced['id']}/waiver", json=body).json()["status"] == "waived"


def test_a_proposal_is_applied_with_one_call(server: Running) -> None:
    enter(server.kg, "id:pager a ci:Channel ; skos:prefLabel 'pager'@en , 'Piepser' .")
    (found,) = server.get("/findings?rule=R49").json()["findings"]
    place = f"/findings/{found['id']}"
    german = server.get(place).json()["explanation"]["proposals"][0]
    assert german["words"] == {
        "de": "Den Text als Deutsch kennzeichnen (@de).",
        "en": "Mark the text as German (@de).",
    }
    assert problem(server.post(f"{place}/proposals/guess")) == (404, None)
    assert problem(server.post(f"{place}/proposals/tag-de-00000000")) == (409, None)
    assert server.post(f"{place}/proposals/{german['id']}").json()["status"] == "mended"
    assert problem(server.post(f"{place}/proposals/{german['id']}")) == (409, None)


@pytest.mark.parametrize(
    ("part", "body", "source"),
    [
        ("owner", {}, "owner"),
        ("owner", {"owner": 7}, "owner"),
        ("owner", {"owner": "nobody at all"}, "owner"),
        ("owner", {"owner": None, "why": "x"}, "why"),
        ("owner", [], None),
        ("waiver", {"until": UNTIL}, "reason"),
        ("waiver", {"reason": "x"}, "until"),
        ("waiver", {"reason": "x", "until": 2027}, "until"),
        ("waiver", {"reason": "x", "until": "2020-01-01"}, "until"),
        ("waiver", {"reason": None, "until": UNTIL}, "reason"),
    ],
)
def test_bodies_are_validated(server: Running, part: str, body: object, source: str | None) -> None:
    before = server.kg.head
    assert problem(server.post(f"/findings/{BASELINE}/{part}", json=body)) == (400, source)
    assert server.kg.head == before


def test_who_is_no_employee_is_told_what_to_give(server: Running) -> None:
    answer = server.post(f"/findings/{BASELINE}/owner", json={"owner": "Anna"})
    assert answer.status_code == 400
    assert "the IRI or the UUID" in answer.json()["detail"]


def test_what_is_no_request_is_refused(server: Running) -> None:
    place = f"/findings/{BASELINE}"
    assert problem(server.post(f"{place}/owner", content=b'{"owner": ')) == (400, None)
    assert problem(server.post(f"{place}/owner", content=b"[" * 60_000)) == (400, None)
    assert problem(server.post(f"{place}/owner", content=b" " * 70_000)) == (413, None)
    assert problem(server.post(f"{place}/owner", content=b"\xff")) == (400, None)
    assert problem(server.get("/findings?limit=0")) == (400, "limit")
    assert problem(server.get("/findings?state=open")) == (400, "state")
    assert problem(server.get("/findings?status=open&status=waived")) == (400, "status")
    assert problem(server.post("/findings?agent=")) == (400, "agent")
    assert problem(server.get("/findings/00000000-0000-4000-8000-000000000000")) == (404, None)
    assert problem(server.get(f"{place}/history")) == (404, None)
    assert problem(server.post(f"{place}/proposals")) == (404, None)
    for method, where, allowed in (
        ("PUT", "/findings", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", place, "GET, HEAD, OPTIONS"),
        ("GET", f"{place}/waiver", "DELETE, OPTIONS, POST"),
        ("HEAD", f"{place}/owner", "OPTIONS, POST"),
    ):
        answer = server.request(method, where)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        told = server.request("OPTIONS", where)
        assert (told.status_code, told.headers["allow"]) == (204, allowed)
