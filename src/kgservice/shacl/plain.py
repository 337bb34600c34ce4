"""Which literals and patterns all engines read alike; what others mean, the reference engine says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation

import rdflib
from rdflib.namespace import XSD

_MOMENT = re.compile(
    r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{0,5}[1-9])?"
    r"(Z|(?![+-]00:00)[+-](0[0-9]|1[0-3]):[0-5][0-9])"
)
# What stores keep as it is written, and no engine rounds: numbers have 18 signs at most. A dateTimeStamp
# is made a dateTime, and pySHACL compares it with none.
_KEPT: dict[str, re.Pattern[str]] = {
    str(XSD.integer): re.compile(r"(?!.{19})(0|-?[1-9][0-9]*)"),
    str(XSD.decimal): re.compile(r"(?!.{19})(0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9])"),
    str(XSD.boolean): re.compile(r"true|false"),
    str(XSD.dateTime): _MOMENT,
}
_STRING = str(XSD.string)
# What a cast may make a number or a moment of: most texts begin in another way.
_CASTABLE = re.compile(r"\s*([-+.\d]|nan|inf)", re.IGNORECASE)
_FIGURES = re.compile(r"(?!.{19})[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")
_DATED = re.compile(r"-?\d{4,}-\d\d-\d\dT")
# Classes of signs, of which engines have different notions, and what only one of them knows.
_OWN = re.compile(r"\\[A-Za-z0-9]|\[\[|\(\?|&&|--|~~")


def is_plain(term: object) -> bool:
    """Whether all engines see the same in a term: an IRI, or a literal that they keep as it is written.

    >>> from rdflib import Literal
    >>> is_plain(Literal("2026-01-31T09:00:00Z", datatype=XSD.dateTime, normalize=False))
    True
    >>> is_plain(Literal("007", datatype=XSD.integer, normalize=False))
    False
    """
    if not isinstance(term, rdflib.Literal):
        return True
    text, datatype = str(term), str(term.datatype or _STRING)  # the hash of an IRI takes a microsecond
    if datatype == _STRING:
        return not text.endswith("\n") and _is_cast_alike(text)  # `$` may stand before the end of a line
    kept = _KEPT.get(datatype)
    return bool(kept and kept.fullmatch(text)) and not term.ill_typed


def _is_cast_alike(text: str) -> bool:
    """Whether all engines make the same number or moment of a text, or none of them any."""
    if not _CASTABLE.match(text) or _MOMENT.fullmatch(text):
        return True
    if _reads(Decimal, text):
        return bool(_FIGURES.fullmatch(text))
    return not (_DATED.match(text) or _reads(datetime.fromisoformat, text))


def _reads(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except (ValueError, InvalidOperation):
        return False
    return True


def is_plain_pattern(pattern: str, flags: str) -> bool:
    """Whether all engines match the same texts.

    >>> is_plain_pattern("^[a-z]+$", ""), is_plain_pattern(r"^\\w+$", "")
    (True, False)
    """
    return flags in {"", "i"} and not _OWN.search(pattern)
