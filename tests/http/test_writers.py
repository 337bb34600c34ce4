"""Several writers at the same record or graph, and changes that would leave others without what they need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.namespaces import CI
from tests.serving import Running, running

WRITERS = 6
PROJECT = "https://kg.example/id/00000000-0000-4000-8000-000000000001"
RECORD = "https://kg.example/id/00000000-0000-4000-8000-000000000002"
GRAPH = {"graph": "https://kg.example/graph/project/00000000-0000-4000-8000-000000000001"}
TURTLE = {"Content-Type": "text/turtle"}
UPDATE = {"Content-Type": "application/sparql-update"}


def record(title: str) -> str:
    """A record of the project, in Turtle."""
    return f'<{RECORD}> a <{CI}Solution> ; <{CI}inProject> <{PROJECT}> ; <{CI}title> "{title}" .'


def at_once(write: Callable[[int], httpx.Response]) -> Counter[int]:
    """How often each status is the answer when all writers send at the same time."""
    start = Barrier(WRITERS)

    def run(number: int) -> int:
        start.wait(30)
        return write(number).status_code

    with ThreadPoolExecutor(WRITERS) as pool:
        return Counter(pool.map(run, range(WRITERS)))


def titles(kg: KnowledgeGraph) -> list[str]:
    """The titles of the record."""
    rows = kg.select(f"SELECT ?title WHERE {{ <{RECORD}> <{CI}title> ?title }}").rows
    return [str(row[0]) for row in rows]


def test_of_writers_who_saw_the_same_record_the_first_wins(server: Running) -> None:
    server.post("/graphs", params=GRAPH, content=record("old"), headers=TURTLE)
    seen = server.get("/graphs", params=GRAPH).headers["etag"]

    def write(number: int) -> httpx.Response:
        headers = {**TURTLE, "If-Match": seen}
        return server.request(
            "PUT", "/graphs", params=GRAPH, content=record(f"new {number}"), headers=headers
        )

    assert at_once(write) == {204: 1, 412: WRITERS - 1}
    assert len(titles(server.kg)) == 1
    assert titles(server.kg) != ['"old"']


def test_a_record_is_made_by_one_of_many(server: Running) -> None:
    def write(number: int) -> httpx.Response:
        headers = {**TURTLE, "If-None-Match": "*"}
        return server.request(
            "PUT", "/graphs", params=GRAPH, content=record(f"new {number}"), headers=headers
        )

    assert at_once(write) == {201: 1, 412: WRITERS - 1}
    assert len(titles(server.kg)) == 1


def test_a_graph_that_many_create_collides(server: Running) -> None:
    def write(_number: int) -> httpx.Response:
        return server.post("/update", content="CREATE GRAPH <urn:x:new>", headers=UPDATE)

    assert at_once(write) == {204: 1, 409: WRITERS - 1}
    again = write(0)
    assert again.json()["type"] == "/problems/conflict"
    assert "exists already" in again.json()["detail"]


# What is taken away, and the shapes that others then violate.
ORPHANING = {
    "the touchpoint of pain points": ("ci:Touchpoint", "^ci:occursAt", {"R02-touchpoint"}),
    "the pain point of a solution": ("ci:PainPoint", "^ci:addresses", {"R03-pain-point"}),
    "the solution of an impact": ("ci:Solution", "^ci:impactOf", {"R04-solution"}),
}


@pytest.mark.parametrize("name", ORPHANING)
def test_what_others_need_is_not_taken_away(demo_kg_guarded: KnowledgeGraph, name: str) -> None:
    """A record with all that is said of it and all that refers to it: the findings are about the others."""
    kg = demo_kg_guarded
    of_class, back, shapes = ORPHANING[name]
    before = kg.head
    needed = kg.select(
        f"PREFIX ci: <{CI}> SELECT ?node WHERE {{ ?node a {of_class} ; {back} ?other }} ORDER BY ?node LIMIT 1"
    ).rows[0][0]
    text = f"DELETE {{ ?s ?p ?o }} WHERE {{ {{ {needed} ?p ?o BIND({needed} AS ?s) }} UNION {{ ?s ?p {needed} BIND({needed} AS ?o) }} }}"
    with running(kg) as server:
        answer = server.post("/update", content=text, headers=UPDATE)
    assert answer.status_code == 422, answer.text
    findings = answer.json()["findings"]
    assert shapes <= {finding["shape"].partition("#")[2] for finding in findings}
    assert str(needed) not in {f"<{finding['focus']}>" for finding in findings}
    assert kg.head == before
