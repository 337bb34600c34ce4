"""Literals that say the right thing in the wrong form, and the right form where a machine can know it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

from pyoxigraph import Literal, NamedNode

from kgservice.namespaces import RDF, XSD

Words = dict[str, str]

_TEXT = f"{XSD}string"
_TAGGED = f"{RDF}langString"
_MOMENTS = (f"{XSD}dateTimeStamp", f"{XSD}dateTime")
_DATE = f"{XSD}date"
_DATED = (*_MOMENTS, _DATE)
_PLAIN = frozenset(f"{XSD}{name}" for name in ("string", "integer", "decimal", "double", "float"))
_ZONE = r"(Z|[+-][01][0-9]:[0-5][0-9])"
_DAY = r"[0-9]{4}-[01][0-9]-[0-3][0-9]"
_TIME = r"[0-2][0-9]:[0-5][0-9]:[0-5][0-9]([.][0-9]+)?"
# The forms of the datatypes that can be mended; all others count as well formed.
_FORMS = {
    f"{XSD}dateTimeStamp": re.compile(f"{_DAY}T{_TIME}{_ZONE}"),
    f"{XSD}dateTime": re.compile(f"{_DAY}T{_TIME}{_ZONE}?"),
    _DATE: re.compile(f"{_DAY}{_ZONE}?"),
    f"{XSD}integer": re.compile(r"[+-]?[0-9]+"),
    f"{XSD}decimal": re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)"),
    f"{XSD}boolean": re.compile("true|false"),
}
# Year first, or day first with full stops; 11/20/2026 and 20/11/2026 cannot be told apart.
_WRITTEN = re.compile(
    r"""\s*(?:(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})
        |(?P<d2>[0-9]{1,2})\.\s?(?P<m2>[0-9]{1,2})\.\s?(?P<y2>[0-9]{4}))
        (?:(?:[Tt]|,?\s+)(?P<H>[0-9]{1,2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?P<f>[.][0-9]{1,6})?)?(?:\s*Uhr)?)?
        \s*(?P<zone>[Zz]|UTC|[+-][0-9]{2}:?(?:[0-9]{2})?)?\s*""",
    re.VERBOSE,
)
_LANGUAGES = {"de": ("Deutsch", "German"), "en": ("Englisch", "English")}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of literal that a shape takes: its datatype, its languages and the patterns of its text.

    Empty: any. `languages` are those of `sh:languageIn`.
    """

    datatype: str = ""
    languages: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    def takes(self, literal: Literal) -> bool:
        """Whether the literal is of this kind, and well formed."""
        datatype = literal.datatype.value
        tag = (literal.language or "").lower()
        return (
            self.datatype in ("", datatype)
            and (datatype not in _FORMS or _FORMS[datatype].fullmatch(literal.value) is not None)
            and (not self.languages or any(_in(tag, asked.lower()) for asked in self.languages))
            and all(re.search(pattern, literal.value) for pattern in self.patterns)
        )


@dataclass(frozen=True, slots=True)
class Repair:
    """A literal that can stand for another one, and what is done, in words. `name`: a short one."""

    name: str
    literal: Literal
    words: Words


def repairs(literal: Literal, kinds: Iterable[Kind]) -> list[Repair]:
    """What can stand for the literal where one of `kinds` is asked for.

    Empty if it is of one of them, or if that would need a guess. Languages are alternatives, of which only a
    person knows the right one; of all others there is one.

    >>> found = repairs(Literal("20.11.2026"), [Kind(f"{XSD}dateTime")])
    >>> [str(repair.literal) for repair in found]
    ['"2026-11-20T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime>']
    """
    kinds = list(kinds)
    if any(kind.takes(literal) for kind in kinds):
        return []
    found: dict[str, Repair] = {}
    for kind in kinds:
        for repair in _candidates(literal, kind):
            if kind.takes(repair.literal):
                found.setdefault(repair.name, repair)
    return list(found.values())


