"""Pictures of answers: which one fits, and that all of it is inside the drawing and true to the numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from pyoxigraph import Literal, NamedNode

from kgservice.namespaces import XSD, Addresses
from kgservice.web.chart import MOST_BARS, Phase, chart
from kgservice.web.chart_line import round_ticks
from kgservice.web.chart_parts import Chart
from kgservice.web.tables import Cell, Heading, Table, table

PHASES: tuple[Phase, ...] = tuple(
    (name, frozenset({name, other}))
    for name, other in (("ideas", "Ideen"), ("needs", "Bedarf"), ("concept", "Konzept"))
)


def cell(value: object) -> Cell:
    """A number, a moment (a text that begins with a year) or a text."""
    if isinstance(value, int | float):
        return Cell(str(value), number=True)
    text = str(value)
    return Cell(text, moment=text if text[:3] == "202" else "")


def drawn(
    columns: str, *rows: tuple[object, ...], measure: str = "", total: int = 0, language: str = "en"
) -> Chart | None:
    """The picture of a table with columns of these names."""
    headings = tuple(Heading(name, name.title()) for name in columns.split())
    cells = tuple(tuple(cell(value) for value in row) for row in rows)
    made = Table(headings, cells, total or len(rows))
    return chart(made, PHASES, "Rows", language=language, measure=measure, mark="(< 5)")


def test_a_name_and_a_number_are_bars_as_long_as_the_numbers() -> None:
    found = drawn("method uses", ("survey", 4), ("visit", 2), ("panel", 0))
    assert found is not None
    assert (found.kind, found.heading, [bar.name for bar in found.bars]) == (
        *("bars", "Uses"),
        ["survey", "visit", "panel"],
    )
    four, two, none = found.bars
    assert four.width == pytest.approx(2 * two.width, abs=0.2)
    assert (two.width > 0, none.width) == (True, 0)
    assert {bar.x for bar in found.bars} == {found.zero}
    assert all(bar.x >= 0 and bar.x + bar.width < found.width and bar.y < found.height for bar in found.bars)
    assert all(before.y < after.y for before, after in pairwise(found.bars))


def test_negative_numbers_lie_on_the_other_side_of_zero() -> None:
    found = drawn("what change", ("a", -10), ("b", 20))
    assert found is not None
    less, more = found.bars
    assert less.x + less.width == pytest.approx(found.zero, abs=0.2)
    assert more.x == found.zero
    assert 0 < less.text_x < less.x


def test_as_many_names_as_it_takes_and_no_more_bars_than_fit() -> None:
    two = drawn("issue answer n", ("late", "paid", 3), ("late", "no", 4))
    assert two is not None
    assert [bar.name for bar in two.bars] == ["late, paid", "late, no"]
    third = drawn("issue kind answer n", ("late", "all", "paid", 3), ("late", "all", "no", 4))
    assert third is not None
    assert [bar.name for bar in third.bars] == ["late, paid", "late, no"], (
        "what is the same for all says nothing"
    )
    alike = drawn("need segment n", ("w" * 50, "small", 3), ("w" * 50, "big", 4))
    assert alike is not None
    assert [bar.label.rpartition(", ")[2] for bar in alike.bars] == ["small", "big"]
    many = drawn("x n", *((f"x{n}", n) for n in range(50)), total=700)
    assert many is not None
    assert (len(many.bars), many.shown, many.total) == (MOST_BARS, MOST_BARS, 700)
    assert drawn("x n", ("same", 1), ("same", 2)) is None
    long = drawn("x n", ("w" * 100, 1), ("long words " * 9, 2))
    assert long is not None
    assert all(len(bar.label) < 40 < len(bar.name) for bar in long.bars)


def test_a_suppressed_number_has_no_bar() -> None:
    found = drawn("x n", ("a", 9), ("b", 7), ("c", "(< 5)"))
    assert found is not None
    assert [(bar.text, bar.width > 0) for bar in found.bars] == [("9", True), ("7", True), ("(< 5)", False)]


def test_no_picture_where_it_would_say_nothing_or_mislead() -> None:
    assert drawn("x n", ("a", 1)) is None  # nothing to compare
    assert drawn("x n", ("a", 1), ("b", 1)) is None
    assert drawn("x y", ("a", "b"), ("c", "d")) is None
    assert drawn("x n unitLabel", ("a", 1, "hours"), ("b", 2, "percent")) is None
    assert drawn("x n unitLabel", ("a", 1, "hours"), ("b", 2, "hours")) is not None
    assert drawn("x stepOrder", ("a", 1), ("b", 2)) is None
    assert drawn("x n") is None


def test_the_column_that_is_drawn_can_be_chosen() -> None:
    rows = (("a", 1, 10), ("b", 2, 30))
    for measure, heading in (("", "N"), ("m", "M"), ("none", "N")):
        found = drawn("x n m", *rows, measure=measure)
        assert found is not None
        assert (found.heading, [one.name for one in found.measures]) == (heading, ["n", "m"])


def test_a_column_of_phases_is_a_map() -> None:
    found = drawn("pain phaseLabel", ("a", "ideas"), ("b", "Konzept"), ("c", "concept"))
    assert found is not None
    assert (found.kind, found.heading, found.measures) == ("phases", "Rows", ())
    assert [(s.name, s.text, s.shade) for s in found.steps] == [
        *(("ideas", "1", 2), ("needs", "0", 0), ("concept", "2", 4)),
    ]
    numbered = drawn("phaseLabel n", ("ideas", 7), ("concept", "(< 5)"))
    assert numbered is not None
    assert [(s.text, s.shade) for s in numbered.steps] == [("7", 4), ("–", 0), ("(< 5)", 0)]
    assert drawn("pain phaseLabel", ("a", "ideas"), ("b", "ideas")) is None


def test_numbers_over_time_are_a_line() -> None:
    rows = [("2026-01-01T00:00:00Z", 1), ("2026-02-01", 5), ("2026-03-01T12:00:00+01:00", 3)]
    found = drawn("at n", *reversed(rows))
    assert found is not None
    assert found.kind == "line"
    (series,) = found.series
    first, second, third = series.points
    assert first.x < second.x < third.x
    assert second.y < third.y < first.y  # up is more
    assert all(0 < p.x < found.width and 0 < p.y < found.height for p in series.points)
    assert [words for _, words in found.moments] == ["1 Jan 2026", "1 Feb 2026", "1 Mar 2026"]
    assert found.ticks[0][1] == "0"


@pytest.mark.parametrize(
    ("language", "days", "told", "tick"),
    [
        ("de", ["21.05.2026", "01.06.2026"], ["21.05.2026: 0,25", "01.06.2026, 09:30 UTC: 0,5"], "0,1"),
        ("en", ["21 May 2026", "1 Jun 2026"], ["21 May 2026: 0.25", "1 Jun 2026, 09:30 UTC: 0.5"], "0.1"),
    ],
)
def test_a_line_says_days_and_numbers_as_the_language_writes_them(
    language: str, days: list[str], told: list[str], tick: str
) -> None:
    made = [("2026-05-21T00:00:00Z", "0.25"), ("2026-06-01T09:30:00Z", "0.5")]
    rows = [
        (Literal(at, datatype=NamedNode(f"{XSD}dateTime")), Literal(n, datatype=NamedNode(f"{XSD}decimal")))
        for at, n in made
    ]
    shown = table((Heading("at"), Heading("n")), rows, {}, Addresses("https://kg.example/"), language)
    found = chart(shown, PHASES, "Rows", language=language)
    assert found is not None
    assert [point.name for point in found.series[0].points] == told
    assert [words for _, words in found.moments] == days
    assert found.ticks[1][1] == tick


def test_a_few_names_are_lines_of_their_own() -> None:
    rows = [(name, f"2026-0{n}-01", n * k) for n in (1, 2, 3) for k, name in ((1, "a"), (2, "b"))]
    found = drawn("who at n", *rows)
    assert found is not None
    assert [(one.name, len(one.points)) for one in found.series] == [("a", 3), ("b", 3)]
    assert abs(found.series[0].label_y - found.series[1].label_y) >= 16


def test_a_course_of_events_is_a_line_and_an_age_is_none() -> None:
    course = [(f"e{n}", f"2026-0{n}-01", n % 3) for n in range(1, 7)]
    found = drawn("what at n", *course)
    assert found is not None
    assert found.kind == "line"
    ages = drawn("what at age", *((f"e{n}", f"2026-01-0{n}", 30 - n) for n in range(1, 7)))
    assert ages is not None
    assert ages.kind == "bars"


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 0.002), (0, 1e9), (5, 5), (-7, -7)])
def test_ticks_are_round_and_embrace_the_values(low: float, high: float) -> None:
    ticks = round_ticks(low, high)
    assert ticks[0] <= low
    assert high <= ticks[-1]
    assert 2 <= len(ticks) <= 8
