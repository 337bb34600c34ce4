"""What is counted twice where fields depend on one another, learned from such pairs."""

from __future__ import annotations

import duckdb
import numpy as np
from numpy.typing import NDArray

from kgservice.crm.levels import Field
from kgservice.crm.models import DIFFERENT, MatchModel

FEWEST = 30  # pairs of a level; from fewer nothing is learned
WIDEST = 40.0  # bits


def corrections(db: duckdb.DuckDBPyConnection, field: Field, model: MatchModel) -> dict[str, float]:
    """The weights (bits) of the levels of a field that `tells`.

    `matching_scored` holds the pairs as scored without the field. Among the pairs of a level, a share s
    differs in the first field that tells. Of the same, a share m does, of others a share u, so that
    (u - s) / (u - m) are the same. The weight is what has to be added so that the model, without the fields
    that tell, expects just as many. Where too few pairs are seen, the weight of the model before stands.
    """
    m, u = model.shares[field.tells[0]][DIFFERENT]
    m = min(m, field.seldom)
    found: dict[str, float] = {}
    frame = db.table("matching_scored").fetchnumpy()
    base = _numbers(frame, "match_weight")
    for name in (*field.tells, field.name):
        for prefix in ("mw_", "mw_tf_adj_"):
            if prefix + name in frame:
                base = base - _numbers(frame, prefix + name)
    told = frame[f"gamma_{field.tells[0]}"]
    level_of = frame[f"gamma_{field.name}"]
    before = model.shares.get(field.name, {})
    for at, level in enumerate(field.levels):
        # Splink counts levels down to 0, which is the last; -1 is unknown.
        held = (level_of == len(field.levels) - at) & (told >= 0)
        if held.sum() < FEWEST or u <= m:
            found[level.label] = _bits(*before.get(level.label, (1.0, 1.0)))
            continue
        same = (u - float((told[held] == 0).mean())) / (u - m)
        found[level.label] = _shift(base[held], min(max(same, 0.001), 0.999), field.most)
    return found


def _numbers(frame: dict[str, NDArray[np.float64]], name: str) -> NDArray[np.float64]:
    return np.asarray(frame[name], dtype=np.float64)


def _shift(weights: NDArray[np.float64], share: float, most: float) -> float:
    """The bits (from -40 to `most`) to add to weights so that their probabilities have that mean."""
    low, high = -WIDEST, most
    for _ in range(40):
        middle = (low + high) / 2
        if float((1 / (1 + np.exp2(-np.clip(weights + middle, -500, 500)))).mean()) < share:
            low = middle
        else:
            high = middle
    return round((low + high) / 2, 3)


def _bits(m: float, u: float) -> float:
    return float(np.log2(m / u))
