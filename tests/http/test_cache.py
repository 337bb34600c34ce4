"""Answers that were given before: given again while nothing changed, and gone when something may not be told."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.http.messages.cache import Answer, Cache, Kept
from kgservice.namespaces import CI
from kgservice.store.base import Kind
from tests.conftest import NOON
from tests.http.keys import RESEARCH
from tests.http.persons import PERSON
from tests.serving import Running, running

TITLES = f"SELECT ?t {{ ?s <{CI}title> ?t }} ORDER BY ?t"
TURTLE = {"Content-Type": "text/turtle"}


class Counting:
    """Counts the queries that really run."""

    def __init__(self, kg: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        before = type(kg).query

        def query(*given: object, **named: object) -> None:
            self.asked += 1
            before(*given, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(type(kg), "query", query)


@pytest.fixture
def counting(demo_kg_guarded: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Counts the queries on the graph."""
    return Counting(demo_kg_guarded, monkeypatch)


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph) -> Iterator[Running]:
    """The service on a graph that may change."""
    with running(demo_kg_guarded) as found:
        yield found


def ask(server: Running, query: str = TITLES, accept: str = "text/csv", **headers: str) -> tuple[int, str]:
    """Status and body of an answer."""
    answer = server.get("/sparql", params={"query": query}, headers={"Accept": accept, **headers})
    return answer.status_code, answer.text


def test_the_same_question_is_answered_from_memory_until_something_changes(
    server: Running, counting: Counting
) -> None:
    first = ask(server)
    assert ask(server) == first
    assert counting.asked == 1
    answer = server.get("/sparql", params={"query": TITLES}, headers={"Accept": "text/csv"})
    assert ask(server, **{"If-None-Match": answer.headers["etag"]}) == (304, "")
    assert counting.asked == 1
    assert ask(server, accept="application/sparql-results+json")[1] != first[1]
    assert counting.asked == 2
    before = f'?s <{CI}title> "A maintenance appointment takes several calls"@en'
    change = f'DELETE {{ {before} }} INSERT {{ ?s <{CI}title> "another"@en }} WHERE {{ {before} }}'
    assert server.post("/update", data={"update": change}).status_code == 204
    assert "another" in ask(server)[1]
    assert counting.asked == 3


def test_what_changes_by_itself_is_never_kept(server: Running, counting: Counting) -> None:
    for query in (
        "SELECT (NOW() AS ?n) {}",
        "SELECT (RAND() AS ?n) {}",
        "SELECT (STRUUID() AS ?n) {}",
        "SELECT (NOW#\n() AS ?n) {}",
    ):
        ask(server, query)
        ask(server, query)
    assert counting.asked == 8


def test_compressed_and_plain_answers_are_the_same(server: Running, counting: Counting) -> None:
    plain = ask(server)
    assert ask(server, **{"Accept-Encoding": "gzip"}) == plain
    assert counting.asked == 1


def test_what_expires_is_not_given_from_memory(
    server: Running, demo_kg_guarded: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def persons() -> int:
        found = ask(server, f"SELECT (COUNT(*) AS ?n) {{ ?s a <{CI}Person> }}", **{"KG-Purpose": RESEARCH})
        return int(found[1].split()[1])

    before = persons()
    assert persons() == before
    monkeypatch.setattr(demo_kg_guarded, "clock", lambda: NOON + timedelta(days=20 * 365))
    assert persons() < before


def test_what_is_erased_is_gone_from_memory_at_once(server: Running, demo_kg_guarded: KnowledgeGraph) -> None:
    cleared: list[bool] = []
    demo_kg_guarded.when_hidden.append(lambda: cleared.append(True))
    name = 'SELECT ?s { ?s ?p ?o FILTER(CONTAINS(STR(?o), "Friesinger")) }'
    assert len(ask(server, name)[1].splitlines()) > 1
    assert server.post(f"/subjects/{PERSON}/erasure", json={}).status_code < 300
    assert cleared
    assert len(ask(server, name)[1].splitlines()) == 1


def test_the_least_used_goes_first_and_large_ones_are_not_kept() -> None:
    cache = Cache(1600)
    for number in range(16):
        cache.put("view", "1", number, Answer(Kind.GRAPH, b"x" * 100))
    assert cache.get("view", "1", 0) is not None
    cache.put("view", "1", 16, Answer(Kind.GRAPH, b"x" * 100))
    assert cache.get("view", "1", 1) is None
    assert cache.get("view", "1", 0) is not None
    cache.put("view", "1", "large", Answer(Kind.GRAPH, b"x" * 101))
    assert cache.get("view", "1", "large") is None


def test_another_state_of_a_view_forgets_the_former_one_only_there() -> None:
    cache = Cache(1600)
    cache.put("a", "1", "q", Answer(Kind.GRAPH, b"x"))
    cache.put("b", "1", "q", Answer(Kind.GRAPH, b"y"))
    cache.put("a", "2", "other", Answer(Kind.GRAPH, b"z"))
    assert cache.get("a", "1", "q") is None
    assert cache.get("a", "2", "q") is None
    assert cache.get("b", "1", "q") == Answer(Kind.GRAPH, b"y")
    cache.clear()
    assert cache.get("b", "1", "q") is None


def test_what_is_kept_is_what_was_written() -> None:
    out = io.BytesIO()
    kept = Kept(out, 5)
    kept.stream.write(b"abc")
    assert kept.body == b"abc"
    kept.stream.write(b"def")
    assert kept.body is None
    assert out.getvalue() == b"abcdef"


def test_what_was_asked_before_something_was_hidden_is_not_kept_after_it() -> None:
    cache = Cache(1600)
    since = cache.cleared
    cache.clear()
    cache.put("view", "1", "q", Answer(Kind.GRAPH, b"x"), since)
    assert cache.get("view", "1", "q") is None
    cache.put("view", "1", "q", Answer(Kind.GRAPH, b"x"), cache.cleared)
    assert cache.get("view", "1", "q") is not None
