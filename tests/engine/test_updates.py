"""Updates whose WHERE takes long or finds much, while others write: each has limits, and nobody waits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlencode

import psutil
import pytest
from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol import update as updates
from kgservice.application.protocol.update import update
from kgservice.domain.change import LOCAL, Commit
from kgservice.errors import DeadlineExceeded, StoreFailed, TooCostly
from kgservice.namespaces import CI
from kgservice.store.allowance import Allowance
from kgservice.store.base import Dataset
from tests.engine.conftest import engine_of, until
from tests.serving import Running, running

_JOIN = "{ SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } }"
ENDLESS = f"INSERT {{ GRAPH <urn:x:g> {{ <urn:x:s> <urn:x:p> ?n }} }} WHERE {{ {_JOIN} }}"
_SQUARE = "{ SELECT * { ?a ?b ?c } LIMIT %d } { SELECT * { ?d ?e ?f } LIMIT %d }"
LONG = (
    "INSERT { GRAPH <urn:x:g> { <urn:x:s> <urn:x:p> ?n } } WHERE { { SELECT (COUNT(*) AS ?n) { "
    + _SQUARE % (1500, 1500)
    + " } } }"
)
"""Some tenths of a second."""
COUNTED = "INSERT { GRAPH <urn:x:g> { <urn:x:s> <urn:x:count> ?n } } WHERE { { SELECT (COUNT(*) AS ?n) { GRAPH <urn:x:h> { ?a ?b ?c } } } }"
MANY = "INSERT { GRAPH <urn:x:g> { ?a <urn:x:p> [] } } WHERE { %s }"


def make(kg: KnowledgeGraph, text: str, seconds: float = 30.0) -> Commit:
    """One update."""
    return update(kg, text, origin=LOCAL, allowance=Allowance("somebody", seconds))


def small(kg: KnowledgeGraph, value: object = 1) -> float:
    """Seconds that a change takes that costs nothing."""
    begun = time.monotonic()
    update(kg, f"INSERT DATA {{ GRAPH <urn:x:h> {{ <urn:x:s> <urn:x:p> {value} }} }}", origin=LOCAL)
    return time.monotonic() - begun


@contextmanager
def beside(work: Callable[[], Commit]) -> Iterator[Future[Commit]]:
    """While it goes on in another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


@pytest.fixture(scope="module")
def server(apart: KnowledgeGraph) -> Iterator[Running]:
    """The service with an engine."""
    with running(apart) as found:
        yield found


def computing(kg: KnowledgeGraph) -> bool:
    """Whether any query runs."""
    rooms = engine_of(kg)._rooms
    return bool(rooms._light or rooms._heavy)


def counts(kg: KnowledgeGraph) -> list[int]:
    """What the update has counted that counts."""
    found = kg.store.match([(None, NamedNode("urn:x:count"), None)], NamedNode("urn:x:g"))
    return sorted(int(quad.object.value) for quad in found if isinstance(quad.object, Literal))


@pytest.mark.slow
@pytest.mark.parametrize("text", [ENDLESS, f"{ENDLESS} ; {ENDLESS}"], ids=["one", "several"])
def test_others_write_while_where_is_evaluated_which_has_a_deadline(apart: KnowledgeGraph, text: str) -> None:
    with beside(lambda: make(apart, text, 3)) as long:
        until(lambda: computing(apart))
        assert small(apart) < 1.5
        assert not long.done()
        with pytest.raises(DeadlineExceeded, match="after 3 s"):
            long.result(20)


def test_the_deadline_is_one_for_all_operations(apart: KnowledgeGraph) -> None:
    make(apart, LONG)
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="after 1 s"):
        make(apart, " ; ".join([LONG] * 200), 1)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("text", [ENDLESS, " ; ".join([LONG] * 200)], ids=["one", "several"])
def test_who_leaves_stops_an_update(apart: KnowledgeGraph, text: str) -> None:
    allowance, before = Allowance("somebody", 60), apart.head
    with beside(lambda: update(apart, text, origin=LOCAL, allowance=allowance)) as long:
        until(lambda: computing(apart))
        left = time.monotonic()
        allowance.leave()
        assert isinstance(long.exception(20), StoreFailed)
        assert time.monotonic() - left < 5
    assert apart.head == before


def test_who_leaves_while_others_write_has_changed_nothing(apart: KnowledgeGraph) -> None:
    allowance = Allowance("somebody", 60)
    with ThreadPoolExecutor(1) as pool:
        with apart.writing:
            waiting = pool.submit(update, apart, COUNTED, origin=LOCAL, allowance=allowance)
            allowance.leave()
        assert isinstance(waiting.exception(20), StoreFailed)
    assert counts(apart) == []


