"""Names and telephone numbers as people write them: what mentions a person, what perhaps, and what not."""

from __future__ import annotations

from unicodedata import normalize

import pytest

from kgservice.domain.mentions import Mentions

NAMES = [
    ("Dr. Anna Krüger", "Anna Krüger"),
    ("Dr. Anna Krüger", "Frau Dr. Krüger, Anna"),
    ("Prof. Dr. rer. nat. Anna Krüger", "ANNA KRÜGER"),
    ("Dipl.-Ing. Anna Krüger", "krüger;anna"),
    ("Anna Krüger, MBA", "Anna Krüger"),
    ("Frau Anna Krüger", "A. Krüger"),
    ("Anna Maria Krüger", "Anna Krüger"),
    ("Anna Maria Krüger", "A. Krüger"),
    ("Anna Maria Krüger", "A. M. Krüger"),
    ("Krüger, Anna", "Anna Krüger"),
    ("Krüger, Dr. Anna", "A. Krüger"),
    ("Anna Krüger", "Anna Krueger"),
    ("Anna Krueger", "Anna Krüger"),
    ("Anna Krüger", normalize("NFD", "Anna Krüger")),
    (normalize("NFD", "Anna Krüger"), "Anna Krüger"),
    ("Anna Krüger", "\uff21\uff2e\uff2e\uff21 Krüger"),  # letters of full width
    ("Anna Strauß", "ANNA STRAUSS"),
    ("Anna Krüger geb. Schmidt", "Anna Schmidt"),
    ("Anna Krüger, geb. Schmidt", "Anna Krüger"),
    ("Anna Krüger (geborene Schmidt)", "Schmidt, Anna"),
    ("Anna von der Heide", "Anna Heide"),
    ("Hans-Peter Müller-Lüdenscheidt", "H.-P. Müller-Lüdenscheidt"),
    ("Nat King", "King, Nat"),
]


@pytest.mark.parametrize(("name", "text"), NAMES)
def test_a_name_is_found_as_others_write_it(name: str, text: str) -> None:
    known = Mentions([], [name])
    assert known.within(f"row 7;{text};x")
    assert known.perhaps(text)


@pytest.mark.parametrize(
    ("name", "text", "perhaps"),
    [
        ("Anna Maria Krüger", "Frau Krüger", True),
        ("Anna Maria Krüger", "Berta Krüger", True),
        ("Anna Krüger geb. Schmidt", "Frau Schmidt", True),
        ("Hans Müller-Lüdenscheidt", "Herr Müller", True),
        ("Krüger, Anna", "Frau " + normalize("NFD", "Krüger"), True),
        ("Krüger, Anna", "Anna kam", False),
        ("Dr. Anna Krüger", "Dr. Anna Berg", False),
        ("Anna Krüger", "Anna Krügerin", False),
        ("Nat King", "Dr. rer. nat. Anna Berg", False),
        ("Wei Li", "Li rief an", False),  # too short to tell anybody
        ("Dr.", "Dr. Anna Berg", False),
    ],
)
def test_what_others_may_be_called_is_no_mention(name: str, text: str, perhaps: bool) -> None:
    known = Mentions([], [name])
    assert (known.within(text), known.perhaps(text)) == (False, perhaps)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call 030 23125-005", True),
        ("call (030) 23125005.", True),
        ("0049 30 23125005", True),
        ("+49 (0)30 23125 005", True),
        ("tel:+49-30-23125-005", True),
        ("7;+493023125005;x", True),
        ("0171 99881 030 23125-005", True),
        ("030\u201323125\u2013005", True),
        ("23125-005", False),  # in another town it is somebody else's
        ("030 23125-006", False),
        ("1030 23125 0050", False),
        ("30231250051", False),
        ("2026-11-27 12:00:05", False),
        ("", False),
    ],
)
def test_telephone_numbers_are_told_by_their_figures(text: str, expected: bool) -> None:
    assert Mentions([], numbers=["+49 30 23125 005"]).within(text) is expected
    assert not Mentions([], numbers=["+49", "110", "no number"]).within(text)
