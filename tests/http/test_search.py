"""Full-text search over a socket: for a purpose, in queries, questions and pages; and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import pytest
from pyoxigraph import Literal

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change
from kgservice.domain.clock import Clock
from kgservice.domain.principal import Role
from kgservice.namespaces import KG
from kgservice.settings import Settings
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.serving import Running
from tests.terms import quad

PREFIX = f"PREFIX kg: <{KG}> "


@dataclass
class Demo:
    """A server with the demonstration graph, and keys."""

    server: Running
    reader: str
    researcher: str


@pytest.fixture(scope="module")
def demo(demo_kg: KnowledgeGraph, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, clock, guarded=False)
        with serving(kg, tmp_path_factory.mktemp("search")) as server:
            reader = make_key(kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
            researcher = make_key(kg.settings, Role.RESEARCHER, purposes=(RESEARCH,), default=RESEARCH)
            yield Demo(server, reader, researcher)
        kg.close()


def ask(demo: Demo, query: str, key: str = "", **headers: str) -> httpx.Response:
    return asking(
        demo.server, f"/sparql?query={quote(PREFIX + query)}", key or demo.researcher, headers=headers
    )


def texts(answer: httpx.Response, name: str = "text") -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row[name]["value"] for row in answer.json()["results"]["bindings"]]


def test_a_query_for_a_purpose_finds_what_its_view_says(demo: Demo) -> None:
    query = 'SELECT ?text ?score { (?s ?score ?text) kg:matches "filtern" } ORDER BY DESC(?score)'
    found = texts(ask(demo, query))
    assert found
    assert all("ilter" in text for text in found)
    everything = texts(demo.server.get(f"/sparql?query={quote(PREFIX + query)}"))
    assert set(found) <= set(everything)
    csv = ask(demo, query, Accept="text/csv")
    assert len(csv.text.splitlines()) == len(found) + 1


def test_a_name_is_found_only_where_it_may_be_seen(demo: Demo) -> None:
    query = 'SELECT ?text { (?s ?score ?text) kg:matches "\\"walburga friesinger\\"" }'
    name = "Walburga Friesinger"
    assert name in texts(demo.server.get(f"/sparql?query={quote(PREFIX + query)}"))
    shown = texts(ask(demo, "SELECT ?text { ?s ?p ?text FILTER(ISLITERAL(?text)) }"))
    assert (name in texts(ask(demo, query))) is (name in shown)


def test_a_commit_is_found_by_the_next_request_and_tags_tell(demo: Demo) -> None:
    query = 'SELECT ?text { (?s ?score ?text) kg:matches "quietschentchen" }'
    before = ask(demo, query)
    assert texts(before) == []
    assert ask(demo, query, **{"If-None-Match": before.headers["etag"]}).status_code == 304
    said = quad("id:duck", "ci:title", Literal("Quietschentchen", language="de"))
    kind = quad("id:duck", "a", "ci:PainPoint")
    demo.server.kg.commit(Change(add=(said, kind)))
    assert texts(ask(demo, query)) == ["Quietschentchen"]
    demo.server.kg.commit(Change(remove=(said, kind)))
    assert texts(ask(demo, query)) == []


@pytest.mark.parametrize(
    ("query", "column"),
    [
        ('SELECT * FROM <urn:g> { ?s kg:matches "a" }', None),
        ('SELECT * { GRAPH ?g { ?s kg:matches "a" } }', 12),
        ("SELECT * { ?s kg:matches ?words }", 26),
        ('CONSTRUCT { ?s kg:matches "a" } { ?s ?p ?o }', 16),
    ],
)
def test_what_is_refused_is_a_problem_with_its_place(demo: Demo, query: str, column: int | None) -> None:
    answer = demo.server.get(f"/sparql?query={quote(PREFIX + query)}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert "kg:matches" in problem["detail"]
    assert problem["line"] == 1
    assert column is None or problem["column"] == len(PREFIX) + column


def test_the_service_description_tells_of_it(demo: Demo) -> None:
    described = asking(demo.server, "/sparql", demo.researcher, headers={"Accept": "application/n-triples"})
    feature = "<http://www.w3.org/ns/sparql-service-description#propertyFeature>"
    assert f"{feature} <{KG}matches> ." in described.text


def test_updates_do_not_search(demo: Demo) -> None:
    update = PREFIX + 'DELETE { ?s ?p ?o } WHERE { ?s kg:matches "a" . ?s ?p ?o }'
    answer = demo.server.post("/update", data={"update": update})
    assert answer.status_code == 400
    assert "not for updates" in answer.json()["detail"]


def test_the_saved_question_finds_things_and_a_page_shows_them(demo: Demo) -> None:
    answer = asking(demo.server, "/queries/search?text=Verdichter*&language=en", demo.researcher)
    rows = answer.json()["results"]["bindings"]
    assert {row["literal"]["value"] for row in rows} >= {"Lauchenau Verdichterbau GmbH"}
    scores = [float(row["score"]["value"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    page = asking(demo.server, "/pages/questions/search?text=Verdichter*&lang=en", demo.researcher)
    assert page.status_code == 200
    assert "Lauchenau Verdichterbau GmbH" in page.text
    assert asking(demo.server, "/queries/search", demo.researcher).status_code == 400


def test_a_reader_finds_nothing_of_single_persons(demo: Demo) -> None:
    address = "/queries/search?text=e*"
    whole = asking(demo.server, address, demo.researcher).json()["results"]["bindings"]
    found = asking(demo.server, address, demo.reader).json()["results"]["bindings"]
    of_persons = [row for row in whole if "person" in row]
    assert of_persons
    assert found
    assert len(found) <= len(whole) - len(of_persons)
    assert not any("person" in row for row in found)
    hidden = {row["thing"]["value"] for row in of_persons}
    assert hidden.isdisjoint(row["thing"]["value"] for row in found)
    # What a row says does not depend on what else there is.
    assert all(row in whole for row in found)


def test_it_is_switched_off_and_not_ready_as_problems(
    kg: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory
) -> None:
    query = "/sparql?query=" + quote(PREFIX + 'SELECT * { ?s kg:matches "a" }')
    with serving(kg, tmp_path_factory.mktemp("busy")) as server:
        with kg.writing:  # the filling waits for it
            kg.search.start(kg.view)
            answer = server.get(query)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert answer.json()["type"] == "/problems/busy"
        kg.search._filling[kg.view].wait()
        assert server.get(query).status_code == 200
        kg.search._ready[kg.view].close()
        assert server.get(query.replace("%22a%22", "%22b%22")).status_code == 503