def test_what_changes_while_it_is_read_is_read_again(apart: KnowledgeGraph) -> None:
    small(apart)
    ends = threading.Event()

    class Turn:
        """Lets another change come first."""

        def __enter__(self) -> None:
            if not ends.is_set():
                ends.set()
                small(apart, 77)

        def __exit__(self, *_: object) -> None:
            pass

    update(apart, COUNTED, origin=LOCAL, turn=Turn())
    number = len(list(apart.store.match([(None, None, None)], NamedNode("urn:x:h"))))
    assert counts(apart) == [number]
    assert number > 1


@pytest.mark.slow
def test_others_never_wait_long_for_what_is_read_again(
    apart: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "_HOLD", 0.1)
    text = LONG.replace("?d ?e ?f", "GRAPH <urn:x:h> { ?d ?e ?f } . ?d2 ?e2 ?f2")
    stop, taken = threading.Event(), list[float]()

    def others() -> None:
        number = 1000
        while not stop.wait(0.05):
            taken.append(small(apart, number := number + 1))

    thread = threading.Thread(target=others)
    thread.start()
    try:
        with pytest.raises(DeadlineExceeded):
            make(apart, text, 3)
    finally:
        stop.set()
        thread.join()
    assert len(taken) > 3
    assert max(taken) < 2


def test_more_than_may_be_read_into_memory_is_refused(apart: KnowledgeGraph) -> None:
    process, peak, ended = psutil.Process(), list[int](), threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            peak.append(process.memory_info().rss)

    before = process.memory_info().rss
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        with pytest.raises(TooCostly, match="more than 20000 solutions"):
            make(apart, MANY % "?a a ?b . ?c ?d ?e")
        with pytest.raises(TooCostly, match="larger than 8 MiB"):
            make(apart, MANY % 'BIND("%s" AS ?f) ?a ?b ?c' % ("x" * 1000))
        with pytest.raises(TooCostly, match="more than 20000 solutions"):
            apart.solve(f"SELECT ?a {{ {_SQUARE % (300, 300)} }}", Dataset((apart.view,), ()))
    finally:
        ended.set()
        thread.join()
    assert max(peak) - before < 300 * 2**20
    text = "INSERT { GRAPH <urn:x:g> { %s } } WHERE { SELECT ?a ?c { ?a ?b ?c } LIMIT 8000 } "
    with pytest.raises(TooCostly, match="more than 100000 statements"):
        make(apart, text % " . ".join(f"?a <urn:x:p{n}> ?c" for n in range(50)))
    with pytest.raises(TooCostly, match="more than 20000 solutions or statements"):
        make(apart, f"COPY <{apart.view.value}> TO <urn:x:copy>")
    assert make(apart, MANY % (_SQUARE % (3, 3))).added == 9


def post(server: Running, text: str, timeout: float) -> socket.socket:
    """An update whose answer nobody has read yet."""
    body = urlencode({"update": text, "timeout": str(timeout)}).encode()
    head = (
        f"POST /update HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(head.encode() + body)
    return connection


def test_an_update_has_the_deadline_that_it_asks_for(server: Running) -> None:
    answer = server.post("/update", data={"update": ENDLESS, "timeout": "0.5"})
    assert (answer.status_code, answer.json()["type"]) == (504, "/problems/deadline-exceeded")
    assert "0.5 s" in answer.json()["detail"]
    answer = server.post("/update", data={"update": MANY % "?a a ?b . ?c ?d ?e"})
    assert (answer.status_code, answer.json()["type"]) == (507, "/problems/too-costly")
    assert "20000 solutions" in answer.json()["detail"]


def test_a_client_that_leaves_stops_its_update(server: Running, apart: KnowledgeGraph) -> None:
    connection = post(server, ENDLESS, 25)
    until(lambda: computing(apart))
    connection.close()
    until(lambda: not computing(apart), 10)


def test_a_withdrawal_beside_a_torment_of_updates_is_answered_in_time(
    server: Running, apart: KnowledgeGraph
) -> None:
    rows = apart.select(f"SELECT ?c {{ ?c a <{CI}ConsentRecord> }} ORDER BY ?c LIMIT 2").rows
    first, second = [row[0].value for row in rows if isinstance(row[0], NamedNode)]

    def withdrawn(consent: str) -> float:
        begun, place = time.monotonic(), f"/consents/{consent.rpartition('/')[2]}/withdraw"
        answer = server.post(place, json={"method": "letter"})
        assert answer.status_code == 200, answer.text
        return time.monotonic() - begun

    alone = withdrawn(first)
    several = f"{ENDLESS} ; {ENDLESS}"
    torment = [post(server, f"{several if n % 2 else ENDLESS} # {n}", 60) for n in range(12)]
    try:
        until(lambda: computing(apart))
        assert withdrawn(second) < 5 + 5 * alone
        assert computing(apart)
    finally:
        for connection in torment:
            connection.close()
    until(lambda: not computing(apart), 10)
