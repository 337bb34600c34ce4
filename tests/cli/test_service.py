"""`serve` as a user meets it: the link, other commands beside it, and how it ends."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from kgservice.application.graph.erased import Erased
from kgservice.cli import logs
from kgservice.cli.runtime import find, note_of
from kgservice.namespaces import CI
from kgservice.store import OxigraphStore
from kgservice.store.base import Dataset
from tests.cli.commands import COMMAND, Run, environment
from tests.engine.conftest import until

TABLE = {
    "csv-metadata.json": json.dumps(
        {
            "dc:title": "Pain points of a workshop",
            "url": "pains.csv",
            "tableSchema": {
                "columns": [
                    {"name": "id", "titles": "Id", "required": True},
                    {"name": "what", "titles": "What"},
                ],
                "primaryKey": "id",
            },
            "transformations": [
                {"url": "clean.sql", "scriptFormat": "application/sql"},
                {"url": "pain.rq", "scriptFormat": "application/sparql-query"},
            ],
        }
    ),
    "clean.sql": """
CREATE TABLE good AS SELECT line, instance('pain', [id]) AS pain, what FROM raw WHERE what IS NOT NULL;
CREATE TABLE rejects AS SELECT line, 'What is empty' AS reason FROM raw WHERE what IS NULL;
""",
    "pain.rq": f"""
PREFIX ci: <{CI}> PREFIX col: <http://sparql.xyz/facade-x/data/>
CONSTRUCT {{ ?pain a ci:Persona ; ci:title ?title }}
WHERE {{ ?row col:pain ?pain ; col:what ?what BIND(STRLANG(?what, "en") AS ?title) }}
""",
    "pains.csv": "Id,What\n1,Too many calls\n2,\n3,No answer\n",
}


@dataclass(frozen=True)
class Service:
    """A running `kgservice serve` over `store`."""

    store: Path
    link: str
    token: str
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        """Its address without a slash at the end."""
        return self.link.partition("/?ticket=")[0]


@contextmanager
def serving(store: Path, *options: str, before: Sequence[str] = (), **env: str) -> Iterator[Service]:
    """Start the service on a free port and wait for its link; kill it at the end if it still runs.

    `before`: a command that starts it.
    """
    command = [*before, *COMMAND, "serve", "--store", str(store), "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment(**env)
    ) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready.startswith("kgservice is ready: http://127.0.0.1:"), ready
            token = process.stdout.readline()
            assert token.startswith("Token for programs"), token
            yield Service(store, ready.split()[-1], token.split()[-1], process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def service(model_only: OxigraphStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service, empty at first, for all tests that leave it running: its start takes seconds."""
    store = tmp_path_factory.mktemp("service") / "store"
    model_only.backup(store)
    with serving(store) as service:
        yield service


@pytest.mark.slow
def test_the_link_opens_the_start_page_once(service: Service) -> None:
    with httpx.Client(follow_redirects=True, timeout=60) as browser:
        page = browser.get(service.link)
    assert page.status_code == 200
    assert "ticket=" not in str(page.url)
    assert service.token not in service.link
    assert httpx.get(service.url, timeout=60).status_code == 401
    assert httpx.get(service.link, timeout=60).status_code == 401
    by_token = {"Authorization": f"Bearer {service.token}"}
    assert httpx.get(service.url, headers=by_token, timeout=60).status_code == 200


