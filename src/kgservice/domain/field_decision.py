"""Decisions of persons on a field in which CRM and graph differ: they count while both say the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum


class FieldVerdict(StrEnum):
    """What a decision says: the local names of the concepts in the ontology."""

    TAKEN = "CrmValueTaken"
    KEPT = "GraphValueKept"
    UNDONE = "FieldDecisionUndone"


@dataclass(frozen=True, slots=True)
class FieldDecision:
    """A decision: its number from 1 among those on the field, and the checksum of what both sides said."""

    number: int
    verdict: FieldVerdict
    values: str


def checksum(crm: Collection[str], graph: Collection[str]) -> str:
    """What stands for both sides as they are: the same values in another order have the same."""
    return hashlib.sha256(json.dumps([sorted(crm), sorted(graph)]).encode()).hexdigest()


def standing(decisions: Iterable[FieldDecision]) -> dict[str, FieldVerdict]:
    """Which verdict stands for which values; an undone decision counts no more.

    >>> one, two = FieldDecision(1, FieldVerdict.KEPT, "a"), FieldDecision(2, FieldVerdict.TAKEN, "a")
    >>> standing([one, two, FieldDecision(3, FieldVerdict.UNDONE, "a")])["a"].value
    'GraphValueKept'
    """
    left: list[FieldDecision] = []
    for one in sorted(decisions, key=lambda each: each.number):
        if one.verdict is not FieldVerdict.UNDONE:
            left.append(one)
        elif left:
            left.pop()
    return {one.values: one.verdict for one in left}
