"""A journey as JSON-LD in the terms of the ontology; it says nothing that the graph does not say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kgservice.domain.journey import Journey, Step
from kgservice.domain.journey_map import JourneyMap
from kgservice.domain.trace import Thing
from kgservice.namespaces import CI, SKOS, XSD

_CONTEXT = {"@vocab": CI, "ci": CI, "skos": SKOS, "xsd": XSD}


def to_jsonld(shown: JourneyMap) -> dict[str, Any]:
    """The journeys of a map with their steps, touchpoints, pain points and feelings."""
    graph = _Graph()
    for journey in filter(None, (shown.journey, shown.plan)):
        graph.journey(journey)
        for step in journey.steps:
            graph.step(journey, step)
    return {"@context": _CONTEXT, "@graph": list(graph.entries.values())}


class _Graph:
    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Any]] = {}

    def journey(self, journey: Journey) -> None:
        self._named(journey.thing)
        self._add(journey.thing.iri, "@type", "PlannedJourney" if journey.planned else "ActualJourney")
        self._link(journey.thing.iri, "journeyOf", journey.of)
        self._link(journey.thing.iri, "targetAction", journey.targets)
        if journey.plan:
            self._link(journey.thing.iri, "plannedAs", [journey.plan])
        for run in journey.runs:
            self._link(run.iri, "plannedAs", [journey.thing])

    def step(self, journey: Journey, step: Step) -> None:
        at = step.touchpoint
        self._add(journey.thing.iri, "hasStep", {"@id": step.iri})
        self._add(step.iri, "@type", "JourneyStep")
        self._add(step.iri, "stepOrder", step.order)
        self._link(step.iri, "atTouchpoint", [at.thing])
        self._link(step.iri, "channel", filter(None, [step.own_channel]))
        self._link(step.iri, "emotion", [emotion.thing for emotion in step.expected])
        if step.seamless is not None:
            self._add(step.iri, "seamless", step.seamless)
        self._add(at.thing.iri, "@type", "Touchpoint")
        self._link(at.thing.iri, "phase", filter(None, [at.phase]))
        self._link(at.thing.iri, "channel", filter(None, [at.channel]))
        self._link(at.thing.iri, "communicationMode", filter(None, [at.mode]))
        if at.moment_of_truth:
            self._add(at.thing.iri, "momentOfTruth", value=True)
        for pain in at.pains:
            self._named(pain.thing)
            self._add(pain.thing.iri, "@type", "PainPoint")
            self._add(pain.thing.iri, "occursAt", {"@id": at.thing.iri})
            self._link(pain.thing.iri, "painPointStatus", filter(None, [pain.status]))
        for seen in step.observations:
            self._add(seen.iri, "@type", "EmotionObservation")
            self._add(seen.iri, "experienceAt", {"@id": step.iri})
            self._link(seen.iri, "emotion", [seen.emotion.thing] if seen.emotion else [])
            self._link(seen.iri, "causedBy", seen.causes)
            if seen.intensity is not None:
                self._add(seen.iri, "intensity", seen.intensity)
            if seen.observed_at:
                time = {"@value": seen.observed_at, "@type": "xsd:dateTime"}
                self._add(seen.iri, "observedAt", time)

    def _link(self, iri: str, key: str, things: Iterable[Thing]) -> None:
        for thing in things:
            self._add(iri, key, {"@id": thing.iri})
            self._named(thing)

    def _named(self, thing: Thing) -> None:
        for language, text in thing.label.items():
            if language:
                self._add(
                    thing.iri,
                    "title" if thing.titled else "skos:prefLabel",
                    {"@value": text, "@language": language},
                )

    def _add(self, iri: str, key: str, value: Any) -> None:
        values = self.entries.setdefault(iri, {"@id": iri}).setdefault(key, [])
        if value not in values:
            values.append(value)
