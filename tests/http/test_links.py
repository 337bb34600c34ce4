"""`/links` over HTTP: list, explain, decide on the condition that nobody was faster, and the picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.proposing import propose
from kgservice.application.links.statements import link_iri
from kgservice.domain.matching import Pair, RecordId
from kgservice.domain.principal import Role
from kgservice.namespaces import SKOS, Addresses
from tests.http.keys import asking, make_key, serving
from tests.serving import Running
from tests.unit.links import AMBROS, FRAUKE, TILMAN, pair, run

SVG = "{http://www.w3.org/2000/svg}"
ODD = Pair(
    RecordId("erp", "90"),
    FRAUKE,
    2.0,
    0.8,
    {"name": 5.5, "prior": -3.5},
    {"name": ("<script>alert(1)</script>\x00", "Frauke & Co")},
)


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    kg = demo_kg_guarded
    propose(kg, run(), [pair("77", TILMAN, 4.0), pair("77", AMBROS, 1.0), pair("78", AMBROS, 9.0), ODD])
    with serving(kg, tmp_path) as server:
        yield server


def key_of(customer: str = TILMAN, key: str = "77") -> str:
    """The UUID of a link of the source `erp`."""
    iri = link_iri(Addresses("https://kg.example/"), RecordId("erp", key), customer).value
    return iri.rpartition("/")[2]


def decide(server: Running, verb: str, key: str, **options: Any) -> Any:
    return server.post(f"/links/{key}/{verb}", json={"reason": "seen"}, **options)


def test_the_list_is_filtered_and_the_likeliest_come_first(server: Running) -> None:
    body = server.get("/links?state=candidate&source=erp").json()
    assert body["total"] == 3
    assert [link["customer"] for link in body["links"]] == [TILMAN, FRAUKE, AMBROS]
    first = body["links"][0]
    assert (first["state"], first["source"], first["key"], first["weight"]) == ("candidate", "erp", "77", 4.0)
    assert server.get("/links?source=erp&kind=organisations").json() == {"total": 0, "links": []}
    for wrong in ("state=x", "limit=0", "kind=x", "nothing=1", "state=accepted&state=rejected"):
        answer = server.get(f"/links?{wrong}")
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-parameter"), wrong
    report = server.get("/links/report").json()
    assert report["sources"]["erp"] == {"candidate": 3, "accepted": 1, "rejected": 0}


def test_one_link_is_explained(server: Running) -> None:
    answer = server.get(f"/links/{key_of()}")
    body = answer.json()
    assert [(one["field"], one["weight"], one["record"], one["customer"]) for one in body["fields"]] == [
        ("name", 7.25, "TILMAN KANTWERK", "Tilman Kantwerk"),
        ("prior", -3.5, None, None),
        ("email", 0.25, "77@firma.example", "t@fensterbau.example"),
    ]
    assert body["run"]["model"] == "ab" * 32
    assert (body["run"]["version"], body["run"]["dataState"], body["decisions"]) == ("5.0.0", 1, [])
    tag = answer.headers["etag"]
    assert server.get(f"/links/{key_of()}", headers={"If-None-Match": tag}).status_code == 304
    assert server.get("/links/no-such-link").status_code == 404
    assert server.get(f"/links/{key_of()}/nothing").status_code == 404
    assert server.get(f"/links/{key_of()}/accept").status_code == 405


def test_decisions_follow_what_was_seen(server: Running) -> None:
    key = key_of()
    seen = server.get(f"/links/{key}").headers["etag"]
    accepted = decide(server, "accept", key, headers={"If-Match": seen}, params={"agent": "Marit"})
    assert (accepted.status_code, accepted.json()["stands"]) == (200, "AcceptedByPerson")
    assert accepted.json()["decisions"][0]["byName"] == "Marit"
    assert "kg-commit" in accepted.headers
    assert server.kg.ask(f"ASK {{ <{TILMAN}> <{SKOS}exactMatch> ?record }}")
    late = decide(server, "reject", key, headers={"If-Match": seen})
    assert (late.status_code, late.json()["type"]) == (412, "/problems/precondition-failed")
    undone = decide(server, "undo", key, headers={"If-Match": accepted.headers["etag"]})
    assert (undone.status_code, undone.json()["state"]) == (200, "candidate")
    assert not server.kg.ask(f"ASK {{ <{TILMAN}> <{SKOS}exactMatch> ?record }}")
    rejected = decide(server, "reject", key)
    assert rejected.json()["state"] == "rejected"
    assert [one["record"] for one in rejected.json()["fields"]] == [None, None, None]
    assert check(server.kg) == []


def test_what_cannot_be_decided(server: Running) -> None:
    assert decide(server, "undo", key_of()).status_code == 409
    assert decide(server, "accept", key_of(AMBROS, "99")).status_code == 404
    assert server.post(f"/links/{key_of()}/accept", json={}).status_code == 400
    assert server.post(f"/links/{key_of()}/accept", json={"reason": " "}).status_code == 400
    assert server.post(f"/links/{key_of()}/accept", json={"reason": "x", "more": 1}).status_code == 400
    assert server.post(f"/links/{key_of()}/accept", content=b"{").status_code == 400
    decide(server, "accept", key_of(), headers={"If-Match": "*"})
    assert decide(server, "accept", key_of(FRAUKE, "90")).status_code == 200
    second = server.post(f"/links/{key_of(AMBROS)}/accept", json={"reason": "him, too"})
    assert second.status_code == 404  # it went when the record was known to be another's


def test_the_picture_is_one_file_that_tells_itself_in_words(server: Running) -> None:
    answer = server.get(
        f"/links/{key_of(FRAUKE, '90')}/waterfall?lang=en", headers={"Accept": "image/svg+xml"}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    picture = ET.fromstring(answer.content)
    assert picture.tag == f"{SVG}svg"
    assert picture.get("role") == "img"
    assert picture.get("aria-labelledby") == "link-title link-description"
    title, description = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
    assert title is not None
    assert "Frauke Uferlohe" in str(title.text)
    assert description is not None
    assert "Name +5.50" in str(description.text)
    assert "Prior −3.50" in str(description.text)
    assert "Together +2.00" in str(description.text)
    tags = {element.tag.removeprefix(SVG) for element in picture.iter()}
    assert tags == {"svg", "title", "desc", "g", "rect", "line", "text"}
    assert not any("href" in name or name.startswith("on") for e in picture.iter() for name in e.attrib)
    assert "<script>" not in answer.text
    widths = [float(e.get("width", "0")) for e in picture.iter(f"{SVG}rect")][1:]
    assert widths[1] / widths[0] == pytest.approx(5.5 / 3.5, abs=0.01)
    german = server.get(f"/links/{key_of(FRAUKE, '90')}/waterfall")
    assert "Ausgangslage −3,50" in german.text
    refused = server.get(f"/links/{key_of()}/waterfall", headers={"Accept": "text/turtle"})
    assert refused.status_code == 406
    assert server.get(f"/links/{key_of()}/waterfall?lang=fr").status_code == 400
    assert server.get("/links/report/waterfall").status_code == 404


def test_links_are_for_stewards(server: Running) -> None:
    settings = server.kg.settings
    purposes = settings.active_purposes
    for role in Role:
        key = make_key(settings, role, purposes=purposes, default=purposes[0])
        may = role in {Role.STEWARD, Role.ADMINISTRATOR}
        for method, path in (
            ("GET", "/links"),
            ("GET", "/links/report"),
            ("GET", f"/links/{key_of()}"),
            ("GET", f"/links/{key_of()}/waterfall"),
            ("POST", f"/links/{key_of()}/reject"),
        ):
            answer = asking(server, path, key, method, json={"reason": "x"} if method == "POST" else None)
            assert (answer.status_code == 403) != may, (role, path, answer.text)
            if not may:
                assert "KANTWERK" not in answer.text


def test_readers_see_of_links_what_their_purpose_covers(server: Running) -> None:
    """By queries, too, nothing that was compared comes out; and the link only with the consent of its person."""
    settings = server.kg.settings
    for purpose in settings.active_purposes:
        key = make_key(settings, Role.RESEARCHER, purposes=(purpose,), default=purpose)
        for query in (
            "SELECT * { ?s ?p ?o FILTER(CONTAINS(STR(?o), 'KANTWERK')) }",
            "SELECT * { ?s a <https://w3id.org/kgservice/ci#FieldComparison> }",
        ):
            found = asking(server, "/sparql", key, params={"query": query}).json()
            assert found["results"]["bindings"] == []
        assert "TILMAN KANTWERK" not in asking(server, f"/id/{key_of()}", key).text
