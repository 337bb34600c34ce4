"""What walls show of customers: groups of them in counts, and what was found out; never a single person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgservice.domain.small_groups import Count, hidden
from kgservice.domain.trace import Thing

ALL = ""
"""The row of all customers."""
PERSONS, FELT, PLEASANT, UNPLEASANT = COLUMNS = ("persons", "felt", "pleasant", "unpleasant")
"""How many belong there; of whom a feeling was observed; who felt something pleasant, and unpleasant."""
_WITHIN = {FELT: PERSONS, PLEASANT: FELT, UNPLEASANT: FELT}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many persons; None where it is not shown. `mean`: of the strengths of feelings, from -5 to 5."""

    persons: int | None = None
    felt: int | None = None
    pleasant: int | None = None
    unpleasant: int | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """A need, a job or an outcome; `kind` is its class, `status` how far it is met."""

    thing: Thing
    kind: Thing
    status: Thing | None
    unmet: bool


@dataclass(frozen=True, slots=True)
class Persona:
    """Who stands for a segment, with goals and problems by language; `evidenced`: it cites evidence."""

    thing: Thing
    goals: Mapping[str, str]
    problems: Mapping[str, str]
    evidenced: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment. `rule`: by which somebody belongs to it, by language; `evaluated`: when it was last used."""

    thing: Thing
    kinds: tuple[Thing, ...]
    criteria: tuple[Thing, ...]
    customers: tuple[Thing, ...]
    data: tuple[Thing, ...]
    words: Mapping[str, str]
    rule: Mapping[str, str]
    evaluated: str | None
    needs: tuple[Need, ...]
    pains: tuple[tuple[Thing, Thing | None], ...]
    personas: tuple[Persona, ...]
    counts: Counts


@dataclass(frozen=True, slots=True)
class Insight:
    """What was found out. `sources`: pieces of evidence, None for those of too few persons."""

    thing: Thing
    kind: Thing | None
    by_machine: bool
    contradicts: tuple[Thing, ...]
    sources: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """A figure over `persons` persons, collected at a moment."""

    thing: Thing
    persons: int
    at: str | None


@dataclass(frozen=True, slots=True)
class PhaseState:
    """A phase with its pain points that are not resolved, how many were, and what customers felt in it."""

    thing: Thing
    open: tuple[tuple[Thing, Thing | None], ...]
    resolved: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Recorded:
    """A wall that hangs somewhere, with who may see it."""

    thing: Thing
    access: Thing | None


def shown(
    counted: Mapping[str, Mapping[str, int]], means: Mapping[str, float], smallest: int
) -> dict[str, Counts]:
    """The counts by row that may be shown; `counted`: by row (`ALL` is one of them) and column; where
    nobody is said to belong to a row, it has no `PERSONS`.

    A count is hidden in its row (as part of a larger one there) and in its column (as part of that of all
    customers) as `hidden` says, until nothing more has to be: what is hidden one way is taken as unknown
    the other way.

    >>> shown({"": {"persons": 40, "felt": 30, "pleasant": 20, "unpleasant": 12},
    ...        "a": {"persons": 20, "felt": 12, "pleasant": 4, "unpleasant": 7}}, {"a": 1.5}, 5)["a"]
    Counts(persons=20, felt=12, pleasant=None, unpleasant=None, mean=1.5)
    """
    left: dict[str, dict[str, Count]] = {
        row: {FELT: 0, PLEASANT: 0, UNPLEASANT: 0, **of_row} for row, of_row in counted.items()
    }
    while True:
        gone = {(row, column) for row, of_row in left.items() for column in hidden(of_row, _WITHIN, smallest)}
        for column in COLUMNS:
            of_column = {row: of_row[column] for row, of_row in left.items() if column in of_row}
            wholes = {row: ALL for row in of_column if row != ALL}
            gone |= {(row, column) for row in hidden(of_column, wholes, smallest)}
        if not any(left[row][column] is not None for row, column in gone):
            break
        for row, column in gone:
            left[row][column] = None
    return {row: _counts(of_row, means.get(row)) for row, of_row in left.items()}


def _counts(of_row: Mapping[str, Count], mean: float | None) -> Counts:
    told = {column: None if count is None else int(count) for column, count in of_row.items()}
    return Counts(**told, mean=None if told[FELT] is None or mean is None else round(mean, 1))
