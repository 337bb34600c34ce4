"""Several servers, each a process: reads are spread, and none answers that has not got what was written."""

from __future__ import annotations

import io
import logging
import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law.consents import withdraw
from kgservice.cli.stores import near, store_of
from kgservice.domain.clock import Clock, system_clock
from kgservice.domain.consent import SUBJECT
from kgservice.domain.model import Model
from kgservice.engine.isolated import Isolated, Limits
from kgservice.engine.rooms import Room
from kgservice.engine.wire import Closed
from kgservice.errors import BadParameter, StoreFailed
from kgservice.http.resources.metrics import Meters
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.store.base import Dataset
from kgservice.store.cluster import Cluster
from kgservice.store.formats import CSV, N_QUADS, N_TRIPLES
from kgservice.store.sparql_http import Server
from tests.engine.conftest import until
from tests.serving import PLAIN
from tests.stores.cutting import cutting, through
from tests.stores.replicas import Replicated, replicated, replicating
from tests.stores.servers import KINDS, oxigraph

G, H, WHO = NamedNode("urn:g"), NamedNode("urn:h"), NamedNode("urn:who")
P = NamedNode("urn:p")
NUMBER = "SELECT ?last ?who { { SELECT (MAX(?n) AS ?last) { ?s <urn:p> ?n } } ?x <urn:name> ?who }"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Replicated]:
    """One server to write to, and two that follow."""
    with replicated(tmp_path) as found:
        yield found


@contextmanager
def cluster(servers: Replicated, used: int | None = None) -> Iterator[Cluster]:
    """The store on the servers, once so many readers are used; each server says who it is."""
    for name, running in zip(("writer", "first", "second"), (servers.writer, *servers.readers), strict=False):
        tell(running.server, name)
    store = Cluster(servers.server, servers.addresses)
    try:
        store.follow()
        until(lambda: usable(store) == (len(servers.readers) if used is None else used))
        yield store
    finally:
        store.close()


def tell(server: Server, name: str, graph: NamedNode = WHO) -> None:
    """Write to one server who it is, past everybody."""
    text = f'INSERT DATA {{ GRAPH {graph} {{ <urn:x> <urn:name> "{name}" }} }}'
    headers = {"Content-Type": "application/sparql-update"}
    httpx.post(server.update, content=text, headers=headers, trust_env=False, verify=PLAIN).raise_for_status()


def usable(store: Cluster) -> int:
    """How many readers are used and lack nothing."""
    return sum(standing.used and standing.lag == 0 for standing in store.standings())


def asked(store: Cluster, dataset: Dataset | None = None) -> tuple[int, str]:
    """The last number in the graph G, and who says so."""
    out = io.BytesIO()
    store.query(NUMBER, dataset or Dataset((G, WHO), ()), lambda _: CSV, out, seconds=20)
    last, _, who = out.getvalue().decode().splitlines()[1].partition(",")
    return int(last or 0), who


def number(store: Cluster, value: int, graph: NamedNode = G) -> None:
    """One change."""
    store.apply(add=[Quad(NamedNode(f"urn:{value}"), P, Literal(value), graph)])


@contextmanager
def asking(threads: int, ask: Callable[[], None]) -> Iterator[None]:
    """Have so many threads ask, one time after the other, until the end of the block; what they raise counts."""
    over = threading.Event()

    def loop() -> None:
        while not over.is_set():
            ask()

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(loop) for _ in range(threads)]
        try:
            yield
        finally:
            over.set()
        for each in running:
            each.result(60)


def grown(answers: Counter[str], more: int) -> None:
    """Wait for so many more answers."""
    count = answers.total() + more
    until(lambda: answers.total() > count)


def test_reads_are_spread(servers: Replicated) -> None:
    with cluster(servers) as store:
        number(store, 1)
        until(lambda: usable(store) == 2)
        one_by_one = Counter(asked(store) for _ in range(40))
        assert one_by_one == {(1, "first"): 20, (1, "second"): 20}
        together: Counter[str] = Counter()
        with asking(8, lambda: together.update([asked(store)[1]])):
            until(lambda: together.total() > 300)
        assert set(together) == {"writer", "first", "second"}
        assert store.graphs() == [WHO, G] or set(store.graphs()) == {
            WHO,
            G,
        }  # not what the readers are tried on


