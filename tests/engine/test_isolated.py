"""Queries in processes of their own: the same answers, limits, and what happens when a process dies."""

from __future__ import annotations

import gc
import io
import os
import select
import signal
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import consents
from kgservice.domain.change import Change
from kgservice.domain.consent import SUBJECT
from kgservice.engine.changes import LARGEST, MOST
from kgservice.engine.isolated import Isolated, Limits
from kgservice.engine.nurse import Headcount, Nurse
from kgservice.engine.rooms import Room
from kgservice.errors import BadQuery, Busy, DeadlineExceeded, KgError, NotAcceptable, StoreFailed, TooCostly
from kgservice.http.messages.cache import Kept
from kgservice.namespaces import CI, KG
from kgservice.store import OxigraphStore
from kgservice.store.allowance import Allowance
from kgservice.store.base import Dataset, Kind
from kgservice.store.formats import CSV, JSON, N_QUADS, N_TRIPLES, TURTLE, Format
from tests.engine.conftest import engine_of, until

CROSS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
TITLE = NamedNode(f"{CI}title")
RESEARCH = "https://w3id.org/dpv#ResearchAndDevelopment"
"""A purpose that there is a view for."""


def children() -> set[int]:
    """The processes that this one and its nurseries have started and that live."""
    return {child.pid for child in psutil.Process().children(recursive=True) if lives(child.pid)}


