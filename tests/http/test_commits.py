"""The number of a commit in the answer to a change, and requests that ask for at least that commit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Role
from kgservice.namespaces import CI
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.http.persons import PERSON
from tests.http.test_consents import BODY as CONSENT
from tests.serving import Running, running

SPARQL = {"Content-Type": "application/sparql-update"}
TURTLE = {"Content-Type": "text/turtle"}
INCOMPLETE = f"<https://kg.example/id/00000000-0000-4000-8000-000000000002> a <{CI}Solution> ."
PROJECT = f"<https://kg.example/id/00000000-0000-4000-8000-000000000001> a <{CI}Project> ."
ASK = "/sparql?query=ASK%7B%7D"


def add(number: int) -> str:
    return f'INSERT DATA {{ GRAPH <urn:x:scratch> {{ <urn:x:s> <urn:x:p> "{number}" }} }}'


def test_each_change_tells_its_commit(demo_kg_guarded: KnowledgeGraph) -> None:
    graph = {"graph": "urn:x:g"}
    person, opened = f"/subjects/{PERSON}", {"subject": PERSON, "kind": "access"}
    with running(demo_kg_guarded) as server:
        changes = [
            server.post("/update", content=add(1), headers=SPARQL),
            server.request("PUT", "/graphs", content="<urn:x:s> a <urn:x:C> .", headers=TURTLE, params=graph),
            server.post("/graphs", content="<urn:x:t> a <urn:x:C> .", headers=TURTLE, params=graph),
            server.request("DELETE", "/graphs", params=graph),
            server.post("/quality"),
            server.post("/consents", json=CONSENT),
            server.post("/requests", json=opened | {"received": "2026-10-31T09:00:00Z"}),
            server.post(f"{person}/erasure", json={"otherBasis": "erase"}),
            server.post("/imports", content=INCOMPLETE, headers=TURTLE),  # it waits in quarantine
        ]
        told = [(answer.status_code < 300, answer.headers.get("kg-commit")) for answer in changes]
        numbers = [int(number or 0) for _, number in told]
        assert all(made for made, _ in told), [answer.text for answer in changes]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] == server.kg.head


def test_what_changes_nothing_tells_the_last_commit_and_what_reads_tells_none(server: Running) -> None:
    for _ in range(2):
        assert server.post("/update", content=add(1), headers=SPARQL).headers["kg-commit"] == "1"
    for answer in (
        server.get(ASK),
        server.post("/sparql", data={"query": "ASK {}"}),
        server.get("/quarantine"),
        server.post("/validation", content=PROJECT, headers=TURTLE),
        server.post("/update", content="nonsense", headers=SPARQL),
        server.post("/backups"),
    ):
        assert "kg-commit" not in answer.headers


def test_an_import_in_steps_tells_it_in_its_last_line(server: Running) -> None:
    headers = TURTLE | {"Accept": "application/x-ndjson"}
    answer = server.post("/imports", content=PROJECT, headers=headers)
    assert "kg-commit" not in answer.headers
    assert json.loads(answer.text.splitlines()[-1])["commit"] == str(server.kg.head)


def test_a_request_may_ask_for_at_least_a_commit(server: Running) -> None:
    told = server.post("/update", content=add(1), headers=SPARQL).headers["kg-commit"]
    first = server.get(ASK, headers={"KG-At-Least": told})
    assert first.status_code == 200
    # It changes neither what is kept nor what has not been modified.
    again = server.get(ASK, headers={"KG-At-Least": "0", "If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "asked", ["2", "999999999999999999", "9" * 19, "-1", "1.0", "", "²", "x", "gAAAA", "é"]
)
def test_what_there_is_not_cannot_be_asked_for(server: Running, asked: str) -> None:
    assert server.post("/update", content=add(1), headers=SPARQL).headers["kg-commit"] == "1"
    for path in (ASK, "/queries/search?text=x", "/graphs?default", "/"):
        refused = server.get(path, headers={"KG-At-Least": asked.encode()})
        assert refused.status_code == 400
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["source"] == "KG-At-Least"
    twice = server.get(ASK, headers=[("KG-At-Least", "1"), ("KG-At-Least", "1")])
    assert twice.status_code == 400


class Editor:
    """Somebody who writes, reads for a purpose, and may not see everything."""

    def __init__(self, server: Running, key: str) -> None:
        self.server, self.key = server, key

    def write(self, number: int) -> str:
        answer = asking(self.server, "/update", self.key, "POST", content=add(number), headers=SPARQL)
        assert answer.status_code == 204
        return answer.headers["kg-commit"]

    def read(self, at_least: str) -> httpx.Response:
        return asking(self.server, ASK, self.key, headers={"KG-At-Least": at_least})


@pytest.fixture
def editor(kg: KnowledgeGraph, tmp_path: Path) -> Iterator[Editor]:
    with serving(kg, tmp_path) as server:
        key = make_key(kg.settings, Role.EDITOR, Role.RESEARCHER, purposes=(RESEARCH,), default=RESEARCH)
        yield Editor(server, key)


def test_who_may_not_see_everything_gets_no_number(editor: Editor) -> None:
    told = [editor.write(1), editor.write(1), editor.write(2)]
    assert len(set(told)) == 3  # the second has changed nothing, which is not told
    assert len({len(each) for each in told}) == 1
    assert {editor.read(each).status_code for each in told} == {200}
    assert editor.server.get(ASK, headers={"KG-At-Least": told[0]}).status_code == 200


def test_who_may_not_see_everything_cannot_try_numbers(editor: Editor) -> None:
    editor.write(1)
    answers = {editor.read(number).text for number in ("0", "1", "2", "nonsense")}
    assert len(answers) == 1
    assert json.loads(answers.pop())["status"] == 400
