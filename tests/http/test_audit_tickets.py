"""Which request of a person each right answered, as the audit log of a real service tells."""

from __future__ import annotations

from pathlib import Path

import httpx

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law.audit import opened
from kgservice.settings import Settings
from kgservice.store.audit_file import AuditFile, beside
from tests.http.persons import IDS, PERSON
from tests.http.test_requests import ERASURE
from tests.serving import PLAIN, Running, running

OTHER = "00000000-0000-4000-8000-100700000026"
"""A person with no request."""


def told(settings: Settings) -> list[tuple[str, str, int, str | None]]:
    """Action, place, outcome and ticket of all entries, in their order."""
    file = AuditFile(beside(settings.store))
    found = [line.to_json() for line in file.lines()]
    file.close()
    return [(one["action"], one["resource"], one["outcome"], one.get("ticket")) for one in found]


def opened_ticket(server: Running, kind: str) -> str:
    answer = server.post("/requests", json={"subject": OTHER, "kind": kind})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"].removeprefix(IDS))


def test_each_right_over_http_names_its_ticket(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    kg = demo_kg_guarded
    kg.settings = Settings(store=tmp_path / "store")
    place = f"/subjects/{OTHER}"
    with opened(kg.settings) as log, running(kg, audit=log) as server:
        server.get(f"{place}/access")  # nobody asked
        access, export = opened_ticket(server, "access"), opened_ticket(server, "portability")
        for media in ("application/json", "application/ld+json", "text/html"):
            assert server.get(f"{place}/access", headers={"Accept": media}).status_code == 200
        assert server.get(f"{place}/export").status_code == 200
        assert server.get(f"/requests/{access}").status_code == 200
        server.post(f"/requests/{access}/extend", json={"reason": "many records"})
        server.post(f"/requests/{access}/answer", json={"outcome": "fulfilled"})
        server.get(f"{place}/access")  # it is answered
        changed = server.post(f"{place}/rectification", json={"set": {"ci:age": 41}}).json()
        restricted = server.post(f"{place}/restriction", json={}).json()
        objection = server.post(f"{place}/objection", json={}).json()
        named = server.post(f"/subjects/{PERSON}/erasure", json={"otherBasis": "erase", "request": ERASURE})
        assert named.json()["request"] == IDS + ERASURE
        more = [opened_ticket(server, "access") for _ in range(2)]
        server.get(f"{place}/access")  # one of two: which, nobody says
    rectified, restriction = (one["request"].removeprefix(IDS) for one in (changed, restricted))
    assert len({access, export, rectified, restriction, objection["request"], ERASURE, *more}) == 8
    assert told(kg.settings) == [
        ("right", "GET /subjects/{}/access", 200, None),
        ("right", "POST /requests", 201, access),
        ("right", "POST /requests", 201, export),
        *[("right", "GET /subjects/{}/access", 200, access)] * 3,
        ("right", "GET /subjects/{}/export", 200, export),
        ("right", "GET /requests/{}", 200, access),
        ("right", "POST /requests/{}/extend", 200, access),
        ("right", "POST /requests/{}/answer", 200, access),
        ("right", "GET /subjects/{}/access", 200, None),
        ("right", "POST /subjects/{}/rectification", 200, rectified),
        ("right", "POST /subjects/{}/restriction", 201, restriction),
        ("right", "POST /subjects/{}/objection", 201, objection["request"].removeprefix(IDS)),
        ("right", "POST /subjects/{}/erasure", 200, ERASURE),
        *[("right", "POST /requests", 201, one) for one in more],
        ("right", "GET /subjects/{}/access", 200, None),
    ]


def test_the_log_is_read_with_its_tickets(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    kg = demo_kg_guarded
    kg.settings = Settings(store=tmp_path / "store")
    with opened(kg.settings) as log, running(kg, audit=log) as server:
        ticket = opened_ticket(server, "access")
        entries = server.get("/audit", params={"action": "right"}).json()["entries"]
        assert [(one["resource"], one["ticket"]) for one in entries] == [("POST /requests", ticket)]
        assert ticket in server.get("/audit", headers={"Accept": "text/csv"}).text


def test_the_forms_of_pages_name_the_ticket(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    kg = demo_kg_guarded
    kg.settings = Settings(store=tmp_path / "store")
    page, board = f"/pages/persons/{OTHER}", "/pages/requests"
    with (
        opened(kg.settings) as log,
        running(kg, audit=log) as server,
        httpx.Client(base_url=server.url, timeout=60, verify=PLAIN) as browser,
    ):
        server.sign_in(browser)

        def sent(path: str, status: int, **form: str) -> None:
            answer = browser.post(path, data=form, headers={"Sec-Fetch-Site": "same-origin"})
            assert answer.status_code == status, answer.text

        sent(page, 303, do="request", kind="access", received="")
        (access,) = waiting(server)
        sent(page, 303, do="restrict", reason="They contest it")
        sent(f"{board}/{access}", 303, do="extend", months="1", reason="many records")
        assert browser.get(f"{board}/{access}").status_code == 200
        sent(f"{board}/{access}", 303, do="answer", outcome="fulfilled")
        sent(page, 400, do="request", kind="access", received="2099-01-01T09:00")
        sent(board, 303, do="request", kind="access", reference="DSR-2026-17", received="")
        sent(f"/pages/persons/{PERSON}/erasure", 200, sure="yes", otherBasis="erase")
        listed = server.get("/requests", params={"kind": "restriction"}).json()["requests"]
        every = server.get("/requests").json()["requests"]
    (letter,) = [one["id"].removeprefix(IDS) for one in every if one["reference"] == "DSR-2026-17"]
    made = [one["id"].removeprefix(IDS) for one in listed if one["subject"] == IDS + OTHER]
    found = [one for one in told(kg.settings) if "/pages/" in one[1]]
    assert found == [
        ("right", "POST /pages/persons/{}", 303, access),
        ("right", "POST /pages/persons/{}", 303, made[0]),
        ("right", "POST /pages/requests/{}", 303, access),
        ("right", "GET /pages/requests/{}", 200, access),
        ("right", "POST /pages/requests/{}", 303, access),
        ("right", "POST /pages/persons/{}", 400, None),
        ("right", "POST /pages/requests", 303, letter),
        ("right", "POST /pages/persons/{}/erasure", 200, ERASURE),
    ]


def waiting(server: Running) -> list[str]:
    """The tickets of the other person that wait for access."""
    listed = server.get("/requests", params={"kind": "access", "status": "open"}).json()["requests"]
    return [one["id"].removeprefix(IDS) for one in listed if one["subject"] == IDS + OTHER]
