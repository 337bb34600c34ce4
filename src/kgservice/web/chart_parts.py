"""What a chart is made of: bars, points of lines, phases, with their places in a drawing."""

from __future__ import annotations

from dataclasses import dataclass

from kgservice.web.tables import Heading

WIDTH = 760
"""Pixels of a chart from left to right."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar at `y` from `x`, `width` long; `text`: its value; `label`: as much of its name as fits."""

    name: str
    label: str
    text: str
    x: float
    y: int
    width: float
    text_x: float


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a moment, and what a pointer that rests on it is told."""

    x: float
    y: float
    name: str


@dataclass(frozen=True, slots=True)
class Series:
    """Points in the order of time, joined by a line, with a name that stands at (`x`, `y`)."""

    name: str
    points: tuple[Point, ...]
    label_y: float

    @property
    def path(self) -> str:
        """The line as the points of an SVG polyline."""
        return " ".join(f"{p.x:g},{p.y:g}" for p in self.points)


@dataclass(frozen=True, slots=True)
class Step:
    """A phase, with what it counts, from `x`; `shade` from 0 (nothing) to 4 (most)."""

    name: str
    lines: tuple[str, ...]
    text: str
    x: int
    shade: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of `width` × `height` pixels, its `kind`, and what its numbers are.

    `measure`: the name of the column of the numbers, empty where rows are counted. `shown` of `total` rows
    are in it. `ticks`: place and text of lines at round values, at moments `moments`.
    """

    kind: str
    heading: str
    measure: str
    measures: tuple[Heading, ...]
    height: int
    shown: int
    total: int
    bars: tuple[Bar, ...] = ()
    zero: float = 0
    steps: tuple[Step, ...] = ()
    series: tuple[Series, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()
    moments: tuple[tuple[float, str], ...] = ()
    width: int = WIDTH
