"""The start page over a socket: what it counts is what the lists and the graph hold, and for whom."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.answers import walls
from kgservice.application.answers.chain_starts import KINDS, Start, starts
from kgservice.application.answers.last_release import last_release, last_release_guarded
from kgservice.application.answers.open_pains import open_pains, open_pains_guarded
from kgservice.application.answers.phase_matrix import (
    ELEMENTS,
    elements,
    elements_guarded,
    phase_matrix,
    phase_matrix_guarded,
)
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels
from kgservice.application.guard.guard import Guard
from kgservice.application.law.expiring import expiring
from kgservice.application.views.once import Once
from kgservice.domain.change import Change
from kgservice.domain.clock import Clock
from kgservice.domain.model import TYPE
from kgservice.domain.principal import Role
from kgservice.http.pages.elements import path_of_elements
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.http.test_pages import checked
from tests.serving import Running

HTML = {"Accept": "text/html"}
FEW = 10
PREFIX = f"PREFIX ci: <{CI}> "
COUNTED_OTHERWISE = {
    "touchpoints": "?x ci:phase ?phase ; a ci:Touchpoint",
    "methods": "{ ?u ci:plannedFor ?t } UNION { ?u ci:usedAt ?t } ?u ci:method ?x . ?t ci:phase ?phase",
    "customer-data": "?t ci:collected ?x ; ci:phase ?phase . ?x a ci:CustomerDataRecord",
    "pain-points": "?t ci:hasPainPoint ?x ; ci:phase ?phase",
    "solutions": "?x ci:addresses/ci:occursAt/ci:phase ?phase",
    "impacts": "?x ci:impactOf/ci:addresses/ci:occursAt/ci:phase ?phase",
}


@pytest.fixture(scope="module")
def demo(
    stewarded: OxigraphStore, clock: Clock, guard: Guard, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """The demonstration with its findings; nothing here changes it."""
    with stewarded.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, clock)
        kg.guard = guard
        with serving(kg, tmp_path_factory.mktemp("start"), smallest_group=FEW) as server:
            yield server
        kg.close()


@pytest.fixture(scope="module")
def key_of(demo: Running) -> dict[Role, str]:
    """A key for each role, for research."""
    return {
        role: make_key(demo.kg.settings, role, purposes=(RESEARCH,), default=RESEARCH)
        for role in Role
        if role is not Role.MONITOR
    }


def shown(demo: Running, key: str, path: str = "/?lang=en", **options: str) -> str:
    """The text of a page for somebody."""
    answer = asking(demo, path, key, headers=HTML | options)
    assert answer.status_code == 200, answer.text
    checked(answer)
    return answer.text


@pytest.mark.parametrize("element", ELEMENTS)
def test_the_matrix_counts_what_the_graph_holds(demo_kg: KnowledgeGraph, element: str) -> None:
    matrix = phase_matrix(demo_kg)
    assert [phase.removeprefix(CI) for phase in matrix.phases] == [
        *("IdeaGeneration", "RequirementsElicitation", "ConceptDevelopment"),
        *("PrototypeDevelopment", "MarketLaunch"),
    ]
    pattern = COUNTED_OTHERWISE[element]
    for phase in matrix.phases:
        text = f"{PREFIX}SELECT DISTINCT ?x WHERE {{ VALUES ?phase {{ <{phase}> }} {pattern} }}"
        assert matrix.count(phase, element) == len(demo_kg.select(text).rows) > 0


def test_each_number_leads_to_as_many(demo: Running) -> None:
    page = demo.get("/?lang=en", headers=HTML).text
    matrix = phase_matrix(demo.kg)
    cells = re.findall(r'<a href="(/pages/elements[^"]+)" aria-label="([\d,]+) ', page)
    assert len(cells) == 30
    for path, number in cells:
        listed = demo.get(path.replace("&amp;", "&"), headers=HTML)
        assert f"<strong>{number}</strong>" in listed.text, path
    assert matrix.count(f"{CI}IdeaGeneration", "touchpoints") == 5


def test_what_is_no_phase_and_no_element_is_not_found(demo: Running) -> None:
    for query in ("element=methods&phase=None", "element=persons&phase=MarketLaunch", ""):
        assert demo.get(f"/pages/elements?{query}", headers=HTML).status_code == 404


def test_open_pain_points_come_by_urgency(demo_kg: KnowledgeGraph) -> None:
    found = open_pains(demo_kg)
    names = labels(demo_kg, [pain.iri for pain in found], "en")
    assert [(names[pain.iri], pain.is_addressed, pain.is_proven) for pain in found] == [
        ("Spare-part number cannot be found in the shop", False, False),
        ("Night alarm reaches the wrong person", False, False),
        ("Focus-group dates collide with shifts", False, False),
        ("The hotline does not know the sensor values", True, False),
        ("Each person needs an own e-mail address to register", True, False),
        ("The monthly report is too technical", True, False),
        ("Fitting still needs an electrician", True, True),
    ]


def test_as_many_pain_points_are_open_as_on_the_wall(demo: Running) -> None:
    """And the same: those that no status calls resolved."""
    found = {pain.iri for pain in open_pains(demo.kg)}
    states, _ = walls.phases(demo.kg)
    assert found == {thing.iri for state in states for thing, _ in state.open}
    query = (
        f"{PREFIX}SELECT ?x {{ ?x a ci:PainPoint FILTER NOT EXISTS {{ ?x ci:painPointStatus ci:Resolved }} }}"
    )
    assert found == {term.value for (term,) in demo.kg.select(query).rows if isinstance(term, NamedNode)}
    assert sum(state.resolved for state in states) > 0
    start = demo.get("/?lang=en", headers=HTML).text.partition('id="pains"')[2]
    told = re.search(
        r"<strong>(\d+)</strong> <span>(\d+) [a-z ]+, (\d+) [a-z ]+, (\d+) [a-z ,]+</span>", start
    )
    assert told is not None
    number, *parts = map(int, told.groups())
    assert (number, sum(parts), min(parts) > 0) == (len(found), len(found), True)
    wall = demo.get("/pages/walls?wall=insights&lang=en", headers=HTML).text
    assert sum(map(int, re.findall(r">(\d+) open</span>", wall))) == len(found)


def test_the_last_release_and_what_it_changed(demo_kg: KnowledgeGraph) -> None:
    found = last_release(demo_kg)
    assert found is not None
    assert found.deployed == "2026-09-07T06:00:00Z"
    assert [(len(one.pains), len(one.impacts)) for one in found.shipped] == [(1, 2), (1, 0), (1, 0)]


def test_consents_that_end_are_those_of_the_question(demo: Running) -> None:
    found = expiring(demo.kg)
    asked = demo.get("/queries/expiring-consents?days=60&format=json").json()["results"]["bindings"]
    assert [one.consent for one in found] == list(
        dict.fromkeys(row["consent"]["value"] for row in asked if row["reason"]["value"] == "expires")
    )
    assert found


def test_who_sees_what(demo: Running, key_of: dict[Role, str]) -> None:
    cards = {"findings": "/pages/findings?severity", "ending": "Consents that end soon", "imports": ">demo<"}
    may = {
        Role.READER: set[str](),
        Role.RESEARCHER: set[str](),
        Role.EDITOR: set[str](),
        Role.STEWARD: {"findings", "imports"},
        Role.PRIVACY_OFFICER: {"ending"},
        Role.ADMINISTRATOR: set(cards),
    }
    for role, key in key_of.items():
        page = shown(demo, key)
        assert {name for name, mark in cards.items() if mark in page} == may[role], role
        assert "Open pain points" in page


def test_single_consents_are_named_on_the_view_of_everything_only(
    demo: Running, key_of: dict[Role, str]
) -> None:
    officer = key_of[Role.PRIVACY_OFFICER]
    bounded = shown(demo, officer)
    assert "Consent …" not in bounded
    assert "expiring-consents" not in bounded
    whole = shown(demo, officer, **{"KG-Purpose": "everything"})
    assert len(re.findall("Consent …", whole)) == len(expiring(demo.kg))


def test_a_reader_sees_no_small_number_of_customer_data(demo: Running, key_of: dict[Role, str]) -> None:
    reader, researcher = (shown(demo, key_of[role]) for role in (Role.READER, Role.RESEARCHER))
    mark = '<td class="customer-data'
    numbers = [re.findall(rf"{mark}[^>]*>(?:<a[^>]*>|<span>)([^<]+)<", page) for page in (reader, researcher)]
    of_reader, of_researcher = numbers
    assert len(of_reader) == len(of_researcher) == 5
    assert sorted(map(int, of_researcher)) == [7, 15, 15, 33, 112]  # of 5, 6, 7, 14 and 32 persons
    for told, number in zip(of_reader, of_researcher, strict=True):
        assert told == (number if number in {"33", "112"} else f"&lt; {FEW}")
    assert "element=customer-data" not in reader
    path = path_of_elements(f"{CI}MarketLaunch", "customer-data")
    assert asking(demo, path, key_of[Role.READER], headers=HTML).status_code == 403
    assert asking(demo, path, key_of[Role.RESEARCHER], headers=HTML).status_code == 200


def test_a_reader_is_told_of_no_pain_point_of_a_person(demo_kg: KnowledgeGraph, clock: Clock) -> None:
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, clock, guarded=False)
        before, release = phase_matrix(kg), last_release(kg)
        assert phase_matrix_guarded(kg) == before
        assert last_release_guarded(kg) == release
        assert open_pains_guarded(kg) == open_pains(kg)
        assert release is not None
        ((place, phase, person),) = kg.select(
            f"{PREFIX}SELECT ?place ?phase ?person {{"
            " { SELECT ?place ?phase { ?place a ci:Touchpoint ; ci:phase ?phase } LIMIT 1 }"
            " { SELECT ?person { ?person a ci:PrivateCustomer } LIMIT 1 } }"
        ).rows
        pain = NamedNode(f"{kg.addresses.ids}aaaaaaaa-0000-4000-8000-000000000001")
        said = {
            "occursAt": place,
            "dataSubject": person,
            "addressedBy": NamedNode(release.shipped[0].solution),
            "detectedAt": Literal("2001-01-01T00:00:00Z"),
        }
        quads = [Quad(pain, NamedNode(CI + name), term) for name, term in said.items() if term is not None]
        kg.commit(Change.adding([Quad(pain, TYPE, NamedNode(f"{CI}PainPoint")), *quads]))
        assert isinstance(phase, NamedNode)
        number = before.count(phase.value, "pain-points")
        assert phase_matrix(kg).count(phase.value, "pain-points") == number + 1
        assert phase_matrix_guarded(kg).count(phase.value, "pain-points") == number
        assert last_release(kg) != release == last_release_guarded(kg)
        assert pain.value not in {one.iri for one in open_pains_guarded(kg)}
        kg.close()


def test_a_reader_is_told_of_no_solution_and_no_impact_of_a_person(
    demo_kg: KnowledgeGraph, clock: Clock
) -> None:
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, clock, guarded=False)
        ((person,),) = kg.select(f"{PREFIX}SELECT ?person {{ ?person a ci:PrivateCustomer }} LIMIT 1").rows
        assert person is not None
        waiting = open_pains(kg)
        unsolved, unproven = (
            next(NamedNode(one.iri) for one in waiting if one.is_addressed is addressed)
            for addressed in (False, True)
        )
        ((plain,),) = kg.select(f"{PREFIX}SELECT ?s {{ {unproven} ci:addressedBy ?s }}").rows
        ((phase,),) = kg.select(f"{PREFIX}SELECT ?p {{ {unsolved} ci:occursAt/ci:phase ?p }}").rows
        assert plain is not None
        assert isinstance(phase, NamedNode)
        before, totals, listed = phase_matrix(kg), _starts(kg, guarded=True), _listed(kg, phase, guarded=True)
        assert totals == _starts(kg, guarded=False)
        assert listed == _listed(kg, phase, guarded=False)
        solution, impact, follows = (
            NamedNode(f"{kg.addresses.ids}aaaaaaaa-0000-4000-8000-00000000000{n}") for n in (2, 3, 4)
        )
        kinds = {solution: "Solution", impact: "Impact", follows: "Impact"}
        quads = [
            Quad(unsolved, NamedNode(f"{CI}addressedBy"), solution),
            Quad(impact, NamedNode(f"{CI}impactOf"), plain),
            Quad(follows, NamedNode(f"{CI}impactOf"), solution),
        ]
        quads += [Quad(node, TYPE, NamedNode(CI + kind)) for node, kind in kinds.items()]
        quads += [Quad(node, NamedNode(f"{CI}dataSubject"), person) for node in kinds]
        kg.commit(Change.adding(quads))
        assert _starts(kg, guarded=True) == totals != _starts(kg, guarded=False)
        assert open_pains_guarded(kg) == waiting != open_pains(kg)
        assert phase_matrix_guarded(kg) == before != phase_matrix(kg)
        assert _listed(kg, phase, guarded=True) == listed != _listed(kg, phase, guarded=False)
        kg.close()


def _starts(kg: KnowledgeGraph, *, guarded: bool) -> list[tuple[list[Start], int]]:
    return [starts(kg, kind, "", "en", guarded=guarded) for kind in KINDS]


def _listed(kg: KnowledgeGraph, phase: NamedNode, *, guarded: bool) -> list[set[NamedNode]]:
    found = elements_guarded if guarded else elements
    return [set(found(kg, phase, element, 200)) for element in ("pain-points", "solutions", "impacts")]


def test_it_is_counted_once_for_each_state(kg: KnowledgeGraph) -> None:
    times: list[int] = []

    def count(reader: KnowledgeGraph) -> int:
        times.append(reader.state)
        return len(times)

    once: Once[KnowledgeGraph, int] = Once(count)
    assert [once.of(kg), once.of(kg), once.of(kg, "tomorrow")] == [1, 1, 2]
    kg.commit(Change.adding([Quad(NamedNode("urn:a"), NamedNode("urn:b"), Literal("c"))]))
    assert [once.of(kg, "tomorrow"), once.of(kg, "tomorrow")] == [3, 3]
    assert times[0] == times[1] < times[2]
