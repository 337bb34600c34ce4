"""The walls: what they count, that they show no single person and no count of a few, whoever looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.answers import walls
from kgservice.application.answers.wall_counts import by_phase, by_segment
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change
from kgservice.domain.principal import Role
from kgservice.domain.walls import ALL, Counts, shown
from kgservice.namespaces import CI, RDF, XSD
from kgservice.settings import Settings
from kgservice.web.texts import LANGUAGES, catalogue
from tests.conftest import NOON
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.http.persons import IDS
from tests.http.test_pages import checked
from tests.serving import Running

HTML = {"Accept": "text/html"}
CORPORATE, A_CUSTOMERS, WORKSHOPS = (f"{IDS}00000000-0000-4000-8000-10510000000{n}" for n in (1, 2, 3))
PAGES = [f"/pages/walls?wall={wall}" for wall in walls.WALLS]


@pytest.fixture(scope="module")
def server(demo_kg: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The demonstration, with room for keys."""
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, demo_kg.clock, guarded=False)
        with serving(kg, tmp_path_factory.mktemp("walls")) as running:
            yield running
        kg.close()


def join(kg: KnowledgeGraph, segment: str, person: int, until: str = "") -> None:
    """Make a contact of the demonstration a member of a segment."""
    node = NamedNode(f"{IDS}00000000-0000-4000-8000-10529{person:07}")
    who = NamedNode(f"{IDS}00000000-0000-4000-8000-10070{person:07}")
    said: list[tuple[str, NamedNode | Literal]] = [
        (f"{RDF}type", NamedNode(f"{CI}SegmentMembership")),
        (f"{CI}membershipOf", NamedNode(segment)),
        (f"{CI}memberPerson", who),
    ]
    if until:
        said.append((f"{CI}validUntil", Literal(until, datatype=NamedNode(f"{XSD}dateTime"))))
    kg.commit(Change.adding(Quad(node, NamedNode(p), o) for p, o in said))


def test_members_are_counted_with_those_who_work_for_a_company(demo_kg: KnowledgeGraph) -> None:
    counts = by_segment(demo_kg)
    assert counts[ALL].persons == 46  # 42 contact persons and 4 private customers
    assert counts[CORPORATE].persons == 5  # of three companies
    assert counts[A_CUSTOMERS].persons == 7  # of four companies
    assert counts[WORKSHOPS].persons is None  # four
    assert {count.persons for count in counts.values()} == {46, 7, 5, None}
    assert counts[ALL].felt == 15


def test_a_fifth_member_makes_a_count_appear_and_one_who_left_does_not(demo_kg: KnowledgeGraph) -> None:
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, demo_kg.clock, guarded=False)
        join(kg, WORKSHOPS, 25, until=(NOON - timedelta(days=1)).isoformat())
        assert by_segment(kg)[WORKSHOPS].persons is None
        join(kg, WORKSHOPS, 26, until=(NOON + timedelta(days=1)).isoformat())
        counts = by_segment(kg)[WORKSHOPS]
        assert counts.persons == 5
        assert counts.felt is None  # of four
        kg.close()


def test_what_others_tell_is_hidden_too(demo_kg: KnowledgeGraph) -> None:
    """In the last phase 11 felt something, of 15 in all: the rest would be four."""
    counts = by_phase(demo_kg)
    assert counts[ALL].felt == 15
    assert counts[f"{CI}MarketLaunch"] == Counts()
    found = shown(
        {
            ALL: {"persons": 60, "felt": 40, "pleasant": 30, "unpleasant": 20},
            "a": {"persons": 30, "felt": 20, "pleasant": 12, "unpleasant": 13},
            "b": {"persons": 20, "felt": 12, "pleasant": 3, "unpleasant": 9},
        },
        {"a": 0.5, "b": -2.0},
        5,
    )
    assert found["b"].persons == 20
    assert (found["b"].pleasant, found["b"].unpleasant) == (None, None)  # the other one would tell
    assert found["a"].pleasant is None  # else that of b were the rest of all
    assert found["a"].mean == 0.5


def test_confidential_things_and_records_of_persons_are_on_no_wall(demo_kg: KnowledgeGraph) -> None:
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, demo_kg.clock, guarded=False)
        before = walls.insights(kg)
        first = NamedNode(before[0].thing.iri)
        level = Quad(first, NamedNode(f"{CI}confidentiality"), NamedNode(f"{CI}Confidential"))
        kg.commit(Change.adding([level]))
        assert [one.thing.iri for one in walls.insights(kg)] == [one.thing.iri for one in before[1:]]
        kg.close()


def test_results_are_of_many(demo_kg: KnowledgeGraph) -> None:
    found = walls.results(demo_kg)
    assert len(found) == 7
    assert min(one.persons for one in found) == 27
    assert [one.at for one in found] == sorted((one.at or "" for one in found), reverse=True)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_every_wall_in_both_languages(server: Running, path: str, language: str) -> None:
    words = catalogue(language)
    answer = server.get(f"{path}&lang={language}", headers=HTML)
    found = checked(answer)
    assert words[f"wall-{path.partition('=')[2]}-intro"] in found.text
    assert words["pains-open"] in found.text
    assert len([a for a in found.inside("a") if a.get("aria-current") == "page"]) == 1


def test_the_customer_wall_says_what_segments_lack(server: Running) -> None:
    page = unescape(server.get("/pages/walls?lang=en", headers=HTML).text)
    card = page.partition("Owners of small workshops")[2].partition("</article>")[0]
    assert "Find the right spare part at once" in card
    assert "Spare-part number cannot be found in the shop" in card
    assert "Compressor standstill is noticed too late" not in page  # resolved
    assert "Persons: not shown" in card.replace("persons:", "Persons:")
    assert re.search(r"7 persons", page)
    assert server.get("/pages/walls?wall=garden", headers=HTML).status_code == 400


def test_no_wall_names_a_person_or_counts_a_few(server: Running) -> None:
    """Also for an administrator, who may see everybody elsewhere."""
    query = f"SELECT ?name ?mail {{ ?person <{CI}personName> ?name OPTIONAL {{ ?person <{CI}emailAddress> ?mail }} }}"
    rows = server.get("/sparql", params={"query": query}).json()["results"]["bindings"]
    personal = {cell["value"] for row in rows for cell in row.values()}
    assert len(personal) > 80
    key = make_key(server.kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
    for path in PAGES:
        for page in (server.get(f"{path}&lang=en", headers=HTML), asking(server, path, key, headers=HTML)):
            assert page.status_code == 200
            assert not [name for name in personal if name in page.text]
            main = page.text.partition("<main")[2]
            counted = [int(n) for n in re.findall(r"(\d+) (?:persons|Personen)", main)]
            counted += [
                int(n) for n in re.findall(r'<td class="number">(\d+)</td><td class="number">\d+ %', main)
            ]
            assert min(counted, default=5) >= 5


def test_a_wall_follows_its_purpose(server: Running) -> None:
    def persons(purpose: str) -> str:
        page = server.get("/pages/walls", params={"lang": "en", "purpose": purpose}, headers=HTML).text
        return str(re.findall(r"Persons on the customers' side</dt><dd>([^<]+)<", unescape(page))[0])

    assert persons("everything") == "46"
    asked = f"SELECT (COUNT(DISTINCT ?p) AS ?n) {{ {{ ?p a <{CI}ContactPerson> }} UNION {{ ?p a <{CI}PrivateCustomer> }} }}"
    counted = server.get("/sparql", params={"query": asked, "purpose": RESEARCH}).json()
    assert persons(RESEARCH) == counted["results"]["bindings"][0]["n"]["value"] != "46"
