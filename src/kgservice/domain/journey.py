"""A customer journey: its steps in order, with channel, feeling and pain points."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kgservice.domain.trace import Thing

STRONGEST = 5
"""The end of the scale of feelings, which runs from minus this to this."""
DIRECTION_ONLY = 2.5
"""Where on the scale a feeling stands of which only the direction is known."""


def name(thing: Thing, language: str) -> str:
    """What something is called in `language`, else in any, else the last part of its IRI.

    >>> name(Thing("https://kg.example/id/7", {"de": "Rost"}), "en"), name(Thing("urn:x:web", {}), "en")
    ('Rost', 'urn:x:web')
    """
    return thing.label.get(language) or next(iter(thing.label.values()), thing.iri.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class Emotion:
    """A feeling: -1 (unpleasant), 0 or 1 (pleasant) as `valence`, or None where the model says none."""

    thing: Thing
    valence: int | None


@dataclass(frozen=True, slots=True)
class Observation:
    """A feeling that somebody had at a step, with its strength from -5 to 5, its time and what caused it."""

    iri: str
    emotion: Emotion | None
    intensity: int | None
    observed_at: str | None
    causes: tuple[Thing, ...]

    def to_json(self) -> dict[str, Any]:
        """The observation as JSON values."""
        return {
            "id": self.iri,
            "emotion": self.emotion.thing.to_json() if self.emotion else None,
            "intensity": self.intensity,
            "observedAt": self.observed_at,
            "causes": [cause.to_json() for cause in self.causes],
        }


@dataclass(frozen=True, slots=True)
class Pain:
    """A pain point that occurs at a touchpoint, with its `status` where one is stated."""

    thing: Thing
    status: Thing | None


@dataclass(frozen=True, slots=True)
class Crowd:
    """What all customers felt at a touchpoint: mean strength, observations, persons.

    All are None where so few persons were observed that this would tell of single ones.
    """

    level: float | None
    observations: int | None
    persons: int | None


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """A touchpoint as a journey shows it. `effort`: minutes of the customer, as stated for it."""

    thing: Thing
    phase: Thing | None = None
    channel: Thing | None = None
    mode: Thing | None = None
    synchronous: bool | None = None
    methods: tuple[Thing, ...] = ()
    moment_of_truth: bool = False
    effort: str | None = None
    pains: tuple[Pain, ...] = ()
    crowd: Crowd | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One place in a journey. `expected`: feelings stated for it; `seamless`: None where nobody judged."""

    iri: str
    order: int
    touchpoint: Touchpoint
    own_channel: Thing | None = None
    seamless: bool | None = None
    expected: tuple[Emotion, ...] = ()
    observations: tuple[Observation, ...] = ()
    passed_at: tuple[str, ...] = ()
    outcomes: tuple[Thing, ...] = ()

    @property
    def channel(self) -> Thing | None:
        """Its own channel, else that of its touchpoint."""
        return self.own_channel or self.touchpoint.channel

    @property
    def emotions(self) -> tuple[Emotion, ...]:
        """The feelings observed, else those expected."""
        seen = {o.emotion.thing.iri: o.emotion for o in self.observations if o.emotion}
        return tuple(seen.values()) or self.expected

    @property
    def causes(self) -> tuple[Thing, ...]:
        """What caused the feelings observed."""
        return tuple({cause.iri: cause for o in self.observations for cause in o.causes}.values())

    @property
    def level(self) -> float | None:
        """How good it feels, from -5 to 5: the mean of what was observed, else by the direction expected."""
        strengths = [float(o.intensity) for o in self.observations if o.intensity is not None]
        if not strengths:
            strengths = [DIRECTION_ONLY * e.valence for e in self.emotions if e.valence is not None]
        return sum(strengths) / len(strengths) if strengths else None

    @property
    def measured(self) -> bool:
        """Whether the strength was observed, and not only a direction is known."""
        return any(o.intensity is not None for o in self.observations)

    def to_json(self) -> dict[str, Any]:
        """The step as JSON values."""
        at = self.touchpoint
        crowd = at.crowd
        return {
            "id": self.iri,
            "order": self.order,
            "touchpoint": {
                **at.thing.to_json(),
                "phase": _json(at.phase),
                "mode": _json(at.mode),
                "synchronous": at.synchronous,
                "methods": [method.to_json() for method in at.methods],
                "momentOfTruth": at.moment_of_truth,
                "customerEffortMinutes": at.effort,
                "painPoints": [{**p.thing.to_json(), "status": _json(p.status)} for p in at.pains],
                "observedOfAll": crowd
                and {"mean": crowd.level, "observations": crowd.observations, "persons": crowd.persons},
            },
            "channel": _json(self.channel),
            "seamless": self.seamless,
            "expected": [emotion.thing.to_json() for emotion in self.expected],
            "observations": [observation.to_json() for observation in self.observations],
            "level": self.level,
            "passedAt": list(self.passed_at),
            "outcomes": [outcome.to_json() for outcome in self.outcomes],
        }


@dataclass(frozen=True, slots=True)
class Journey:
    """A journey. `of`: whose it is; `segments`: those that they stand for or belong to.

    `plan`: what it was to follow; `runs`: the actual journeys of a planned one; `length`: how many steps it
    has. `steps` are in order; in a list of journeys they are left out.
    """

    thing: Thing
    planned: bool
    of: tuple[Thing, ...] = ()
    personas: bool = False
    segments: tuple[Thing, ...] = ()
    targets: tuple[Thing, ...] = ()
    plan: Thing | None = None
    runs: tuple[Thing, ...] = ()
    length: int = 0
    steps: tuple[Step, ...] = ()

    def summary(self) -> dict[str, Any]:
        """The journey without its steps, as JSON values."""
        return {
            **self.thing.to_json(),
            "key": self.thing.iri.rpartition("/")[2],
            "planned": self.planned,
            "of": [one.to_json() for one in self.of],
            "segments": [one.to_json() for one in self.segments],
            "targetActions": [one.to_json() for one in self.targets],
            "plannedAs": _json(self.plan),
            "actualRuns": [one.to_json() for one in self.runs],
            "steps": self.length,
        }

    def to_json(self) -> dict[str, Any]:
        """The journey as JSON values."""
        return {**self.summary(), "steps": [step.to_json() for step in self.steps]}

    def without(self, hidden: Collection[str]) -> Journey:
        """The journey without what is `hidden`, by IRI, wherever it would be named."""

        def left(things: Iterable[Thing]) -> tuple[Thing, ...]:
            return tuple(thing for thing in things if thing.iri not in hidden)

        steps = tuple(
            replace(
                step,
                observations=(),
                passed_at=(),
                outcomes=(),
                touchpoint=replace(
                    step.touchpoint,
                    pains=tuple(p for p in step.touchpoint.pains if p.thing.iri not in hidden),
                ),
            )
            for step in self.steps
            if not {step.iri, step.touchpoint.thing.iri} & set(hidden)
        )
        plan = None if self.plan is None or self.plan.iri in hidden else self.plan
        return replace(
            self,
            of=left(self.of),
            segments=left(self.segments),
            runs=left(self.runs),
            plan=plan,
            steps=steps,
        )


def _json(thing: Thing | None) -> Mapping[str, Any] | None:
    return None if thing is None else thing.to_json()
