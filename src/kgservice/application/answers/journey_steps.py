"""The steps of a journey: touchpoints with channel and method, what was felt there, and what hurts there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pyoxigraph import Literal

from kgservice.application.graph.described import (
    Values,
    iri,
    iris,
    linked,
    number,
    rows,
    text,
    things,
    values,
)
from kgservice.application.views.reader import Reader
from kgservice.domain.journey import Crowd, Emotion, Observation, Pain, Step, Touchpoint
from kgservice.domain.trace import Thing
from kgservice.namespaces import CI
from kgservice.store.base import Term

_STEP = ("stepOrder", "atTouchpoint", "channel", "seamless", "emotion")
_TOUCHPOINT = ("phase", "channel", "communicationMode", "momentOfTruth", "customerEffortMinutes")
_OBSERVATION = ("emotion", "intensity", "observedAt", "causedBy")
# An observation stands at a touchpoint itself, at a step there or at a pass of either.
_AT = (
    "ci:hasExperience|(ci:passedIn/ci:hasExperience)|(ci:passedIn/ci:emotionObserved)"
    "|(ci:passedIn/ci:passedBy/ci:emotionObserved)"
)
_CROWD = f"""
SELECT ?node (COUNT(DISTINCT ?person) AS ?persons) (COUNT(DISTINCT ?observation) AS ?observations)
  (AVG(?strength) AS ?mean)
WHERE {{
  SELECT DISTINCT ?node ?person ?observation ?strength WHERE {{
    VALUES ?node {{ UNDEF }}
    ?node {_AT} ?observation .
    ?observation a ci:EmotionObservation ; ci:intensity ?strength ; ci:dataSubject ?person .
  }}
}} GROUP BY ?node
"""


def steps_of(kg: Reader, journey: str, *, smallest: int) -> tuple[Step, ...]:
    """The steps in order. What all customers felt at a touchpoint is told of `smallest` persons or more."""
    return _Reading(kg, smallest).steps(journey)


class _Reading:
    def __init__(self, kg: Reader, smallest: int) -> None:
        self._kg = kg
        self._smallest = smallest
        self._labels: dict[str, Thing] = {}
        self._valences: dict[str, int | None] = {}

    def steps(self, journey: str) -> tuple[Step, ...]:
        kg = self._kg
        nodes = linked(kg, [journey], "ci:hasStep").get(journey, [])
        said = values(kg, nodes, _STEP)
        places = {at for node in nodes for at in iris(said[node]["atTouchpoint"])}
        passes = linked(kg, nodes, "ci:passedBy")
        of_passes = values(kg, _all(passes), ("passedAt", "outcome"))
        seen = linked(kg, nodes, "ci:hasExperience|(ci:passedBy/ci:emotionObserved)")
        of_seen = values(kg, _all(seen), _OBSERVATION)
        self._learn(_mentioned(said), _mentioned(of_passes), _mentioned(of_seen), places)
        self._rate([e for found in (said, of_seen) for of in found.values() for e in iris(of["emotion"])])
        touchpoints = self._touchpoints(places)
        made = []
        for node in nodes:
            of_node = said[node]
            at = next(iter(iris(of_node["atTouchpoint"])), None)
            order = number(next(iter(of_node["stepOrder"]), None))
            if at is None or order is None:
                continue
            times = [text(of_passes[one]["passedAt"]) for one in passes.get(node, ())]
            made.append(
                Step(
                    node,
                    int(order),
                    touchpoints[at],
                    self._first(of_node["channel"]),
                    _truth(of_node["seamless"]),
                    self._emotions(of_node["emotion"]),
                    tuple(
                        self._observation(one, of_seen[one])
                        for one in seen.get(node, ())
                        if of_seen[one]["emotion"] or of_seen[one]["intensity"]
                    ),
                    tuple(sorted(time for time in times if time)),
                    self._things(o for one in passes.get(node, ()) for o in of_passes[one]["outcome"]),
                )
            )
        return tuple(sorted(made, key=lambda step: (step.order, step.iri)))

    def _touchpoints(self, nodes: Iterable[str]) -> dict[str, Touchpoint]:
        kg, nodes = self._kg, sorted(nodes)
        said = values(kg, nodes, _TOUCHPOINT)
        methods = linked(kg, nodes, "ci:plannedMethod/ci:method")
        pains = linked(kg, nodes, "^ci:occursAt")
        states = values(kg, _all(pains), ("painPointStatus",))
        self._learn(_mentioned(said), _all(methods), _all(pains), _mentioned(states))
        crowds = self._crowds(nodes)
        return {
            node: Touchpoint(
                self._labels[node],
                self._first(said[node]["phase"]),
                self._first(said[node]["channel"]),
                self._first(said[node]["communicationMode"]),
                _synchronous(said[node]["communicationMode"]),
                tuple(self._labels[one] for one in methods.get(node, ())),
                _truth(said[node]["momentOfTruth"]) is True,
                text(said[node]["customerEffortMinutes"]),
                tuple(
                    Pain(self._labels[one], self._first(states[one]["painPointStatus"]))
                    for one in pains.get(node, ())
                ),
                crowds.get(node),
            )
            for node in nodes
        }

    def _crowds(self, nodes: Sequence[str]) -> dict[str, Crowd]:
        """By touchpoint; where little is told, one with none looks like one with a few."""
        unknown = Crowd(None, None, None)
        found = dict.fromkeys(nodes, unknown) if self._smallest else {}
        for node, persons, observations, mean in rows(self._kg, _CROWD, nodes):
            count, level = int(number(persons) or 0), number(mean)
            if count and count >= self._smallest and level is not None:
                found[iri(node)] = Crowd(round(level, 2), int(number(observations) or 0), count)
        return found

    def _observation(self, node: str, said: Mapping[str, Sequence[Term]]) -> Observation:
        strength = number(next(iter(said["intensity"]), None))
        return Observation(
            node,
            next(iter(self._emotions(said["emotion"])), None),
            None if strength is None else int(strength),
            text(said["observedAt"]),
            self._things(said["causedBy"]),
        )

    def _emotions(self, terms: Iterable[Term]) -> tuple[Emotion, ...]:
        return tuple(Emotion(self._labels[one], self._valences.get(one)) for one in iris(terms))

    def _rate(self, emotions: Iterable[str]) -> None:
        for node, said in values(self._kg, emotions, ("valence",)).items():
            rated = number(next(iter(said["valence"]), None))
            self._valences[node] = None if rated is None else int(rated)

    def _learn(self, *nodes: Iterable[str]) -> None:
        """Look up what they are called."""
        wanted = {one for some in nodes for one in some} - self._labels.keys()
        self._labels.update(things(self._kg, wanted))

    def _things(self, terms: Iterable[Term]) -> tuple[Thing, ...]:
        return tuple(self._labels[one] for one in dict.fromkeys(iris(terms)))

    def _first(self, terms: Iterable[Term]) -> Thing | None:
        return next(iter(self._things(terms)), None)


def _all(found: Mapping[str, Sequence[str]]) -> list[str]:
    return [one for ones in found.values() for one in ones]


def _mentioned(found: Values) -> list[str]:
    return [one for said in found.values() for terms in said.values() for one in iris(terms)]


def _truth(terms: Sequence[Term]) -> bool | None:
    said = next((term.value for term in terms if isinstance(term, Literal)), None)
    return None if said is None else said in {"true", "1"}


def _synchronous(terms: Iterable[Term]) -> bool | None:
    said = iris(terms)
    return None if not said else f"{CI}Synchronous" in said
