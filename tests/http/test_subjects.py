"""The rights of persons over HTTP, through the guard: find, access, take along, rectify, restrict, erase."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change
from kgservice.namespaces import CI, DPV, XSD
from tests.http.persons import IDS, PERSON, refused
from tests.serving import Running, faults, running

RESTRICTED = "00000000-0000-4000-8000-100700000017"
ON_CONTRACT = "00000000-0000-4000-8000-100700000015"
ERASED = "00000000-0000-4000-8000-100700000047"
DETAILS = "00000000-0000-4000-8000-102000000005"
EMAIL = "walburga.friesinger@metallbau-rotensteig.example"


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg_guarded) as server:
        yield server


def details_of(server: Running) -> str:
    """The record of contact details of the person."""
    data = server.get(f"/subjects/{PERSON}/access").json()["data"]
    (found,) = [one["id"] for one in data if one["classes"] == [f"{CI}IdentificationRecord"]]
    return str(found)


@pytest.mark.parametrize(
    "given",
    [
        {"crm": "sales-crm:CON-1005"},
        {"crm": "CRM des Vertriebs:CON-1005"},
        {"crm": "https://kg.example/id/00000000-0000-4000-8000-107000000001:CON-1005"},
        {"crm": "CON-1005"},
        {"email": EMAIL},
        {"email": EMAIL.upper()},
        {"iri": PERSON},
        {"iri": IDS + PERSON},
    ],
)
def test_a_person_is_found(server: Running, given: dict[str, str]) -> None:
    expected = {
        "key": PERSON,
        "iri": IDS + PERSON,
        "name": "Walburga Friesinger",
        "classes": [f"{CI}ContactPerson"],
        "mark": server.get(f"/subjects/{PERSON}").json()["mark"],
    }
    assert re.fullmatch("[0-9a-f]{64}", str(expected["mark"]))
    for answer in (server.get("/subjects", params=given), server.post("/subjects/search", json=given)):
        assert answer.json() == {"matches": [expected], "more": False}, answer.text
        assert answer.headers["cache-control"] == "no-store"


def test_nobody_and_bad_questions(server: Running) -> None:
    nobody = ({"crm": "sales-crm:CON-9999"}, {"email": "a@b.example"}, {"iri": ERASED}, {"iri": DETAILS})
    for given in (*nobody, {"name": "Wilhelmina Nobody"}):
        assert server.get("/subjects", params=given).json() == {"matches": [], "more": False}
    for bad in ({}, {"crm": "a", "email": "b"}, {"crm": ":"}, {"email": " "}, {"iri": "no name"}):
        assert refused(server.get("/subjects", params=bad))[0] == 400, bad
    assert refused(server.get("/subjects?nickname=Walburga"))[:2] == (400, "nickname")
    assert refused(server.post("/subjects/search", json={"email": 7}))[:2] == (400, "email")
    assert refused(server.post("/subjects/search", json={"email": EMAIL, "x": 1}))[:2] == (400, "x")
    status, _, words = refused(server.get("/subjects?crm=old-crm:CON-1005"))
    assert (status, "no CRM system 'old-crm'" in words, "`sales-crm`" in words) == (404, True, True)
    status, _, words = refused(server.get(f"/subjects/{ERASED}"))
    assert (status, "was erased at 2026-08-19T13:05:00Z" in words) == (404, True)
    for unknown in ("00000000-0000-4000-8000-000000000000", "no%20name", DETAILS):
        assert refused(server.get(f"/subjects/{unknown}"))[0] == 404
    assert refused(server.get(f"/subjects/{PERSON}/photo"))[0] == 404
    assert server.request("DELETE", f"/subjects/{PERSON}").headers["allow"] == "GET, HEAD, OPTIONS"
    assert server.get(f"/subjects/{PERSON}/erasure").status_code == 405


def test_access_as_json_jsonld_and_page(server: Running) -> None:
    summary = server.get(f"/subjects/{PERSON}").json()
    found = server.get(f"/subjects/{PERSON}/access").json()
    assert found["statements"] == summary["statements"] > 100
    assert found["data"][0]["id"] == IDS + PERSON
    assert EMAIL in {said["value"] for one in found["data"] for said in one["values"]}
    assert found["purposes"]
    assert [one["state"] for one in found["consents"]] == ["withdrawn"]
    assert [(one["kind"], one["status"]) for one in found["requests"]] == [("erasure", "open")]
    graph = server.get(f"/subjects/{PERSON}/access", headers={"Accept": "application/ld+json"})
    triples = {quad.triple for quad in parse(graph.content, format=RdfFormat.JSON_LD)}
    assert len(triples) == summary["statements"]
    for language, words, now in (
        ("de", "Ihre Daten bei uns", "20.11.2026, 12:00 UTC"),
        ("en", "Your data with us", "20 Nov 2026, 12:00 UTC"),
    ):
        page = server.get(
            f"/subjects/{PERSON}/access", headers={"Accept": "text/html", "Accept-Language": language}
        )
        assert page.headers["cache-control"] == "no-store"
        assert 'href="/pages/' not in page.text  # it is for the person
        assert words in page.text
        assert f">{now}</time>" in page.text
        assert not re.search(r"<td>\d{4}-\d\d-\d\d", page.text)
        assert {"Walburga Friesinger", EMAIL} <= {w for w in ("Walburga Friesinger", EMAIL) if w in page.text}


def test_the_page_for_the_person_calls_all_by_names(server: Running) -> None:
    for language, words in (
        (
            "de",
            (
                '<th scope="row">entspricht genau</th><td>CRM-Kontakt: sales-crm – CON-1005</td>',
                "<td>Methodeneinsatz: Kundenbesuch – Jahresgespräch, 12.10.2026</td>",
                "<td>Einwilligung, 05.03.2025</td>",
            ),
        ),
        (
            "en",
            (
                '<th scope="row">exact match</th><td>CRM contact: sales-crm – CON-1005</td>',
                "<td>method use: customer visit – Annual review, 12 Oct 2026</td>",
                "<td>consent record, 5 Mar 2025</td>",
            ),
        ),
    ):
        for form in ("", "?file=true"):
            page = server.get(
                f"/subjects/{PERSON}/access{form}",
                headers={"Accept": "text/html", "Accept-Language": language},
            )
            assert [line for line in words if line not in page.text] == []
            assert not re.search(r"<td>00000000-|>exactMatch<", page.text)


def test_the_page_of_a_record_calls_a_pass_by_its_touchpoint_and_day(server: Running) -> None:
    address = f"/pages/record?iri={IDS}00000000-0000-4000-8000-104200000001&lang=en"
    page = server.get(address, headers={"Accept": "text/html"})
    assert "<h1>touchpoint pass: " in page.text
    assert ", 14 Apr 2026</h1>" in page.text
    assert ">activity<" not in page.text  # the model's word for it is enough


def test_what_a_person_takes_along(server: Running) -> None:
    told = server.get(f"/subjects/{PERSON}/export", headers={"Accept": "application/json"}).json()
    reasons = {one["reason"] for one in told["leftOut"]}
    assert IDS + PERSON in told["records"]
    assert details_of(server) in told["records"]
    assert "not-provided" in reasons
    answer = server.get(f"/subjects/{PERSON}/export?format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(rows) == told["statements"]
    assert EMAIL in {row["value"] for row in rows}
    assert {row["record"] for row in rows} == set(told["records"])
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.csv"'
    graph = server.get(f"/subjects/{PERSON}/export")
    assert graph.headers["content-type"] == "application/ld+json"
    assert len(list(parse(graph.content, format=RdfFormat.JSON_LD))) == told["statements"]


@pytest.mark.slow
def test_rectification_is_a_commit_with_its_ticket(server: Running) -> None:
    record = details_of(server)
    body = {"record": record, "set": {"ci:emailAddress": "w.berg@rotensteig.example", "ci:telephone": None}}
    answer = server.post(f"/subjects/{PERSON}/rectification?agent=urn:staff:7", json=body)
    assert answer.status_code == 200, answer.text
    data = server.get(f"/subjects/{PERSON}/access").json()
    (said,) = [one["values"] for one in data["data"] if one["id"] == record]
    assert {v["value"] for v in said if v["property"] == f"{CI}emailAddress"} == {"w.berg@rotensteig.example"}
    assert not any(v["property"] == f"{CI}telephone" for v in said)
    assert [(r["kind"], r["outcome"]) for r in data["requests"] if r["kind"] == "rectification"] == [
        ("rectification", "fulfilled")
    ]
    assert faults(server) == []


def test_numbers_and_truth_values_are_written_as_the_property_asks(server: Running) -> None:
    path = f"/subjects/{PERSON}/rectification"
    for value, kept in ((41, "integer"), ({"value": 42, "type": "xsd:integer"}, "integer")):
        answer = server.post(path, json={"set": {"ci:age": value}})
        assert answer.status_code == 200, answer.text
        ((age,),) = server.kg.select(f"SELECT ?age {{ <{IDS}{PERSON}> <{CI}age> ?age }}").rows
        assert str(age).endswith(f"#{kept}>")
    for name, wrong in (("personName", True), ("personName", 5), ("age", True), ("age", 5.5)):
        assert refused(server.post(path, json={"set": {f"ci:{name}": wrong}}))[:2] == (400, f"set.ci:{name}")
    assert faults(server) == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "set"),
    ({"set": {}}, "set"),
    ({"set": {"ci:nothing": "x"}}, "set.ci:nothing"),
    ({"set": {"ci:dataSubject": "x"}}, "set.ci:dataSubject"),
    ({"set": {"ci:personName": ""}}, "set.ci:personName"),
    ({"set": {"ci:personName": {"value": "x", "language": "no language"}}}, "set.ci:personName"),
    ({"set": {"ci:isMinor": {"value": "maybe", "type": "xsd:boolean"}}}, "set.ci:isMinor"),
    ({"set": {"ci:age": {"value": "zz", "type": "xsd:integer"}}}, "set.ci:age"),
    ({"set": {"ci:age": {"value": "7", "type": "urn:x:integer"}}}, "set.ci:age"),
    ({"set": {"ci:personName": "x"}, "record": IDS + RESTRICTED}, "record"),
    ({"set": {"ci:personName": "x"}, "until": 1}, "until"),
    ({"set": {"ci:personName": "x"}, "received": "2099-01-01T00:00:00Z"}, "received"),
]


def test_what_is_wrong_is_said_and_nothing_is_written(server: Running) -> None:
    head = server.kg.head
    for body, source in WRONG:
        status, place, detail = refused(server.post(f"/subjects/{PERSON}/rectification", json=body))
        assert (status, place) == (400, source), (body, detail)
    for part in ("erasure", "restriction", "objection"):
        assert refused(server.post(f"/subjects/{PERSON}/{part}", json=[]))[0] == 400
        assert refused(server.post(f"/subjects/{PERSON}/{part}", json={"x": 1}))[:2] == (400, "x")
        assert refused(server.post(f"/subjects/{ERASED}/{part}", json={}))[0] == 404
    foreign = {"request": "00000000-0000-4000-8000-106400000003"}
    assert refused(server.post(f"/subjects/{PERSON}/erasure", json=foreign))[0] == 409
    assert refused(server.post(f"/subjects/{ON_CONTRACT}/erasure", json={}))[0] == 409
    assert refused(server.post(f"/subjects/{PERSON}/restriction", json={"records": [RESTRICTED]}))[0] == 400
    assert server.kg.head == head


def test_restriction_of_a_whole_person_is_set_and_lifted(server: Running) -> None:
    answer = server.post(f"/subjects/{PERSON}/restriction", json={"reason": "disputed"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["records"], made["holds"], made["until"], made["reason"]) == ([], True, None, "disputed")
    place = f"/subjects/{PERSON}/restriction/{made['id'].removeprefix(IDS)}/lift"
    assert refused(server.post(place, json={}))[:2] == (400, "informed")
    lifted = server.post(place, json={"informed": True}).json()["restrictions"]
    assert [(one["holds"], one["until"]) for one in lifted] == [(False, "2026-11-20T12:00:00Z")]
    assert refused(server.post(place, json={"informed": True}))[0] == 409
    assert refused(server.post(place.replace(PERSON, RESTRICTED), json={"informed": True}))[0] == 404
    known = server.get(f"/subjects/{RESTRICTED}/restriction").json()["restrictions"]
    assert [(len(one["records"]), one["holds"]) for one in known] == [(2, True)]


def test_a_restriction_does_not_begin_later_since_its_ticket_is_answered_at_once(server: Running) -> None:
    head, later = server.kg.head, {"from": "2026-12-01T00:00:00Z"}
    assert refused(server.post(f"/subjects/{PERSON}/restriction", json=later))[:2] == (400, "from")
    assert server.kg.head == head
    earlier = server.post(f"/subjects/{PERSON}/restriction", json={"from": "2026-11-19T00:00:00Z"})
    assert (earlier.status_code, earlier.json()["holds"]) == (201, True)


@pytest.mark.slow
def test_a_restriction_that_would_end_later_can_be_lifted_before(server: Running) -> None:
    made = server.post(f"/subjects/{PERSON}/restriction", json={}).json()["id"]
    end = Literal("2027-01-01T00:00:00Z", datatype=NamedNode(f"{XSD}dateTimeStamp"))
    server.kg.commit(Change(add=(Quad(NamedNode(made), NamedNode(f"{CI}validUntil"), end),), trusted=True))
    (known,) = server.get(f"/subjects/{PERSON}/restriction").json()["restrictions"]
    assert (known["holds"], known["until"]) == (True, "2027-01-01T00:00:00Z")
    place = f"/subjects/{PERSON}/restriction/{made.removeprefix(IDS)}/lift"
    (lifted,) = server.post(place, json={"informed": True}).json()["restrictions"]
    assert (lifted["holds"], lifted["until"]) == (False, "2026-11-20T12:00:00Z")
    assert refused(server.post(place, json={"informed": True}))[0] == 409
    assert faults(server) == []


def test_what_rests_on_the_interests_of_the_provider_is_not_taken_along(server: Running) -> None:
    record = details_of(server)
    for basis, left in (("LegitimateInterest", True), ("ContractPerformance", False)):
        node, stated = NamedNode(record), NamedNode(f"{CI}legalBasis")
        others = (q for q in server.kg.store.match([(node, stated, None)]))
        before = tuple(q for q in others if server.kg.graphs.is_record(q.graph_name))
        added = (Quad(node, stated, NamedNode(f"{DPV}{basis}")),)
        server.kg.commit(Change(add=added, remove=before, trusted=True))
        told = server.get(f"/subjects/{PERSON}/export", headers={"Accept": "application/json"}).json()
        assert (record in told["records"]) is not left
        assert ({"record": record, "reason": "other-basis"} in told["leftOut"]) is left


def test_an_objection_counts_until_it_is_refused(server: Running) -> None:
    answer = server.post(f"/subjects/{PERSON}/objection", json={"received": "2026-11-19T09:00:00Z"})
    assert answer.status_code == 201
    ticket = server.get(answer.headers["location"]).json()
    assert (ticket["kind"], ticket["due"], ticket["outcome"]) == (
        *("objection", "2026-12-19T09:00:00Z", "pending"),
    )


@pytest.mark.slow
def test_after_erasure_nothing_tells_who_it_was(stewarded_kg: KnowledgeGraph) -> None:
    with running(stewarded_kg) as server:
        erase(server)


def erase(server: Running) -> None:
    """Erase a person, and look for what is left of them."""
    texts = {"Walburga Friesinger", EMAIL, "+49 30 23125 005", "CON-1005"}
    asked = [{"subject": PERSON, "kind": kind} for kind in ("access", "objection")]
    waiting = [server.post("/requests", json=body).json()["id"] for body in asked]
    reason = {"reason": "Walburga Friesinger was told that it takes longer"}
    assert server.post(f"/requests/{waiting[0].removeprefix(IDS)}/extend", json=reason).status_code == 200
    answer = server.post(f"/subjects/{PERSON}/erasure?agent=urn:staff:7", json={"otherBasis": "erase"})
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert done["request"] == f"{IDS}00000000-0000-4000-8000-106400000006"
    assert refused(server.get(f"/subjects/{PERSON}"))[0] == 404
    dump = server.get("/export").text
    assert not [text for text in {*texts, PERSON} if text in dump]
    assert faults(server) == []
    ticket = server.get(f"/requests/{done['request'].removeprefix(IDS)}").json()
    stone = ticket["tombstone"]
    assert (ticket["subject"], PERSON in stone) == (None, False)
    assert set(done["moot"]) == set(waiting)
    for iri in waiting:  # nobody is to answer what nobody asks any more
        ticket = server.get(f"/requests/{iri.removeprefix(IDS)}").json()
        assert (ticket["status"], ticket["outcome"], ticket["answered"]) == (
            *("answered", "moot", "2026-11-20T12:00:00Z"),
        )
        assert (ticket["subject"], ticket["tombstone"]) == (None, stone)
    new = server.get("/findings", params={"status": "open", "severity": "Violation"}).json()
    assert not [one for one in new["findings"] if one["firstSeen"] == "2026-11-20T12:00:00Z"]
    assert server.get("/findings", params={"focus": IDS + PERSON}).json()["total"] == 0
    # What the erasure noted is what a full validation finds.
    counts = server.post("/findings").json()
    assert (counts["new"], counts["mended"]) == (0, 0)