@pytest.mark.slow
def test_other_commands_work_through_the_service(service: Service, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "workshop"
    folder.mkdir()
    for name, content in TABLE.items():
        (folder / name).write_text(content)
    loaded = run("load", "workshop", "--store", service.store, "--json")
    assert loaded.returncode == 1, loaded.stderr  # a row is refused
    (summary,) = json.loads(loaded.stdout)
    assert (summary["rows"], summary["taken"]) == (3, 2)
    assert summary["refused"] == [{"file": "pains.csv", "line": 3, "reason": "What is empty", "row": "2,"}]
    again = json.loads(run("load", "workshop", "--store", service.store, "--json").stdout)
    assert (again[0]["added"], again[0]["removed"]) == (0, 0)

    query = f"SELECT ?title WHERE {{ ?p a <{CI}Persona> ; <{CI}title> ?title }} ORDER BY ?title"
    by_note = run("query", query, "--store", service.store, "--format", "tsv")
    running = find(service.store)
    assert running is not None
    by_url = run("query", query, "--url", running.url, "--token", running.token, "--format", "tsv")
    assert by_note.stdout == by_url.stdout == '?title\n"No answer"@en\n"Too many calls"@en\n'
    assert run("check", "--store", service.store).returncode == 0
    valid = run("validate", "--store", service.store, "--json")
    assert (valid.returncode, json.loads(valid.stdout)["counts"]["Warning"] > 0) == (0, True)
    assert json.loads(run("ask", "--store", service.store, "--json").stdout)
    exported = run("export", "--store", service.store)
    assert "Too many calls" in exported.stdout
    refused = run("query", query, "--url", running.url, "--token", "wrong")
    assert refused.returncode == 3
    malformed = run("query", "SELECT", "--store", service.store)
    assert malformed.returncode == 2
    assert "line 1" in malformed.stderr


def test_the_service_searches_once_it_has_read_the_texts(service: Service, run: Run) -> None:
    asked = ("ask", "search", "--param", "text=kundenreise*", "--store", service.store, "--format", "csv")
    until(lambda: run(*asked).returncode != 6)  # it is still reading
    done = run(*asked)
    assert done.returncode == 0, done.stderr
    assert f"{CI}Journey," in done.stdout


def test_a_second_service_on_the_store_is_refused(service: Service, run: Run) -> None:
    done = run("serve", "--store", service.store, "--port", "0")
    assert done.returncode == 6
    assert service.url in done.stderr
    assert service.token in done.stderr


@pytest.mark.slow
def test_it_takes_the_token_that_is_said_and_ends_with_its_note_when_told(empty_store: Path) -> None:
    with serving(empty_store, "--token", "mine") as service:
        note = note_of(service.store)
        assert note.stat().st_mode & 0o777 == 0o600
        assert service.token == "mine"
        answer = httpx.get(f"{service.url}/queries", headers={"Authorization": "Bearer mine"}, timeout=60)
        assert answer.status_code == 200
        service.process.send_signal(signal.SIGINT)  # with SIGTERM: below
        assert service.process.wait(30) == 0
    assert not note.exists()


def test_a_note_left_by_a_killed_service_does_no_harm(empty_store: Path, run: Run) -> None:
    with serving(empty_store) as service:
        service.process.kill()
        service.process.wait(30)
    assert note_of(service.store).exists()
    assert run("query", "ASK {}", "--store", service.store).stdout == "yes\n"


def test_a_store_in_use_without_a_note_says_what_to_do(service: Service, run: Run, tmp_path: Path) -> None:
    note = note_of(service.store)
    aside = note.rename(tmp_path / "aside")  # as while the service is starting
    try:
        done = run("query", "ASK {}", "--store", service.store)
    finally:
        aside.rename(note)
    assert done.returncode == 6
    assert "a service that is starting" in done.stderr
    assert "try again" in done.stderr


@pytest.mark.slow
def test_the_store_is_written_anew_at_the_start_after_an_erasure(
    demo_store: Path, run: Run, tmp_path: Path
) -> None:
    store, name = tmp_path / "store", b"Walburga Friesinger"
    shutil.copytree(demo_store, store)
    person = "00000000-0000-4000-8000-100700000005"
    done = run("subject", "erase", person, "--yes", "--other-basis", "erase", "--store", store)
    assert done.returncode == 0, done.stderr
    assert "still hold the erased texts" in done.stderr
    assert any(name in path.read_bytes() for path in store.iterdir())
    assert Erased.beside(store).waiting == 1
    with serving(store) as service:
        assert not any(name in path.read_bytes() for path in store.iterdir())
        assert run("check", "--store", service.store).returncode == 0
        gone = run("subject", "find", "--iri", person, "--store", service.store, "--json")
        assert json.loads(gone.stdout)["matches"] == []
    assert Erased.beside(store).waiting == 0


@pytest.mark.slow
def test_a_running_query_is_answered_and_a_change_made_before_it_ends(empty_store: Path) -> None:
    some = "SELECT ?{0} WHERE {{ ?{0} ?p{0} ?o{0} }} LIMIT 900"
    slow = f"SELECT (COUNT(*) AS ?n) WHERE {{ {{ {some.format('a')} }} {{ {some.format('b')} }} FILTER(?a != ?b) }}"
    change = f'INSERT DATA {{ <urn:test:x> a <{CI}Persona> ; <{CI}title> "late"@en }}'
    with (
        serving(empty_store, KGSERVICE_GRACE="120", KGSERVICE_DEADLINE="140") as service,
        httpx.Client(timeout=150) as client,
        ThreadPoolExecutor() as pool,
    ):
        url = service.url
        client.headers["Authorization"] = f"Bearer {service.token}"
        query = pool.submit(client.get, f"{url}/sparql", params={"query": slow})
        update = pool.submit(
            client.post,
            f"{url}/update",
            content=change,
            headers={"Content-Type": "application/sparql-update"},
        )
        running = {
            f'kgservice_requests_running{{method="{m}",route="/{r}"}} 1.0'
            for m, r in (("GET", "sparql"), ("POST", "update"))
        }
        while not running <= set(client.get(f"{url}/metrics").text.splitlines()):
            assert not query.done()
        service.process.send_signal(signal.SIGTERM)
        assert (query.result().status_code, update.result().status_code) == (200, 204)
        assert service.process.wait(60) == 0
    assert OxigraphStore(empty_store).ask('ASK { GRAPH ?g { ?x ?p "late"@en } }', Dataset())


@pytest.mark.slow
def test_the_log_can_be_read_by_programs_and_says_nothing_of_persons(empty_store: Path, run: Run) -> None:
    command = [*COMMAND, "serve", "--store", str(empty_store), "--port", "0"]
    environ = environment(KGSERVICE_LOG_FORMAT="json")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            url = process.stdout.readline().split()[-1].partition("/?")[0]
            with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as raw:
                raw.sendall(b"anna@example.org\r\n\r\n")
                raw.recv(1000)
            assert run("validate", "--store", empty_store).returncode == 0  # waits until the guard is there
            assert note_of(empty_store).exists()
            process.send_signal(signal.SIGTERM)
            said = [json.loads(line) for line in process.stderr]
            assert process.wait(60) == 0
            assert not note_of(empty_store).exists()
        finally:
            process.kill()
    assert all(line.keys() == {"time", "level", "logger", "message"} for line in said)
    told = [(line["level"], line["logger"]) for line in said]
    assert told[0] == told[-1] == ("info", "kgservice")
    assert ("warning", "uvicorn.error") in told
    assert "anna" not in json.dumps(said)


def test_a_log_tells_where_an_exception_was_and_not_what_it_says() -> None:
    def fail() -> None:
        raise ValueError("anna@example.org")

    try:
        fail()
    except ValueError:
        record = logging.LogRecord("kgservice", logging.ERROR, "", 0, "It failed", (), sys.exc_info())
    for written in (logs.Json().format(record), logs.Plain().format(record)):
        assert "anna" not in written
        assert "ValueError" in written
        assert "test_service.py" in written
