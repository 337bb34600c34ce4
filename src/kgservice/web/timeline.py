"""Consents of a person as a picture over time: when each held, and what happened to it. Only layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kgservice.domain.consent import AGREEING, Act, Consent
from kgservice.web.dates import month_of

WIDTH, SIDE, HEAD, ROW, BAR = 960, 16, 34, 64, 14
CHARACTERS = 100  # of a label
_LEAST = timedelta(days=60)  # that a picture spans
_QUARTERS = timedelta(days=800)  # a picture of less than that has a tick each quarter
_LAST = datetime.max.replace(tzinfo=UTC)

KINDS = {
    Act.REQUESTED: "asked",
    Act.GIVEN: "given",
    Act.RENEWED: "given",
    Act.REFUSED: "ended",
    Act.WITHDRAWN: "ended",
    Act.EXPIRED: "ended",
    Act.INVALIDATED: "ended",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, or an end that will come (`kind` `end`), at x in pixels, in words."""

    x: float
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A time in which a consent holds, from x on; `kind` is `held`, or `ahead` for what is still to come."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class Row:
    """One consent, at y in pixels."""

    y: int
    label: str
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows below ticks (x, text), with the moment that is now at x, in a drawing of `width` × `height`."""

    width: int
    height: int
    ticks: tuple[tuple[float, str], ...]
    now: float
    rows: tuple[Row, ...]
    bar: int = BAR


@dataclass(frozen=True, slots=True)
class Told:
    """A consent with what people call it, and what to say of each of its events and of its end."""

    consent: Consent
    label: str
    events: Sequence[str]
    ends: str


def held(consent: Consent) -> list[tuple[datetime, datetime]]:
    """From when until when the consent held or will hold, as far as it is known now."""
    found: list[tuple[datetime, datetime]] = []
    events = sorted((e for e in consent.events if e.act is not Act.REQUESTED), key=lambda e: e.time)
    for number, event in enumerate(events):
        until = consent.end(event)
        if event.act not in AGREEING or until is None:
            continue
        after = events[number + 1].time if number + 1 < len(events) else until
        if min(until, after) > event.time:
            found.append((event.time, min(until, after)))
    return found


def timeline(told: Sequence[Told], now: datetime, language: str) -> Timeline | None:
    """The picture of consents, with the months in the language, or None where none of them has a time."""
    times = [event.time for one in told for event in one.consent.events]
    times += [end for one in told for _, end in held(one.consent)]
    if not times:
        return None
    first, last = min([*times, now]), max([*times, now])
    last = max(last, first + _LEAST)
    seconds = (last - first).total_seconds()

    def across(at: datetime) -> float:
        return round(SIDE + (WIDTH - 2 * SIDE) * (at - first).total_seconds() / seconds, 1)

    rows = []
    for number, one in enumerate(told):
        spans = held(one.consent)
        bars = [_bar(across(a), across(min(b, now)), "held") for a, b in spans if a < now]
        bars += [_bar(across(max(a, now)), across(b), "ahead") for a, b in spans if b > now]
        events = sorted(one.consent.events, key=lambda event: (event.time, event.iri))
        marks = [
            Mark(across(event.time), KINDS[event.act], words)
            for event, words in zip(events, one.events, strict=True)
        ]
        if spans and spans[-1][1] not in {event.time for event in events}:
            marks.append(Mark(across(spans[-1][1]), "end", one.ends))
        label = one.label if len(one.label) <= CHARACTERS else f"{one.label[: CHARACTERS - 1]}…"
        rows.append(Row(HEAD + number * ROW, label, tuple(bars), tuple(marks)))
    ticks = tuple((across(at), words) for at, words in _ticks(first, last, language))
    return Timeline(WIDTH, HEAD + ROW * len(told) + 8, ticks, across(now), tuple(rows))


def _bar(start: float, end: float, kind: str) -> Bar:
    return Bar(start, round(max(end - start, 1), 1), kind)


def _ticks(first: datetime, last: datetime, language: str) -> list[tuple[datetime, str]]:
    """The beginnings of years, or of quarters where there are few years; none so near the end that it is cut.

    >>> moments = [datetime(2025, 11, 1, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC)]
    >>> [words for _, words in _ticks(*moments, "en")]
    ['2026', 'Apr 2026', 'Jul 2026']
    """
    months = (1, 4, 7, 10) if last - first < _QUARTERS else (1,)
    all_ = (
        datetime(year, month, 1, tzinfo=UTC)
        for year in range(first.year, min(last.year + 1, _LAST.year))
        for month in months
    )
    room = (last - first) * 0.94
    return [
        (at, f"{at:%Y}" if at.month == 1 else month_of(at, language))
        for at in all_
        if first <= at <= first + room
    ]
