"""How good matching is by the decisions of stewards: precision and recall, and their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kgservice.domain.matching import RecordId

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """A share `part` of `whole`, with its 95 % interval by Wilson (1927); all three are NaN of nothing."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """The share."""
        return self.part / self.whole if self.whole else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The least and the greatest share that the count goes together with."""
        if not self.whole:
            return math.nan, math.nan
        squared = Z95**2 / self.whole
        middle = (self.value + squared / 2) / (1 + squared)
        width = (
            Z95
            / (1 + squared)
            * math.sqrt(self.value * (1 - self.value) / self.whole + squared / (4 * self.whole))
        )
        return max(0.0, middle - width), min(1.0, middle + width)


@dataclass(frozen=True, slots=True)
class Quality:
    """Of the pairs at a threshold, how many are the same; of the same ones, how many are among them."""

    precision: Share
    recall: Share


def quality(
    decisions: Mapping[tuple[RecordId, str], bool],
    probabilities: Mapping[tuple[RecordId, str], float],
    threshold: float,
) -> Quality:
    """Precision and recall among the pairs that stewards have decided, at a threshold.

    It speaks of those pairs alone: stewards mostly see what the machine is unsure of.
    """
    found = {pair for pair in decisions if probabilities.get(pair, 0.0) >= threshold}
    same = {pair for pair, accepted in decisions.items() if accepted}
    return Quality(Share(len(found & same), len(found)), Share(len(found & same), len(same)))


def tuned_prior(prior: float, decided: Iterable[tuple[float, bool]]) -> float:
    """The share of matches with which the model expects as many of the decided pairs to be the same as are.

    `decided`: the weight (bits) of each decided pair and whether it is the same. At most ten bits either way;
    of fewer than twenty decisions, or of one kind only, nothing is learned.
    """
    pairs = list(decided)
    same = sum(accepted for _, accepted in pairs)
    if len(pairs) < 20 or same in (0, len(pairs)):
        return prior
    low, high = -10.0, 10.0
    for _ in range(50):
        middle = (low + high) / 2
        expected = sum(1 / (1 + 2.0 ** -max(min(weight + middle, 500), -500)) for weight, _ in pairs)
        low, high = (middle, high) if expected < same else (low, middle)
    odds = prior / (1 - prior) * 2 ** ((low + high) / 2)
    return odds / (1 + odds)
