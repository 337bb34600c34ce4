"""Values of fields: as people type them, and as terms of the graph."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from pyoxigraph import Literal, NamedNode

from kgservice.application.forms.fields import Field, Kind
from kgservice.namespaces import XSD
from kgservice.store.base import Term

LONGEST = 20_000
"""Characters of one value."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_NUMBER = re.compile(r"[+-]?(\d{1,30}([.,]\d{0,30})?|[.,]\d{1,30})")
_WHOLE = re.compile(r"[+-]?\d{1,30}")
_DATATYPES = {
    Kind.NUMBER: "decimal",
    Kind.WHOLE: "integer",
    Kind.TRUTH: "boolean",
    Kind.MOMENT: "dateTimeStamp",
}


class Wrong(StrEnum):
    """Why what was typed is no value of its field."""

    NUMBER = "number"
    WHOLE = "whole"
    TRUTH = "truth"
    MOMENT = "moment"
    RANGE = "range"
    CHOICE = "choice"
    LANGUAGE = "language"
    LONG = "long"
    MANY = "many"
    AMBIGUOUS = "ambiguous"  # several are called so
    TWICE = "twice"  # another row has this name
    RECORD = "record"  # no name of a record of the class


@dataclass(frozen=True, slots=True)
class Typed:
    """One value as it stands in a form, and the tag of its language if it is words."""

    text: str
    language: str = ""

    def __bool__(self) -> bool:
        """Whether anything was typed."""
        return bool(self.text)


Draft = Mapping[str, tuple[Typed, ...]]
"""What stands in a form: for each field, by path, its values, empty ones among them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a value: the field, the position of the value in it (0-based), why."""

    path: str
    at: int
    wrong: Wrong


def typed(field: Field, term: Term) -> Typed:
    """A term as it stands in the form.

    >>> typed(Field("at", "", Kind.MOMENT, {}, {}), Literal("2025-03-04T10:30:00+01:00"))
    Typed(text='2025-03-04T09:30', language='')
    """
    if not isinstance(term, Literal):
        return Typed(term.value if isinstance(term, NamedNode) else str(term))
    if field.kind is Kind.MOMENT:
        return Typed(_shown(term.value))
    return Typed(term.value, term.language or "")


def term_of(field: Field, value: Typed) -> Term | Wrong:
    """The term that a value means, or why it is none.

    >>> str(term_of(Field("n", "", Kind.NUMBER, {}, {}, low="0"), Typed("2,50")))
    '"2.50"^^<http://www.w3.org/2001/XMLSchema#decimal>'
    >>> term_of(Field("n", "", Kind.NUMBER, {}, {}, low="0"), Typed("-1"))
    <Wrong.RANGE: 'range'>
    """
    text = value.text
    if len(text) > LONGEST:
        return Wrong.LONG
    match field.kind:
        case Kind.TEXT:
            return _words(text, value.language)
        case Kind.STRING:
            return Literal(text)
        case Kind.CHOICE | Kind.PART:
            return _choice(field, text)
    lexical = _lexical(field, text.strip())
    return lexical if isinstance(lexical, Wrong) else _literal(lexical, _DATATYPES[field.kind])


def _words(text: str, language: str) -> Term | Wrong:
    if not language:
        return Literal(text)
    if not _LANGUAGE.fullmatch(language):
        return Wrong.LANGUAGE
    try:
        return Literal(text, language=language)
    except ValueError:  # such as en-a, where something has to follow
        return Wrong.LANGUAGE


def _choice(field: Field, text: str) -> Term | Wrong:
    if field.among and text not in field.among:
        return Wrong.CHOICE
    try:
        return NamedNode(text)
    except ValueError:
        return Wrong.CHOICE


def _lexical(field: Field, text: str) -> str | Wrong:
    """The lexical form of a number, a truth value or a moment."""
    if field.kind is Kind.TRUTH:
        return text if text in {"true", "false"} else Wrong.TRUTH
    if field.kind is Kind.MOMENT:
        return _moment(text)
    whole = field.kind is Kind.WHOLE
    if not (_WHOLE if whole else _NUMBER).fullmatch(text):
        return Wrong.WHOLE if whole else Wrong.NUMBER
    written = text.replace(",", ".").removeprefix("+")
    try:
        number = Decimal(written)
    except InvalidOperation:
        return Wrong.NUMBER
    low, high = (Decimal(limit) if limit else None for limit in (field.low, field.high))
    if (low is not None and number < low) or (high is not None and number > high):
        return Wrong.RANGE
    return str(int(number)) if whole else format(number, "f")


def _moment(text: str) -> str | Wrong:
    """A moment in UTC; one without a time zone is in UTC."""
    try:
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return Wrong.MOMENT
    return at.isoformat().replace("+00:00", "Z")


def _shown(lexical: str) -> str:
    """A moment as fields for moments hold it: in UTC, to the minute where it has no seconds."""
    try:
        at = datetime.fromisoformat(lexical)
        at = at.astimezone(UTC) if at.tzinfo else at
    except (ValueError, OverflowError):
        return lexical
    exact = "auto" if at.microsecond else "seconds" if at.second else "minutes"
    return at.replace(tzinfo=None).isoformat(timespec=exact)


def _literal(lexical: str, datatype: str) -> Literal:
    return Literal(lexical, datatype=NamedNode(f"{XSD}{datatype}"))
