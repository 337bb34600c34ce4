"""What is counted twice where fields depend on one another, learned from such pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import duckdb
import numpy as np
from numpy.typing import NDArray

from kgservice.crm.fields import FIELDS
from kgservice.crm.levels import Field
from kgservice.crm.models import DIFFERENT, MatchModel

FEWEST = 30  # pairs of a level; from fewer nothing is learned
WIDEST = 40.0  # bits

Floats = NDArray[np.float64]
Integers = NDArray[np.int8]


class Scored:
    """The pairs in `matching_scored`: which level of each field holds, and the bits of it.

    They are scored once, with a model that has no corrections yet; what is learned adds up here.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, kind: str) -> None:
        table = db.table("matching_scored")
        wanted = [name for name in table.columns if name.startswith(("gamma_", "mw_"))]
        frame = table.select("unique_id_r", *wanted).fetchnumpy()
        self.records = np.asarray(frame["unique_id_r"])
        self.fields = FIELDS[kind]
        self.levels: Mapping[str, Integers] = {
            field.name: np.asarray(frame[f"gamma_{field.name}"], dtype=np.int8) for field in self.fields
        }
        self.bits: dict[str, Floats] = {}
        for field in self.fields:
            parts = [frame[name] for name in (f"mw_{field.name}", f"mw_tf_adj_{field.name}") if name in frame]
            self.bits[field.name] = np.sum(parts, axis=0, dtype=np.float64)

    def expected(self, model: MatchModel) -> float:
        """How many of the pairs the model takes to be the same."""
        return float(_probabilities(self._weights(model)).sum())

    def corrected(self, model: MatchModel) -> MatchModel:
        """The model with the weights of all fields that correct, in their order."""
        for field in self.fields:
            if field.corrects:
                self.bits[field.name] = np.zeros_like(self.bits[field.name])
        for field in self.fields:
            if not field.corrects:
                continue
            found = self._unlikely(field, model) if field.rare else self._told(field, model)
            model = model.correcting(field.name, found)
            for at, level in enumerate(field.levels):
                self.bits[field.name][self._on(field, at)] = found[level.label]
        return model

    def _weights(self, model: MatchModel, without: tuple[str, ...] = ()) -> Floats:
        prior = np.float64(math.log2(model.prior / (1 - model.prior)))
        bits: Floats = np.sum([b for name, b in self.bits.items() if name not in without], axis=0)
        return bits + prior

    def _on(self, field: Field, at: int) -> NDArray[np.bool_]:
        """Splink counts levels down to 0, which is the last; -1 is unknown."""
        found: NDArray[np.bool_] = np.equal(self.levels[field.name], len(field.levels) - at)
        return found

    def _alone(self, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of these pairs are the only one of their record."""
        numbers, counts = np.unique(self.records[held], return_counts=True)
        found: NDArray[np.bool_] = held & np.isin(self.records, numbers[counts == 1])
        return found

    def _told(self, field: Field, model: MatchModel) -> dict[str, float]:
        """The weights (bits) of the levels of a field that `tells`.

        Among the pairs of a level, a share s differs in the first field that tells. Of the same, a share m
        does, of others a share u, so that (u - s) / (u - m) are the same. The weight is what has to be added
        for the model, without the fields that tell, to expect just as many. Where too few pairs are seen, the
        weight of the model before stands.
        """
        m, u = model.shares[field.tells[0]][DIFFERENT]
        m = min(m, field.seldom)
        found: dict[str, float] = {}
        base = self._weights(model, (*field.tells, field.name))
        told = self.levels[field.tells[0]]
        if field.alone:
            told = np.where(self._alone(self.levels[field.name] > 0), told, -1)
        for at, level in enumerate(field.levels):
            held = self._on(field, at) & (told >= 0)
            if held.sum() < FEWEST or u <= m:
                found[level.label] = _before(model, field, level.label)
                continue
            same = (u - float((told[held] == 0).mean())) / (u - m)
            found[level.label] = _shift(base[held], same, field.most)
        return found

    def _unlikely(self, field: Field, model: MatchModel) -> dict[str, float]:
        """The weights of the levels of a field that is `rare` among those who are others.

        Others are told by all fields that tell in the field that it is rare in: they differ in each.
        """
        name, share = field.rare or ("", 0.0)
        among = next(other for other in self.fields if other.name == name)
        within = self.levels[name] > 0
        others = within & np.logical_and.reduce([self.levels[told] == 0 for told in among.tells])
        found: dict[str, float] = {}
        base = self._weights(model, (field.name,))
        for at, level in enumerate(field.levels):
            held = self._on(field, at) & within
            if held.sum() < FEWEST:
                found[level.label] = _before(model, field, level.label)
                continue
            same = 1 - share * float(others.sum()) / float(held.sum())
            found[level.label] = _shift(base[held], same, field.most)
        return found


def _before(model: MatchModel, field: Field, label: str) -> float:
    m, u = model.shares.get(field.name, {}).get(label, (1.0, 1.0))
    return float(np.log2(m / u))


def _probabilities(weights: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp2(-np.clip(weights, -500, 500)))
    return found


def _shift(weights: Floats, share: float, most: float) -> float:
    """The bits (from -40 to `most`) to add to weights so that their probabilities have that mean."""
    share = min(max(share, 0.001), 0.999)
    low, high = -WIDEST, most
    for _ in range(40):
        middle = (low + high) / 2
        if float(_probabilities(weights + middle).mean()) < share:
            low = middle
        else:
            high = middle
    return round((low + high) / 2, 3)