@pytest.mark.slow
def test_what_was_written_is_read_while_readers_lag(servers: Replicated) -> None:
    servers.feeds[0].delay = 0.03
    servers.feeds[1].delay = 0.001
    written, answers = 0, Counter[str]()
    with cluster(servers) as store:

        def ask() -> None:
            before = written
            found, who = asked(store)
            assert found >= before, who
            answers[who] += 1

        with asking(6, ask):
            for value in range(1, 101):
                number(store, value)
                written = value
                if value % 5 == 0:  # a moment in which they can follow
                    grown(answers, 26)
    assert set(answers) == {"writer", "first", "second"}
    assert answers.total() > 500


def test_a_reader_that_lags_answers_only_what_has_not_changed(servers: Replicated) -> None:
    everything = Dataset((G, WHO))
    with cluster(servers) as store:
        number(store, 1)
        until(lambda: usable(store) == 2)
        with servers.feeds[0].held(), servers.feeds[1].held():
            number(store, 2, H)
            assert {asked(store) for _ in range(20)} == {(1, "first"), (1, "second")}
            assert {asked(store, everything) for _ in range(20)} == {(1, "writer")}
            assert [standing.lag for standing in store.standings()] == [1, 1]
            store.apply(drop=[G])
            assert {asked(store) for _ in range(20)} == {(0, "writer")}
        until(lambda: usable(store) == 2)
        assert {asked(store) for _ in range(20)} == {(0, "first"), (0, "second")}


def test_a_change_that_is_refused_takes_no_reader_away(servers: Replicated) -> None:
    with cluster(servers) as store:
        number(store, 1)
        until(lambda: usable(store) == 2)
        with pytest.raises(StoreFailed):
            store._change("this is no update", [G])
        assert usable(store) == 2
        assert {asked(store)[1] for _ in range(10)} == {"first", "second"}
        number(store, 2)
        assert asked(store)[0] == 2


def test_a_change_that_was_made_and_then_refused_shares_its_number_with_no_other(servers: Replicated) -> None:
    with cluster(servers) as store:
        number(store, 1)
        servers.log.told = [504, 500]
        with pytest.raises(StoreFailed):
            number(store, 2)
        until(lambda: {feed.position for feed in servers.feeds} == {len(servers.log.entries)})
        until(lambda: usable(store) == 2)
        with servers.feeds[0].held(), servers.feeds[1].held():
            store.apply(drop=[G])
            assert {asked(store) for _ in range(10)} == {(0, "writer")}


def test_a_document_that_is_loaded_is_seen(servers: Replicated) -> None:
    with cluster(servers) as store:
        with servers.feeds[0].held():
            store.load(io.BytesIO(b'<urn:1> <urn:p> "7" .'), N_TRIPLES, graph=G)
            until(lambda: usable(store) == 1)
            assert {asked(store) for _ in range(20)} == {(7, "second")}
        until(lambda: usable(store) == 2)


@pytest.mark.slow
def test_readers_that_are_killed_fail_no_answer_and_come_back(
    servers: Replicated, caplog: pytest.LogCaptureFixture
) -> None:
    answers = Counter[str]()
    with cluster(servers) as store:
        number(store, 1)
        until(lambda: usable(store) == 2)

        def ask() -> None:
            found, who = asked(store)
            assert found >= 1
            answers[who] += 1

        with asking(8, ask):
            for round_ in range(6):
                killed = servers.readers[round_ % 2]
                grown(answers, 50)
                killed.process.kill()
                grown(answers, 50)
                number(store, round_ + 2)
                killed.start()
                until(lambda: usable(store) == 2)
        until(lambda: usable(store) == 2)  # a question of before may have told late that its reader was gone
        caplog.clear()
        servers.readers[0].process.kill()
        until(lambda: not store.standings()[0].used)
        assert f"the reader {servers.readers[0].server.name} is left out" in caplog.text
        servers.readers[0].start()
        until(lambda: usable(store) == 2)
        assert f"the reader {servers.readers[0].server.name} is used" in caplog.text
        assert {asked(store)[1] for _ in range(10)} == {"first", "second"}


