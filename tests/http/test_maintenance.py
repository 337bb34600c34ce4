"""Backups and checks as runs over HTTP: begun, waited for, followed, told of, and stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyoxigraph import NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.settings import Settings
from tests.serving import Running, faults, running

LINES = {"Accept": "application/x-ndjson"}


@pytest.fixture
def server(kg: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    kg.settings = Settings(store=tmp_path / "store")
    with running(kg) as server:
        yield server


def wait(seconds: object) -> dict[str, str]:
    return {"Prefer": f"wait={seconds}"}


def ended(server: Running, where: str) -> dict[str, Any]:
    """How a run stands when it has ended."""
    answer = server.get(where, headers=wait(120))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["state"] != "running"
    return told


def test_a_backup_is_begun_told_of_and_there(server: Running) -> None:
    begun = server.post("/backups")
    assert (begun.status_code, begun.headers["cache-control"]) == (202, "no-store")
    assert begun.json()["work"] == "backup"
    where = begun.headers["location"]
    assert where == f"/maintenance/{begun.json()['id']}"
    told = ended(server, where)
    assert (told["state"], told["problem"], told["progress"][-1]["name"]) == ("done", None, "Copying files")
    listed = server.get("/backups").json()["backups"]
    assert [one["folder"] for one in listed] == [told["backup"]["folder"]]
    assert told["about"] == Path(told["backup"]["folder"]).name
    assert server.get("/maintenance").json()["jobs"] == [told]


def test_who_wants_to_wait_gets_the_result(server: Running) -> None:
    made = server.post("/backups", headers=wait(120))
    assert (made.status_code, made.headers["preference-applied"]) == (201, "wait=120")
    assert made.json() == {**server.get("/backups").json()["backups"][0], "shared": made.json()["shared"]}
    assert faults(server) == []
    wrong = NamedNode("urn:x:wrong")
    server.kg.store.apply(add=[Quad(wrong, wrong, wrong, server.kg.view)])
    assert [fault for fault in faults(server) if "urn:x:wrong" in fault]
    (last, first) = server.get("/check").json()["checks"]
    assert (len(last["faults"]), first["faults"], last["work"]) == (1, [], "check")


def test_who_waits_too_short_is_told_where_it_goes_on(server: Running) -> None:
    with server.kg.writing:  # the copy of the store waits
        begun = time.monotonic()
        answer = server.post("/check", headers=wait(1))
        assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=1")
        assert time.monotonic() - begun >= 1
        where = answer.headers["location"]
        now = server.get(where, headers=wait(0)).json()
        assert (now["state"], now["endedAt"]) == ("running", None)
        assert now["progress"] == [{"name": "Copying the store", "done": 0, "total": 1}]
    assert (ended(server, where)["state"], ended(server, where)["faults"]) == ("done", [])


def test_one_is_at_work_at_a_time_and_can_be_stopped(server: Running) -> None:
    with server.kg.writing:
        where = server.post("/check").headers["location"]
        for path in ("/check", "/backups"):
            second = server.post(path, headers=wait(60))
            assert (second.status_code, where.rpartition("/")[2] in second.json()["detail"]) == (409, True)
        asked = server.post(f"{where}/stop")
        assert (asked.status_code, asked.json()["state"]) == (200, "running")
    assert ended(server, where)["state"] == "stopped"
    assert server.post(f"{where}/stop").status_code == 409
    assert server.post("/maintenance/none/stop").status_code == 404
    assert server.get(f"{where}/stop").status_code == 405
    assert server.post(f"{where}/start").status_code == 404
    assert faults(server) == []


def test_who_waits_for_one_that_is_stopped_or_fails_is_told_why(server: Running) -> None:
    with server.kg.writing:
        where = server.post("/check").headers["location"]
        server.post(f"{where}/stop")
    assert ended(server, where)["problem"] is None
    folder = server.kg.settings.backup_folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the directory should be", encoding="utf-8")
    failed = server.post("/backups", headers=wait(60))
    assert failed.status_code >= 400
    (job, *_) = server.get("/maintenance").json()["jobs"]
    assert (job["work"], job["state"], bool(job["problem"])) == ("backup", "failed", True)


def test_its_steps_can_be_followed(server: Running) -> None:
    with server.client.stream("POST", f"{server.url}check", headers=LINES) as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        events = [json.loads(line) for line in answer.iter_lines()]
    assert [events[0]["event"], events[-1]["event"]] == ["run", "done"]
    assert events[-1]["result"] == {"faults": []}
    assert {event["event"] for event in events[1:-1]} <= {"progress"}
    assert ended(server, f"/maintenance/{events[0]['run']['id']}")["state"] == "done"


def test_who_leaves_stops_nothing(server: Running) -> None:
    with server.kg.writing, pytest.raises(httpx.ReadTimeout):
        server.post("/check", headers=wait(60), timeout=0.5)
    (job,) = server.get("/maintenance").json()["jobs"]
    assert ended(server, f"/maintenance/{job['id']}")["state"] == "done"


@pytest.mark.parametrize("stated", ["wait=soon", "wait=-1", "wait", "wait=٣", "return=minimal", ";;,=,"])
def test_what_is_no_preference_does_not_count(server: Running, stated: str) -> None:
    answer = server.post("/backups", headers={b"Prefer": stated.encode()})
    assert (answer.status_code, "preference-applied" in answer.headers) == (202, False)
    ended(server, answer.headers["location"])
