"""Runs: one at a time, told how far they are, stopped, broken off; over HTTP and from the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.sources.run_journal import FILE, RunJournal
from kgservice.application.sources.runs import Runs
from kgservice.crm import known_columns, registry
from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import sync
from kgservice.domain.clock import Clock
from kgservice.domain.crm_run import RunState, Work
from kgservice.domain.principal import Role
from kgservice.errors import Conflict, NotFound, SourceFailed
from kgservice.store import OxigraphStore
from tests.cli.commands import COMMAND, Run, environment
from tests.cli.conftest import run
from tests.crm.folders import example, people, rows
from tests.http.keys import asking, make_key, serving
from tests.serving import Running

__all__ = ["run"]

HEAD = "Number;Name;E-Mail;Changed\n"


class Slow:
    """A source on loopback whose second page waits until it may come."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()
        slow = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                second = "page=2" in self.path
                if second:
                    slow.asked.set()
                    slow.go_on.wait(60)
                number = 2 if second else 1
                items = [{"number": f"{number}-{i}", "name": f"Name {i}", "mail": ""} for i in range(6000)]
                body = json.dumps({"items": items, "pages": 2}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()

    def source(self, folder: Path) -> Source:
        connection = (
            f'url = "{self.url}"\n'
            'paginator = { type = "page_number", base_page = 1, page_param = "page", total_path = "pages" }'
        )
        place = 'path = "people"\noptions = { data = "items" }'
        return people(folder, place, kind="rest", connection=connection)

    def close(self) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def slow() -> Iterator[Slow]:
    source = Slow()
    yield source
    source.close()


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    with serving(demo_kg_guarded, tmp_path) as server:
        yield server


def written(folder: Path, *lines: str) -> Source:
    folder.mkdir(exist_ok=True)
    (folder / "people.csv").write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return people(folder, 'file = "people.csv"')


@pytest.mark.slow
def test_a_source_is_read_over_http_and_told_of(server: Running, tmp_path: Path) -> None:
    folder = server.kg.settings.crm_folder
    assert server.get("/imports").json() == {"sources": [], "runs": []}
    registry.add(folder, written(tmp_path / "people", "1;Ada;a@b.example;2026-01-01", "2;Bo;;gestern"))
    done = server.post("/imports/people/runs").json()
    assert done["tables"]["people"] == {"read": 2, "taken": 1, "repeated": 0, "rejected": 1}
    told = server.get("/imports/people").json()
    assert (told["rows"]["persons"], told["rejected"], told["kind"]) == (1, 1, "csv")
    assert told["rejects"] == [
        {
            "table": "people",
            "line": 3,
            "key": "2",
            "reason": "Changed cannot be read: gestern",
            "kind": "persons",
            "taken": False,
        }
    ]
    (one,) = server.get("/imports").json()["runs"]
    assert (one["state"], one["work"], one["source"], one["by"]) == ("done", "sync", "people", "local")
    assert one["counts"]["tables"]["people"]["rejected"] == one["counts"]["rejected"] == 1
    assert server.get(f"/imports/people/runs/{one['id']}").json() == one
    assert server.get("/imports/people/runs").json() == {"runs": [one]}
    assert server.get(f"/imports/other/runs/{one['id']}").status_code == 404
    assert server.post(f"/imports/people/runs/{one['id']}/stop").status_code == 409
    # The journal names nobody and no row.
    assert not re.search(r"Ada|a@b|gestern", (folder / FILE).read_text())
    # A source that had rows has none: that has to be allowed.
    written(tmp_path / "people")
    refused = server.post("/imports/people/runs")
    assert (refused.status_code, "no rows now" in refused.json()["detail"]) == (409, True)
    assert server.get("/imports/people/runs").json()["runs"][0]["state"] == "failed"
    assert server.post("/imports/people/runs?allowEmpty=true").json()["changes"]["persons"]["gone"] == 1


def test_no_source_comes_from_a_request(server: Running) -> None:
    for name in ("nobody", "..%2F..%2Fetc", "people%00", "http:%2F%2Fx.example", "x" * 3000, "%F0%9F%98%80"):
        assert server.post(f"/imports/{name}/runs").status_code in {400, 404, 414}, name
    assert server.post("/imports/people/runs?url=http://127.0.0.1:9/").status_code == 400
    assert server.get("/imports/nobody").status_code == 404


@pytest.mark.slow
def test_progress_a_second_run_and_stopping(server: Running, tmp_path: Path, slow: Slow) -> None:
    folder = server.kg.settings.crm_folder
    registry.add(folder, slow.source(tmp_path / "people"))
    begun = server.post("/imports/people/runs", headers={"Prefer": "respond-async"})
    assert begun.status_code == 202
    where = begun.headers["location"]
    assert slow.asked.wait(30)
    now = server.get(where).json()
    assert (now["state"], now["progress"]) == (
        "running",
        [{"name": "people people", "done": 5000, "total": 0}],
    )
    # One run at a time: no second sync, and no matching meanwhile. What is told, is told all the same.
    for path in ("/imports/people/runs", "/links/runs"):
        second = server.post(path)
        assert (second.status_code, "sync of people" in second.json()["detail"]) == (409, True)
    assert server.get("/imports").json()["sources"] == [{"name": "people", "rows": None}]
    assert server.post(f"{where}/stop").json()["state"] == "running"
    slow.go_on.set()
    lines = _until_ended(server, where)
    assert lines["state"] == "stopped"
    assert rows(folder, "SELECT count(*) FROM persons") == [(0,)]
    # Stopped is not broken: the next run takes all of it.
    with server.client.stream(
        "POST", server.url + "imports/people/runs", headers={"Accept": "application/x-ndjson"}
    ) as answer:
        events = [json.loads(line) for line in answer.iter_lines()]
    assert [events[0]["event"], events[-1]["event"]] == ["run", "done"]
    assert {"event": "progress", "name": "people people", "done": 12000, "total": 0} in events
    assert events[-1]["result"]["changes"]["persons"]["new"] == 12000


def _until_ended(server: Running, where: str) -> dict[str, Any]:
    for _ in range(300):
        now: dict[str, Any] = server.get(where).json()
        if now["state"] != "running":
            return now
        threading.Event().wait(0.1)
    raise AssertionError(now)


def test_a_source_that_fails_is_told_in_each_way(server: Running, tmp_path: Path) -> None:
    source = people(
        tmp_path / "people",
        'path = "people"\noptions = { data = "items" }',
        kind="rest",
        connection='url = "http://127.0.0.1:9/"\nattempts = 1',
    )
    registry.add(server.kg.settings.crm_folder, source)
    answer = server.post("/imports/people/runs")
    assert (answer.status_code, answer.json()["type"]) == (502, "/problems/source-failure")
    streamed = server.post("/imports/people/runs", headers={"Accept": "application/x-ndjson"})
    last = json.loads(streamed.text.splitlines()[-1])
    assert (last["event"], last["type"]) == ("problem", "/problems/source-failure")
    assert [one["state"] for one in server.get("/imports").json()["runs"]] == ["failed", "failed"]


def test_runs_are_for_stewards(server: Running, tmp_path: Path) -> None:
    registry.add(server.kg.settings.crm_folder, written(tmp_path / "people", "1;Ada;;"))
    settings = server.kg.settings
    for role in Role:
        key = make_key(settings, role, purposes=settings.active_purposes, default=settings.active_purposes[0])
        may = role in {Role.STEWARD, Role.ADMINISTRATOR}
        for method, path in (
            ("GET", "/imports"),
            ("GET", "/imports/people"),
            ("POST", "/imports/people/runs"),
            ("GET", "/imports/people/runs/x"),
            ("POST", "/imports/people/runs/x/stop"),
            ("GET", "/links/runs"),
            ("POST", "/links/runs/x/stop"),
        ):
            answer = asking(server, path, key, method)
            assert (answer.status_code == 403) != may, (role, path, answer.text)


def test_a_run_that_nobody_runs_any_more_is_broken_off(tmp_path: Path, clock: Clock) -> None:
    runs, seen = Runs(tmp_path, clock), []

    def doing(told: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        seen.extend(Runs(tmp_path, clock).listed())
        with pytest.raises(Conflict, match="sync of a"):
            Runs(tmp_path, clock).do(Work.SYNC, "b", "local", doing, told)
        return {"n": 1}, {"n": 1}

    assert runs.do(Work.SYNC, "a", "local", doing, lambda *_: None) == {"n": 1}
    assert [one.state for one in seen] == [RunState.RUNNING]
    text = (tmp_path / FILE).read_text()
    first = text.splitlines()[0]
    (tmp_path / FILE).write_text(f'{first}\n{{"id": "broken')  # as a process that was killed leaves it
    assert [one.state for one in Runs(tmp_path, clock).listed()] == [RunState.BROKEN]
    runs.do(Work.MATCH, "", "local", lambda _told: ({}, {}), lambda *_: None)
    assert [(one.work, one.state) for one in RunJournal(tmp_path).runs()] == [
        (Work.SYNC, RunState.BROKEN),
        (Work.MATCH, RunState.DONE),
    ]
    with pytest.raises(NotFound):
        runs.one("no such run", source="a")


@pytest.mark.slow
def test_a_killed_service_leaves_nothing_half_done(
    tmp_path: Path, slow: Slow, run: Run, model_only: OxigraphStore
) -> None:
    """Killed in the middle of a sync: the rows are as before, the run is told, and the next one takes all."""
    store, folder = tmp_path / "store", tmp_path / "crm"
    model_only.backup(store)
    source = written(tmp_path / "before", "1;Ada;;")
    sync(source, folder)
    registry.add(folder, slow.source(tmp_path / "people"))
    known_columns.forget(folder, "people")  # it is in another place now, which has fewer
    serve = [*COMMAND, "serve", "--port", "0", "--store", str(store)]
    service = subprocess.Popen(serve, stdout=subprocess.PIPE, env=environment(), text=True)
    assert service.stdout is not None
    try:
        assert "ready" in service.stdout.readline()
        client = subprocess.Popen(
            [*COMMAND, "crm", "sync", "--store", str(store)],
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        assert slow.asked.wait(60)
        os.kill(service.pid, signal.SIGKILL)
        service.wait()
        _, told = client.communicate(timeout=60)
        assert client.returncode == 6, told
    finally:
        service.kill()
        service.stdout.close()
    slow.go_on.set()
    assert rows(folder, "SELECT key FROM persons") == [("1",)]
    assert [one.state for one in RunJournal(folder).runs()] == [RunState.BROKEN]
    again = json.loads(run("crm", "sync", "--json", "--store", store).stdout)
    assert again[0]["changes"]["persons"]["new"] == 12000
    assert [path.name for path in folder.glob(".work-*")] == []


@pytest.mark.slow
def test_commands_go_through_a_service(server: Running, tmp_path: Path, run: Run) -> None:
    registry.add(server.kg.settings.crm_folder, read_source(example("vertrieb", tmp_path)))
    by = ("--url", server.url, "--token", server.token)
    (told,) = json.loads(run("crm", "sync", "--json", *by).stdout)
    assert told["tables"]["kontakte"]["taken"] == 7
    (listed,) = json.loads(run("crm", "list", "--json", *by).stdout)["sources"]
    assert (listed["name"], listed["persons"], listed["rejects"]) == ("vertrieb", 7, 1)
    matched = json.loads(run("crm", "match", "--json", *by).stdout)
    assert matched["links"]["persons"]["accepted"] == 6
    run_, before = server.get("/links/runs").json()["runs"][0], server.kg.head
    assert run_["counts"]["links"]["persons"]["accepted"] == 6
    rows = {f"vertrieb {table}" for table in ("tickets", "deals", "preferences")}
    assert {one["name"] for one in run_["progress"]} == {"persons", "organisations", "vertrieb", *rows}
    assert server.post("/links/runs").json()["links"]["persons"]["accepted"] == 0
    assert server.kg.head == before
    assert run("crm", "sync", "nobody", *by).returncode == 4
    exported = run("crm", "export", "vertrieb", *by)
    assert len(exported.stdout.splitlines()) == 10  # the heads, six persons and three organisations


def test_errors_of_the_program_do_not_hang_a_run(tmp_path: Path, clock: Clock) -> None:
    runs = Runs(tmp_path, clock)

    def failing(_told: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        raise SourceFailed("it broke off", source="a")

    started = runs.start(Work.SYNC, "a", "local", failing)
    assert len(list(started.follow())) >= 0
    with pytest.raises(SourceFailed):
        started.result()
    runs.close()
    assert [(one.state, one.problem) for one in runs.listed()] == [(RunState.FAILED, "a: it broke off")]
