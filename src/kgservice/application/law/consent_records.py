"""A consent as it is recorded: what it says, its events, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from pyoxigraph import Literal, NamedNode

from kgservice.application.changes.view_facts import ViewFacts
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_subject
from kgservice.application.law.decisions import event_json, named, stamp
from kgservice.application.views.lawful_lookups import find_consent
from kgservice.domain.consent import Authorisation, Consent, Event
from kgservice.domain.decision import Verdict, standing
from kgservice.domain.question import with_values
from kgservice.errors import BadParameter, NotFound
from kgservice.namespaces import CI
from kgservice.store.base import Term

IN_FORCE = "in-force"
_DIGITS = 10  # of a number of days that anybody would mean
_OWNER = f"""SELECT ?person WHERE {{
  VALUES ?record {{ UNDEF }} ?record a <{CI}ConsentRecord> ; <{CI}dataSubject> ?person
}}"""
_SAID = f"""PREFIX ci: <{CI}>
SELECT DISTINCT ?s ?p ?o WHERE {{
  {{ VALUES ?record {{ UNDEF }} BIND(?record AS ?s) ?record ?p ?o }}
  UNION {{ VALUES ?record {{ UNDEF }} ?record ci:notice|ci:controller ?s . ?s ?p ?o }}
}}"""

Said = Mapping[str, list[Term]]


@dataclass(frozen=True, slots=True)
class Found:
    """A consent that is in the graph, whose it is, and what authorises it."""

    consent: Consent
    subject: str
    authorisations: tuple[Authorisation, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """All that a consent says. `state`: how it stands; `said`: the statements of the record, its notices and
    controllers by their IRI and the names of the properties of the model."""

    consent: Consent
    subject: str
    authorisations: tuple[Authorisation, ...]
    state: Verdict
    said: Mapping[str, Said]

    @property
    def state_name(self) -> str:
        """`in-force`, or why the consent does not hold."""
        return IN_FORCE if self.state.holds else self.state.reason.value

    @property
    def events(self) -> list[Event]:
        """The events as they came."""
        return sorted(self.consent.events, key=lambda event: (event.time, event.iri))

    @property
    def retention(self) -> list[int]:
        """For how many days the data is kept."""
        return [int(days) for days in self.texts("retention") if days.isdecimal() and len(days) < _DIGITS]

    def texts(self, name: str, node: str | None = None) -> list[str]:
        """The values of a property of the record, or of another node, without their languages."""
        values = self.said.get(node or self.consent.iri, {}).get(name, ())
        return sorted({value.value for value in values if isinstance(value, NamedNode | Literal)})

    def text(self, name: str, node: str | None = None) -> str:
        """The values of a property in one text."""
        return ", ".join(self.texts(name, node))

    def title(self, node: str, language: str) -> str:
        """What a notice or controller is called."""
        titles = [o for o in self.said.get(node, {}).get("title", ()) if isinstance(o, Literal)]
        ranked = sorted(titles, key=lambda title: (title.language != language, title.value))
        return ranked[0].value if ranked else node

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        consent = self.consent
        return {
            "id": consent.iri,
            "subject": self.subject,
            "state": self.state_name,
            "schema": self.text("recordSchema"),
            "purposes": sorted(consent.purposes),
            "categories": sorted(consent.categories),
            "explicit": consent.explicit,
            "notice": [self._notice(iri) for iri in self.texts("notice")],
            "controller": [self._controller(iri) for iri in self.texts("controller")],
            "recipients": self.texts("recipient"),
            "retention": self.retention,
            "storagePlace": self.texts("storagePlace"),
            "jurisdiction": self.texts("jurisdiction"),
            "withdrawalWay": self.texts("withdrawalWay"),
            "expires": stamp(consent.expires) if consent.expires else None,
            "events": [event_json(event) for event in self.events],
            "guardians": [
                {"id": a.iri, "role": a.role, "verified": stamp(a.verified) if a.verified else None}
                for a in self.authorisations
            ],
        }

    def _notice(self, iri: str) -> dict[str, Any]:
        return {
            "id": iri,
            "title": {language: self.title(iri, language) for language in ("de", "en")},
            "version": self.text("noticeVersion", iri),
            "language": self.text("noticeLanguage", iri),
        }

    def _controller(self, iri: str) -> dict[str, Any]:
        return {
            "id": iri,
            "name": self.title(iri, "de"),
            "address": self.text("controllerAddress", iri),
            "contact": self.text("controllerContact", iri),
        }


def find(kg: KnowledgeGraph, key: str) -> Found:
    """The consent called `key`: its IRI, or the UUID that ends it. Raises `NotFound`."""
    record = _record(kg, key)
    for (person,) in kg.select(with_values(_OWNER, {"record": record})).rows:
        assert isinstance(person, NamedNode)
        subject, _ = read_subject(kg, person)
        for consent in subject.consents:
            if consent.iri == record.value:
                guardians = tuple(a for a in subject.authorisations if consent.iri in a.consents)
                return Found(consent, subject.iri, guardians)
    raise NotFound("There is no consent {record}", record=record.value)


def consent_of(kg: KnowledgeGraph, key: str) -> Consent:
    """What the consent called `key` says by itself, without all that the person said. Raises `NotFound`."""
    record = _record(kg, key)
    facts = ViewFacts(kg.copies.of_view(kg.view), kg.view)
    found = find_consent(facts, record)
    if found is None:
        raise NotFound("There is no consent {record}", record=record.value)
    return found


def recorded(kg: KnowledgeGraph, key: str) -> Recorded:
    """All that the consent called `key` says, as it stands now. Raises `NotFound`."""
    found = find(kg, key)
    said: dict[str, dict[str, list[Term]]] = {}
    for s, p, o in kg.select(with_values(_SAID, {"record": NamedNode(found.consent.iri)})).rows:
        if isinstance(s, NamedNode) and isinstance(p, NamedNode) and o is not None:
            said.setdefault(s.value, {}).setdefault(p.value.removeprefix(CI), []).append(o)
    state = standing(found.consent, kg.clock().astimezone(UTC))
    return Recorded(found.consent, found.subject, found.authorisations, state, said)


def _record(kg: KnowledgeGraph, key: str) -> NamedNode:
    try:
        return named(kg, key, "id")
    except BadParameter:
        raise NotFound("{key!r} is no name of a consent", key=key[:80]) from None
