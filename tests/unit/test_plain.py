"""What counts as read alike by all engines is kept by a store as it is written, and not one sign less."""

from __future__ import annotations

import re
from itertools import product

import pyoxigraph as ox
import pytest
import rdflib
from rdflib.namespace import XSD

from kgservice.shacl.plain import is_plain
from kgservice.shacl.terms import from_rdflib

NODE = ox.NamedNode("urn:example:node")
NUMBERS = [
    f"{sign}{whole}{rest}"
    for sign, whole, rest in product(
        ("", "-", "+"), ("", "0", "7", "07", "70", "9" * 14), ("", ".", ".0", ".5", ".50", ".05", "e1")
    )
]
DAYS = ("2026-01-31", "2026-02-30", "2024-02-29", "0000-01-01", "0001-01-01", "-2026-01-01", "12026-01-01")
TIMES = (
    "09:00:00",
    "23:59:59",
    "24:00:00",
    "09:60:00",
    "09:00:60",
    "09:00:00.5",
    "09:00:00.50",
    "09:00:00.123456",
)
ZONES = ("Z", "", "+00:00", "-00:00", "+01:00", "-03:30", "+13:59", "+14:00", "+15:00")
MOMENTS = [f"{day}T{time}{zone}" for day, time, zone in product(DAYS, TIMES, ZONES)]


def kept(text: str, datatype: rdflib.URIRef) -> bool:
    """Whether a store gives a valid literal back as it is written."""
    literal = rdflib.Literal(text, datatype=datatype, normalize=False)
    store = ox.Store()
    store.add(ox.Quad(NODE, NODE, from_rdflib(literal)))
    return not literal.ill_typed and [quad.object for quad in store] == [from_rdflib(literal)]


@pytest.mark.parametrize(
    ("datatype", "texts"),
    [
        (XSD.integer, NUMBERS),
        (XSD.decimal, NUMBERS),
        (XSD.dateTime, MOMENTS),
        (XSD.boolean, ["true", "false", "1", "0", "True", ""]),
    ],
    ids=["integer", "decimal", "dateTime", "boolean"],
)
def test_what_is_plain_is_kept(datatype: rdflib.URIRef, texts: list[str]) -> None:
    plain = {t for t in texts if is_plain(rdflib.Literal(t, datatype=datatype, normalize=False))}
    as_written = {t for t in texts if kept(t, datatype)}
    assert plain <= as_written
    # What is kept and not plain is written as no engine writes it, or compared in different ways.
    odd = re.compile(r"[+].*|.*e1|-.*T.*|\d{5}.*|.*T[\d:.]*|.*:60.*|.*[+]1[45]:00")
    assert {text for text in as_written - plain if not odd.fullmatch(text)} == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a word", True),
        ("x\n", False),
        ("12", True),
        ("12.50", True),
        (" 12", False),
        ("1_0", False),
        ("NaN", False),
        ("infinity", False),
        ("nanny", True),
        ("1" * 19, False),
        ("2026-01-31T09:00:00Z", True),
        ("2026-01-31T09:00:00", False),
        ("2026-01-31", False),
        ("20260131", True),
        ("12 pieces", True),
    ],
)
def test_texts_that_engines_cast_in_different_ways_are_not_plain(text: str, expected: bool) -> None:
    assert is_plain(rdflib.Literal(text)) is expected
