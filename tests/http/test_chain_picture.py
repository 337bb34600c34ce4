"""The picture of a chain: what stands between pain points and solutions, and lines that no box hides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from pyoxigraph import NamedNode

from kgservice.application.answers.trace import trace
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.web.chain import Chain
from kgservice.web.picture import BOX_WIDTH, Column, Item, Picture, draw
from kgservice.web.texts import LANGUAGES, catalogue
from tests.http.test_pages import checked
from tests.serving import running

ID = "https://kg.example/id/00000000-0000-4000-8000-"
EARLY_WARNING, APP_IN_ENGLISH = f"{ID}103100000001", f"{ID}103100000007"
STEPS = 50


def chain(kg: KnowledgeGraph, iri: str) -> Chain:
    return Chain(trace(kg, NamedNode(iri)).to_json(), "en", lambda one: one)


def way(path: str) -> Iterator[tuple[float, float]]:
    """Points of a path of a picture, close to one another."""
    tokens = re.findall(r"[MCHL]|-?[\d.]+", path)
    x = y = 0.0
    while tokens:
        command = tokens.pop(0)
        if command == "H":
            to = float(tokens.pop(0))
            yield from ((x + (to - x) * n / STEPS, y) for n in range(STEPS + 1))
            x = to
            continue
        ends = [float(tokens.pop(0)) for _ in range(6 if command == "C" else 2)]
        if command == "M":
            x, y = ends
            continue
        x1, y1, x2, y2, to_x, to_y = ends if command == "C" else (x, y, *ends, *ends)
        for n in range(STEPS + 1):
            t = n / STEPS
            of = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
            yield (
                sum(a * b for a, b in zip(of, (x, x1, x2, to_x), strict=True)),
                sum(a * b for a, b in zip(of, (y, y1, y2, to_y), strict=True)),
            )
        x, y = to_x, to_y


def hidden(picture: Picture) -> list[tuple[str, str]]:
    """Paths that run through a box, with its title."""
    return [
        (path, box.item.title)
        for path in picture.paths
        for box in picture.boxes
        if any(box.x < x < box.x + BOX_WIDTH and box.y < y < box.y + box.height for x, y in way(path))
    ]


def test_what_was_thought_and_made_stands_between(demo_kg: KnowledgeGraph) -> None:
    found = chain(demo_kg, EARLY_WARNING)
    columns = {column.heading: [item.title for item in column.items] for column in found.columns()}
    assert list(columns) == [
        *("Touchpoints and evidence", "Pain points", "Insights and ideas", "Requirement to prototype"),
        *("Solutions", "Impacts", "Evidence and lessons"),
    ]
    assert columns["Insights and ideas"] == [
        "The late alarm costs more than the repair",
        "The compressor speaks up before it fails",
    ]
    assert columns["Requirement to prototype"] == [
        "Warning at least 24 hours before failure",
        "Sensor kit with analytics in the cloud",
        "Prototype A: bolted sensor kit",
        "Prototype B: magnet mount, mobile radio",
    ]


def test_the_lines_are_those_of_the_trace_from_left_to_right(demo_kg: KnowledgeGraph) -> None:
    found = chain(demo_kg, EARLY_WARNING)
    lines = found.lines()
    assert len(lines) == len(set(lines))
    insight, idea = f"{ID}103500000001", f"{ID}103700000001"
    requirement, concept = f"{ID}103600000001", f"{ID}103800000001"
    prototypes = [f"{ID}10390000000{n}" for n in (1, 2)]
    between = {insight, idea, requirement, concept, *prototypes}
    evidence = {node["id"] for node in found.trace["layers"]["evidence"]}
    assert {line for line in lines if between & set(line) and line[0] not in evidence} == {
        (insight, requirement),
        (insight, EARLY_WARNING),
        (idea, requirement),
        (idea, concept),
        (requirement, concept),
        *((one, EARLY_WARNING) for one in (requirement, concept, *prototypes)),
    }
    stated = {
        (link["to"], link["from"])
        for link in found.trace["links"]
        if link["property"]["id"].endswith("#evidencedBy") and link["from"] in between
    }
    assert stated
    assert stated <= set(lines)
    drawn = {item.key for column in found.columns() for item in column.items}
    assert {a for a, _ in stated} & drawn


@pytest.mark.parametrize("kind", ["PainPoint", "Solution", "Impact"])
def test_no_line_is_hidden_behind_a_box(demo_kg: KnowledgeGraph, kind: str) -> None:
    asked = f"SELECT ?x {{ ?x a <https://w3id.org/kgservice/ci#{kind}> }}"
    starts = [term.value for (term,) in demo_kg.select(asked).rows if isinstance(term, NamedNode)]
    assert len(starts) > 10
    for start in starts:
        found = chain(demo_kg, start)
        picture = draw(found.columns(), found.lines())
        assert hidden(picture) == [], start
        for one in picture.boxes:
            for other in picture.boxes:
                apart = one.y + one.height < other.y or other.y + other.height < one.y
                assert one is other or one.x != other.x or apart, (start, one.name, other.name)


def test_lines_in_a_column_and_back_are_drawn_beside_the_boxes() -> None:
    a, b, c, d = (Item(key, "input", key) for key in "abcd")
    picture = draw(
        [Column("1", (a, b, c)), Column("2", (d,))], [("a", "b"), ("a", "c"), ("c", "a"), ("d", "b")]
    )
    assert hidden(picture) == []
    down, round_, up, back = (list(way(path)) for path in picture.paths)
    boxes = {box.item.key: box for box in picture.boxes}
    assert [down[0][1], down[-1][1]] == [boxes["a"].y + boxes["a"].height, boxes["b"].y]
    right = boxes["a"].x + BOX_WIDTH
    assert {x for x, _ in (round_[0], round_[-1], up[0], up[-1])} == {right}
    assert right < max(x for x, _ in round_) < boxes["d"].x
    assert (back[0][0], back[-1][0]) == (boxes["d"].x, right)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_draws_them_and_leaves_out_empty_columns(demo_kg: KnowledgeGraph, language: str) -> None:
    words = catalogue(language)
    with running(demo_kg) as server:
        for iri, there in ((EARLY_WARNING, True), (APP_IN_ENGLISH, False)):
            path = f"/pages/trace/{iri.rpartition('/')[2]}?lang={language}"
            answer = server.get(path, headers={"Accept": "text/html"})
            checked(answer)
            picture = unescape(answer.text.partition('class="chain')[2].partition("</svg>")[0])
            for key in ("thought", "worked-out"):
                assert (f">{words[key]}</text>" in picture) is there
            assert ('<g class="box input">' in picture) is there
            assert picture.startswith(" wide") is there
