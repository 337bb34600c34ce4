"""Days and moments as people write them in their language; what is none stays as it is."""

from __future__ import annotations

from datetime import date, datetime

_SHORT = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""The months in English."""


def day(lexical: str, language: str) -> str:
    """The day of a day or moment in ISO 8601.

    >>> day("2026-05-21", "de"), day("2026-05-21T23:30:00Z", "en"), day("soon", "en")
    ('21.05.2026', '21 May 2026', 'soon')
    """
    at = _read(lexical)
    return lexical if at is None else day_of(at, language)


def month(lexical: str, language: str) -> str:
    """The month of a month, day or moment in ISO 8601.

    >>> month("2026-03", "de"), month("2026-03-31T09:00:00Z", "en"), month("", "en")
    ('03.2026', 'Mar 2026', '')
    """
    at = _read(f"{lexical}-01" if len(lexical) == len("2026-03") else lexical)
    return lexical if at is None else month_of(at, language)


def day_of(at: date, language: str) -> str:
    """A day.

    >>> day_of(date(2026, 5, 1), "de"), day_of(date(2026, 5, 1), "en")
    ('01.05.2026', '1 May 2026')
    """
    return f"{at:%d}.{month_of(at, language)}" if language == "de" else f"{at.day} {month_of(at, language)}"


def month_of(at: date, language: str) -> str:
    """The month of a day.

    >>> month_of(date(2026, 10, 1), "de"), month_of(date(2026, 10, 1), "en")
    ('10.2026', 'Oct 2026')
    """
    return f"{at:%m}.{at:%Y}" if language == "de" else f"{_SHORT[at.month - 1]} {at:%Y}"


def minute(lexical: str, language: str) -> str:
    """A moment in ISO 8601 to the minute, with its time zone where it has one.

    >>> minute("2026-11-20T09:00:10Z", "de"), minute("2026-11-01T00:00:00+01:00", "en")
    ('20.11.2026, 09:00 UTC', '1 Nov 2026, 00:00 UTC+01:00')
    """
    at = _read(lexical)
    return lexical if at is None else f"{day_of(at, language)}, {at:%H:%M} {at.tzname() or ''}".strip()


def moment(lexical: str, language: str) -> str:
    """A moment in ISO 8601: to the minute, or its day where it is a midnight.

    >>> moment("2025-03-01T00:00:00Z", "en"), moment("2025-03-01T12:30:10Z", "en")
    ('1 Mar 2025', '1 Mar 2025, 12:30 UTC')
    """
    at = _read(lexical)
    if at is not None and (at.hour, at.minute, at.second) == (0, 0, 0):
        return day_of(at, language)
    return minute(lexical, language)


def _read(lexical: str) -> datetime | None:
    try:
        return datetime.fromisoformat(lexical)
    except ValueError:
        return None
