"""Ask whether data of a person may be used for a purpose at a moment, and have the answer explained."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyoxigraph import NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.graph.lawful_facts import read_concepts, read_subject
from kgservice.application.law import decision_words as words
from kgservice.domain.consent import Act, Event, moment
from kgservice.domain.decision import Asked, Decision, Verdict, allowed
from kgservice.domain.question import Parameter, compact, listed, term, with_values
from kgservice.errors import BadParameter
from kgservice.namespaces import CI
from kgservice.phrases import Phrase

_CONTROLLERS = f"""PREFIX ci: <{CI}>
SELECT DISTINCT ?ground ?controller {{ VALUES ?ground {{ UNDEF }} ?ground ci:controller ?controller }}"""


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision with what it was about.

    `names`: the words for concepts, events, grounds and controllers, by language. `controllers` of each
    ground: to whom a consent was given. They are told, and decide nothing.
    """

    subject: str
    asked: Asked
    decision: Decision
    profile: str
    names: Mapping[str, words.Words]
    controllers: Mapping[str, list[str]]

    def to_json(self, when: words.When = words.shown) -> dict[str, Any]:
        """As a JSON object; `when`: how its words write a moment."""
        verdict = self.decision.verdict
        return {
            "allowed": self.decision.allowed,
            "reason": self.decision.reason.value,
            "subject": self.subject,
            "category": self.asked.category,
            "purpose": self.asked.purpose,
            "at": stamp(self.asked.moment),
            "profile": self.profile,
            "record": verdict.ground if verdict else None,
            "event": event_json(verdict.event) if verdict and verdict.event else None,
            "controller": self._controller(verdict.ground if verdict else None),
            "words": self._words(words.answer(self.asked, self.decision, self.names, when), verdict),
            "considered": [self._considered(verdict, when) for verdict in self.decision.considered],
        }

    def _considered(self, verdict: Verdict, when: words.When) -> dict[str, Any]:
        return {
            "record": verdict.ground,
            "holds": verdict.holds,
            "reason": verdict.reason.value,
            "basis": f"eu-gdpr:A6-1-{verdict.basis}" if verdict.basis else None,
            "event": event_json(verdict.event) if verdict.event else None,
            "until": stamp(verdict.until) if verdict.until else None,
            "controller": self._controller(verdict.ground),
            "words": self._words(words.because_of(verdict.reason, verdict, self.names, when), verdict),
        }

    def _controller(self, ground: str | None) -> list[dict[str, Any]]:
        return [{"id": iri, "label": self.names[iri]} for iri in self.controllers.get(ground or "", ())]

    def _words(self, told: words.Words, verdict: Verdict | None) -> words.Words:
        controllers = self.controllers.get(verdict.ground, ()) if verdict else ()
        return words.with_controllers(told, controllers, self.names)


def decide(kg: KnowledgeGraph, subject: str, category: str, purpose: str, at: str | None = None) -> Explained:
    """Whether data of the category may be used; `subject` is an IRI or its UUID, `at` a moment or None: now.

    Raises `NotFound` for an unknown person, `BadParameter` for a category or purpose that there is not, with
    those that there are, and for a moment without time zone.
    """
    moment_asked = kg.clock().astimezone(UTC) if at is None else moment(at, "at")
    concepts = read_concepts(kg)
    asked = Asked(
        known(kg, category, "category", concepts.categories),
        known(kg, purpose, "purpose", concepts.purposes),
        moment_asked,
    )
    person, activities = read_subject(kg, named(kg, subject, "subject"))
    decision = allowed(asked, person, concepts, kg.policy, activities)
    controllers = _controllers(kg, decision)
    names = _names(kg, asked, decision, {iri for found in controllers.values() for iri in found})
    return Explained(person.iri, asked, decision, kg.policy.profile, names, controllers)


def named(kg: KnowledgeGraph, value: str, source: str) -> NamedNode:
    """The IRI that a user means: written out, with a known prefix, or by the UUID that ends it."""
    parameter = Parameter(source, "instance", {"de": source, "en": source})
    found = term(parameter, value, now=kg.clock(), ids=kg.addresses.ids)
    assert isinstance(found, NamedNode)
    return found


def known(kg: KnowledgeGraph, value: str, source: str, concepts: Mapping[str, object]) -> str:
    """The IRI of one of the concepts. Raises `BadParameter` that lists all of them for any other."""
    iri = named(kg, value, source).value
    if iri not in concepts:
        there = listed(sorted(compact(concept) for concept in concepts))
        noun = {"categories": Phrase("category"), "purposes": Phrase("purpose")}.get(source, source)
        raise BadParameter(
            "there is no {noun} {iri!r}; there are {there}",
            noun=noun,
            iri=compact(iri),
            there=there,
            source=source,
        )
    return iri


def stamp(at: datetime) -> str:
    """A moment as it is written: in UTC, with Z.

    >>> stamp(datetime(2026, 11, 20, 12, tzinfo=UTC))
    '2026-11-20T12:00:00Z'
    """
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def event_json(event: Event) -> dict[str, Any]:
    """An event of a consent as a JSON object."""
    return {
        "id": event.iri,
        "type": event.act.value,
        "time": stamp(event.time),
        "method": event.method or None,
        "by": event.entity or None,
        "expires": stamp(event.expires) if event.expires else None,
    }


def _controllers(kg: KnowledgeGraph, decision: Decision) -> dict[str, list[str]]:
    """The controllers of each ground of a decision, by its IRI."""
    grounds = [NamedNode(verdict.ground) for verdict in decision.considered]
    found: dict[str, list[str]] = {}
    for ground, controller in (
        kg.select(with_values(_CONTROLLERS, {"ground": grounds})).rows if grounds else ()
    ):
        if isinstance(ground, NamedNode) and isinstance(controller, NamedNode):
            found.setdefault(ground.value, []).append(controller.value)
    return {ground: sorted(controllers) for ground, controllers in found.items()}


def _names(
    kg: KnowledgeGraph, asked: Asked, decision: Decision, controllers: Set[str]
) -> dict[str, words.Words]:
    """What people call concepts, kinds of event, activities and controllers of a decision, by language."""
    kinds = {CI + act: act.value for act in Act}
    wanted = {asked.category, asked.purpose, *kinds, *controllers, *(v.ground for v in decision.considered)}
    found: dict[str, dict[str, str]] = {}
    for language in words.LANGUAGES:
        for iri, label in labels(kg, wanted, language).items():
            found.setdefault(kinds.get(iri, iri), {})[language] = label
    unnamed = {*controllers, *(v.ground for v in decision.considered)}
    return {**{iri: dict.fromkeys(words.LANGUAGES, short(iri)) for iri in unnamed}, **found}