def lives(process: int) -> bool:
    """Whether any of its threads has not ended."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return False
    try:
        return not select.select([handle], [], [], 0)[0]
    finally:
        os.close(handle)


def answer(
    kg: KnowledgeGraph, text: str, fmt: Format = CSV, seconds: float = 30, who: str = "somebody"
) -> str:
    """The answer of a query."""
    out = io.BytesIO()
    kg.query(text, lambda _: fmt, out, allowance=Allowance(who, seconds))
    return out.getvalue().decode()


def say(kg: KnowledgeGraph, *titles: str) -> None:
    """One commit that gives things titles."""
    adding = [Quad(NamedNode(f"https://kg.example/id/{title}"), TITLE, Literal(title)) for title in titles]
    kg.commit(Change.adding(adding))


@pytest.mark.parametrize(
    ("text", "fmt"),
    [
        ("SELECT ?s ?o { ?s ci:title ?o } ORDER BY ?s ?o", CSV),
        ("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", JSON),
        ("ASK { ?s a ci:PainPoint }", JSON),
        ("CONSTRUCT { ?s ci:title ?o } WHERE { ?s ci:title ?o }", N_TRIPLES),
        ("DESCRIBE ci:PainPoint", N_TRIPLES),
        ("SELECT ?g { GRAPH ?g { ?s ci:title ?o } } GROUP BY ?g ORDER BY ?g", CSV),
        ("SELECT * FROM <https://kg.example/graph/project/common> { ?s ?p ?o } ORDER BY ?s ?p ?o", CSV),
        ("SELECT (<a> AS ?b) {}", CSV),
    ],
)
def test_answers_are_the_same_as_without(apart: KnowledgeGraph, text: str, fmt: Format) -> None:
    text = f"PREFIX ci: <{CI}> {text}"
    out, dataset = io.BytesIO(), apart.dataset(text)
    apart.store.query(text, dataset, lambda _: fmt, out, base=apart.settings.base)
    assert out.getvalue()
    assert sorted(answer(apart, text, fmt).splitlines()) == sorted(out.getvalue().decode().splitlines())


def test_an_answered_query_leaves_nothing_for_the_search_for_garbage(apart: KnowledgeGraph) -> None:
    def choose(_: Kind) -> Format:
        return JSON

    out, waiting = Kept(io.BytesIO(), 1000), gc.isenabled()
    held = weakref.ref(choose), weakref.ref(out)
    gc.disable()
    try:
        apart.query("ASK {}", choose, out.stream, allowance=Allowance())
        assert out.body
        del choose, out
        assert [ref() for ref in held] == [None, None]
    finally:
        if waiting:
            gc.enable()


def test_the_view_of_a_purpose_is_answered_from_memory_and_shows_that_only(apart: KnowledgeGraph) -> None:
    reader, out = apart.reader(RESEARCH), io.BytesIO()
    reader.query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", lambda _: CSV, out)
    expected = len(list(apart.store.match([(None, None, None)], reader.view)))
    assert out.getvalue().decode().split() == ["n", str(expected)]


def test_errors_are_told_with_their_place(apart: KnowledgeGraph) -> None:
    with pytest.raises(BadQuery) as caught:
        answer(apart, "SELECT * {\n ?s ?p ")
    assert caught.value.line == 2
    with pytest.raises(NotAcceptable):
        answer(apart, "SELECT * { ?s ?p ?o }", TURTLE)


@pytest.mark.parametrize("text", ["# SELECT\nbase <a> prefix select: <b>\nask {}", 'VERSION "1.2" ASK {}'])
def test_the_format_is_asked_once_and_may_be_refused(apart: KnowledgeGraph, text: str) -> None:
    class Enough(Exception):
        pass

    asked: list[Kind] = []

    def choose(kind: Kind) -> Format:
        asked.append(kind)
        return JSON

    def refuse(kind: Kind) -> Format:
        asked.append(kind)
        raise Enough

    for _ in range(3):
        with pytest.raises(Enough):
            apart.query(text, refuse, io.BytesIO())
    assert set(asked) == {Kind.BOOLEAN}
    asked.clear()
    apart.query(text, choose, out := io.BytesIO())
    assert (out.getvalue(), asked) == (b'{"head":{},"boolean":true}', [Kind.BOOLEAN])


def test_a_query_that_is_none_is_refused_as_such_whatever_is_wanted(apart: KnowledgeGraph) -> None:
    class Enough(Exception):
        pass

    def refuse(_kind: Kind) -> Format:
        raise Enough

    with pytest.raises(BadQuery):
        apart.query("ASK { ?s ?p ", refuse, io.BytesIO())


def test_a_query_that_takes_too_long_is_stopped_with_a_reason(apart: KnowledgeGraph) -> None:
    before = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"0.4 s.*have no pattern in common"):
        answer(apart, CROSS, seconds=0.4)
    assert time.monotonic() - before < 5
    assert answer(apart, "ASK {}", JSON)


def test_a_query_that_takes_too_much_memory_is_stopped(apart: KnowledgeGraph) -> None:
    with pytest.raises(TooCostly, match=r"more than 200 MiB.*ORDER BY"):
        answer(apart, "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?a ?d")
    assert answer(apart, "ASK {}", JSON)


def test_an_answer_that_is_too_large_breaks_off(apart: KnowledgeGraph) -> None:
    with pytest.raises(TooCostly, match="larger than 8 MiB"):
        answer(apart, "SELECT * { ?a ?b ?c . ?d ?e ?f }")


def test_who_leaves_stops_the_query_at_once(apart: KnowledgeGraph) -> None:
    allowance, failed = Allowance(seconds=60), []

    def ask() -> None:
        try:
            apart.query(CROSS, lambda _: CSV, io.BytesIO(), allowance=allowance)
        except KgError as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.3)
    left = time.monotonic()
    allowance.leave()
    thread.join(10)
    assert time.monotonic() - left < 2
    assert len(failed) == 1


@pytest.mark.slow
def test_short_queries_go_on_beside_many_long_ones(apart: KnowledgeGraph) -> None:
    with ThreadPoolExecutor(16) as pool:
        long = [pool.submit(answer, apart, CROSS, CSV, 3, f"someone {n}") for n in range(6)]
        time.sleep(0.6)
        taken = []
        for _ in range(30):
            start = time.monotonic()
            answer(apart, "ASK {}", JSON)
            taken.append(time.monotonic() - start)
        refused = [future.exception() for future in long]
    assert sorted(taken)[15] < 0.5
    assert {type(error) for error in refused} <= {DeadlineExceeded, Busy}
    assert any(isinstance(error, DeadlineExceeded) for error in refused)


@pytest.mark.slow
def test_what_was_written_is_read_next_by_everybody(apart: KnowledgeGraph) -> None:
    def writer() -> None:
        for number in range(60):
            title = f"written-{number}"
            say(apart, title)
            for graphs in ("", "GRAPH <https://kg.example/graph/project/common>"):
                assert answer(apart, f'ASK {{ {graphs} {{ ?s <{CI}title> "{title}" }} }}', JSON).endswith(
                    "true}"
                )

    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(answer, apart, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }") for _ in range(40)]
        pool.submit(writer).result()
        assert all(future.result() for future in others)


def test_a_worker_that_lags_far_behind_is_replaced(apart: KnowledgeGraph) -> None:
    answer(apart, "ASK {}", JSON)
    for number in range(MOST // 5 + 30):
        say(apart, f"many-{number}")
    assert answer(
        apart, f'SELECT (COUNT(*) AS ?n) {{ ?s <{CI}title> ?t FILTER(STRSTARTS(?t, "many-")) }}'
    ).split() == [
        "n",
        str(MOST // 5 + 30),
    ]


def test_one_large_change_makes_many_resting_workers_stale_and_the_next_query_is_answered() -> None:
    engine = Isolated(OxigraphStore(), lambda: 1, Limits(), Room(light=12, heavy=12))
    view = NamedNode("https://kg.example/view/all")

    def count() -> str:
        out, text = io.BytesIO(), "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
        allowance = Allowance(seconds=60)
        engine.query(text, Dataset((view,), ()), lambda _: CSV, out, base=None, state=1, allowance=allowance)
        return out.getvalue().decode().split()[1]

    try:
        memory = engine.memory(view)
        memory.load(io.BytesIO(f"<u:s> <u:p> <u:o> {view} .\n".encode()), N_QUADS)
        engine.hold(view, ready=True)
        staff = engine._staffs[True]
        for worker in [staff.take() for _ in range(12)]:
            staff.give_back(worker)
        long = "x" * 1000
        memory.apply(add=[Quad(view, TITLE, Literal(f"{n} {long}"), view) for n in range(LARGEST // 1000)])
        assert [count(), count()] == [str(LARGEST // 1000 + 1)] * 2
    finally:
        engine.close()


def test_how_little_a_query_may_take_does_not_hinder_opening_the_next_copy(tmp_path: Path) -> None:
    """A store starts threads as it is opened, and each takes address space: more than a query may here."""
    store, said = OxigraphStore(tmp_path / "store"), NamedNode("https://kg.example/graph/said")
    engine = Isolated(store, lambda: number, Limits(memory=16 * 2**20), Room(light=1, heavy=1))
    try:
        for number in range(1, 4):
            store.apply(add=[Quad(TITLE, TITLE, Literal(number), said)])
            out, asked = io.BytesIO(), Dataset((said,), ())
            text, allowance = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", Allowance(seconds=60)
            engine.query(text, asked, lambda _: CSV, out, base=None, state=number, allowance=allowance)
            assert out.getvalue().split()[1] == str(number).encode()
        assert engine.figures.staffs["disk"].started == 1
    finally:
        engine.close()
        store.close()


def test_a_copy_is_read_by_another_worker_where_those_that_rest_have_died(tmp_path: Path) -> None:
    store, allowance = OxigraphStore(tmp_path / "store"), Allowance(seconds=60)
    engine = Isolated(store, lambda: 1, Limits(), Room(light=2, heavy=2))
    try:
        staff = engine._staffs[False]
        workers = [staff.take(), staff.take()]
        for worker in workers:
            worker.kill()
        until(lambda: not any(worker.lives for worker in workers))
        for worker in workers:
            staff.give_back(worker)
        out, everything = io.BytesIO(), Dataset((TITLE,), ())
        engine.query(
            "ASK {}", everything, lambda _: JSON, out, base=None, state=1, allowance=allowance, copy=store
        )
        assert out.getvalue().endswith(b"true}")
    finally:
        engine.close()
        store.close()


def test_a_worker_that_is_killed_while_it_rests_is_replaced(apart: KnowledgeGraph) -> None:
    answer(apart, "ASK {}", JSON)
    nurseries = {child.pid for child in psutil.Process().children()}
    for pid in children() - nurseries:
        os.kill(pid, signal.SIGKILL)
    until(lambda: children() <= nurseries)
    assert answer(apart, "ASK {}", JSON)


def test_a_query_that_takes_long_lets_others_go_first_and_its_process_is_asked_again(
    apart: KnowledgeGraph,
) -> None:
    long = "SELECT (COUNT(*) AS ?n) { { SELECT * { ?a ?b ?c } LIMIT 2000 } { SELECT * { ?d ?e ?f } LIMIT 2000 } }"

    def low() -> set[int]:
        tasks = [(pid, int(task.name)) for pid in children() for task in Path(f"/proc/{pid}/task").iterdir()]
        return {pid for pid, task in tasks if os.getpriority(os.PRIO_PROCESS, task) > 0}

    assert not low()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(answer, apart, long)
        until(lambda: bool(low()))
        (worker,) = low()
        assert asked.result().split() == ["n", "4000000"]
    until(lambda: bool(answer(apart, "ASK {}", JSON)) and not low())  # another process may answer first
    assert worker in children()


def test_a_process_that_dies_in_a_query_gives_an_error_and_is_replaced(apart: KnowledgeGraph) -> None:
    nurseries = {child.pid for child in psutil.Process().children()}

    def busy() -> list[psutil.Process]:
        return [p for pid in children() - nurseries if (p := psutil.Process(pid)).cpu_times().user > 0.2]

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(answer, apart, CROSS)
        until(lambda: bool(busy()))
        for process in busy():
            process.kill()
        assert isinstance(asked.exception(10), StoreFailed)
    assert answer(apart, "ASK {}", JSON)


def test_checkpoints_that_nobody_reads_are_gone(apart: KnowledgeGraph) -> None:
    for number in range(5):
        say(apart, f"checkpoint-{number}")
        assert answer(apart, "SELECT ?g { GRAPH ?g { ?s ?p ?o } } LIMIT 1")
    left = list(apart.settings.store.parent.glob(".store.copy-*"))
    assert len(left) <= 3  # one for each worker that rests, at most


@pytest.mark.slow
def test_a_withdrawal_starts_again_who_reads_the_view_and_what_it_hid_is_told_no_more(
    apart: KnowledgeGraph,
) -> None:
    reader = apart.reader(RESEARCH)
    rows = apart.select(
        f"SELECT ?consent ?person {{ ?consent a <{CI}ConsentRecord> ; <{CI}dataSubject> ?person }} ORDER BY ?consent"
    ).rows
    consent, person = next(
        (consent.value, person)
        for consent, person in rows
        if isinstance(consent, NamedNode) and reader.ask(f"ASK {{ {person} ?p ?o }}")
    )
    assert reader.solve(f"SELECT (1 AS ?n) {{ {person} ?p ?o }}").rows
    answer(apart, "SELECT ?g { GRAPH ?g { ?s ?p ?o } } LIMIT 1")  # a checkpoint from before
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(reader.query, CROSS, lambda _: CSV, io.BytesIO(), allowance=Allowance("a", 3))
        time.sleep(0.5)
        with until_restarted(engine_of(apart)) as restarted:
            key = consent.rpartition("/")[2]
            consents.withdraw(apart, key, {"method": "e-mail", "by": SUBJECT})
        assert restarted[0] >= 1
        assert isinstance(asked.exception(10), DeadlineExceeded)
    assert not reader.solve(f"SELECT (1 AS ?n) {{ {person} ?p ?o }}").rows
    assert list(apart.settings.store.parent.glob(".store.copy-*")) == []  # no file holds what was hidden


def test_erased_and_withdrawn_is_told_to_nobody_who_already_asks(apart: KnowledgeGraph) -> None:
    engine, view = engine_of(apart), apart.reader(RESEARCH).view
    engine.stop(())  # those that rest and have read a checkpoint end with every stop
    with ThreadPoolExecutor(2) as pool:
        mine = pool.submit(
            apart.reader(RESEARCH).query, CROSS, lambda _: CSV, io.BytesIO(), allowance=Allowance("a", 1.5)
        )
        other = pool.submit(answer, apart, CROSS, CSV, 1.5)
        time.sleep(0.5)
        with until_restarted(engine_of(apart)) as restarted:
            engine.stop({view})
        assert restarted == [1]
        for future in (mine, other):
            assert isinstance(future.exception(10), DeadlineExceeded)


@contextmanager
def until_restarted(engine: object) -> Iterator[list[int]]:
    """How many workers have ended within the block."""
    before = children()
    count: list[int] = []
    yield count
    time.sleep(0.3)
    count.append(len(before - children()))


def test_without_what_holds_the_views_the_disk_answers(
    demo_store: Path, tmp_path: Path, clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    from kgservice.cli.isolating import isolated
    from kgservice.settings import Settings
    from kgservice.store import OxigraphStore

    path = tmp_path / "store"
    OxigraphStore(demo_store).backup(path)
    before = children()
    kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), guarded=False)
    with isolated(kg):
        until(lambda: len(engine_of(kg).held) == 5)
        for pid in children() - before:
            os.kill(pid, signal.SIGKILL)
        say(kg, "after")
        until(lambda: asked(kg) is not None)
        assert asked(kg) == '{"head":{},"boolean":true}'
    kg.close()
    until(lambda: children() == before)


def asked(kg: KnowledgeGraph) -> str | None:
    """Whether there is a title `after`, or None while nothing answers."""
    try:
        return answer(kg, f'ASK {{ ?s <{CI}title> "after" }}', JSON)
    except StoreFailed:
        return None


def test_a_search_reads_what_was_committed_before(apart: KnowledgeGraph) -> None:
    query = f'PREFIX kg: <{KG}> SELECT ?title {{ (?s ?score ?title) kg:matches "gurgel*" }}'
    assert answer(apart, query).split() == ["title"]
    say(apart, "Gurgeln")
    assert answer(apart, query).split() == ["title", "Gurgeln"]
    gone = Quad(NamedNode("https://kg.example/id/Gurgeln"), TITLE, Literal("Gurgeln"))
    apart.commit(Change(remove=(gone,)))
    assert answer(apart, query).split() == ["title"]


def test_nobody_waits_for_a_nursery_that_is_closed() -> None:
    nurse = Nurse("tests", Headcount())
    waiting = [nurse.load("key", io.BytesIO(b"<urn:a> <urn:b> <urn:c> <urn:d> .\n" * 10)) for _ in range(20)]
    nurse.close()
    assert all(future.done() for future in (*waiting, nurse.load("key", io.BytesIO(b""))))
    assert isinstance(nurse.fork().exception(1), StoreFailed)
