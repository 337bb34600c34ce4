"""A journey place by place, an actual one beside its plan, with what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from kgservice.domain.journey import Journey, Step

NOT_PASSED, NOT_PLANNED, OTHER_CHANNEL, OTHER_ORDER = (
    "not-passed",
    "not-planned",
    "other-channel",
    "other-order",
)
"""How an actual journey can differ from its plan; the codes of the saved question about it."""


@dataclass(frozen=True, slots=True)
class Place:
    """One column of a map: the step that was planned there, the one that was taken there, or both."""

    planned: Step | None
    actual: Step | None
    difference: str | None = None

    @property
    def step(self) -> Step:
        """The step that was taken, else the one planned. Raises `ValueError` for a place without any."""
        found = self.actual or self.planned
        if found is None:
            raise ValueError("a place of a map has a step")
        return found


@dataclass(frozen=True, slots=True)
class JourneyMap:
    """A journey and, for an actual one, the plan it was to follow (or None), place by place."""

    journey: Journey
    plan: Journey | None
    places: tuple[Place, ...]

    def to_json(self) -> dict[str, Any]:
        """The map as JSON values."""
        return {
            "journey": self.journey.to_json(),
            "plan": self.plan.to_json() if self.plan else None,
            "places": [
                {
                    "planned": place.planned.iri if place.planned else None,
                    "actual": place.actual.iri if place.actual else None,
                    "difference": place.difference,
                }
                for place in self.places
            ],
        }


def mapped(journey: Journey, plan: Journey | None) -> JourneyMap:
    """The map of a journey: alone, or against its plan."""
    if plan is None:
        places = tuple(Place(step, None) if journey.planned else Place(None, step) for step in journey.steps)
    else:
        places = tuple(compared(plan.steps, journey.steps))
    return JourneyMap(journey, plan, places)


def compared(planned: Sequence[Step], actual: Sequence[Step]) -> list[Place]:
    """What was planned beside what happened, in the order of both.

    Touchpoints in the same order on both sides share a place. One that stands alone on either side was not
    passed or not planned, or, where it stands alone on both, came in another order.
    """
    ours, theirs = ([step.touchpoint.thing.iri for step in steps] for steps in (planned, actual))
    places: list[Place] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            places += map(_together, planned[i1:i2], actual[j1:j2])
            continue
        places += [Place(step, None, NOT_PASSED) for step in planned[i1:i2]]
        places += [Place(None, step, NOT_PLANNED) for step in actual[j1:j2]]
    missed = {p.step.touchpoint.thing.iri for p in places if p.difference == NOT_PASSED}
    added = {p.step.touchpoint.thing.iri for p in places if p.difference == NOT_PLANNED}
    moved = missed & added
    return [
        replace(p, difference=OTHER_ORDER)
        if p.difference in {NOT_PASSED, NOT_PLANNED} and p.step.touchpoint.thing.iri in moved
        else p
        for p in places
    ]


def _together(planned: Step, actual: Step) -> Place:
    one, other = planned.channel, actual.channel
    differs = one is not None and other is not None and one.iri != other.iri
    return Place(planned, actual, OTHER_CHANNEL if differs else None)
