"""What a model of matching has learned: how often each level holds for the same and for others.

A model is saved as JSON without any SQL; the SQL is made from `levels` for the dialect that runs it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from kgservice.crm.canonical import KINDS
from kgservice.crm.fields import FIELDS
from kgservice.crm.levels import DIALECTS, Field, Level
from kgservice.domain.matching import Model
from kgservice.errors import BadInput

DIFFERENT = "different"
FORMAT = 1
SMALLEST, LARGEST = 1e-20, 1 - 1e-9  # of a probability in a model
NO_WEIGHT = 1e-9  # Splink takes 0 for no word on it, and weighs fully
SHARES = ("m_probability", "u_probability")
Shares = Mapping[str, Mapping[str, tuple[float, float]]]
"""Of a field and a level: its share among pairs of the same (m) and among pairs of others (u)."""


@dataclass(frozen=True, slots=True)
class MatchModel:
    """A model: of `persons` or `organisations`, the share of matches, the shares of levels.

    `frequencies`: whether a value counts less the more often it stands in the tables. In small ones every
    value stands often, and says nothing of how rare it is elsewhere.
    """

    kind: str
    prior: float
    shares: Shares
    frequencies: bool = True

    def settings(
        self, dialect: str, *, within: bool = False, levels: bool = False, training: bool = False
    ) -> dict[str, Any]:
        """The settings of Splink in a dialect (`duckdb`, `spark`), for two tables or for one.

        `levels`: also tell which level of each field holds (columns `gamma_…`), and all values compared;
        `training`: only the fields that Splink trains.
        """
        return {
            "link_type": "dedupe_only" if within else "link_only",
            "probability_two_random_records_match": self.prior,
            "comparisons": [
                self._comparison(field, dialect, training=training)
                for field in FIELDS[self.kind]
                if field.trained or not training
            ],
            "blocking_rules_to_generate_predictions": [],
            "retain_matching_columns": levels,
            "retain_intermediate_calculation_columns": True,
            "max_iterations": 25,
        }

    def _comparison(self, field: Field, dialect: str, *, training: bool) -> dict[str, Any]:
        words = DIALECTS[dialect]
        unknown = {"sql_condition": field.unknown.format(**words), "label_for_charts": "unknown"}
        levels: list[dict[str, Any]] = [{**unknown, "is_null_level": True}]
        for level in (*field.levels, Level(DIFFERENT, "ELSE")):
            if training and level.like is not None:
                continue
            found: dict[str, Any] = {
                "sql_condition": level.condition.format(**words),
                "label_for_charts": level.label,
            }
            if level.frequent is not None:
                found |= {
                    "tf_adjustment_column": level.frequent,
                    "tf_adjustment_weight": 1.0 if self.frequencies else NO_WEIGHT,
                }
            levels.append(found | self._level_shares(field, level))
        return {"output_column_name": field.name, "comparison_levels": levels}

    def _level_shares(self, field: Field, level: Level) -> dict[str, Any]:
        known = self.shares.get(field.name, {})
        if field.trained:
            return dict(zip(SHARES, known[level.label], strict=True)) if level.label in known else {}
        m, u = known.get(level.label, (2.0 ** (level.fixed or 0.0), 1.0))
        shares = dict(zip(SHARES, (m, u), strict=True))
        return {**shares, "fix_m_probability": True, "fix_u_probability": True}

    def correcting(self, field: str, bits: Mapping[str, float]) -> MatchModel:
        """The model with these weights of the levels of a field that `corrects`."""
        found = {
            level: (rounded(2.0 ** min(weight, 0.0)), rounded(2.0 ** -max(weight, 0.0)))
            for level, weight in bits.items()
        }
        return replace(self, shares={**self.shares, field: found})

    def with_prior(self, prior: float) -> MatchModel:
        """The model with another share of matches among all pairs.

        How many are the same among those who share a household or a group does not depend on how many others
        there are: what is taken back there changes by as much as the prior.
        """
        factor = prior / (1 - prior) / (self.prior / (1 - self.prior))
        shares = dict(self.shares)
        for field in FIELDS[self.kind]:
            if field.tells and not field.most and field.name in shares:
                shares[field.name] = {
                    level: (rounded(min(m / u / factor, 1.0)), 1.0)
                    for level, (m, u) in shares[field.name].items()
                }
        return replace(self, prior=rounded(prior), shares=shares)

    def to_json(self) -> str:
        """The model as JSON, the same text for the same model."""
        shares = {
            field: {level: list(pair) for level, pair in levels.items()}
            for field, levels in self.shares.items()
        }
        content = {"format": FORMAT, "kind": self.kind, "prior": self.prior, "shares": shares}
        content["frequencies"] = self.frequencies
        return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @property
    def described(self) -> Model:
        """What is written down of the model: the digest covers its conditions, too."""
        settings = json.dumps(self.settings("duckdb"), sort_keys=True)
        digest = hashlib.sha256((self.to_json() + settings).encode()).hexdigest()
        return Model(self.kind, digest, version("splink"))


def learned(kind: str, settings: Mapping[str, Any], before: MatchModel, prior: float) -> MatchModel:
    """The model that Splink's settings hold after training.

    The pairs that u is counted in are taken at random, so a share `prior` of them are matches: they are taken
    out again. A level that was not seen in training keeps the shares of the model before it.
    """
    shares: dict[str, dict[str, tuple[float, float]]] = {}
    trained = [field for field in FIELDS[kind] if field.trained]
    for field, comparison in zip(trained, settings["comparisons"], strict=True):
        found = shares.setdefault(field.name, {})
        for level in comparison["comparison_levels"]:
            label = level["label_for_charts"]
            if level.get("is_null_level"):
                continue
            known = before.shares.get(field.name, {}).get(label, (0.01, 0.01))
            m = level.get("m_probability", known[0])
            if label == DIFFERENT:
                m = max(m, field.often)
            u = level.get("u_probability", known[1])
            others = max((u - prior * m) / (1 - prior), u / 20)
            found[label] = (rounded(m), rounded(others))
        found.update({level.label: found[level.like] for level in field.levels if level.like is not None})
    return MatchModel(kind, rounded(prior), shares)


def rounded(share: float) -> float:
    """Six digits: what parallel sums differ in is not part of a model."""
    share = min(max(share, SMALLEST), LARGEST)
    return round(share, 5 - math.floor(math.log10(share)))


def untrained(kind: str) -> MatchModel:
    """A model that knows nothing yet."""
    return MatchModel(kind, 0.0001, {})


def shipped(kind: str) -> MatchModel:
    """The model that comes with the package, trained on made-up German data (`benchmarks/german.py`)."""
    text = files("kgservice.crm").joinpath("trained", f"{kind}.json").read_text(encoding="utf-8")
    return from_json(text)


def from_json(text: str) -> MatchModel:
    """Read a saved model; it must have the fields and levels of this version.

    Raises BadInput when it is no such model.
    """
    try:
        content = json.loads(text)
        frequencies = bool(content.get("frequencies", True))
        kind, prior = str(content["kind"]), float(content["prior"])
        shares = {
            str(field): {str(level): (float(m), float(u)) for level, (m, u) in levels.items()}
            for field, levels in content["shares"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput("This is not a saved model of matching: {error}.", error=error) from error
    if content.get("format") != FORMAT or kind not in KINDS:
        raise BadInput("This is a model of matching of another version.")
    named = {
        field.name: {level.label for level in field.levels} | ({DIFFERENT} if field.trained else set())
        for field in FIELDS[kind]
        if field.trained or field.corrects
    }
    if {field: set(levels) for field, levels in shares.items()} != named:
        raise BadInput("The fields and levels of the model are not those that are compared: train it again.")
    numbers = [prior, *(share for levels in shares.values() for pair in levels.values() for share in pair)]
    if not all(0 < number <= 1 for number in numbers):
        raise BadInput("The shares of a model lie between 0 and 1.")
    return MatchModel(kind, prior, shares, frequencies)
