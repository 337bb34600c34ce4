"""`/imports/{source}` over HTTP: what goes back to the CRM, for stewards only."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.proposing import propose
from kgservice.crm import registry
from kgservice.domain.principal import Role
from tests.crm.folders import people
from tests.http.keys import asking, make_key, serving
from tests.serving import Running
from tests.unit.links import AMBROS, TILMAN, pair, run


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    with serving(demo_kg_guarded, tmp_path) as server:
        registry.add(server.kg.settings.crm_folder, people(tmp_path / "people", 'file = "people.csv"'))
        yield server


def test_links_with_consents_as_json_and_csv(server: Running) -> None:
    assert server.get("/imports/people/export").json() == {"links": []}
    linked = [pair("=1", TILMAN, 9.0, source="people"), pair("2", AMBROS, 9.0, source="people")]
    propose(server.kg, run(), linked)
    body = server.get("/imports/people/export").json()
    assert {(one["key"], one["customer"]) for one in body["links"]} == {("=1", TILMAN), ("2", AMBROS)}
    answer = server.get("/imports/people/export", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert sorted(row["key"] for row in csv.DictReader(answer.text.splitlines())) == ["'=1", "2"]
    assert server.get("/imports/people/export?format=turtle").status_code == 406
    assert server.get("/imports/people/export?url=http://x.example").status_code == 400


def test_what_cannot_be_brought_into_the_crm(server: Running) -> None:
    refused = server.post("/imports/people/export", json={"apply": True})
    assert (refused.status_code, refused.json()["type"]) == (400, "/problems/bad-input")
    for name in ("nobody", "%2e%2e%2fx", "..%2F..%2Fetc", "people%00", "Ü" * 300, "people;x"):
        answer = server.post(f"/imports/{name}/export", json={})
        assert answer.status_code in {400, 404}, (name, answer.text)
    assert server.post("/imports/people/export", json={"url": "http://x.example"}).status_code == 400


def test_it_is_for_stewards(server: Running) -> None:
    propose(server.kg, run(), [pair("1", TILMAN, 9.0, source="people")])
    settings = server.kg.settings
    for role in Role:
        key = make_key(settings, role, purposes=settings.active_purposes, default=settings.active_purposes[0])
        may = role in {Role.STEWARD, Role.ADMINISTRATOR}
        for method in ("GET", "POST"):
            answer = asking(server, "/imports/people/export", key, method, json={})
            assert (answer.status_code == 403) != may, (role, answer.text)
            assert may or TILMAN not in answer.text
