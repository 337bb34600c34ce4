"""SPARQL servers that fail the service: connections that break, servers that die, hang or answer wrongly."""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.care import check
from kgservice.application.care.backups import Backups
from kgservice.application.care.restoring import restore
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.cli.isolating import isolated
from kgservice.cli.local import opened
from kgservice.cli.stores import near
from kgservice.domain.change import Change
from kgservice.domain.principal import Role
from kgservice.errors import Conflict, DeadlineExceeded, StoreFailed, Undecided
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store.allowance import Allowance
from kgservice.store.base import Dataset
from kgservice.store.cluster import _is_of_the_query
from kgservice.store.formats import JSON, N_QUADS
from kgservice.store.pending import Journal
from kgservice.store.remote import RemoteStore
from kgservice.store.sparql_http import Refused, Server
from tests.engine.conftest import until
from tests.http.keys import asking, make_key, serving
from tests.stores.cutting import Cutting, cutting, through
from tests.stores.servers import Running, oxigraph, settings_for

TITLE = NamedNode(f"{CI}title")
G = NamedNode("urn:g")


def say(kg: KnowledgeGraph, title: str) -> None:
    """One commit."""
    kg.commit(Change.adding([Quad(NamedNode(f"https://kg.example/id/{title}"), TITLE, Literal(title))]))


def titles(kg: KnowledgeGraph) -> set[str]:
    """What the server itself says was committed."""
    rows = kg.store.select(f"SELECT ?t {{ ?s <{CI}title> ?t }}", Dataset((kg.view,), ())).rows
    return {term.value for (term,) in rows if isinstance(term, Literal) and term.value.startswith("t-")}


