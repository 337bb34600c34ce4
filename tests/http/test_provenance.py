"""Whoever asks for a change stands in its provenance, whatever the request says of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.keys import prefix_of
from kgservice.domain.principal import Role
from kgservice.namespaces import PROV
from tests.http.keys import asking, make_key, serving
from tests.http.persons import PERSON
from tests.http.test_findings import BASELINE, EMPLOYEE, UNTIL
from tests.http.test_quarantine import BAD, GOOD, HEAD, solution
from tests.serving import Running
from tests.unit.test_findings import enter

TURTLE = {"Content-Type": "text/turtle"}
OTHER = "urn:staff:7"


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    with serving(demo_kg_guarded, tmp_path) as server:
        yield server


class Asking:
    """Asks with a key, and tells whom the provenance of the last commit names."""

    def __init__(self, server: Running, *roles: Role) -> None:
        self.server = server
        self.key = make_key(server.kg.settings, *roles)
        prefix = prefix_of(self.key)
        self.name = f"key:{prefix}"
        self.head = server.kg.head

    def __call__(self, path: str, method: str = "POST", **options: Any) -> httpx.Response:
        answer = asking(self.server, path, self.key, method, **options)
        assert answer.is_success, answer.text
        return answer

    def told(self) -> tuple[set[str], set[str]]:
        """The agents of all commits since the last time, and whom they name as those who decided."""
        found: list[set[str]] = []
        for link in ("wasAssociatedWith", "wasInfluencedBy"):
            rows = self.server.kg.select(
                f"PREFIX ci: <https://w3id.org/kgservice/ci#> SELECT ?agent {{ "
                f"?commit ci:commitNumber ?n ; <{PROV}{link}> ?agent FILTER(?n > {self.head}) }}"
            ).rows
            found.append({str(agent)[1:-1] for (agent,) in rows})
        assert self.server.kg.head > self.head
        self.head = self.server.kg.head
        return found[0], found[1]


def test_what_an_import_brings(server: Running) -> None:
    ask = Asking(server, Role.EDITOR)
    document = HEAD + solution(BAD) + "id:pager a ci:Channel ."
    assert ask("/imports", content=document, headers=TURTLE).json()["imports"][0]["quarantined"]
    assert ask.told() == ({ask.name}, set())


def test_what_is_done_with_the_quarantine(server: Running) -> None:
    ask = Asking(server, Role.STEWARD)
    held = ask("/imports", content=HEAD + solution(BAD), headers=TURTLE).json()["imports"][0]["quarantined"]
    ask.told()
    place = f"/quarantine/{held[0]['id']}"
    mended = HEAD + "id:pager a ci:Channel ; skos:prefLabel 'pager'@en , 'Piepser'@de ."
    mended = "@prefix skos: <http://www.w3.org/2004/02/skos/core#> . " + mended
    ask(place, "PUT", content=mended, headers=TURTLE)
    assert ask.told() == ({ask.name}, set())
    ask(f"{place}/release")
    assert ask.told() == ({ask.name}, set())
    held = ask("/imports", content=HEAD + solution(GOOD), headers=TURTLE).json()["imports"][0]["quarantined"]
    ask.told()
    ask(f"/quarantine/{held[0]['id']}", "DELETE", json={"reason": "not wanted"})
    assert ask.told() == ({ask.name}, set())


def test_the_work_on_findings(server: Running) -> None:
    enter(server.kg, "id:pager a ci:Channel ; skos:prefLabel 'pager'@en , 'Piepser' .")
    ask = Asking(server, Role.STEWARD)
    place = f"/findings/{BASELINE}"
    ask(f"{place}/owner", json={"owner": EMPLOYEE})
    assert ask.told() == ({ask.name}, set())
    waived = ask(f"{place}/waiver", json={"reason": "nobody measured", "until": UNTIL}).json()
    assert waived["waiver"]["by"] == ask.name
    assert ask.told() == ({ask.name}, set())
    ask(f"{place}/waiver", "DELETE", params={"agent": OTHER})
    assert ask.told() == ({ask.name}, {OTHER})
    (found,) = ask("/findings?rule=R49", "GET").json()["findings"]
    (first, *_) = ask(f"/findings/{found['id']}", "GET").json()["explanation"]["proposals"]
    ask(f"/findings/{found['id']}/proposals/{first['id']}")
    assert ask.told() == ({ask.name}, set())


def test_whom_a_request_names_is_not_taken_for_who_asks(server: Running) -> None:
    ask = Asking(server, Role.PRIVACY_OFFICER)
    body = {"subject": PERSON, "kind": "access"}
    place = ask("/requests", json=body, params={"agent": "key:00000000"}).headers["location"]
    assert ask.told() == ({ask.name}, {"key:00000000"})
    ask(f"{place}/extend", json={"reason": "many records"})
    assert ask.told() == ({ask.name}, set())
    ask(f"/subjects/{PERSON}/restriction", json={}, params={"agent": OTHER})
    assert ask.told() == ({ask.name}, {OTHER})
    ask(f"/subjects/{PERSON}/erasure", json={"otherBasis": "erase"}, params={"agent": OTHER})
    assert ask.told() == ({ask.name}, {OTHER})
    for bad in ("", " ", "x" * 3000):
        answer = asking(server, "/requests", ask.key, "POST", json=body, params={"agent": bad})
        assert (answer.status_code, answer.json()["source"]) == (400, "agent")
