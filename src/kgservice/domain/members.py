"""The members of a JSON object that somebody sent, each read as what it must be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kgservice.domain.consent import moment
from kgservice.errors import BadInput, BadParameter
from kgservice.phrases import Phrase

LONGEST = 2000  # characters of a text
MOST = 100  # texts in a list


class Members:
    """A JSON object of which each member is read once; `unread` members are an error.

    Everything raises `BadParameter` with the name of the member as its source. `within` is the name of the
    object, for one inside another.
    """

    def __init__(self, body: Any, within: str = "") -> None:
        if not isinstance(body, dict):
            what = Phrase("{name!r}", name=within) if within else Phrase("The body")
            raise BadInput("{what} must be a JSON object", what=what)
        self._body = dict(body)
        self._within = f"{within}." if within else ""

    def text(self, name: str, default: str | None = None) -> str:
        """A text that is not empty; the default where there is one and the member is missing."""
        value = self._taken(name, default)
        if not _is_text(value):
            raise self._wrong(name, Phrase("a text of 1 to {most} characters", most=LONGEST))
        return str(value)

    def texts(self, name: str) -> list[str]:
        """A list of texts, not empty; one text alone will do."""
        value = self._taken(name, None)
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not 0 < len(found) <= MOST or not all(map(_is_text, found)):
            raise self._wrong(name, Phrase("a list of 1 to {most} texts", most=MOST))
        return list(dict.fromkeys(found))

    def one_of(self, name: str, values: Sequence[str], default: str | None = None) -> str:
        """One of these texts."""
        value = self._taken(name, default)
        if value not in values:
            raise self._wrong(name, Phrase("one of {values}", values=", ".join(filter(None, values))))
        return str(value)

    def days(self, name: str) -> int:
        """A whole number of days, at least 1."""
        value = self._taken(name, None)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**6:
            raise self._wrong(name, Phrase("a whole number of days, at least 1"))
        return value

    def number(self, name: str, default: int, *, most: int) -> int:
        """A whole number from 1 to `most`; the default where the member is missing."""
        value = self._taken(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
            raise self._wrong(name, Phrase("a whole number from 1 to {most}", most=most))
        return value

    def raw(self, name: str) -> Any:
        """The value as it is; None where the member is missing."""
        return self._body.pop(name, None)

    def flag(self, name: str) -> bool:
        """True or false; false where the member is missing."""
        value = self._taken(name, False)
        if not isinstance(value, bool):
            raise self._wrong(name, Phrase("true or false"))
        return value

    def moment(self, name: str, default: datetime | None = None) -> datetime:
        """A moment with time zone, in UTC; the default where there is one and the member is missing."""
        value = self._taken(name, default)
        if isinstance(value, datetime):
            return value
        if not isinstance(value, str):
            raise self._wrong(name, Phrase("a moment such as 2026-11-20T12:00:00Z"))
        return moment(value, self._within + name)

    def inner(self, name: str) -> Members | None:
        """An object inside this one, if it is there."""
        value = self._body.pop(name, None)
        return None if value is None else Members(value, self._within + name)

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self._body.get(name) is not None

    def done(self) -> None:
        """Say that all has been read."""
        for name in self._body:
            shown = self._within + str(name)[:80]
            raise BadParameter("there is no member {shown!r} here", shown=shown, source=shown)

    def _taken(self, name: str, default: Any) -> Any:
        value = self._body.pop(name, None)
        if value is None:
            value = default
        if value is None:
            raise BadParameter(
                "the member {name!r} is missing", name=self._within + name, source=self._within + name
            )
        return value

    def _wrong(self, name: str, expected: Phrase) -> BadParameter:
        return BadParameter(
            "{name!r} must be {expected}",
            name=self._within + name,
            expected=expected,
            source=self._within + name,
        )


def _is_text(value: Any) -> bool:
    """Whether it is a text in Unicode with something in it."""
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
        return False
    # JSON can write half of a character, and control characters that no page and no XML can show.
    return all(c.isprintable() or c in "\n\t" for c in value)
