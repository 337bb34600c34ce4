"""The curves of feelings along a journey: observed, expected, and the mean of all customers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from kgservice.domain.journey import STRONGEST, Step
from kgservice.domain.journey_map import JourneyMap, Place
from kgservice.web import journey_words as words
from kgservice.web.drawing import Sheet, leading, wrapped

HEIGHT = 220
ROOM = 30
"""Above the strongest and below the weakest feeling, for words."""
_EVEN = 0.5
_Point = tuple[float, float]


def draw_curves(
    sheet: Sheet,
    shown: JourneyMap,
    language: str,
    *,
    place: tuple[float, float, float],
    middle: Callable[[int], float],
    column: float,
) -> None:
    """Draw them into the sheet, from `left` to `right` below `top` (`place`).

    `middle`: where a column has its middle; `column`: how wide it is.
    """
    left, right, top = place
    half = HEIGHT / 2
    sheet.shape("rect", "above", x=left, y=top, width=right - left, height=half, opacity=0.55)
    sheet.shape("rect", "below", x=left, y=top + half, width=right - left, height=half, opacity=0.55)
    sheet.line("zero", f"M{left:g} {top + half:g} H{right:g}")

    def at(number: int, level: float) -> _Point:
        return middle(number), round(top + half - level / STRONGEST * (half - ROOM), 1)

    crowd = [
        at(number, told.level)
        for number, one in enumerate(shown.places)
        if (told := one.step.touchpoint.crowd) and told.level is not None
    ]
    _curve(sheet, "crowd", crowd)
    for x, y in crowd:
        sheet.shape(
            "rect", "crowd-dot", x=x - 3, y=y - 3, width=6, height=6, transform=f"rotate(45 {x:g} {y:g})"
        )
    own = not shown.journey.planned
    if shown.plan:
        planned = list(_levels(shown.places, "planned"))
        points = [at(number, level) for number, _, level in planned]
        _curve(sheet, "expected", points)
        for x, y in points:
            sheet.shape("circle", "hollow", cx=x, cy=y, r=4.5)
    felt = list(_levels(shown.places, "actual" if own else "planned"))
    style = "curve" if any(step.measured for _, step, _ in felt) else "expected"
    _curve(sheet, style, [at(number, level) for number, _, level in felt])
    for number, step, level in felt:
        _point(sheet, step, level, at(number, level), language=language, column=column)


def _levels(places: Sequence[Place], side: str) -> Iterable[tuple[int, Step, float]]:
    for number, place in enumerate(places):
        step: Step | None = getattr(place, side)
        if step is not None and step.level is not None:
            yield number, step, step.level


def _point(sheet: Sheet, step: Step, level: float, at: _Point, *, language: str, column: float) -> None:
    """A point of the curve with what was felt, on the side where the curve leaves room."""
    x, y = at
    style = "even" if abs(level) < _EVEN else "good" if level > 0 else "bad"
    said = words.feeling(step, language)
    sheet.shape("circle", style, cx=x, cy=y, r=7, tip=said)
    lines = wrapped(said, column, most=2, small=True)
    down = y + 20 if level < 0 else y - 13 - (len(lines) - 1) * leading(small=True)
    sheet.lines("said", x, down, lines, small=True, middle=True)


def _curve(sheet: Sheet, style: str, points: Sequence[_Point]) -> None:
    """A smooth line that is level at each point, so that it never goes beyond what was felt."""
    if len(points) < 2:
        return
    path = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = (x1 + x2) / 2
        path.append(f"C{bend:g} {y1:g} {bend:g} {y2:g} {x2:g} {y2:g}")
    sheet.line(style, " ".join(path))
