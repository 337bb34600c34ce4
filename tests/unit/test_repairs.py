"""Literals in a wrong form: what a machine can mend, and what it leaves to people."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode

from kgservice.domain.repairs import Kind, repairs
from kgservice.namespaces import RDF, XSD

ZONED = (
    "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]([.][0-9]+)?(Z|[+-][01][0-9]:[0-5][0-9])$"
)
MOMENT, DATE, STAMP = (f"{XSD}{name}" for name in ("dateTime", "date", "dateTimeStamp"))


def typed(text: str, datatype: str) -> Literal:
    return Literal(text, datatype=NamedNode(datatype))


@pytest.mark.parametrize(
    ("given", "asked", "right"),
    [
        ("20.11.2026", MOMENT, "2026-11-20T00:00:00Z"),
        ("2026-11-20", MOMENT, "2026-11-20T00:00:00Z"),
        ("2026-11-20+01:00", MOMENT, "2026-11-20T00:00:00+01:00"),
        ("1.2.2026, 9:05 Uhr", MOMENT, "2026-02-01T09:05:00"),
        ("2026-11-20 10:00", MOMENT, "2026-11-20T10:00:00"),
        ("2026-11-20T10:00+0100", MOMENT, "2026-11-20T10:00:00+01:00"),
        ("2026-11-20T10:00:00.25z", MOMENT, "2026-11-20T10:00:00.25Z"),
        ("2026-11-20 10:00 UTC", STAMP, "2026-11-20T10:00:00Z"),
        ("20.11.2026", DATE, "2026-11-20"),
    ],
)
def test_the_same_moment_in_the_right_form(given: str, asked: str, right: str) -> None:
    (repair,) = repairs(Literal(given), [Kind(asked)])
    assert (repair.name, repair.literal) == ("date", typed(right, asked))
    assert right in repair.words["de"]
    assert right in repair.words["en"]


def test_a_date_says_what_is_assumed() -> None:
    (repair,) = repairs(typed("2026-11-20", DATE), [Kind(MOMENT, patterns=(ZONED,))])
    assert repair.words["en"].endswith("Assumption: it means midnight in UTC.")
    assert repair.words["de"].endswith("Annahme: gemeint ist Mitternacht in UTC.")


@pytest.mark.parametrize(
    "given",
    ["11/20/2026", "30.02.2026", "20.11.26", "next week", "", "2026-11-20T25:00:00", "2026-11-20+20:00"],
)
def test_what_can_mean_several_moments_or_none_is_left_alone(given: str) -> None:
    assert repairs(Literal(given), [Kind(MOMENT)]) == []


def test_no_time_zone_is_invented() -> None:
    asked = [Kind(STAMP, patterns=(ZONED,)), Kind(MOMENT, patterns=(ZONED,))]
    assert repairs(typed("2026-11-20T10:00:00", MOMENT), asked) == []
    assert repairs(Literal("20.11.2026 10:00"), asked) == []


def test_languages_are_alternatives() -> None:
    asked = [Kind(f"{RDF}langString")]
    assert [(r.name, r.literal) for r in repairs(Literal("Rost"), asked)] == [
        ("tag-de", Literal("Rost", language="de")),
        ("tag-en", Literal("Rost", language="en")),
    ]
    assert [r.name for r in repairs(Literal("Rost"), [Kind(languages=("en",))])] == ["tag-en"]
    assert repairs(Literal("rouille", language="fr"), [Kind(languages=("en",))]) == []
    assert repairs(Literal("Rost", language="de-AT"), [Kind(languages=("de",))]) == []
    assert repairs(Literal("7", datatype=NamedNode(f"{XSD}integer")), asked) == []
    assert repairs(Literal("  "), asked) == []


def test_a_number_in_a_text_gets_its_datatype() -> None:
    asked = [Kind(f"{XSD}decimal"), Kind(f"{XSD}integer")]
    (repair,) = repairs(Literal("12.5"), asked)
    assert repair.literal == typed("12.5", f"{XSD}decimal")
    assert repairs(Literal("12,5"), asked) == []
    assert repairs(Literal("about 12"), asked) == []
    assert repairs(typed("7", f"{XSD}integer"), asked) == []
