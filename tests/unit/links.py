"""Pairs and runs as the matching gives them, for the tests of links."""

from __future__ import annotations

import math
from datetime import timedelta

from kgservice.domain.link import Run
from kgservice.domain.matching import Model, Pair, RecordId
from tests.conftest import NOON

ID = "https://kg.example/id/00000000-0000-4000-8000-"
# They have agreed to customer relationship management, the default purpose of matching; and one who has not.
TILMAN, AMBROS, FRAUKE = (f"{ID}1007000000{n}" for n in (29, 31, 35))
ROSALINDE = f"{ID}100700000001"
SAWMILL = f"{ID}100600000001"


def run(kind: str = "persons", state: int = 1, minutes: int = 0) -> Run:
    """A run an hour before noon, or some minutes later."""
    start = NOON - timedelta(minutes=60 - minutes)
    return Run(Model(kind, "ab" * 32, "5.0.0"), state, start, start + timedelta(seconds=30))


def pair(
    key: str, customer: str, weight: float, *, name: str = "TILMAN KANTWERK", source: str = "erp"
) -> Pair:
    """A pair of that weight in bits, most of it for the name."""
    return Pair(
        RecordId(source, key),
        customer,
        weight,
        1 / (1 + 2**-weight) if weight > -50 else math.ldexp(1, int(weight)),
        {"name": weight + 3.25, "email": 0.25, "prior": -3.5},
        {"name": (name, "Tilman Kantwerk"), "email": (f"{key}@firma.example", "t@fensterbau.example")},
    )
