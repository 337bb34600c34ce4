"""What those who run the service look at: `/health/…`, `/metrics`; and a store that takes no changes."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.guard import Guard
from kgservice.domain.principal import Role
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.store.disk import Disk
from tests.http.keys import asking, make_key
from tests.serving import Running, faults, running

UPDATE = {"Content-Type": "application/sparql-update"}


@pytest.fixture
def disk(model_only: OxigraphStore, tmp_path: Path) -> Disk:
    """The disk of a store with the model."""
    model_only.backup(tmp_path / "store")
    return Disk(tmp_path / "store", synced=True)


@pytest.fixture
def server(disk: Disk) -> Iterator[Running]:
    """A server whose guard has not read the shapes."""
    kg = KnowledgeGraph.open(Settings(store=disk.folder), OxigraphStore(disk.folder, disk))
    with running(kg) as server:
        yield server
    kg.close()


def insert(words: str) -> str:
    return f'INSERT DATA {{ <urn:test:x> a <{CI}Persona> ; <{CI}title> "{words}"@en }}'


def figures(server: Running) -> dict[str, float]:
    answer = server.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = [line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_the_service_is_ready_when_changes_are_judged_at_once(server: Running, guard: Guard) -> None:
    live, waiting = (
        server.client.get(f"{server.url}health/{name}", headers={}) for name in ("live", "ready")
    )
    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    assert (waiting.status_code, waiting.json()["type"]) == (503, "/problems/store-failure")
    server.kg.guard = guard
    guard.prepare(server.kg.planner())
    ready = server.client.get(f"{server.url}health/ready", headers={"Authorization": "Bearer wrong"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "writes": True})
    assert server.request("HEAD", "/health/ready").status_code == 200
    assert server.get("/health/other").status_code == 404


def test_a_full_disk_refuses_changes_and_reading_goes_on(server: Running, disk: Disk, guard: Guard) -> None:
    server.kg.guard = guard
    assert server.post("/update", content=insert("before"), headers=UPDATE).status_code == 204
    disk.reserve = 2**60
    refused = server.post("/update", content=insert("refused"), headers=UPDATE)
    assert (refused.status_code, refused.json()["type"]) == (507, "/problems/store-full")
    assert server.get("/health/ready").json() == {"status": "ready", "writes": False}
    assert figures(server)["kgservice_writable"] == 0
    titles = server.get("/sparql", params={"query": f"SELECT ?t {{ ?x a <{CI}Persona> ; <{CI}title> ?t }}"})
    assert [row["t"]["value"] for row in titles.json()["results"]["bindings"]] == ["before"]
    assert server.get("/health").json()["commit"] == 1
    disk.reserve = 0
    assert server.post("/update", content=insert("after"), headers=UPDATE).status_code == 204
    assert server.get("/health").json()["commit"] == 2
    assert faults(server) == []


def test_a_change_that_the_engine_could_not_write_is_not_there_and_the_answer_says_to_restart(
    server: Running, disk: Disk, guard: Guard
) -> None:
    server.kg.guard = guard
    assert server.post("/update", content=insert("before"), headers=UPDATE).status_code == 204
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, unlimited[1]))
    try:
        refused = server.post("/update", content=insert("x" * 150_000), headers=UPDATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert (refused.status_code, refused.json()["type"]) == (507, "/problems/store-full")
    again = server.post("/update", content=insert("after"), headers=UPDATE)
    assert (again.status_code, "start the service anew" in again.json()["detail"]) == (503, True)
    assert server.get("/health").json()["commit"] == 1
    server.kg.close()
    kg = KnowledgeGraph.open(Settings(store=disk.folder), OxigraphStore(disk.folder, Disk(disk.folder)))
    assert (kg.head, kg.ask("ASK { ?x ?p 'before'@en }"), kg.store.writable) == (1, True, True)
    kg.close()


def test_figures_count_requests_by_route_and_name_nobody(server: Running) -> None:
    server.get("/sparql", params={"query": "ASK { <urn:test:secret> ?p ?o }"})
    server.get("/id/secret")
    server.get("/secret")
    server.request("PROPFIND", "/queries/secret")
    server.get("/static/secret.css")
    found = figures(server)
    count = 'kgservice_requests_total{method="%s",route="%s",status="%s"}'
    for of_one in (
        ("GET", "/sparql", 200),
        ("GET", "/id/{key}", 404),
        ("GET", "other", 404),
        ("other", "/queries/{id}", 405),
        ("GET", "/static/{path:path}", 404),
    ):
        assert found[count % of_one] == 1, of_one
    assert found['kgservice_request_seconds_count{method="GET",route="/sparql"}'] == 1
    assert found['kgservice_requests_running{method="GET",route="/metrics"}'] == 1
    assert found["kgservice_commits"] == found["kgservice_ready"] == 0
    assert found["process_resident_memory_bytes"] > 1e6
    text = server.get("/metrics").text
    assert "secret" not in text
    assert "urn:" not in text
    assert not re.search(r'"(?:local|key:)', text)


def test_who_watches_the_service_sees_no_data(server: Running) -> None:
    watching = make_key(server.kg.settings, Role.MONITOR, purposes=server.kg.settings.active_purposes)
    assert asking(server, "/metrics", watching).status_code == 200
    assert "commit" not in asking(server, "/health", watching).json()
    for path in ("/", "/queries", "/sparql?query=ASK%7B%7D", "/openapi.json", "/trace/x", "/id/x", "/export"):
        assert asking(server, path, watching).status_code == 403, path
    assert server.client.get(f"{server.url}metrics", headers={"Authorization": ""}).status_code == 401
