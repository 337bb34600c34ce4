"""What a map of a journey says in words: the same for the picture and for the table beside it."""

from __future__ import annotations

from collections.abc import Iterable

from kgservice.domain.journey import Crowd, Journey, Step, name
from kgservice.domain.journey_map import Place
from kgservice.domain.trace import Thing
from kgservice.namespaces import CI
from kgservice.web.dates import moment
from kgservice.web.texts import counted, text

RESOLVED = f"{CI}Resolved"
"""The state in which a pain point hurts no more."""


def names(things: Iterable[Thing | None], language: str) -> str:
    """The names of things in a row.

    >>> names([Thing("urn:a", {"en": "web"}), None, Thing("urn:b", {"de": "Rost"})], "en")
    'web, Rost'
    """
    return ", ".join(name(thing, language) for thing in things if thing is not None)


def decimal(value: float, language: str, *, signed: bool = True) -> str:
    """A number with at most one decimal, as the language writes it.

    >>> decimal(-2.33, "de"), decimal(4.0, "en"), decimal(0, "en"), decimal(0.25, "en", signed=False)
    ('−2,3', '+4', '0', '0.2')
    """
    written = f"{value:{'+' if signed else ''}.1f}".removesuffix(".0").replace("-", "\N{MINUS SIGN}")
    written = "0" if written in {"+0", "\N{MINUS SIGN}0"} else written
    return written.replace(".", ",") if language == "de" else written


def mode(step: Step, language: str) -> str:
    """Whether both sides are there at the same time; empty where it is not stated."""
    together = step.touchpoint.synchronous
    return "" if together is None else text("synchronous" if together else "asynchronous", language)


def feeling(step: Step, language: str) -> str:
    """The feelings at a step with their strength, or that they are only expected; empty for none."""
    felt = names((emotion.thing for emotion in step.emotions), language)
    if step.measured and step.level is not None:
        strength = decimal(step.level, language)
        return f"{felt} ({strength})" if felt else strength
    return f"{felt} ({text('expected', language)})" if felt and not step.observations else felt


def crowd(told: Crowd | None, language: str, smallest: int) -> str:
    """What all customers felt: mean, observations and persons; empty for none."""
    if told is None:
        return ""
    if told.level is None:
        return f"{text('fewer-than', language)} {smallest} {counted('several-persons', smallest, language)}"
    seen = counted("observations", told.observations, language)
    people = counted("several-persons", told.persons, language)
    return f"{decimal(told.level, language)} ({told.observations} {seen}, {told.persons} {people})"


def when(step: Step, language: str) -> str:
    """The days and times at which a step was passed."""
    return ", ".join(moment(at, language) for at in step.passed_at)


def difference(place: Place, language: str) -> str:
    """How the place differs from the plan, in words; empty where it does not."""
    return text(f"journey-{place.difference}", language) if place.difference else ""


def about(journey: Journey, language: str) -> str:
    """Whose journey it is, for which segments, and what it is to end in."""
    parts = []
    if journey.of:
        whose = "of-persona" if journey.personas else "of-customer"
        parts.append(f"{text(whose, language)}: {names(journey.of, language)}")
    if journey.segments:
        parts.append(f"{text('of-segment', language)}: {names(journey.segments, language)}")
    if journey.targets:
        parts.append(f"{text('journey-target', language)}: {names(journey.targets, language)}")
    return " · ".join(parts)


def solved(status: Thing | None) -> bool:
    """Whether a pain point of this status hurts no more."""
    return status is not None and status.iri == RESOLVED
