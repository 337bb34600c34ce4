"""The view in memory: same answers as the disk at every commit, and the disk again when something is wrong."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator

import pytest
from pyoxigraph import NamedNode

from kgservice.application.changes.replica import BYTES_PER_STATEMENT, Budget, Replica
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change
from kgservice.errors import StoreFailed
from kgservice.store import OxigraphStore
from kgservice.store.base import Dataset
from kgservice.store.formats import CSV, N_TRIPLES
from tests.terms import quad

TITLES = "PREFIX ci: <https://w3id.org/kgservice/ci#> SELECT ?t WHERE { ?s ci:title ?t } ORDER BY ?t"
GIBIBYTE = 2**30


class Counting(OxigraphStore):
    """A store in memory that counts the queries it answers, and can be told to fail at the next change."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.broken = False

    def query(self, *args: object, **options: object) -> None:
        self.asked += 1
        super().query(*args, **options)  # type: ignore[arg-type]

    def apply(self, **options: object) -> None:
        if self.broken:
            raise StoreFailed("no memory is left")
        super().apply(**options)  # type: ignore[arg-type]


@pytest.fixture
def memory() -> Iterator[Counting]:
    store = Counting()
    yield store
    store.close()


def titles(kg: KnowledgeGraph, text: str = TITLES) -> list[str]:
    out = io.BytesIO()
    kg.query(text, lambda _: CSV, out)
    return out.getvalue().decode().split()[1:]


def say(kg: KnowledgeGraph, *words: str, not_any_more: tuple[str, ...] = ()) -> None:
    kg.commit(
        Change(
            add=tuple(quad(f"id:{word}", "ci:title", word) for word in words),
            remove=tuple(quad(f"id:{word}", "ci:title", word) for word in not_any_more),
        )
    )


def filled(kg: KnowledgeGraph, memory: Counting, budget: int = GIBIBYTE) -> Replica:
    replica = kg.copies.keep_view(kg.view, memory, Budget(budget))
    replica.wait()
    return replica


def content(store: OxigraphStore, graph: NamedNode) -> set[bytes]:
    out = io.BytesIO()
    store.dump(out, N_TRIPLES, graph=graph)
    return set(out.getvalue().splitlines())


def test_it_holds_the_view_and_follows_each_commit(kg: KnowledgeGraph, memory: Counting) -> None:
    view = NamedNode(kg.addresses.everything)
    say(kg, "before", "between")
    filled(kg, memory)
    assert titles(kg) == ["before", "between"]
    say(kg, "after", not_any_more=("between",))
    assert titles(kg) == ["after", "before"]
    assert memory.asked == 2
    assert isinstance(kg.store, OxigraphStore)
    assert content(memory, view) == content(kg.store, view)
    assert memory.graphs() == [view]


def test_commits_while_it_is_being_filled_are_not_lost(kg: KnowledgeGraph, memory: Counting) -> None:
    view = NamedNode(kg.addresses.everything)
    replica = kg.copies.keep_view(kg.view, memory, Budget(GIBIBYTE))
    for number in range(20):
        say(kg, f"t{number}")
    replica.wait()
    assert kg.copies.answering(Dataset((kg.view,), ())) is memory
    assert isinstance(kg.store, OxigraphStore)
    assert content(memory, view) == content(kg.store, view)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ?t WHERE { GRAPH ?g { ?s <https://w3id.org/kgservice/ci#title> ?t } } LIMIT 1",
        "SELECT ?t FROM <https://kg.example/graph/project/common> { ?s <https://w3id.org/kgservice/ci#title> ?t }",
        "select?t from <https://kg.example/graph/project/common>{?s <https://w3id.org/kgservice/ci#title> ?t}",
        "select?t{graph<https://kg.example/graph/project/common>{?s <https://w3id.org/kgservice/ci#title> ?t}}",
    ],
)
def test_what_names_graphs_is_asked_of_the_disk(kg: KnowledgeGraph, memory: Counting, text: str) -> None:
    say(kg, "here")
    filled(kg, memory)
    assert titles(kg, text) == ["here"]
    assert memory.asked == 0


def test_dataset_parameters_are_asked_of_the_disk(kg: KnowledgeGraph, memory: Counting) -> None:
    filled(kg, memory)
    view, other = NamedNode(kg.addresses.everything), NamedNode(kg.addresses.provenance)
    for default, named in (((view, other), ()), ((other,), ()), ((view,), (other,))):
        kg.query(TITLES, lambda _: CSV, io.BytesIO(), default=default, named=named)
        assert memory.asked == 0
    kg.query(TITLES, lambda _: CSV, io.BytesIO(), default=(view,))
    assert memory.asked == 1