@pytest.mark.slow
def test_a_reader_that_hangs_is_left_out(servers: Replicated) -> None:
    with cluster(servers) as store:
        number(store, 1)
        until(lambda: usable(store) == 2)
        process = servers.readers[0].process._process
        assert process is not None
        process.send_signal(19)  # SIGSTOP
        os.waitpid(process.pid, os.WUNTRACED)  # it stops a moment later
        began = time.monotonic()
        assert {asked(store)[1] for _ in range(20)} == {"second"}
        assert time.monotonic() - began < 6
        process.send_signal(18)
        until(lambda: usable(store) == 2)


def test_reading_goes_on_without_the_first_server(servers: Replicated) -> None:
    with cluster(servers) as store:
        number(store, 1)
        until(lambda: usable(store) == 2)
        servers.writer.process.kill()
        with asking(6, lambda: asked(store) and None):
            until(lambda: True)
        assert {asked(store)[1] for _ in range(10)} == {"first", "second"}


def test_what_a_reader_says_of_a_query_is_in_no_log(
    servers: Replicated, caplog: pytest.LogCaptureFixture
) -> None:
    behind = servers.addresses[0]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: self.headers[name] for name in ("Accept", "Content-Type")}
            answer = httpx.post(behind, content=asked, headers=headers, trust_env=False, verify=PLAIN)
            self.send_response(500 if b"Anna" in asked else answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            body = asked if b"Anna" in asked else answer.content
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as proxy:
        threading.Thread(target=proxy.serve_forever, args=[0.02]).start()
        store = Cluster(servers.server, [f"http://127.0.0.1:{proxy.server_port}/query"])
        store.follow()
        until(lambda: usable(store) == 1)
        out = io.BytesIO()
        store.query('SELECT ?s { ?s <urn:name> "Anna" }', Dataset((G,), ()), lambda _: CSV, out)
        store.close()
        proxy.shutdown()
    assert "is left out: it answers 500" in caplog.text
    assert "Anna" not in caplog.text


def test_a_reader_that_was_set_back_is_left_out(
    servers: Replicated, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader, folder = servers.readers[0], tmp_path / "reader-0" / "store"
    with cluster(servers) as store:
        number(store, 1)
        until(lambda: usable(store) == 2)
        reader.process.kill()
        shutil.copytree(folder, tmp_path / "older")
        reader.start()
        number(store, 2)
        until(lambda: usable(store) == 2)
        reader.process.kill()
        shutil.rmtree(folder)
        (tmp_path / "older").rename(folder)
        reader.start()
        until(lambda: "an older state than before" in caplog.text)
        number(store, 3)  # which comes to it, while it lacks the one before
        until(lambda: servers.feeds[0].position == len(servers.log.entries))
        until(lambda: store.standings()[1].lag == 0)
        assert {asked(store) for _ in range(20)} == {(3, "second")}
        assert not store.standings()[0].used


def test_a_reader_of_another_past_is_not_used(servers: Replicated) -> None:
    with cluster(servers) as store:
        for value in range(5):
            number(store, value)
        until(lambda: usable(store) == 2)
    with servers.feeds[0].held(), cluster(servers, used=1) as store:  # as after a restore of the first server
        assert {asked(store)[1] for _ in range(10)} == {"second"}
        assert not store.standings()[0].used


@pytest.mark.parametrize("options", [["--union-default-graph"]])
def test_a_reader_that_would_answer_wrongly_is_left_out(
    tmp_path: Path, options: Sequence[str], caplog: pytest.LogCaptureFixture
) -> None:
    with (
        oxigraph(tmp_path / "writer" / "store") as writer,
        oxigraph(tmp_path / "reader" / "store", options=options) as reader,
        replicating(writer, [reader]) as servers,
        cluster(servers, used=0) as store,
    ):
        until(lambda: "its default graph holds what is in named graphs" in caplog.text)
        number(store, 1)
        assert asked(store) == (1, "writer")


def test_a_reader_that_is_never_there_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with replicated(tmp_path, readers=0) as servers:
        store = Cluster(servers.server, ["http://127.0.0.1:9/query"])
        store.follow()
        until(lambda: "the reader http://127.0.0.1:9 is left out" in caplog.text)
        tell(servers.writer.server, "writer")
        number(store, 1)
        assert asked(store) == (1, "writer")
        assert len([r for r in caplog.records if r.levelno == logging.WARNING]) <= 2
        store.close()


@pytest.mark.slow
def test_servers_of_different_makes_follow_each_other(tmp_path: Path) -> None:
    paths = {"/update": "/ds/update", "/store": "/ds/data"}
    with (
        oxigraph(tmp_path / "writer" / "store") as writer,
        KINDS["fuseki"](tmp_path / "reader" / "store") as reader,
        replicating(writer, [reader], paths) as servers,
        cluster(servers) as store,
    ):
        number(store, 1)
        until(lambda: usable(store) == 1)
        assert asked(store) == (1, "first")


PERSONS = f"""SELECT ?consent ?person {{
    ?consent a <{CI}ConsentRecord> ; <{CI}dataSubject> ?person
    FILTER EXISTS {{ GRAPH <VIEW> {{ ?person a ?type }} }}
}} ORDER BY ?consent"""


@pytest.mark.slow
def test_who_has_withdrawn_is_told_by_no_reader_that_lags(
    servers: Replicated, demo_store: Path, clock: Clock
) -> None:
    with cluster(servers) as store:
        settings = Settings(memory=400, remote=servers.server.query)
        settings = replace(settings, purposes=settings.active_purposes[0])
        with OxigraphStore(demo_store).copy() as records:  # three servers get all of it
            KnowledgeGraph.open(settings, records, clock, guarded=False)
            document = io.BytesIO()
            records.dump(document, N_QUADS)
        store.load(io.BytesIO(document.getvalue()), N_QUADS)
        kg = KnowledgeGraph.open(settings, store, clock, guarded=False)
        near(kg)
        reader = kg.reader(kg.settings.active_purposes[0])
        until(lambda: usable(store) == 2, 90)
        for name, running in zip(
            ("writer", "late", "later"), (servers.writer, *servers.readers), strict=True
        ):
            tell(running.server, name, reader.view)
        found = dict[str, str]()  # the consent of each person
        for record, whose in kg.select(PERSONS.replace("VIEW", reader.view.value)).rows:
            found.setdefault(str(whose), str(record)[1:-1].rpartition("/")[2])
        asks = f"""SELECT DISTINCT ?who ?person {{
            ?x <urn:name> ?who OPTIONAL {{ VALUES ?person {{ {" ".join(found)} }} ?person a ?type }} }}"""
        withdrawn, answers = set[str](), Counter[str]()
        kg.engine = engine = Isolated(store, lambda: kg.head, Limits(), Room(light=8, heavy=8))
        shown = kg.reader(kg.settings.active_purposes[0])

        def ask() -> None:
            before, out = set(withdrawn), io.BytesIO()
            shown.query(asks, lambda _: CSV, out)
            rows = [line.partition(",") for line in out.getvalue().decode().splitlines()[1:]]
            answers.update({who for who, _, _ in rows})
            assert before.isdisjoint(f"<{person}>" for _, _, person in rows), rows[0][0]

        try:
            assert len(found) > 10
            servers.feeds[0].delay, servers.feeds[1].delay = 0.02, 0.2
            with asking(4, ask):
                for person, consent in list(found.items())[:6]:
                    grown(answers, 8)
                    withdraw(kg, consent, {"method": "e-mail", "by": SUBJECT})
                    if not reader.ask(f"ASK {{ {person} a ?type }}"):
                        withdrawn.add(person)
                    grown(answers, 8)
                    until(lambda: usable(store) == 2)
            assert set(answers) == {"writer", "late", "later"}
            assert len(withdrawn) > 3
        finally:
            kg.engine = None
            engine.close()


@pytest.mark.slow
@pytest.mark.parametrize("rows", [10, 20_000])
@pytest.mark.parametrize("form", ["SELECT ?s ?n", "CONSTRUCT { ?s <urn:p> ?n }"])
def test_an_answer_that_breaks_off_is_given_from_elsewhere_until_it_was_passed_on(
    servers: Replicated, rows: int, form: str
) -> None:
    port = int(urlsplit(servers.readers[0].server.query).port or 0)
    with cutting(port) as proxy:
        addresses = [through(servers.addresses[0], proxy)]
        store = Cluster(servers.server, addresses)
        store.follow()
        store.apply(add=[Quad(NamedNode(f"urn:{value}"), P, Literal(value), G) for value in range(rows)])
        until(lambda: usable(store) == 1)
        fmt = CSV if form.startswith("SELECT") else N_TRIPLES
        dice = random.Random(rows)

        def ask() -> int:
            out = io.BytesIO()
            store.query(f"{form} {{ ?s <urn:p> ?n }}", Dataset((G,), ()), lambda _: fmt, out)
            return len(set(out.getvalue().splitlines())) - (fmt is CSV)

        assert ask() == rows
        for cuts in range(10):
            proxy.cut_after(dice.randrange(700 if rows == 10 else 60_000), back=True)
            while proxy.cuts == cuts:
                assert ask() == rows
            until(lambda: usable(store) == 1)
        if rows > 10:
            proxy.cut_after(300_000, back=True)
            with pytest.raises(StoreFailed):
                ask()
        store.close()


def test_an_answer_that_nobody_waits_for_is_broken_off_with_its_next_part() -> None:
    parts = 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal parts
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", CSV.media_type)
            self.end_headers()
            with suppress(OSError):
                while parts < 500:
                    self.wfile.write(b"1\r\n")
                    parts += 1
                    time.sleep(0.01)

        def log_message(self, *_: object) -> None:
            pass

    class Left(io.BytesIO):
        def write(self, _: object) -> int:
            raise Closed

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/sparql"
        store = Cluster(Server(url, url, url), [])
        with pytest.raises(Closed):
            store.query("SELECT ?x { ?x ?y ?z }", Dataset((G,), ()), lambda _: CSV, Left())
        server.shutdown()  # waits for the answer
        thread.join()
        store.close()
    assert parts < 250


def test_metrics_tell_how_readers_are(servers: Replicated) -> None:
    with cluster(servers) as store:
        number(store, 1)
        until(lambda: usable(store) == 2)
        kg = KnowledgeGraph(Settings(), store, Model(), system_clock, guarded=False)
        with servers.feeds[1].held():
            number(store, 2)
            until(lambda: usable(store) == 1)
            text = Meters().text(kg).decode()
    for line in (
        'kgservice_reader_used{reader="1"} 1.0',
        'kgservice_reader_lag{reader="1"} 0.0',
        'kgservice_reader_used{reader="2"} 1.0',
        'kgservice_reader_lag{reader="2"} 1.0',
    ):
        assert line in text.splitlines()


def test_the_settings_name_the_readers(servers: Replicated, tmp_path: Path) -> None:
    environ = {
        "KGSERVICE_STORE": str(tmp_path / "store"),
        "KGSERVICE_REMOTE": servers.server.query,
        "KGSERVICE_REMOTE_UPDATE": servers.server.update,
        "KGSERVICE_REMOTE_DATA": servers.server.data,
        "KGSERVICE_REMOTE_READERS": " ".join(servers.addresses),
    }
    store = store_of(Settings.load(environ))
    until(lambda: [standing.used for standing in store.standings()] == [True, True])
    store.close()
    for wrong in (environ | {"KGSERVICE_REMOTE": ""}, environ | {"KGSERVICE_REMOTE_READERS": "here"}):
        with pytest.raises(BadParameter) as caught:
            Settings.load(wrong)
        assert caught.value.source == "KGSERVICE_REMOTE_READERS"
