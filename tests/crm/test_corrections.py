"""What is counted twice, and what the tables themselves say of it."""

from __future__ import annotations

import random
from collections.abc import Mapping

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from kgservice.crm.corrections import FEWEST, Scored
from kgservice.crm.fields import FIELDS
from kgservice.crm.levels import DIALECTS, near
from kgservice.crm.models import MatchModel, shipped

NAMES = [field.name for field in FIELDS["persons"]]
TWINS = "of one family and birthday, with other given names"
RECORDS = 2080
Kind = tuple[int, Mapping[str, int]]
"""How many pairs there are, and the levels of their fields (0 where none is given)."""


def scored(*kinds: Kind) -> Scored:
    """Pairs as they come from Splink: an address has 10 to 20 bits, the same birth date 14, all else none."""
    count = sum(number for number, _ in kinds)
    columns: dict[str, object] = {"unique_id_r": pa.array(np.arange(count) % RECORDS)}
    for name in NAMES:
        levels = [level.get(name, 0) for number, level in kinds for _ in range(number)]
        columns[f"gamma_{name}"] = pa.array(levels, type=pa.int8())
        bits = np.linspace(10, 20, count) if name == "address" else np.zeros(count)
        columns[f"mw_{name}"] = pa.array(np.array(levels) * 3.5 if name == "birth_date" else bits)
    with duckdb.connect() as db:
        db.register("given", pa.table(columns))
        db.execute("CREATE TABLE matching_scored AS FROM given")
        return Scored(db, "persons")


def even() -> MatchModel:
    """A model that takes every second pair to be the same."""
    return shipped("persons").with_prior(0.5)


def twins_bits(model: MatchModel) -> float:
    m, u = model.shares["twins"][TWINS]
    return float(np.log2(m / u))


def test_twins_are_taken_for_as_many_as_live_together() -> None:
    household = {"household": 3}
    pairs = scored((2000, household), (80, household | {"birth_date": 4, "twins": 1}))
    corrected = pairs.corrected(even())
    # Of 2,000 pairs of a household 20 are twins: 60 of the 80 with one birthday are the same.
    twins = pairs.levels["twins"] == 1
    weights = np.sum([bits[twins] for bits in pairs.bits.values()], axis=0)
    assert (1 / (1 + np.exp2(-weights))).mean() == pytest.approx(0.75, abs=0.001)
    assert twins_bits(corrected) < -5


def test_where_nobody_lives_together_one_birthday_is_one_person() -> None:
    pairs = scored((80, {"household": 3, "birth_date": 4, "twins": 1}))
    assert twins_bits(pairs.corrected(even())) > -1


def test_of_a_few_nothing_is_learned() -> None:
    pairs = scored((2000, {"household": 3}), (FEWEST - 1, {"household": 3, "birth_date": 4, "twins": 1}))
    assert twins_bits(pairs.corrected(even())) == pytest.approx(twins_bits(even()), abs=0.001)


def test_what_is_contested_says_nothing_of_namesakes() -> None:
    """A record with two customers of its name in its house is not accepted, so it is not counted."""
    namesakes, same = {"household": 3, "namesake": 2, "given_name": 6}, {"birth_date": 4}
    label = next(field for field in FIELDS["persons"] if field.name == "namesake").levels[0].label

    def bits(*kinds: Kind) -> float:
        m, u = scored(*kinds).corrected(even()).shares["namesake"][label]
        return float(np.log2(m / u))

    clear = bits((1000, namesakes | same))
    # The last hundred are of the records of the first hundred.
    contested = bits((1000, namesakes | same), (RECORDS - 1000, {}), (100, namesakes))
    alone = bits((1000, namesakes | same), (100, namesakes))
    assert contested == pytest.approx(clear, abs=0.5)
    assert alone < clear - 2


@pytest.mark.parametrize("most", [1, 2])
def test_near_says_what_the_distance_says(most: int) -> None:
    draw = random.Random(most)

    def mistyped(text: str) -> str:
        letters = list(text)
        for _ in range(draw.randint(0, 3)):
            at = draw.randrange(len(letters) - 1)
            match draw.randrange(4):
                case 0:
                    letters[at], letters[at + 1] = letters[at + 1], letters[at]
                case 1:
                    letters[at] = draw.choice("abc")
                case 2:
                    letters.insert(at, draw.choice("abc"))
                case _:
                    del letters[at]
        return "".join(letters)

    words = ["".join(draw.choices("abcdef", k=draw.randint(5, 12))) for _ in range(3000)]
    table = pa.table({"word_l": words, "word_r": [mistyped(word) for word in words]})
    condition = near("word", most).format(**DIALECTS["duckdb"])
    with duckdb.connect() as db:
        db.register("words", table)
        found = db.execute(
            f"SELECT count(*) FILTER ({condition}), count(*) FILTER (damerau_levenshtein(word_l, word_r) <= {most}),"
            f" count(*) FILTER (({condition}) <> (damerau_levenshtein(word_l, word_r) <= {most})) FROM words"
        ).fetchall()
    assert found[0][0] == found[0][1] > 500
    assert found[0][2] == 0
