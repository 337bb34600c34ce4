"""Numbers over time as lines: where they run in a picture of so many units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, EDGE = 640, 180, 6


@dataclass(frozen=True, slots=True)
class Line:
    """A line: what it is called and drawn as (a class of the style sheet), its points, the last of them."""

    name: str
    style: str
    points: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Trend:
    """A picture of lines, and the largest value in it."""

    lines: tuple[Line, ...]
    width: int
    height: int
    top: float


def trend(
    series: Sequence[tuple[str, str, Sequence[float]]],
    *,
    top: float = 0.0,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> Trend:
    """A picture of series of equal length: name, style, values from 0. `top`: the least height of the scale.

    >>> trend([("a", "plain", [0, 5, 10])], width=106, height=112).lines[0].points
    '6.0,106.0 53.0,56.0 100.0,6.0'
    """
    highest = max([top, *(value for _, _, values in series for value in values)]) or 1.0
    lines = []
    for name, style, values in series:
        if not values:
            continue
        step = (width - 2 * EDGE) / max(1, len(values) - 1)
        places = [
            (
                round(EDGE + at * step, 1),
                round(height - EDGE - (height - 2 * EDGE) * value / highest, 1),
            )
            for at, value in enumerate(values)
        ]
        if len(places) == 1:
            places = [(float(EDGE), places[0][1]), (float(width - EDGE), places[0][1])]
        points = " ".join(f"{x},{y}" for x, y in places)
        lines.append(Line(name, style, points, *places[-1]))
    return Trend(tuple(lines), width, height, highest)
