"""Values over time as lines, with round values at the side."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime

from kgservice.web.chart_parts import WIDTH, Chart, Point, Series
from kgservice.web.dates import day_of
from kgservice.web.numbers import decimal
from kgservice.web.tables import Heading, Table

MOST_SERIES = 6
_HIGH, _LEFT, _RIGHT, _BOTTOM, _TOP = 320, 64, 150, 34, 16


def line(
    table: Table,
    *,
    value_at: int,
    moment_at: int,
    texts: Sequence[int],
    measures: tuple[Heading, ...],
    language: str,
) -> Chart | None:
    """The values of a column over the moments of another, by the one column of texts that has few, if any.

    None where the texts tell nearly every row apart, so that a line would join what does not belong together.
    """
    kinds = [len({row[text].text for row in table.rows}) for text in texts]
    groups = [text for text, kind in zip(texts, kinds, strict=True) if kind > 1]
    if len(groups) > 1 or any(kind > min(MOST_SERIES, len(table.rows) // 2) for kind in kinds):
        if not _is_course(table, value_at, moment_at):
            return None
        groups = []
    values: dict[str, list[tuple[float, float, str]]] = {}
    for row in table.rows:
        value, moment = number_of(row[value_at].text), seconds(row[moment_at].moment)
        if value is None or moment is None:
            continue
        name = row[groups[0]].text if groups else ""
        told = f"{row[moment_at].text}: {decimal(row[value_at].text, language)}"
        values.setdefault(name, []).append((moment, value, told))
    everything = [point for points in values.values() for point in points]
    moments = sorted({moment for moment, _, _ in everything})
    if len(moments) < 2:
        return None
    low, high = min(0.0, *(v for _, v, _ in everything)), max(0.0, *(v for _, v, _ in everything))
    ticks = round_ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    right = WIDTH - (_RIGHT if groups else 24)

    def x(moment: float) -> float:
        return round(_LEFT + (moment - moments[0]) / (moments[-1] - moments[0]) * (right - _LEFT), 1)

    def y(value: float) -> float:
        return round(_HIGH - _BOTTOM - (value - low) / (high - low) * (_HIGH - _BOTTOM - _TOP), 1)

    series = [
        Series(name, tuple(Point(x(m), y(v), told) for m, v, told in sorted(points)), 0.0)
        for name, points in sorted(values.items())
    ]
    ends = _apart([one.points[-1].y for one in series])
    shown_moments = moments if len(moments) <= 4 else [moments[0], moments[len(moments) // 2], moments[-1]]
    return Chart(
        kind="line",
        heading=table.columns[value_at].label,
        measure=table.columns[value_at].name,
        measures=measures,
        height=_HIGH,
        shown=len(everything),
        total=table.total,
        series=tuple(Series(s.name, s.points, end) for s, end in zip(series, ends, strict=True)),
        ticks=tuple((y(tick), decimal(f"{tick:g}", language)) for tick in ticks),
        moments=tuple((x(m), day_of(datetime.fromtimestamp(m, UTC), language)) for m in shown_moments),
        zero=right,
    )


def _is_course(table: Table, value_at: int, moment_at: int) -> bool:
    """Whether the rows tell one after another what happened: in the order of time, each at its own moment.

    An age is no course: it falls as evenly as time passes.
    """
    points = [
        (moment, value)
        for row in table.rows
        if (moment := seconds(row[moment_at].moment)) is not None
        and (value := number_of(row[value_at].text)) is not None
    ]
    moments, values = [moment for moment, _ in points], [value for _, value in points]
    if len(points) < max(4, len(table.rows)) or len(set(moments)) < len(points) or len(set(values)) < 2:
        return False
    if moments not in (sorted(moments), sorted(moments, reverse=True)):
        return False
    return abs(statistics.correlation(moments, values)) < 0.999


def _apart(places: Sequence[float], least: float = 16) -> list[float]:
    """The places moved down, so that no two texts there overlap."""
    moved, last = [0.0] * len(places), -math.inf
    for at in sorted(range(len(places)), key=lambda at: places[at]):
        last = moved[at] = max(places[at], last + least)
    return moved


def round_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values from about `low` to about `high`.

    >>> round_ticks(0, 23), round_ticks(-4, 5)
    ([0, 5, 10, 15, 20, 25], [-4, -2, 0, 2, 4, 6])
    """
    rough = (high - low or 1) / about
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first, last = math.floor(low / step), math.ceil((high if high > low else low + 1) / step)
    return [round(n * step, 10) for n in range(first, last + 1)]


def number_of(text: str) -> float | None:
    """The number that a text says, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def seconds(moment: str) -> float | None:
    """The moment as seconds, or None for what is none."""
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
