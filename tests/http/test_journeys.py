"""Customer journeys over HTTP: as JSON, JSON-LD, picture and page, and what a reader gets of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from xml.etree import ElementTree as ET

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Role
from kgservice.namespaces import CI, DPV
from kgservice.settings import Settings
from kgservice.web.texts import LANGUAGES, catalogue
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.http.persons import IDS
from tests.serving import Running

PLANNED, ACTUAL = (f"00000000-0000-4000-8000-10400000000{n}" for n in (1, 2))
SEGMENT = f"{IDS}00000000-0000-4000-8000-105100000001"
OTHER_SEGMENT = f"{IDS}00000000-0000-4000-8000-105100000003"
NAME = "Rosalinde Kammhuber"
HTML = {"Accept": "text/html"}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def server(demo_kg: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The demonstration, with room for keys."""
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, demo_kg.clock, guarded=False)
        with serving(kg, tmp_path_factory.mktemp("journeys")) as running:
            yield running
        kg.close()


@pytest.fixture(scope="module")
def reader(server: Running) -> str:
    """The key of somebody who may not see single persons."""
    return make_key(server.kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)


def test_the_list_tells_whose_journeys_there_are(server: Running) -> None:
    found = server.get("/journeys").json()
    assert [one["key"] for one in found["planned"]] == [PLANNED]
    assert [one["key"] for one in found["actual"]] == [ACTUAL]
    assert found["planned"][0]["segments"][0]["id"] == SEGMENT
    assert found["actual"][0]["of"][0]["label"] == {"": NAME}
    assert (found["planned"][0]["steps"], found["actual"][0]["steps"]) == (7, 8)


def test_a_segment_has_the_journeys_of_its_personas_and_those_planned_for_them(server: Running) -> None:
    of_it = server.get("/journeys", params={"segment": SEGMENT}).json()
    assert [len(of_it[kind]) for kind in ("planned", "actual")] == [1, 1]
    of_other = server.get("/journeys", params={"segment": OTHER_SEGMENT}).json()
    assert [len(of_other[kind]) for kind in ("planned", "actual")] == [0, 0]
    assert server.get("/journeys", params={"segment": "no iri <>"}).status_code == 400


def test_an_actual_journey_stands_beside_its_plan(server: Running) -> None:
    found = server.get(f"/journeys/{ACTUAL}").json()
    steps = {step["id"]: step for one in (found["journey"], found["plan"]) for step in one["steps"]}
    told = [
        (
            place["planned"] and steps[place["planned"]]["order"],
            place["actual"] and steps[place["actual"]]["order"],
            place["difference"],
        )
        for place in found["places"]
    ]
    assert told == [
        (1, 1, None),
        (None, 2, "not-planned"),
        (2, 3, None),
        (3, 4, None),
        (4, 5, None),
        (5, 6, None),
        (None, 7, "not-planned"),
        (6, 8, None),
        (7, None, "not-passed"),
    ]
    levels = [step["level"] for step in found["journey"]["steps"]]
    assert levels == [0, -1, 2, 1, 4, -3, -4, 3]  # as in demo/experience.ttl
    call = found["journey"]["steps"][1]
    assert call["seamless"] is False
    assert call["touchpoint"]["synchronous"] is True
    assert [cause["label"]["en"] for cause in call["observations"][0]["causes"]] == [
        "Having to tell everything again"
    ]
    assert [pain["status"]["label"]["en"] for pain in call["touchpoint"]["painPoints"]] == ["in progress"]