def test_a_view_larger_than_the_budget_stays_on_disk(
    kg: KnowledgeGraph, memory: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    say(kg, "here")
    filled(kg, memory, 1000 * BYTES_PER_STATEMENT)
    assert titles(kg) == ["here"]
    assert memory.asked == 0
    assert "the disk is read" in caplog.text


def test_a_view_that_outgrows_the_budget_goes_back_to_disk(
    kg: KnowledgeGraph, memory: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    view = NamedNode(kg.addresses.everything)
    assert isinstance(kg.store, OxigraphStore)
    size = len(content(kg.store, view))
    filled(kg, memory, (size + 50) * BYTES_PER_STATEMENT)
    say(kg, "one")
    assert (titles(kg), memory.asked) == (["one"], 1)
    say(kg, *(f"t{n}" for n in range(100)))
    assert len(titles(kg)) == 101
    assert memory.asked == 1
    assert "has outgrown the memory" in caplog.text


def test_a_replica_that_fails_is_not_asked_again(
    kg: KnowledgeGraph, memory: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    filled(kg, memory)
    memory.broken = True
    say(kg, "kept")
    memory.broken = False
    say(kg, "later")
    assert titles(kg) == ["kept", "later"]
    assert memory.asked == 0
    assert "no memory is left" in caplog.text


def test_closing_ends_the_filling(kg: KnowledgeGraph, memory: Counting) -> None:
    replica = kg.copies.keep_view(kg.view, memory, Budget(GIBIBYTE))
    replica.close()
    assert kg.copies.answering(Dataset((kg.view,), ())) is kg.store


def test_commits_look_up_records_in_memory_and_these_follow(kg: KnowledgeGraph, memory: Counting) -> None:
    say(kg, "before", "between")
    replica = kg.copies.keep_records(memory, Budget(GIBIBYTE))
    replica.wait()
    assert kg.copies.records is memory
    assert kg.planner().records is memory
    say(kg, "after", not_any_more=("between",))
    assert isinstance(kg.store, OxigraphStore)
    graphs = [g for g in kg.store.graphs() if kg.graphs.is_record(g)]
    assert {g for g in memory.graphs() if kg.graphs.is_record(g)} == set(graphs)
    for graph in graphs:
        assert content(memory, graph) == content(kg.store, graph)
    assert NamedNode(kg.addresses.everything) not in memory.graphs()
    memory.broken = True
    say(kg, "later")
    assert kg.copies.records is kg.store
    assert titles(kg) == ["after", "before", "later"]


def test_a_large_commit_is_followed_where_no_thread_can_be_started(
    kg: KnowledgeGraph, memory: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(kg, memory)
    kg.copies.keep_records(OxigraphStore(), Budget(GIBIBYTE)).wait()
    start, refused = threading.Thread.start, list[str]()

    def no_thread(thread: threading.Thread) -> None:
        if thread.name == "kgservice-following":
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    words = [f"t{number:04}" for number in range(1100)]
    say(kg, *words)
    assert titles(kg) == words
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    before = kg.head
    say(kg, not_any_more=tuple(words[100:]))
    assert len(refused) == 2
    assert kg.head == before + 1
    assert titles(kg) == words[:100]
    assert kg.copies.records is not kg.store


def test_a_change_that_ends_otherwise_than_expected_ends_the_replica(
    kg: KnowledgeGraph, memory: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = filled(kg, memory)

    def fail(**_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(memory, "apply", fail)
    say(kg, "after")
    assert titles(kg) == ["after"]
    assert (replica.read, replica.size) == ("disk", 0)


def test_what_a_dropped_graph_held_is_given_back_to_the_budget(kg: KnowledgeGraph) -> None:
    mine = NamedNode("https://kg.example/mine")
    budget = Budget(GIBIBYTE)
    replica = kg.copies.keep_records(OxigraphStore(), budget)
    replica.wait()
    free = replica.size
    for graph in (mine, NamedNode(kg.addresses.subject("p"))):
        kg.commit(
            Change(
                add=(
                    quad("id:p", "rdf:type", "ci:ContactPerson"),
                    *(quad(f"id:x{n}", "ci:title", f"x{n}", mine) for n in range(20)),
                )
            )
        )
        assert replica.size > free
        kg.commit(Change(drop=(graph,)))
    kg.commit(Change(drop=(mine,)))
    assert replica.size == budget.used == free
