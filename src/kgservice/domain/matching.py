"""Matching: how sure it is that a record of a CRM and a customer are the same, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Band(StrEnum):
    """What a probability leads to."""

    ACCEPTED = "accepted"
    CANDIDATE = "candidate"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class RecordId:
    """A record of a CRM: the name of its source, and its key there."""

    source: str
    key: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A record of a CRM and a customer (IRI) that may be the same.

    `weight` is the sum of `fields`, the base-2 logarithm of how many times likelier the values are if both
    are the same (bits; negative ones speak against it), with the prior under the name `prior`;
    `probability` (0 to 1) follows from it. `values` are the two values that each field compared, the
    record's first. `doubted`: something differs in them that a person has to judge, likely as the pair is.
    """

    record: RecordId
    customer: str
    weight: float
    probability: float
    fields: Mapping[str, float]
    values: Mapping[str, tuple[str, str]]
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class Bands:
    """The probabilities from which on a pair is accepted by rule if it is its record's best, and a candidate.

    What lies below both is not kept. 0 < `candidate` <= `accept` <= 1.
    """

    accept: float = 0.99
    candidate: float = 0.5

    def of(self, pair: Pair) -> Band:
        """What the probability of a pair leads to if it is its record's best."""
        if pair.probability >= self.accept and not pair.doubted:
            return Band.ACCEPTED
        return Band.CANDIDATE if pair.probability >= self.candidate else Band.NONE


BANDS = Bands()
"""The bands of a deployment that sets no others."""


@dataclass(frozen=True, slots=True)
class Model:
    """The model that gave the weights: of `persons` or `organisations`, its SHA-256, Splink's version."""

    kind: str
    digest: str
    version: str