def test_the_statements_are_those_of_the_graph(server: Running) -> None:
    graph = server.get(f"/journeys/{ACTUAL}?format=jsonld").json()
    assert graph["@context"]["@vocab"] == CI
    stated = server.get("/sparql", params={"query": f"SELECT ?p ?o {{ <{IDS}{ACTUAL}> ?p ?o }}"}).json()
    known = {(row["p"]["value"].removeprefix(CI), row["o"]["value"]) for row in stated["results"]["bindings"]}
    (entry,) = [one for one in graph["@graph"] if one["@id"] == f"{IDS}{ACTUAL}"]
    said = {
        (key, one["@id"])
        for key, ones in entry.items()
        for one in ones
        if isinstance(one, dict) and "@id" in one
    }
    assert len(said) == 11  # 8 steps, whose it is, where to, the plan
    assert said <= known


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_stands_alone_and_holds_all_steps(server: Running, language: str) -> None:
    answer = server.get(f"/journeys/{ACTUAL}?format=svg&lang={language}")
    assert answer.headers["content-type"] == "image/svg+xml"
    svg = ET.fromstring(answer.content)
    assert svg.get("lang") == language
    assert not [
        e for e in svg.iter() if e.tag in {f"{SVG}style", f"{SVG}script", f"{SVG}image"} or e.get("style")
    ]
    assert not re.findall(rb"(?:href|src|url)\s*[=(]", answer.content)
    coloured = [e for e in svg.iter() if e.tag in {f"{SVG}rect", f"{SVG}text", f"{SVG}path", f"{SVG}circle"}]
    assert all(e.get("fill") for e in coloured)
    words = catalogue(language)
    said = " ".join(e.text or "" for e in svg.iter(f"{SVG}text"))
    assert said.count(words["journey-not-planned"]) == 2
    assert said.count(words["journey-not-passed"]) == 1
    width, height = float(svg.attrib["width"]), float(svg.attrib["height"])
    for shape in svg.iter(f"{SVG}rect"):
        x, y, w, h = (float(shape.get(key, "0")) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width + 0.1
        assert 0 <= y <= y + h <= height + 0.1
    assert server.get(f"/journeys/{ACTUAL}?format=svg&lang=fr").status_code == 400


def test_a_journey_that_is_none_is_told(server: Running) -> None:
    assert server.get("/journeys/none").status_code == 404
    assert server.get("/journeys/00000000-0000-4000-8000-103000000001").status_code == 400  # a pain point
    assert server.get("/pages/journeys/none", headers=HTML).status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_says_what_the_picture_says(server: Running, language: str) -> None:
    page = server.get(f"/pages/journeys/{ACTUAL}?lang={language}", headers=HTML).text
    table = unescape(page.partition('id="as-table"')[2])
    svg = ET.fromstring(server.get(f"/journeys/{ACTUAL}?format=svg&lang={language}").content)
    tips = [title.text or "" for title in svg.iter(f"{SVG}title")][1:]  # the first is that of the picture
    assert len(tips) > 30
    for told in tips:
        assert told.partition(" (")[0] in table, told
    assert table.count("<tr>") == 1 + 9


def test_a_reader_sees_the_plan_and_nothing_of_single_persons(server: Running, reader: str) -> None:
    found = asking(server, "/journeys", reader).json()
    assert [len(found[kind]) for kind in ("planned", "actual")] == [1, 0]
    assert found["planned"][0]["actualRuns"] == []
    assert asking(server, f"/journeys/{ACTUAL}", reader).status_code == 404
    assert asking(server, f"/journeys/{ACTUAL}?format=svg", reader).status_code == 404
    assert asking(server, f"/pages/journeys/{ACTUAL}", reader, headers=HTML).status_code == 404
    plan = asking(server, f"/journeys/{PLANNED}", reader).json()
    assert len(plan["journey"]["steps"]) == 7
    for step in plan["journey"]["steps"]:
        assert step["observations"] == []
        assert step["touchpoint"]["observedOfAll"] == {"mean": None, "observations": None, "persons": None}
    page = asking(server, f"/pages/journeys/{PLANNED}?lang=en", reader, headers=HTML)
    assert page.status_code == 200
    assert "fewer than 5 persons" in page.text
    listing = asking(server, "/pages/journeys?lang=en", reader, headers=HTML).text
    assert "shown only to those who may see single persons" in listing
    for text in (page.text, listing):
        assert NAME not in text
        assert ACTUAL not in text


def test_the_purpose_decides_what_is_seen_of_a_person(server: Running) -> None:
    for purpose, seen in ((RESEARCH, 1), (f"{DPV}CustomerRelationshipManagement", 0)):
        found = server.get("/journeys", params={"purpose": purpose}).json()
        assert (len(found["planned"]), len(found["actual"])) == (1, seen)
        answer = server.get(f"/journeys/{ACTUAL}", params={"purpose": purpose})
        assert answer.status_code == (200 if seen else 404)
