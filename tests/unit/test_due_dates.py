"""By when a request is to be answered: one month, by the calendar, and at most two more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kgservice.domain.mentions import Mentions
from kgservice.domain.rights import Outcome, Right, Ticket, due


@pytest.mark.parametrize(
    ("received", "extension", "expected"),
    [
        ("2026-11-20", 0, "2026-12-20"),
        ("2026-12-31", 0, "2027-01-31"),
        ("2027-01-28", 0, "2027-02-28"),
        ("2027-01-29", 0, "2027-02-28"),
        ("2027-01-31", 0, "2027-02-28"),
        ("2028-01-31", 0, "2028-02-29"),
        ("2028-02-29", 0, "2028-03-29"),
        ("2026-03-31", 0, "2026-04-30"),
        ("2026-11-30", 2, "2027-02-28"),
        ("2026-11-30", 1, "2027-01-30"),
        ("2026-10-31", 2, "2027-01-31"),
        ("2026-12-01", 2, "2027-03-01"),
    ],
)
def test_the_day_an_answer_is_due(received: str, extension: int, expected: str) -> None:
    at = "T23:59:59+00:00"
    assert due(datetime.fromisoformat(received + at), extension).isoformat() == expected + at


def test_how_a_ticket_stands() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    ticket = Ticket("urn:t", Right.ACCESS, Outcome.PENDING, noon, due(noon), None)
    assert ticket.status(due(noon)) == "open"
    assert ticket.status(datetime(2026, 12, 20, 12, 0, 1, tzinfo=UTC)) == "overdue"
    assert Ticket("urn:t", Right.ACCESS, Outcome.REFUSED, noon, due(noon), noon).status(noon) == "answered"
    assert [right.kind for right in Right] == [
        *("AccessRequest", "RectificationRequest", "ErasureRequest", "RestrictionRequest"),
        *("PortabilityRequest", "ObjectionRequest"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7;K-4017;x", True),
        ("K-40170", False),
        ("XK-4017", False),
        ("Kammhuber, Rosalinde", True),
        ("ROSALINDE   KAMMHUBER", True),
        ("Rosalinde Other", False),
        ("mailto:R.K@Example.Org.", True),
        ("", False),
    ],
)
def test_what_mentions_a_person(text: str, expected: bool) -> None:
    assert Mentions(["K-4017", "r.k@example.org", "a"], ["Rosalinde Kammhuber"]).within(text) is expected
    assert not Mentions([]).within(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see <https://kg.example/id/00000000-0000-4000-8000-10070000000A>", True),
        ("see 00000000-0000-4000-8000-10070000000a.", True),
        ("see 00000000-0000-4000-8000-10070000000b", False),
        ("see http://example.org/people/7!", True),
        ("see http://example.org/people/77", False),
    ],
)
def test_iris_are_found_in_texts(text: str, expected: bool) -> None:
    iris = ("https://kg.example/id/00000000-0000-4000-8000-10070000000a", "http://example.org/people/7")
    assert Mentions([], [], iris).within(text) is expected
