"""Which literals and patterns all engines read alike; what others mean, the reference engine says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import pyoxigraph as ox
import rdflib
from rdflib.namespace import XSD

from kgservice.shacl.terms import from_rdflib

_NUMBERS = (XSD.integer, XSD.decimal)
_MOMENTS = (XSD.dateTime, XSD.dateTimeStamp)
_LONGEST = 18  # signs of a number that no engine rounds
_ZONED = re.compile(r"T\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-](0\d|1[0-3]):[0-5]\d)$")
_FIGURES = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
_MOMENT = re.compile(r"-?\d{4,}-\d\d-\d\dT")
# Classes of signs, of which engines have different notions, and what only one of them knows.
_OWN = re.compile(r"\\[A-Za-z0-9]|\[\[|\(\?|&&|--|~~")
_NODE = ox.NamedNode("urn:kgservice:literal")


def is_plain(term: object) -> bool:
    """Whether all engines see the same in a term: an IRI, or a literal that they keep as it is written.

    >>> from rdflib import Literal
    >>> is_plain(Literal("2026-01-31T09:00:00Z", datatype=XSD.dateTime, normalize=False))
    True
    >>> is_plain(Literal("007", datatype=XSD.integer, normalize=False))
    False
    """
    return not isinstance(term, rdflib.Literal) or _is_plain(term)


@lru_cache(maxsize=100_000)
def _is_plain(literal: rdflib.Literal) -> bool:
    datatype = literal.datatype
    if literal.ill_typed or not _is_cast_alike(str(literal)):
        return False
    if datatype is None or datatype == XSD.string:
        return not literal.endswith("\n")  # which `$` may stand before
    if datatype in _MOMENTS:
        # A store keeps a dateTimeStamp as the dateTime that is written alike.
        return _is_moment(str(literal))
    if datatype in _NUMBERS:
        return len(literal) <= _LONGEST and _is_kept(str(literal), datatype)
    return datatype == XSD.boolean and str(literal) in {"true", "false"}


def _is_cast_alike(text: str) -> bool:
    """Whether all engines make the same number or moment of a text, or none of them any."""
    if _reads(Decimal, text) and not (len(text) <= _LONGEST and _FIGURES.fullmatch(text)):
        return False
    return _is_moment(text) or not (_MOMENT.match(text) or _reads(datetime.fromisoformat, text))


def _reads(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except (ValueError, InvalidOperation):
        return False
    return True


def _is_moment(text: str) -> bool:
    """Whether a text is a moment that all engines keep as it is written."""
    return bool(_ZONED.search(text)) and _is_kept(text, XSD.dateTime)


def _is_kept(text: str, datatype: rdflib.URIRef) -> bool:
    """Whether a store gives a literal back as it is written."""
    literal = from_rdflib(rdflib.Literal(text, datatype=datatype, normalize=False))
    store = ox.Store()
    store.add(ox.Quad(_NODE, _NODE, literal))
    return any(quad.object == literal for quad in store)


def is_plain_pattern(pattern: str, flags: str) -> bool:
    """Whether all engines match the same texts.

    >>> is_plain_pattern("^[a-z]+$", ""), is_plain_pattern(r"^\\w+$", "")
    (True, False)
    """
    return flags in {"", "i"} and not _OWN.search(pattern)
