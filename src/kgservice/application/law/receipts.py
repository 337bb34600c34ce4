"""The receipt of a consent for the person who gave it: as JSON-LD in DPV terms, and as rows of a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.law.consent_records import Recorded
from kgservice.application.law.decisions import stamp
from kgservice.domain.consent import ENTITIES, Act, Event
from kgservice.namespaces import CI, DCTERMS, DPV, RDF, SKOS, XSD

_CONTEXT = {"dpv": DPV, "dcterms": DCTERMS, "rdf": RDF, "skos": SKOS, "xsd": XSD}
# Where DPV calls the state after an event otherwise than our model calls the event.
_STATUS = {Act.RENEWED: "RenewedConsentGiven"}


def jsonld(kg: KnowledgeGraph, consent: Recorded) -> dict[str, Any]:
    """The receipt in the structure of ISO/IEC TS 27560 with the terms of DPV 2.3."""
    c = consent.consent
    concepts = _labelled(kg, c.purposes | c.categories)
    return {
        "@context": _CONTEXT,
        "@id": c.iri,
        "@type": ["dpv:ConsentRecord", "dpv:ConsentReceipt"],
        "dcterms:conformsTo": consent.text("recordSchema"),
        "dcterms:created": _time(kg.clock()),
        "dpv:hasIdentifier": short(c.iri),
        "dpv:hasDataSubject": {"@id": consent.subject, "@type": "dpv:DataSubject"},
        "dpv:hasDataController": [
            {
                "@id": iri,
                "@type": "dpv:DataController",
                "dpv:hasName": consent.title(iri, "de"),
                "dpv:hasAddress": consent.texts("controllerAddress", iri),
                "dpv:hasContact": consent.texts("controllerContact", iri),
            }
            for iri in consent.texts("controller")
        ],
        "dpv:hasNotice": [
            {
                "@id": iri,
                "@type": "dpv:ConsentNotice",
                "dcterms:title": [
                    {"@value": consent.title(iri, tag), "@language": tag} for tag in ("de", "en")
                ],
                "dcterms:language": consent.texts("noticeLanguage", iri),
                "dcterms:hasVersion": consent.texts("noticeVersion", iri),
            }
            for iri in consent.texts("notice")
        ],
        "dpv:hasLegalBasis": [{"@id": iri} for iri in consent.texts("legalBasis") or [f"{DPV}Consent"]],
        "dpv:hasPurpose": [concepts[iri] for iri in sorted(c.purposes)],
        "dpv:hasPersonalData": [concepts[iri] for iri in sorted(c.categories)],
        "dpv:hasRecipient": [
            {"@type": "dpv:Recipient", "dpv:hasName": name} for name in consent.texts("recipient")
        ],
        "dpv:hasStorageCondition": [
            *(
                {"@type": "dpv:StorageLocation", "dcterms:description": place}
                for place in consent.texts("storagePlace")
            ),
            *(
                {
                    "@type": "dpv:StorageDuration",
                    "rdf:value": {"@value": f"P{days}D", "@type": "xsd:duration"},
                }
                for days in consent.retention
            ),
        ],
        "dpv:hasJurisdiction": [
            {"@type": "dpv:Location", "dpv:hasName": name} for name in consent.texts("jurisdiction")
        ],
        "dpv:hasConsentControl": [
            {"@type": "dpv:WithdrawConsent", "dcterms:description": way}
            for way in consent.texts("withdrawalWay")
        ],
        "dpv:hasDuration": _until(c.expires),
        "dpv:hasConsentStatus": [_status(event) for event in consent.events],
    }


@dataclass(frozen=True, slots=True)
class Page:
    """What the page for the person shows; words are in their language, moments in UTC (ISO 8601)."""

    id: str
    state: str
    rows: Sequence[tuple[str, Sequence[str]]]
    events: Sequence[tuple[str, str, str, str]]
    guardians: Sequence[tuple[str, str]]


def page(kg: KnowledgeGraph, consent: Recorded, language: str) -> Page:
    """The receipt as rows: the key of a heading and the values; the events with kind, time, way and who."""
    c = consent.consent
    kinds = {event.act: CI + event.act for event in c.events}
    names = labels(kg, c.purposes | c.categories | set(kinds.values()), language)

    def named(iris: Iterable[str]) -> list[str]:
        return sorted(names.get(iri) or short(iri) for iri in iris)

    rows: list[tuple[str, Sequence[str]]] = [
        ("purposes", named(c.purposes)),
        ("categories", named(c.categories)),
        ("controller", [_controller(consent, iri) for iri in consent.texts("controller")]),
        ("recipients", consent.texts("recipient")),
        ("storage-place", consent.texts("storagePlace")),
        ("retention", [str(days) for days in consent.retention]),
        ("jurisdiction", consent.texts("jurisdiction")),
        ("notice", [_notice(consent, iri, language) for iri in consent.texts("notice")]),
        ("expires", [stamp(c.expires)] if c.expires else []),
        ("withdrawal-way", consent.texts("withdrawalWay")),
        ("record-schema", consent.texts("recordSchema")),
    ]
    events = [
        (names.get(kinds[event.act]) or event.act, stamp(event.time), event.method, _role(event.entity))
        for event in consent.events
    ]
    guardians = [(_role(a.role), stamp(a.verified) if a.verified else "") for a in consent.authorisations]
    return Page(short(c.iri), consent.state_name, rows, events, guardians)


def _controller(consent: Recorded, iri: str) -> str:
    parts = (consent.text(name, iri) for name in ("controllerAddress", "controllerContact"))
    return "; ".join(part for part in (consent.title(iri, "de"), *parts) if part)


def _notice(consent: Recorded, iri: str, language: str) -> str:
    parts = (consent.text(name, iri) for name in ("noticeVersion", "noticeLanguage"))
    return f"{consent.title(iri, language)} ({', '.join(part for part in parts if part)})"


def _role(entity: str) -> str:
    return entity if entity in ENTITIES else "unknown"


def _labelled(kg: KnowledgeGraph, iris: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Nodes for concepts with their labels."""
    found: dict[str, dict[str, Any]] = {iri: {"@id": iri, "skos:prefLabel": []} for iri in iris}
    for language in ("de", "en"):
        for iri, label in labels(kg, found, language).items():
            found[iri]["skos:prefLabel"].append({"@value": label, "@language": language})
    return found


def _status(event: Event) -> dict[str, Any]:
    return {
        "@id": event.iri,
        "@type": f"dpv:{_STATUS.get(event.act, event.act.value)}",
        "dpv:isIndicatedAtTime": _time(event.time),
        "dpv:isIndicatedBy": {"@type": f"dpv:{event.entity}"} if event.entity in ENTITIES else [],
        "dpv:hasIndicationMethod": event.method or [],
        "dpv:hasDuration": _until(event.expires),
    }


def _until(end: datetime | None) -> dict[str, Any] | list[Any]:
    return {"@type": "dpv:UntilTimeDuration", "rdf:value": _time(end)} if end else []


def _time(at: datetime) -> dict[str, str]:
    return {"@value": stamp(at), "@type": "xsd:dateTime"}
