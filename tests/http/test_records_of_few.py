"""Many records of few persons: chains, walls and the first page count persons before they tell of records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.answers import journeys
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change
from kgservice.domain.clock import Clock
from kgservice.domain.model import TYPE
from kgservice.domain.principal import Role
from kgservice.namespaces import CI
from kgservice.settings import Settings
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.http.persons import IDS
from tests.serving import Running

SEVEN = {
    name: f"00000000-0000-4000-8000-1999{number:08}" for number, name in enumerate(("one", "many", "mixed"))
}
HTML = {"Accept": "text/html"}


@pytest.fixture
def server(demo_kg: KnowledgeGraph, clock: Clock, tmp_path: Path) -> Iterator[Running]:
    """The demonstration with claims on seven records: of one person, of seven, and of three with documents."""
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, clock, guarded=False)
        records: dict[str, list[NamedNode]] = {}
        shown = f"PREFIX ci: <{CI}> SELECT ?r ?p {{ ?r a ci:CustomerDataRecord ; ci:dataSubject ?p }} ORDER BY ?p ?r"
        for record, person in kg.reader(RESEARCH).select(shown).rows:
            assert isinstance(record, NamedNode)
            records.setdefault(str(person), []).append(record)
        (*_, alone) = sorted(records.values(), key=len)
        firsts = [of_person[0] for of_person in records.values()]
        documents = [NamedNode(f"{IDS}00000000-0000-4000-8000-1998{number:08}") for number in range(4)]
        kg.commit(Change.adding(Quad(one, TYPE, NamedNode(f"{CI}Document")) for one in documents))
        for name, evidence in (
            ("one", alone[:7]),
            ("many", firsts[:7]),
            ("mixed", [*firsts[:3], *documents]),
        ):
            assert len(evidence) == 7
            kg.commit(Change.adding(claim(SEVEN[name], name, evidence)))
        with serving(kg, tmp_path) as running:
            yield running
        kg.close()


def claim(key: str, title: str, evidence: list[NamedNode]) -> Iterator[Quad]:
    """What is a pain point and, so that it hangs on a wall, an insight, too."""
    node = NamedNode(IDS + key)
    for kind in ("PainPoint", "Insight"):
        yield Quad(node, TYPE, NamedNode(CI + kind))
    yield Quad(node, NamedNode(f"{CI}title"), Literal(f"Claim on {title}", language="en"))
    for one in evidence:
        yield Quad(node, NamedNode(f"{CI}evidencedBy"), one)


def reader_of(server: Running) -> str:
    return make_key(server.kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)


def test_a_chain_tells_how_much_evidence_there_is_where_it_is_of_many(server: Running) -> None:
    key = reader_of(server)
    told = {name: asking(server, f"/trace/{one}", key).json()["evidence"] for name, one in SEVEN.items()}
    few = "of fewer than 5 persons"
    assert told == {"one": few, "many": 7, "mixed": few}
    pages = {
        name: asking(server, f"/pages/trace/{one}?lang=en", key, headers=HTML).text
        for name, one in SEVEN.items()
    }
    assert {name: "<p>of fewer than 5 persons</p>" in page for name, page in pages.items()} == {
        "one": True,
        "many": False,
        "mixed": True,
    }
    assert "<p>7</p>" in pages["many"]
    german = asking(server, f"/pages/trace/{SEVEN['one']}?lang=de", key, headers=HTML).text
    assert "<p>von weniger als 5 Personen</p>" in german


def test_a_wall_tells_how_many_sources_an_insight_has_where_they_are_of_many(server: Running) -> None:
    page = asking(server, "/pages/walls?wall=insights&lang=en", reader_of(server), headers=HTML).text
    told = {name: re.search(rf"Claim on {name}<.*?Evidence: ([^<·]+)", page, re.DOTALL) for name in SEVEN}
    assert {name: found and found[1].strip() for name, found in told.items()} == {
        "one": "of fewer than 5 persons",
        "many": "7",
        "mixed": "of fewer than 5 persons",
    }


@pytest.mark.parametrize(("smallest", "hidden"), [(5, 0), (6, 1), (7, 2)])
def test_the_first_page_counts_customer_data_of_many(server: Running, smallest: int, hidden: int) -> None:
    """In one phase there are seven records of five persons, in another fifteen of six."""
    object.__setattr__(server.kg.settings, "smallest_group", smallest)
    page = asking(server, "/?lang=en", reader_of(server), headers=HTML).text
    few = f"&lt; {smallest}"
    assert page.partition("<table")[2].partition("</table>")[0].count(few) == hidden


def test_no_list_has_journeys_of_persons_however_many_there_are(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose they are is said by another link than the one that the list asks for."""
    key, who = reader_of(server), NamedNode(f"{IDS}00000000-0000-4000-8000-100700000001")
    researcher = make_key(server.kg.settings, Role.RESEARCHER, purposes=(RESEARCH,), default=RESEARCH)
    monkeypatch.setattr(journeys, "MOST", 1)
    before = asking(server, "/journeys", key).json()
    whole = asking(server, "/journeys", researcher).json()["totalActual"]
    theirs = [NamedNode(f"{IDS}00000000-0000-4000-8000-0000{number:08}") for number in range(25)]
    for one in theirs:
        said = ((TYPE, NamedNode(f"{CI}ActualJourney")), (NamedNode(f"{CI}journeyOf"), who))
        server.kg.commit(Change.adding(Quad(one, prop, value) for prop, value in said))
    assert asking(server, "/journeys", researcher).json()["totalActual"] == whole + 25
    assert asking(server, "/journeys", key).json() == before
