"""`serve` as a user meets it: the link, other commands beside it, and how it ends."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from kgservice.application.erased import Erased
from kgservice.cli.runtime import find, note_of
from kgservice.namespaces import CI
from kgservice.store import OxigraphStore
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
    process: subprocess.Popen[str]


@contextmanager
def serving(store: Path, *options: str) -> Iterator[Service]:
    """Start the service on a free port and wait for its link; kill it at the end if it still runs."""
    command = [*COMMAND, "serve", "--store", str(store), "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
    ) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready.startswith("kgservice is ready: http://127.0.0.1:"), ready
            yield Service(store, ready.split()[-1], process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def service(model_only: OxigraphStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service, empty at first, for all tests that leave it running: its start takes seconds."""
    store = tmp_path_factory.mktemp("service") / "store"
    model_only.backup(store)
    with serving(store) as service:
        yield service


def test_the_link_opens_the_start_page(service: Service) -> None:
    with httpx.Client(follow_redirects=True, timeout=60) as browser:
        page = browser.get(service.link)
    assert page.status_code == 200
    assert "token=" not in str(page.url)
    assert httpx.get(service.link.partition("?")[0], timeout=60).status_code == 401


def test_other_commands_work_through_the_service(service: Service, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "workshop"
    folder.mkdir()
    for name, content in TABLE.items():
        (folder / name).write_text(content)
    loaded = run("load", "workshop", "--store", service.store, "--json")
    assert loaded.returncode == 0, loaded.stderr
    (summary,) = json.loads(loaded.stdout)
    assert (summary["rows"], summary["taken"]) == (3, 2)
    assert summary["refused"] == [{"file": "pains.csv", "line": 3, "reason": "What is empty"}]
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
    assert service.link in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_told_and_takes_its_note_away(empty_store: Path, how: signal.Signals) -> None:
    with serving(empty_store) as service:
        note = note_of(service.store)
        assert note.stat().st_mode & 0o777 == 0o600
        service.process.send_signal(how)
        assert service.process.wait(30) == 0
    assert not note.exists()


def test_a_note_left_by_a_killed_service_does_no_harm(empty_store: Path, run: Run) -> None:
    with serving(empty_store) as service:
        service.process.kill()
        service.process.wait(30)
    assert note_of(service.store).exists()
    assert run("query", "ASK {}", "--store", service.store).stdout == "yes\n"


@pytest.mark.slow
def test_the_demonstration_graph_comes_with_demo(tmp_path: Path) -> None:
    with serving(tmp_path / "store", "--demo", "--token", "mine") as service:
        address = service.link.partition("/?")[0]
        trace = httpx.get(
            f"{address}/trace/00000000-0000-4000-8000-103000000001", headers={"Authorization": "Bearer mine"}
        )
    assert trace.status_code == 200
    assert trace.json()["layers"]["impacts"]


def test_a_store_in_use_without_a_note_says_what_to_do(empty_store: Path, run: Run) -> None:
    with serving(empty_store):
        note_of(empty_store).unlink()  # as while the service is starting
        done = run("query", "ASK {}", "--store", empty_store)
    assert done.returncode == 6
    assert "a service that is starting" in done.stderr
    assert "try again" in done.stderr


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