def _candidates(literal: Literal, kind: Kind) -> Iterator[Repair]:
    if literal.language:
        return
    if kind.languages or kind.datatype == _TAGGED:
        if literal.datatype.value == _TEXT and literal.value.strip():
            yield from (_tagged(literal, language) for language in kind.languages or _LANGUAGES)
    elif kind.datatype in _DATED:
        written = _WRITTEN.fullmatch(literal.value)
        fits = literal.datatype.value in (_TEXT, *_DATED)
        repair = _dated(written, kind.datatype) if written is not None and fits else None
        if repair is not None:
            yield repair
    elif kind.datatype in _FORMS and literal.datatype.value in _PLAIN:
        yield Repair(
            "type",
            Literal(literal.value.strip(), datatype=NamedNode(kind.datatype)),
            {
                "de": f"Denselben Wert mit dem Datentyp xsd:{kind.datatype.removeprefix(XSD)} angeben.",
                "en": f"State the same value with the datatype xsd:{kind.datatype.removeprefix(XSD)}.",
            },
        )


def _in(tag: str, asked: str) -> bool:
    return tag == asked or tag.startswith(f"{asked}-")


def _tagged(literal: Literal, language: str) -> Repair:
    german, english = _LANGUAGES.get(language.lower(), (language, language))
    return Repair(
        f"tag-{language.lower()}",
        Literal(literal.value, language=language),
        {
            "de": f"Den Text als {german} kennzeichnen (@{language}).",
            "en": f"Mark the text as {english} (@{language}).",
        },
    )


def _dated(written: re.Match[str], datatype: str) -> Repair | None:
    """The moment or the day in the form of the datatype; None where that would need a guess."""
    part = written.groupdict()
    timed = part["H"] is not None
    try:
        zone = _zone(part["zone"])
        day = date(*(int(part[name] or part[f"{name}2"]) for name in ("y", "m", "d")))
        hour, minute, second = (int(part[name] or 0) for name in ("H", "M", "S"))
        moment = datetime.combine(day, time(hour, minute, second, tzinfo=zone))
    except ValueError:
        return None
    if datatype == _DATE:
        if timed or zone:
            return None
        text = moment.date().isoformat()
        words = {
            "de": f"Das Datum als {text} schreiben.",
            "en": f"Write the date as {text}.",
        }
    elif timed:
        whole = moment.replace(tzinfo=None).isoformat() + (part["f"] or "")
        text = whole + _offset(zone)
        said = ("die Zeitzone, die dabeisteht", "the time zone that stands with it")
        if zone is None:
            said = ("keine Zeitzone, denn es steht keine dabei", "no time zone, since none stands with it")
        words = {
            "de": f"Denselben Zeitpunkt als {text} schreiben; er hat {said[0]}.",
            "en": f"Write the same moment as {text}; it has {said[1]}.",
        }
    else:
        text = moment.replace(tzinfo=None).isoformat() + _offset(zone or UTC)
        where = ("in der angegebenen Zeitzone", "in the time zone stated")
        if zone is None:
            where = ("in UTC", "in UTC")
        words = {
            "de": f"Das Datum als Zeitpunkt {text} schreiben. Annahme: gemeint ist Mitternacht {where[0]}.",
            "en": f"Write the date as the moment {text}. Assumption: it means midnight {where[1]}.",
        }
    return Repair("date", Literal(text, datatype=NamedNode(datatype)), words)


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if text in {"Z", "z", "UTC"}:
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if span > timedelta(hours=14) or int(digits[2:]) > 59:
        raise ValueError(f"{text} is no offset")
    return timezone(-span if text[0] == "-" else span)


def _offset(zone: timezone | None) -> str:
    """The offset of a zone as XML Schema writes it.

    >>> _offset(timezone(timedelta(hours=-3, minutes=-30)))
    '-03:30'
    """
    if zone is None:
        return ""
    text = datetime(2000, 1, 1, tzinfo=zone).isoformat()[19:]
    return "Z" if text == "+00:00" else text