def test_a_server_that_is_not_there_is_told_with_its_name(tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/sparql"
    server = Server(url, url, url, password="secret")
    with (
        pytest.raises(StoreFailed, match=r"the server cannot be reached \(http://127\.0\.0\.1:9: "),
        opened(settings_for(server, tmp_path)),
    ):
        pass


@pytest.mark.slow
def test_only_who_runs_the_service_is_told_which_server_fails(tmp_path: Path) -> None:
    with oxigraph(tmp_path / "server") as found:
        address = found.server.name
        with (
            opened(replace(settings_for(found.server, tmp_path), memory=0)) as kg,
            serving(kg, tmp_path) as service,
        ):
            purpose = kg.settings.active_purposes[0]
            researcher = make_key(kg.settings, Role.RESEARCHER, purposes=(purpose,), default=purpose)
            found.process.kill()
            for key, named in ((researcher, False), (service.token, True)):
                answer = asking(service, "/sparql?query=SELECT%20*%20%7B%3Fs%20%3Fp%20%3Fo%7D", key)
                assert answer.status_code == 503
                told = answer.json()["detail"]
                assert told.startswith("the server cannot be reached")
                assert (address in told) is named
            found.start()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an Oxigraph server that the model was installed on, to be copied: that takes seconds."""
    folder = tmp_path_factory.mktemp("installed") / "server"
    with oxigraph(folder) as found:
        settings = Settings(remote=found.server.query)
        KnowledgeGraph.open(settings, RemoteStore(found.server), guarded=False).close()
    return folder


@pytest.fixture
def cut(installed: Path, tmp_path: Path) -> Iterator[tuple[Running, Cutting, KnowledgeGraph]]:
    """A graph on an Oxigraph server, by way of a proxy that cuts."""
    shutil.copytree(installed, tmp_path / "server")
    with oxigraph(tmp_path / "server") as found:
        port = int(found.server.query.rpartition(":")[2].partition("/")[0])
        with cutting(port) as proxy:
            server = Server(
                through(found.server.query, proxy),
                through(found.server.update, proxy),
                through(found.server.data, proxy),
            )
            store = RemoteStore(server, tmp_path / "unfinished", patience=15)
            kg = KnowledgeGraph.open(Settings(memory=400, remote=server.query), store, guarded=False)
            near(kg)
            yield found, proxy, kg
            kg.close()


@pytest.mark.slow
def test_commits_survive_connections_that_break_at_any_byte(
    cut: tuple[Running, Cutting, KnowledgeGraph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, proxy, kg = cut
    assert isinstance(kg.store, RemoteStore)
    dice, update, sent = random.Random(5), kg.store.client.update, set[str]()

    def breaking(text: str) -> None:
        if text not in sent:  # the first time
            sent.add(text)
            proxy.cut_after(dice.choice([0, 50, 200, dice.randrange(4000)]), back=dice.random() < 0.5)
        update(text)

    monkeypatch.setattr(kg.store.client, "update", breaking)
    written = {f"t-{number}" for number in range(15)}
    for title in sorted(written):
        say(kg, title)
    monkeypatch.setattr(kg.store.client, "update", update)
    proxy.cut_after(10**9, back=True)
    assert proxy.cuts >= 10
    assert titles(kg) == written
    assert check.check(kg) == []
    assert not (tmp_path / "unfinished").exists()


@pytest.mark.slow
def test_commits_survive_a_server_that_is_killed(cut: tuple[Running, Cutting, KnowledgeGraph]) -> None:
    found, _, kg = cut
    stop = threading.Event()

    def torment() -> None:
        while not stop.wait(0.7):
            found.process.kill()
            found.start()

    thread = threading.Thread(target=torment)
    thread.start()
    written = set()
    try:
        for number in range(15):
            try:
                say(kg, f"t-{number}")
            except StoreFailed:  # reading failed
                continue
            written.add(f"t-{number}")
    finally:
        stop.set()
        thread.join()
    assert written
    assert written <= titles(kg)
    assert check.check(kg) == []


def test_a_change_that_is_left_is_finished_before_any_other_and_by_another_process(
    cut: tuple[Running, Cutting, KnowledgeGraph], tmp_path: Path
) -> None:
    found, _, kg = cut
    assert isinstance(kg.store, RemoteStore)
    kg.store._patience = 0.0
    say(kg, "t-1")
    effect = kg.planner().effect(Change.adding([Quad(NamedNode("urn:x"), TITLE, Literal("t-2"), G)]))
    found.process.kill()
    with pytest.raises(StoreFailed):
        kg.store.apply(add=effect.add)
    assert "t-2" in Journal(tmp_path / "unfinished").read()
    found.start()
    other = RemoteStore(found.server, tmp_path / "unfinished")
    other.settle()
    assert {quad.object for quad in other.match([(NamedNode("urn:x"), None, None)])} == {Literal("t-2")}
    assert Journal(tmp_path / "unfinished").read() == ""
    other.close()


@pytest.mark.slow
def test_a_change_that_the_server_never_survives_can_be_given_up(
    cut: tuple[Running, Cutting, KnowledgeGraph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _, kg = cut
    assert isinstance(kg.store, RemoteStore)
    kg.store._patience = 0.0
    say(kg, "t-1")

    def deadly(_: str) -> None:
        found.process.kill()
        raise Undecided("the server has ended")

    monkeypatch.setattr(kg.store.client, "update", deadly)
    with pytest.raises(Undecided):
        say(kg, "t-2")
    kg.close()
    found.start()
    (tmp_path / "unfinished").rename(tmp_path / "given-up")  # as docs/servers.md says
    store = RemoteStore(found.server, tmp_path / "unfinished")
    again = KnowledgeGraph.open(Settings(remote=found.server.query), store, guarded=False)
    assert titles(again) == {"t-1"}
    assert check.check(again) == []
    say(again, "t-3")
    assert titles(again) == {"t-1", "t-3"}
    again.close()
    assert "t-2" in Journal(tmp_path / "given-up").read()


@pytest.mark.slow
def test_a_graph_goes_on_when_its_last_commit_could_be_finished(
    cut: tuple[Running, Cutting, KnowledgeGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, kg = cut
    assert isinstance(kg.store, RemoteStore)
    store, before = kg.store, kg.head
    kg.store._patience = 0.0
    update = store.client.update

    def breaks(text: str) -> None:
        update(text)
        raise Undecided("the answer was lost")

    monkeypatch.setattr(store.client, "update", breaks)
    with pytest.raises(Undecided):
        say(kg, "t-1")
    assert kg.head == before
    monkeypatch.setattr(store.client, "update", update)
    say(kg, "t-2")
    assert kg.head == before + 2
    assert titles(kg) == {"t-1", "t-2"}
    assert check.check(kg) == []


@pytest.mark.slow
def test_a_graph_forgets_its_last_commit_when_that_is_refused_in_the_end(
    cut: tuple[Running, Cutting, KnowledgeGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, kg = cut
    assert isinstance(kg.store, RemoteStore)
    store, before = kg.store, kg.head
    kg.store._patience = 0.0
    update, told = store.client.update, [Undecided("the connection broke"), Refused("no", 400)]

    def fails(_text: str) -> None:
        raise told.pop(0)

    monkeypatch.setattr(store.client, "update", fails)
    with pytest.raises(Undecided):
        say(kg, "t-1")
    with pytest.raises(Refused):
        say(kg, "t-2")
    monkeypatch.setattr(store.client, "update", update)
    say(kg, "t-3")
    assert kg.head == before + 1
    assert titles(kg) == {"t-3"}
    assert check.check(kg) == []


def test_a_query_that_the_server_does_not_answer_in_time_is_given_up(tmp_path: Path) -> None:
    with oxigraph(tmp_path / "server") as found:
        server = Server(found.server.query, found.server.update, found.server.data, seconds=1.0)
        store = RemoteStore(server)
        store.apply(add=[Quad(NamedNode(f"urn:{n}"), TITLE, Literal(str(n)), G) for n in range(3000)])
        with pytest.raises(DeadlineExceeded):
            store.select("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", Dataset((G,), ()))
        store.close()


def test_an_answer_that_cannot_be_unpacked_is_a_failure_of_the_store() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", self.headers["Accept"])
            self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(b"this is not packed")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/sparql"
        store = RemoteStore(Server(url, url, url))
        with pytest.raises(StoreFailed):
            store.ask("ASK {}", Dataset())
        store.close()
        server.shutdown()


def test_what_a_killed_process_leaves_of_its_own_is_seen_by_nobody(tmp_path: Path) -> None:
    with oxigraph(tmp_path / "server") as found:
        store = RemoteStore(found.server)
        left = NamedNode("urn:kgservice:forms:left")
        store.apply(add=[Quad(TITLE, TITLE, TITLE, graph) for graph in (G, left)])
        out = io.BytesIO()
        store.dump(out, N_QUADS)
        assert store.graphs() == [G]
        assert [quad.graph_name for quad in store.match([(None, None, None)])] == [G]
        assert out.getvalue().count(b"\n") == 1
        store.close()


def test_a_journal_that_was_not_written_to_its_end_says_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "folder" / "journal")
    assert journal.read() == ""
    journal.write("INSERT DATA { }")
    assert journal.read() == "INSERT DATA { }"
    path = tmp_path / "folder" / "journal"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(path.read_bytes()[:-3])
    assert journal.read() == ""
    journal.clear()
    assert not path.exists()


def answering(status: int, seen: list[str]) -> type[BaseHTTPRequestHandler]:
    """A proxy that lets nothing through, and notes what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.mark.parametrize(("status", "error", "times"), [(502, Undecided, 2), (400, StoreFailed, 1)])
def test_what_a_proxy_does_not_know_is_sent_again_and_what_is_refused_is_not(
    tmp_path: Path, status: int, error: type[StoreFailed], times: int
) -> None:
    seen: list[str] = []
    with HTTPServer(("127.0.0.1", 0), answering(status, seen)) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/sparql"  # for queries, updates and documents
        store = RemoteStore(Server(url, url, url), tmp_path / "unfinished", patience=0.6)
        with pytest.raises(error) as caught:
            store.apply(add=[Quad(TITLE, TITLE, TITLE, G)])
        assert type(caught.value) is Undecided or status == 400
        assert len(seen) >= times
        assert bool(Journal(tmp_path / "unfinished").read()) == (status == 502)
        store.close()
        server.shutdown()


def test_an_update_that_takes_too_long_is_undecided_where_all_endpoints_are_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/sparql"
        store = RemoteStore(Server(url, url, url, seconds=0.3), tmp_path / "unfinished", patience=0.0)
        with pytest.raises(Undecided):
            store.apply(add=[Quad(TITLE, TITLE, TITLE, G)])
        with pytest.raises(DeadlineExceeded):
            store.ask("ASK {}", Dataset((G,), ()))
        store.close()


def test_a_query_whose_time_is_up_is_not_sent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/sparql"
        store = RemoteStore(Server(url, url, url), tmp_path / "unfinished")
        for seconds in (0.0, -0.001):
            with pytest.raises(DeadlineExceeded):
                store.query("ASK {}", Dataset((G,), ()), lambda _: JSON, io.BytesIO(), seconds=seconds)
        store.close()
        silent.settimeout(0.1)
        with pytest.raises(TimeoutError):
            silent.accept()


@pytest.mark.slow
def test_queries_on_a_server_are_answered_apart_or_passed_on_within_their_time(
    installed: Path, tmp_path: Path
) -> None:
    shutil.copytree(installed, tmp_path / "server")
    with oxigraph(tmp_path / "server") as found:
        store = RemoteStore(found.server)
        settings = Settings(memory=400, remote=found.server.query, queries=2)
        kg = KnowledgeGraph.open(settings, store, guarded=False)
        near(kg)
        with isolated(kg):
            engine = kg.engine
            assert engine is not None
            until(lambda: engine.holds(kg.view))
            say(kg, "t-1")
            for graphs in ("", "GRAPH <https://kg.example/graph/project/common>"):
                out = io.BytesIO()
                kg.query(f'ASK {{ {graphs} {{ ?s <{CI}title> "t-1" }} }}', lambda _: JSON, out)
                assert b"true" in out.getvalue()
            crowd = "?a ?b ?c . ?d ?e ?f . ?g ?h ?i"
            for pattern in (crowd, f"GRAPH ?g1 {{ {crowd} }}"):
                with pytest.raises(DeadlineExceeded):
                    kg.query(
                        f"SELECT (COUNT(*) AS ?n) {{ {pattern} }}",
                        lambda _: JSON,
                        io.BytesIO(),
                        allowance=Allowance(seconds=1),
                    )
        kg.close()


def test_a_server_that_hangs_is_told_within_a_second_and_takes_no_changes(tmp_path: Path) -> None:
    with oxigraph(tmp_path / "server") as found:
        store = RemoteStore(found.server, tmp_path / "unfinished", patience=0.0)
        assert store.healthy()
        assert store.writable
        os.kill(found.process.pid, signal.SIGSTOP)
        os.waitpid(found.process.pid, os.WUNTRACED)  # until it stands still
        try:
            begun = time.monotonic()
            assert not store.healthy()
            assert time.monotonic() - begun < 1
            assert not store.writable
        finally:
            os.kill(found.process.pid, signal.SIGCONT)
        store.apply(add=[Quad(TITLE, TITLE, TITLE, G)])
        assert store.writable
        store.close()


def test_an_answer_that_virtuoso_gave_up_is_none_and_another_server_is_asked() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", self.headers["Accept"])
            self.send_header("X-SQL-State", "S1TAT")
            self.end_headers()
            self.wfile.write(b'{"head": {}, "boolean": true}')

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/sparql"
        store = RemoteStore(Server(url, url, url))
        with pytest.raises(StoreFailed, match=r"has given up what it was asked .*S1TAT") as caught:
            store.ask("ASK {}", Dataset())
        assert not _is_of_the_query(caught.value)
        store.close()
        server.shutdown()


@pytest.mark.slow
def test_a_backup_of_a_server_is_restored_without_it(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(installed, tmp_path / "server")
    with oxigraph(tmp_path / "server") as found:
        settings = replace(settings_for(found.server, tmp_path), memory=0)
        kg = KnowledgeGraph.open(settings, RemoteStore(found.server), guarded=False)
        say(kg, "t-1")
        copied = kg.store.checkpoint

        @contextmanager
        def beside_a_commit() -> Iterator[Path]:
            """A copy during which somebody else writes, the first time."""
            with copied() as made:
                if "t-2" not in titles(kg):
                    with ThreadPoolExecutor(1) as pool:
                        pool.submit(say, kg, "t-2").result(60)
                yield made

        kg.store.checkpoint = beside_a_commit  # type: ignore[method-assign]
        made = Backups(kg, tmp_path / "kept").make()
        assert made.manifest.commit == kg.head
        kg.close()
    with pytest.raises(Conflict, match="embedded store"):
        restore(made.folder, settings)
    assert not settings.store.exists()
    embedded = replace(settings, remote="", remote_update="", remote_data="")
    restore(made.folder, embedded)
    with opened(embedded) as kg:
        assert titles(kg) == {"t-1", "t-2"}
        assert kg.head == made.manifest.commit
