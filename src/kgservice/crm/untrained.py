"""Models for tables that are too small to train on: of a guessed prior, and steady.

The prior that is guessed for a small table is high, and what is taken back within a household or group grows
with it: at last beyond what the two share had added, and a right phone number would speak against a match.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from kgservice.crm.fields import FIELDS
from kgservice.crm.levels import IMPLIED, SHARED, Field, Level
from kgservice.crm.models import DIFFERENT, MatchModel, Shares, rounded


def prior_between(records: int, customers: int) -> float:
    """The share of matches among all pairs if every second of the smaller side has one."""
    return min(0.1, 0.5 / max(records, customers, 5))


def untrained_for(start: MatchModel, prior: float) -> MatchModel:
    """The model for tables that are too small to train on: with their prior, and without frequencies.

    More agreement never lowers its score: no level of a field weighs less than "different", and what two
    share adds something, and no more than it does where they share more.
    """
    model = replace(start.with_prior(prior), frequencies=False)
    shares = {name: dict(levels) for name, levels in model.shares.items()}
    for field in FIELDS[model.kind]:
        if field.trained and field.name in shares:
            shares[field.name] = _never_below_different(shares[field.name])
        elif any(level.of for level in field.levels) and field.name in shares:
            shares[field.name] = _steady(field, shares)
    return replace(model, shares=shares)


def _never_below_different(levels: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    m, u = levels[DIFFERENT]
    return {label: pair if pair[0] * u >= m * pair[1] else (m, u) for label, pair in levels.items()}


def _steady(field: Field, shares: Shares) -> dict[str, tuple[float, float]]:
    """The shares of a field that corrects, which takes back no more than what is shared there has added."""
    added, whole = dict[str, float](), dict[str, float]()
    for level in field.levels:  # the first that holds counts, so what has more than one stands before it
        of = [SHARED[one] for one in level.of]
        bits = sum(min(_bits(shares[name][label]) for label in labels) for name, labels in of)
        more = [whole[other.label] for other in field.levels if other.label in whole and _part(level, other)]
        added[level.label] = bits
        whole[level.label] = max(0.0, min([bits + _bits(shares[field.name][level.label]), *more]))
    return {label: (rounded(min(2.0 ** (whole[label] - added[label]), 1.0)), 1.0) for label in added}


def _part(part: Level, level: Level) -> bool:
    """Whether what is shared on the one level is less of what is shared on the other."""
    more = set().union(*(IMPLIED.get(one, {one}) for one in level.of))
    return set(part.of) != set(level.of) and more.issuperset(part.of)


def _bits(pair: tuple[float, float]) -> float:
    return math.log2(pair[0] / pair[1])
