"""The view in memory: same answers as the disk at every commit, and the disk again when something is wrong."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from pyoxigraph import NamedNode

from kgservice.application.graph import KnowledgeGraph
from kgservice.application.replica import BYTES_PER_STATEMENT, Budget, Replica
from kgservice.domain.change import Change
from kgservice.errors import StoreFailed
from kgservice.store import OxigraphStore
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


def test_it_holds_the_view_and_follows_each_commit(kg_on_disk: KnowledgeGraph, memory: Counting) -> None:
    view = NamedNode(kg_on_disk.addresses.everything)
    say(kg_on_disk, "before", "between")
    filled(kg_on_disk, memory)
    assert titles(kg_on_disk) == ["before", "between"]
    say(kg_on_disk, "after", not_any_more=("between",))
    assert titles(kg_on_disk) == ["after", "before"]
    assert memory.asked == 2
    assert isinstance(kg_on_disk.store, OxigraphStore)
    assert content(memory, view) == content(kg_on_disk.store, view)
    assert memory.graphs() == [view]


def test_commits_while_it_is_being_filled_are_not_lost(kg_on_disk: KnowledgeGraph, memory: Counting) -> None:
    view = NamedNode(kg_on_disk.addresses.everything)
    replica = kg_on_disk.copies.keep_view(kg_on_disk.view, memory, Budget(GIBIBYTE))
    for number in range(20):
        say(kg_on_disk, f"t{number}")
    replica.wait()
    assert replica.serving is memory
    assert isinstance(kg_on_disk.store, OxigraphStore)
    assert content(memory, view) == content(kg_on_disk.store, view)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ?t WHERE { GRAPH ?g { ?s <https://w3id.org/kgservice/ci#title> ?t } } LIMIT 1",
        "SELECT ?t FROM <https://kg.example/graph/project/common> { ?s <https://w3id.org/kgservice/ci#title> ?t }",
        "select?t from <https://kg.example/graph/project/common>{?s <https://w3id.org/kgservice/ci#title> ?t}",
        "select?t{graph<https://kg.example/graph/project/common>{?s <https://w3id.org/kgservice/ci#title> ?t}}",
    ],
)
def test_what_names_graphs_is_asked_of_the_disk(
    kg_on_disk: KnowledgeGraph, memory: Counting, text: str
) -> None:
    say(kg_on_disk, "here")
    filled(kg_on_disk, memory)
    assert titles(kg_on_disk, text) == ["here"]
    assert memory.asked == 0


def test_dataset_parameters_are_asked_of_the_disk(kg_on_disk: KnowledgeGraph, memory: Counting) -> None:
    filled(kg_on_disk, memory)
    view, other = NamedNode(kg_on_disk.addresses.everything), NamedNode(kg_on_disk.addresses.provenance)
    for default, named in (((view, other), ()), ((other,), ()), ((view,), (other,))):
        kg_on_disk.query(TITLES, lambda _: CSV, io.BytesIO(), default=default, named=named)
        assert memory.asked == 0
    kg_on_disk.query(TITLES, lambda _: CSV, io.BytesIO(), default=(view,))
    assert memory.asked == 1


def test_a_view_larger_than_the_budget_stays_on_disk(
    kg_on_disk: KnowledgeGraph, memory: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    say(kg_on_disk, "here")
    filled(kg_on_disk, memory, 1000 * BYTES_PER_STATEMENT)
    assert titles(kg_on_disk) == ["here"]
    assert memory.asked == 0
    assert "the disk is read" in caplog.text


def test_a_view_that_outgrows_the_budget_goes_back_to_disk(
    kg_on_disk: KnowledgeGraph, memory: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    view = NamedNode(kg_on_disk.addresses.everything)
    assert isinstance(kg_on_disk.store, OxigraphStore)
    size = len(content(kg_on_disk.store, view))
    filled(kg_on_disk, memory, (size + 50) * BYTES_PER_STATEMENT)
    say(kg_on_disk, "one")
    assert (titles(kg_on_disk), memory.asked) == (["one"], 1)
    say(kg_on_disk, *(f"t{n}" for n in range(100)))
    assert len(titles(kg_on_disk)) == 101
    assert memory.asked == 1
    assert "has outgrown the memory" in caplog.text


def test_a_replica_that_fails_is_not_asked_again(
    kg_on_disk: KnowledgeGraph, memory: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    filled(kg_on_disk, memory)
    memory.broken = True
    say(kg_on_disk, "kept")
    memory.broken = False
    say(kg_on_disk, "later")
    assert titles(kg_on_disk) == ["kept", "later"]
    assert memory.asked == 0
    assert "no memory is left" in caplog.text


def test_closing_ends_the_filling(kg_on_disk: KnowledgeGraph, memory: Counting) -> None:
    replica = kg_on_disk.copies.keep_view(kg_on_disk.view, memory, Budget(GIBIBYTE))
    replica.close()
    assert replica.serving is None


def test_commits_look_up_records_in_memory_and_these_follow(
    kg_on_disk: KnowledgeGraph, memory: Counting
) -> None:
    say(kg_on_disk, "before", "between")
    replica = kg_on_disk.copies.keep_records(memory, Budget(GIBIBYTE))
    replica.wait()
    assert kg_on_disk.copies.records is memory
    assert kg_on_disk.planner().records is memory
    say(kg_on_disk, "after", not_any_more=("between",))
    assert isinstance(kg_on_disk.store, OxigraphStore)
    graphs = [g for g in kg_on_disk.store.graphs() if kg_on_disk.graphs.is_record(g)]
    assert {g for g in memory.graphs() if kg_on_disk.graphs.is_record(g)} == set(graphs)
    for graph in graphs:
        assert content(memory, graph) == content(kg_on_disk.store, graph)
    assert NamedNode(kg_on_disk.addresses.everything) not in memory.graphs()
    memory.broken = True
    say(kg_on_disk, "later")
    assert kg_on_disk.copies.records is kg_on_disk.store
    assert titles(kg_on_disk) == ["after", "before", "later"]
