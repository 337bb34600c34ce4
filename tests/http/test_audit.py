"""The audit log over HTTP, on a real socket: what is recorded, what is refused, and how it is read."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import subjects
from kgservice.application.law.audit import AuditLog
from kgservice.domain.audit import Line, verify
from kgservice.domain.keys import prefix_of
from kgservice.domain.principal import Principal, Role
from kgservice.http.access.auditing import Auditing, fixed_parts, note
from kgservice.namespaces import CI, DPV
from kgservice.settings import Settings
from kgservice.store.audit_file import AuditFile
from tests.conftest import NOON
from tests.http.keys import RESEARCH, asking, make_key
from tests.http.persons import IDS, PERSON
from tests.serving import PLAIN, Running, running

EVERYTHING = "https://kg.example/view/everything"
QUERY = 'SELECT * { ?anna ?p "anna.miller@b.example" }'


@pytest.fixture
def file(tmp_path: Path) -> Iterator[AuditFile]:
    file = AuditFile(tmp_path / "store.audit.sqlite", wait=0.2)
    yield file
    file.close()


@pytest.fixture
def log(file: AuditFile) -> Iterator[AuditLog]:
    log = AuditLog(file, lambda: NOON)
    yield log
    log.close()


@pytest.fixture
def audited(kg: KnowledgeGraph, log: AuditLog) -> Iterator[Running]:
    with running(kg, audit=log) as server:
        yield server


def entries(log: AuditLog) -> list[dict[str, Any]]:
    """What the file holds, in its order, once all is written."""
    log.close()
    file = AuditFile(log._file.path)
    found = [line.to_json() for line in file.lines()]
    file.close()
    return found


def test_reads_are_recorded(audited: Running, log: AuditLog) -> None:
    for _ in range(5):
        assert audited.get("/sparql", params={"query": "ASK { ?s ?p ?o }"}).status_code == 200
    audited.post("/sparql", data={"query": "ASK { ?s ?p ?o }"})
    audited.get("/queries/issues-by-state")
    audited.get("/trace/anna.miller@b.example")
    audited.get("/anna")
    found = entries(log)
    # What is counted comes when the minute, or the service, ends.
    assert [(e["action"], e["resource"], e["outcome"], e.get("count")) for e in found] == [
        ("everything", "GET /sparql", 200, None),
        ("everything", "POST /sparql", 200, None),
        ("everything", "GET /queries/issues-by-state", 200, None),
        ("everything", "GET /trace/{}", 404, None),
        ("read", "GET /{}", 404, None),
        ("everything", "GET /sparql", 200, 4),
    ]
    assert {e["principal"] for e in found} == {"local"}
    assert found[0]["query"] == found[-1]["query"] == "ASK { ?1 ?2 ?3 }"


def test_who_signs_in_and_out_is_recorded(kg: KnowledgeGraph, log: AuditLog, tmp_path: Path) -> None:
    kg.settings = Settings(store=tmp_path / "store")
    key = make_key(kg.settings, Role.STEWARD)
    with running(kg, audit=log) as server, httpx.Client(trust_env=False, verify=PLAIN) as browser:
        origin = {"Origin": server.url.removesuffix("/")}
        for given in (key, server.token):
            answer = browser.post(f"{server.url}sign-in", data={"token": given}, headers=origin)
            assert answer.status_code == 303, answer.text
            assert browser.post(f"{server.url}sign-out", headers=origin).status_code == 303
        assert browser.post(f"{server.url}sign-out", headers=origin).status_code == 303
        assert (
            browser.post(f"{server.url}sign-in", data={"token": "kg_no"}, headers=origin).status_code == 401
        )
    steward, local = (f"key:{prefix_of(key)}", ["steward"]), ("local", ["administrator"])
    nobody = ("unknown", list[str]())
    assert [((e["principal"], e.get("roles", [])), e["resource"]) for e in entries(log)] == [
        (steward, "POST /sign-in"),
        (steward, "POST /sign-out"),
        (local, "POST /sign-in"),
        (local, "POST /sign-out"),
        (nobody, "POST /sign-out"),
        (nobody, "POST /sign-in"),
    ]


def test_whose_data_was_read_is_recorded_where_no_ticket_tells(
    demo_kg: KnowledgeGraph, log: AuditLog
) -> None:
    data, page = f"/subjects/{PERSON}", f"/pages/persons/{PERSON}"
    with running(demo_kg, audit=log) as server:
        for address in (data, f"{data}/access", f"{data}/export"):
            assert server.get(address).status_code == 200
        for address in (page, f"{page}/erasure"):
            assert server.get(address, headers={"Accept": "text/html"}).status_code == 200
        mark = subjects.mark(demo_kg, IDS + PERSON)
    found = entries(log)
    assert [one.get("person") for one in found] == [mark] * 5
    assert PERSON not in str(found)


def test_pages_that_go_beyond_a_purpose_are_recorded_as_that(audited: Running, log: AuditLog) -> None:
    research = {"KG-Purpose": "dpv:ResearchAndDevelopment", "Accept": "text/html"}
    for path in ("/pages/links", "/pages/quarantine", "/pages/questions"):
        assert audited.get(path, headers=research).status_code == 200
    found = [(e["resource"], e["view"].rpartition("/")[2]) for e in entries(log)]
    assert found == [
        ("GET /pages/links", "everything"),
        ("GET /pages/quarantine", "everything"),
        ("GET /pages/questions", "ResearchAndDevelopment"),
    ]


def test_a_search_shown_while_somebody_types_is_an_entry_and_a_count(audited: Running, log: AuditLog) -> None:
    lists = ("/pages/traces", "/pages/questions")
    for typed in ("r", "re", "rep", "repo", "report"):
        for page in lists:
            assert audited.get(page, params={"q": typed}, headers={"Accept": "text/html"}).status_code == 200
    told = [(e["action"], e["resource"], e["outcome"], e.get("count")) for e in entries(log)]
    # All that was shown is there, with how often; what was typed is not, since it may name somebody.
    assert told == [
        *(("everything", f"GET {page}", 200, None) for page in lists),
        *(("everything", f"GET {page}", 200, 4) for page in lists),
    ]


def test_what_is_the_same_for_everybody_is_not_recorded(audited: Running, log: AuditLog) -> None:
    for path in ("/health", "/problems/forbidden", "/static/none.css", "/openapi.json", "/ontology"):
        audited.get(path)
    audited.request("OPTIONS", "/sparql")
    assert audited.get("/audit/verification").status_code == 200
    assert entries(log) == []


def test_denials_are_on_the_disk_before_the_answer(audited: Running, log: AuditLog) -> None:
    for path, headers in (
        ("sparql?query=anna", {}),
        ("ontology", {"Authorization": "Bearer anna"}),
        ("health", {"Host": "anna.example"}),
    ):
        httpx.get(audited.url + path, headers=headers)
    assert (
        audited.get("/sparql", params={"query": "ASK { SERVICE <http://anna.example/> {} }"}).status_code
        == 403
    )
    found = [line.to_json() for line in log.export()]
    assert [(e["action"], e["principal"], e["resource"], e["outcome"]) for e in found] == [
        ("denied", "unknown", "GET /sparql", 401),
        ("denied", "unknown", "GET /ontology", 401),
        ("denied", "unknown", "GET /health", 403),
        ("denied", "local", "GET /sparql", 403),
    ]


def test_who_is_refused_by_role_is_named(kg: KnowledgeGraph, log: AuditLog, tmp_path: Path) -> None:
    kg.settings = replace(kg.settings, store=tmp_path / "store")
    key = make_key(kg.settings, Role.READER)
    with running(kg, audit=log) as server:
        assert asking(server, "/subjects/anna/erasure", key, "POST", json={}).status_code == 403
    (entry,) = [line.to_json() for line in log.export()]
    assert (entry["principal"], entry["roles"], entry["outcome"]) == (
        f"key:{prefix_of(key)}",
        ["reader"],
        403,
    )


def test_the_purpose_of_a_refused_request_is_told(kg: KnowledgeGraph, log: AuditLog, tmp_path: Path) -> None:
    kg.settings = replace(kg.settings, store=tmp_path / "store")
    key = make_key(kg.settings, Role.RESEARCHER, purposes=(RESEARCH,))
    stated = ("dpv:Marketing", "urn:x:unknown", "for Anna", f"urn:{'x' * 300}", "everything")
    with running(kg, audit=log) as server:
        for purpose in stated:
            answer = asking(server, "/sparql?query=ASK{}", key, headers={"KG-Purpose": purpose})
            assert answer.status_code == 403
    found = [line.to_json() for line in log.export()]
    assert [entry.get("purpose") for entry in found] == [
        *(f"{DPV}Marketing", "urn:x:unknown", None, None, None),
    ]
    assert {entry["action"] for entry in found} == {"denied"}


def test_a_flood_of_denials_stays_small(audited: Running, log: AuditLog) -> None:
    with httpx.Client() as client:
        for _ in range(300):
            assert client.get(f"{audited.url}queries").status_code == 401
    found = entries(log)
    assert (len(found), found[-1]["count"]) == (101, 200)


def test_changes_and_consents_are_recorded(audited: Running, log: AuditLog) -> None:
    audited.post("/update", data={"update": "INSERT DATA { <http://a/> <http://b/> 'anna' }"})
    audited.post("/consents?agent=anna", json={"subject": "anna"})
    audited.post("/consents/anna/withdraw", json={})
    found = [(e["action"], e["resource"], e["outcome"]) for e in entries(log)]
    assert sorted(found) == [
        ("change", "POST /update", 204),
        ("consent", "POST /consents", 400),
        ("consent", "POST /consents/{}/withdraw", 404),
    ]


def test_who_looks_at_the_consents_of_a_person_is_told_each_time(
    demo_kg: KnowledgeGraph, log: AuditLog
) -> None:
    asked = {"subject": PERSON, "category": "ci:CommunicationData", "purpose": RESEARCH}
    with running(demo_kg, audit=log) as server:
        held = f"SELECT ?c {{ ?c a <{CI}ConsentRecord> ; <{CI}dataSubject> <{IDS}{PERSON}> }} ORDER BY ?c LIMIT 1"
        consent = str(demo_kg.select(held).rows[0][0])[1:-1].removeprefix(IDS)
        paths = (f"/consents/{consent}", f"/consents/{consent}?lang=de", f"/pages/consents/{consent}")
        for path in paths:
            assert server.get(path).status_code == 200
        assert server.get("/decisions", params=asked).status_code == 200
        log.check()
        # They are there before the service ends, and not counted.
        found = [line.to_json() for line in log._file.lines()]
        server.get("/consents/nothing")
        server.get("/decisions", params=asked | {"subject": "anna"})
        mark = server.get(f"/subjects/{PERSON}").json()["mark"]
    assert PERSON not in "".join(map(str, found))
    assert [(e["action"], e["resource"], e["person"]) for e in found] == [
        ("consent", "GET /consents/{}", mark),
        ("consent", "GET /consents/{}", mark),
        ("consent", "GET /pages/consents/{}", mark),
        ("consent", "GET /decisions", mark),
    ]
    rest = entries(log)[len(found) : len(found) + 2]
    assert [(e["action"], e["outcome"], e.get("person")) for e in rest] == [("consent", 404, None)] * 2


def test_no_value_and_no_name_gets_into_the_file(audited: Running, log: AuditLog, tmp_path: Path) -> None:
    audited.get("/sparql", params={"query": QUERY})
    audited.get("/sparql?query=Anna")
    audited.post("/sparql", data={"query": QUERY})
    audited.get("/graphs", params={"graph": "https://anna.example/"})
    audited.get("/graphs/anna/miller")
    audited.get("/id/anna")
    audited.get("/?ticket=anna")
    audited.post("/consents?agent=anna.miller@b.example", json={"subject": "anna"})
    entries(log)
    for found in tmp_path.iterdir():
        assert b"nna" not in found.read_bytes()


def test_the_log_is_read_page_by_page(audited: Running, log: AuditLog) -> None:
    for n in range(7):
        audited.post(f"/consents/{n}/withdraw", json={})
    first = audited.get("/audit", params={"limit": 5, "action": "consent"}).json()
    assert [entry["number"] for entry in first["entries"]] == [7, 6, 5, 4, 3]
    rest = audited.get("/audit", params={"limit": 5, "action": "consent", "before": first["next"]}).json()
    assert [entry["number"] for entry in rest["entries"]] == [2, 1]
    assert rest["next"] is None
    for filters in ({"principal": "anna"}, {"since": "2026-11-21"}, {"until": "2026-11-20T12:00:00Z"}):
        assert audited.get("/audit", params=filters).json()["entries"] == []
    head = audited.get("/audit", params={"limit": 1}).json()["head"]
    found = audited.get("/audit/verification", params={"head": head}).json()
    assert (found["valid"], found["faults"]) == (True, [])
    assert audited.get("/audit/verification", params={"head": f"{'0' * 64}@1"}).json()["faults"] == [
        {"number": 1, "reason": "its hash is not the one that was noted"}
    ]
    # Reading the log is recorded, too.
    assert {entry["action"] for entry in audited.get("/audit").json()["entries"]} == {"audit", "consent"}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "action=anna", "since=yesterday", "before=x", "x=1", "limit=1&limit=2"]
)
def test_what_cannot_be_a_filter_is_refused(audited: Running, query: str) -> None:
    assert audited.get(f"/audit?{query}").status_code == 400
    assert audited.get("/audit/verification?head=1").status_code == 400


def test_exports_hold_all_in_order(audited: Running, log: AuditLog) -> None:
    for n in range(3):
        audited.post(f"/consents/{n}/withdraw", json={})
    lines = audited.get("/audit", headers={"Accept": "application/jsonl"})
    assert lines.headers["content-type"] == "application/jsonl"
    parsed = [json.loads(line) for line in lines.text.splitlines()]
    assert [entry["number"] for entry in parsed] == [1, 2, 3]
    assert verify(map(Line.of_json, parsed)).faults == ()
    table = audited.get("/audit?format=csv&action=consent")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [(row["number"], row["roles"], row["outcome"]) for row in rows] == [
        (str(n), "administrator", "404") for n in (1, 2, 3)
    ]
    assert audited.request("HEAD", "/audit?format=csv").status_code == 200
    assert audited.get("/audit?format=turtle").status_code == 406
    assert audited.post("/audit").status_code == 405


def test_without_a_log_that_can_be_written_nothing_is_answered(
    audited: Running, log: AuditLog, tmp_path: Path
) -> None:
    blocking = sqlite3.connect(tmp_path / "store.audit.sqlite", isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")
    refused = audited.post("/consents/1/withdraw", json={})
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/audit-failure")
    assert refused.headers["x-content-type-options"] == "nosniff"
    for path in ("/sparql?query=ASK{}", "/queries/issues-by-state", "/audit", "/pages/questions"):
        assert audited.get(path).status_code == 503
    assert httpx.get(f"{audited.url}sparql").status_code == 503
    for path in ("/health", "/problems/audit-failure", "/audit/verification"):
        assert audited.get(path).status_code == 200
    blocking.execute("ROLLBACK")
    blocking.close()
    for _ in range(100):
        if audited.get("/sparql?query=ASK{}").status_code == 200:
            break
        time.sleep(0.05)
    found = entries(log)
    assert [(e["action"], e["outcome"]) for e in found] == [("consent", 404), ("everything", 200)]


async def _ask(app: Any, path: str, method: str = "GET") -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
    await app(scope, receive, send)
    return sent


async def _noting(scope: Scope, receive: Receive, send: Send) -> None:
    researcher = Principal("key:3f2a", frozenset({Role.RESEARCHER}))
    scope["state"]["principal"] = researcher
    note(scope, view=EVERYTHING, purpose="https://w3id.org/dpv#Marketing", query=QUERY, ticket="7d1f")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})
    await send({"type": "http.response.body", "body": b"b"})


def test_resources_say_what_is_read(kg: KnowledgeGraph, log: AuditLog, tmp_path: Path) -> None:
    kg.settings = replace(kg.settings, store=tmp_path / "store")
    researcher = make_key(kg.settings, Role.RESEARCHER, purposes=(RESEARCH,))
    with running(kg, audit=log) as server:
        assert server.get("/sparql", params={"query": QUERY}).status_code == 200
        for headers in ({"KG-Purpose": "dpv:ResearchAndDevelopment"}, {"KG-Purpose": RESEARCH}):
            read = asking(server, "/sparql", researcher, params={"query": QUERY}, headers=headers)
            assert read.status_code == 200, read.text
    first, second, counted = entries(log)
    assert [one["action"] for one in (first, second, counted)] == ["everything", "read", "read"]
    assert (first["view"], second["view"]) == (EVERYTHING, "https://kg.example/view/ResearchAndDevelopment")
    assert (first.get("purpose"), second["purpose"]) == (None, RESEARCH)
    assert {one["query"] for one in (first, second, counted)} == {'SELECT * { ?1 ?2 "…" }'}
    assert (first["principal"], second["principal"]) == ("local", f"key:{prefix_of(researcher)}")
    assert "ticket" not in first


def test_the_cost_of_a_request_is_small(log: AuditLog) -> None:
    app = Auditing(_noting, log, EVERYTHING, fixed_parts(["/sparql"]))

    async def many(app: Any) -> float:
        began = time.thread_time()
        for _ in range(3000):
            await _ask(app, "/sparql")
        return (time.thread_time() - began) / 3000

    async def bare(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {}
        await _noting(scope, receive, send)

    cost = min(asyncio.run(many(app)) - asyncio.run(many(bare)) for _ in range(3))
    assert cost < 50e-6
