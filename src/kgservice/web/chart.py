"""The picture that fits an answer: bars, a line over time, or a map of phases; a template writes the SVG.

Which one is chosen by the columns. Where none would say something true at a glance, there is none: values of
different units are not set side by side.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from kgservice.web.chart_line import line, number_of
from kgservice.web.chart_parts import WIDTH, Bar, Chart, Step
from kgservice.web.tables import Cell, Heading, Table

MOST_BARS = 20
_BAR, _GAP = 22, 8
_LABEL = 270  # room for the names of bars
_VALUE = 76  # room for their values
_CHARACTERS = 36  # of a name, that fit
_STEP = WIDTH // 5
_NO_MEASURES = frozenset(
    {
        *("actualOrder", "commit", "dataState", "line", "number", "order", "plannedOrder", "position"),
        *("stepOrder", "year"),
    }
)
"""Columns whose numbers tell things apart and measure nothing."""

Phase = tuple[str, frozenset[str]]
"""A phase: its name in the language of the page, and in all."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """The places of the columns of an answer, by what they hold."""

    numbers: tuple[int, ...]
    moments: tuple[int, ...]
    texts: tuple[int, ...]
    units: tuple[int, ...]
    phase: int | None


def chart(
    table: Table, phases: Sequence[Phase], rows: str, *, language: str, measure: str = "", mark: str = ""
) -> Chart | None:
    """The picture of an answer, or None.

    `phases`: the phases in their order. `rows`: what rows are called where they are counted.
    `language`: that in which days are written. `measure`: the column whose numbers are wanted, else the
    first. `mark`: what stands for a suppressed number.
    """
    found = _columns(table, phases, mark)
    numbers = {table.columns[at].name: at for at in found.numbers}
    at = numbers.get(measure, next(iter(numbers.values()), None))
    if len(table.rows) < 2:
        return None
    if found.phase is not None:
        drawn = _phases(table, found, phases, rows, at)
        if drawn is not None:
            return drawn
    if at is None or any(len({row[unit].text for row in table.rows}) > 1 for unit in found.units):
        return None
    drawn = None
    if found.moments and found.phase is None:
        drawn = line(
            table,
            value_at=at,
            moment_at=found.moments[0],
            texts=found.texts,
            measures=_measures(table, found),
            language=language,
        )
    return drawn or _bars(table, found, at)


def _columns(table: Table, phases: Sequence[Phase], mark: str) -> _Columns:
    names = frozenset[str]().union(*(known for _, known in phases))
    numbers, moments, texts, units, phase = [], [], [], [], None
    for at, heading in enumerate(table.columns):
        cells = [row[at] for row in table.rows if row[at].text]
        if not cells:
            continue
        if phase is None and all(cell.text in names for cell in cells):
            phase = at
        elif heading.name.startswith("unit"):
            units.append(at)
        elif any(cell.number for cell in cells) and all(cell.number or cell.text == mark for cell in cells):
            if heading.name not in _NO_MEASURES:
                numbers.append(at)
        elif all(cell.moment for cell in cells):
            moments.append(at)
        else:
            texts.append(at)
    return _Columns(tuple(numbers), tuple(moments), tuple(texts), tuple(units), phase)


def _measures(table: Table, found: _Columns) -> tuple[Heading, ...]:
    return tuple(table.columns[at] for at in found.numbers)


def _phases(
    table: Table, found: _Columns, phases: Sequence[Phase], rows: str, at: int | None
) -> Chart | None:
    """Phase by phase: the number of its row, or, where it has several, how many rows it has."""
    assert found.phase is not None
    of_phase = [[row for row in table.rows if row[found.phase].text in known] for _, known in phases]
    if sum(bool(own) for own in of_phase) < 2:
        return None
    if len({len(own) for own in of_phase}) == 1 and len(table.rows) > len(phases):
        return None  # as many in each: that says nothing
    single = at is not None and all(len(own) < 2 for own in of_phase)
    texts = [
        (own[0][at].text if own else "–") if single and at is not None else str(len(own)) for own in of_phase
    ]
    values = [number_of(text) or 0.0 for text in texts]
    most = max(values)
    steps = tuple(
        Step(
            name=name,
            lines=tuple(textwrap.wrap(name, 20, break_long_words=False)[:3]),
            text=text,
            x=n * _STEP,
            shade=math.ceil(4 * value / most) if most > 0 and value > 0 else 0,
        )
        for n, ((name, _), own, text, value) in enumerate(zip(phases, of_phase, texts, values, strict=True))
    )
    return Chart(
        kind="phases",
        heading=table.columns[at].label if single and at is not None else rows,
        measure=table.columns[at].name if single and at is not None else "",
        measures=_measures(table, found) if single else (),
        height=130,
        shown=sum(map(len, of_phase)),
        total=table.total,
        steps=steps,
    )


def _bars(table: Table, found: _Columns, at: int) -> Chart | None:
    """A bar for each of the first rows."""
    if not found.texts and found.phase is None:
        return None
    rows = table.rows[:MOST_BARS]
    parts = _names(rows, [*found.texts, *([] if found.phase is None else [found.phase])])
    names = [", ".join(own) for own in parts]
    labels = _labels(parts)
    values = [number_of(row[at].text) if row[at].number else None for row in rows]
    known = [value for value in values if value is not None]
    if len(set(known)) < 2 or len(set(names)) < len(names):
        return None
    low, high = min(0.0, *known), max(0.0, *known)
    room = WIDTH - _LABEL - _VALUE - (_VALUE if low < 0 else 0)
    scale, start = room / (high - low), _LABEL + (_VALUE if low < 0 else 0)
    zero = start - low * scale
    bars = []
    for n, (row, name, label, value) in enumerate(zip(rows, names, labels, values, strict=True)):
        end = zero + (value or 0) * scale
        bars.append(
            Bar(
                name=name,
                label=label,
                text=row[at].text,
                x=round(min(zero, end), 1),
                y=n * (_BAR + _GAP) + 4,
                width=round(abs(end - zero), 1),
                text_x=round(end + (8 if end >= zero else -8), 1),
            )
        )
    return Chart(
        kind="bars",
        heading=table.columns[at].label,
        measure=table.columns[at].name,
        measures=_measures(table, found),
        height=len(bars) * (_BAR + _GAP) + 8,
        shown=len(bars),
        total=table.total,
        bars=tuple(bars),
        zero=round(zero, 1),
    )


def _names(rows: Sequence[Sequence[Cell]], texts: Sequence[int]) -> list[tuple[str, ...]]:
    """What tells the rows apart: the first text of each, and of the others those that it takes."""

    def named(taken: Sequence[int]) -> list[tuple[str, ...]]:
        return [tuple(row[at].text for at in taken if row[at].text) or ("–",) for row in rows]

    taken = list(texts[:1])
    while len(set(named(taken))) < len(rows) and (rest := [at for at in texts if at not in taken]):
        taken.append(max(rest, key=lambda at: len(set(named([*taken, at])))))
    return named(taken)


def _labels(parts: Sequence[tuple[str, ...]]) -> list[str]:
    """The names as they fit; where that leaves some the same, each part is cut short.

    >>> _labels([("A standstill below an hour a year", one) for one in ("Food producers", "Workshops")])
    ['A standstill bel…, Food producers', 'A standstill bel…, Workshops']
    """
    labels = []
    for own in parts:
        name = ", ".join(own)
        labels.append(textwrap.shorten(name, _CHARACTERS, placeholder=" …") or name[:_CHARACTERS])
    if len(set(labels)) == len(labels):
        return labels
    return [", ".join(_cut(one, (_CHARACTERS + 2) // len(own) - 2) for one in own) for own in parts]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
