"""How good matching is by the decisions of stewards: shares of right pairs, and their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kgservice.domain.matching import BANDS, Bands

Z95 = 1.959963984540054
LIKELY = 0.9  # where the candidates are parted in two, if it lies among them
FEWEST = 20  # decisions in a band, of which something is suggested


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
class Stratum:
    """A band of probability (from `low` on): its links, and of those that are decided, how many are right."""

    low: float
    high: float
    links: int
    right: Share


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share that is estimated, and between what it lies."""

    value: float
    low: float
    high: float


def strata(links: Iterable[tuple[float, bool | None]], bands: Bands = BANDS) -> list[Stratum]:
    """The bands of links: of each its probability, and what a person has decided (None: nobody has).

    The last one is what the rule accepts, the others are candidates.
    """
    given = list(links)
    within = {LIKELY} if bands.candidate < LIKELY < bands.accept else set()
    lows = sorted({bands.candidate, bands.accept} | within)
    found = []
    for low, high in zip(lows, [*lows[1:], math.inf], strict=True):
        of_band = [said for probability, said in given if low <= probability < high]
        decided = [said for said in of_band if said is not None]
        found.append(Stratum(low, min(high, 1.0), len(of_band), Share(sum(decided), len(decided))))
    return found


def recall(bands: Sequence[Stratum]) -> Estimate | None:
    """Of the pairs that are right, the share that lies in the last band, which the rule accepts.

    By stratified sampling: what is decided in a band stands for all its links. The interval puts the ends of
    the bands' intervals (Wilson) together, the worst for one side with the best for the other, so that it is
    wider than 95 %. Pairs below the first band are not offered, and not counted. None if nobody has decided
    in a band that has links.
    """
    if any(band.links and not band.right.whole for band in bands):
        return None
    full = [band for band in bands if band.links]
    if not full or full[-1] is not bands[-1]:
        return None
    *rest, sure = full
    ends = [band.right.interval for band in rest]
    low, high = sure.right.interval
    others = (
        sum(band.links * band.right.value for band in rest),
        sum(band.links * end[1] for band, end in zip(rest, ends, strict=True)),
        sum(band.links * end[0] for band, end in zip(rest, ends, strict=True)),
    )
    value, least, most = (
        _of(sure.links * share, other)
        for share, other in zip((sure.right.value, low, high), others, strict=True)
    )
    return Estimate(value, least, most)


def _of(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else math.nan


def suggestion(bands: Sequence[Stratum]) -> str | None:
    """What the decisions say of the threshold of the rule: `raise`, `lower`, or nothing.

    `raise`: even at best, fewer are right of what the rule accepts than the threshold promises (99 of a
    hundred for 0.99). `lower`: even at worst, as many are of the band below. People have to weigh it: most
    decide on what looks doubtful.
    """
    *others, sure = bands
    if sure.low < 1 and sure.right.whole >= FEWEST and sure.right.interval[1] < sure.low:
        return "raise"
    if any(band.right.whole >= FEWEST and band.right.interval[0] >= sure.low for band in others[-1:]):
        return "lower"
    return None
