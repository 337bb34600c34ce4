"""All that is kept about a person, for that person: to read (Art. 15 GDPR), and to take along (Art. 20)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from pyoxigraph import NamedNode, Quad, RdfFormat, serialize

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_concepts, read_subject
from kgservice.application.law import activities, beside, consent_records, restricting, subjects, tickets
from kgservice.application.law.beside import stated, value_of
from kgservice.application.links.consequences import untold
from kgservice.application.views.lawful_parts import GDPR
from kgservice.domain.consent import upwards
from kgservice.domain.model import TYPE
from kgservice.domain.rights import Right
from kgservice.namespaces import CI, DPV, PREFIXES

COLUMNS = ("record", "class", "property", "value", "datatype", "language")
_RECORD = NamedNode(f"{CI}CustomerDataRecord")
_CONSENT = NamedNode(f"{CI}ConsentRecord")
_ORIGIN, _BASIS = NamedNode(f"{CI}dataOrigin"), NamedNode(f"{CI}legalBasis")
_THOUGHT_UP = frozenset({NamedNode(f"{CI}DerivedData"), NamedNode(f"{CI}InferredData")})
# Consent and contract (Art. 20(1)(a) GDPR); below these paragraphs there are narrower ones.
_PORTABLE = (f"{GDPR}A6-1-a", f"{GDPR}A6-1-b", f"{GDPR}A9-2-a")
_PORTABLE_TOO = frozenset(
    DPV + name
    for name in (
        *("Consent", "InformedConsent", "ImpliedConsent", "ExpressedConsent", "ExplicitlyExpressedConsent"),
        *("Contract", "ContractPerformance", "EnterIntoContract"),
    )
)

# What Art. 15(1) asks for of a processing activity, and what it rests on.
_ASKED_FOR = (
    *("id", "title", "controller", "purposes", "categories", "recipients", "transfers", "retention"),
    *("legalBases", "exceptions"),
)

# Why a record is left out of what a person takes along.
DERIVED, OTHER_BASIS, OWN_WORK = "derived", "other-basis", "not-provided"


@dataclass(frozen=True, slots=True)
class Data:
    """The statements about a person, by record; `own` are the nodes that are records of the person."""

    person: NamedNode
    quads: Sequence[Quad]
    own: frozenset[NamedNode]

    @classmethod
    def of(cls, kg: KnowledgeGraph, key: str) -> Data:
        """The data of the person with this key. Raises `NotFound`."""
        person = subjects.one(kg, key)
        stated = subjects.quads_of(kg, person)
        quads = sorted(set(stated) - untold(stated), key=str)
        return cls(person, quads, frozenset(subjects.nodes_of(kg, person, quads)))

    def classes(self, node: object) -> list[str]:
        """The classes that a record states."""
        found = (q.object for q in self.quads if q.subject == node and q.predicate == TYPE)
        return sorted(o.value for o in found if isinstance(o, NamedNode))


def access(kg: KnowledgeGraph, key: str) -> dict[str, Any]:
    """All data of the person with what Art. 15(1) asks for, as a JSON object. Raises `NotFound`."""
    data, now = Data.of(kg, key), kg.clock().astimezone(UTC)
    consents = [q.subject for q in data.quads if q.object == _CONSENT and isinstance(q.subject, NamedNode)]
    recorded = [consent_records.recorded(kg, node.value) for node in consents]
    used = _activities(kg, data)
    days = {days for one in recorded for days in one.retention} | _of(used, "retention")
    nodes = sorted(data.own, key=lambda node: (node != data.person, data.classes(node), node.value))
    return {
        **subjects.summary(kg, key),
        "data": [_record(data, node) for node in nodes],
        "others": [stated(q) for q in data.quads if q.subject not in data.own],
        "crmRecords": beside.rows(kg, data.person),
        **beside.mentions(kg, data.person),
        "purposes": sorted({iri for one in recorded for iri in one.consent.purposes} | _of(used, "purposes")),
        "categories": sorted(
            {iri for one in recorded for iri in one.consent.categories} | _of(used, "categories")
        ),
        "recipients": sorted(
            {name for one in recorded for name in one.texts("recipient")} | _of(used, "recipients")
        ),
        "retention": sorted(days, key=lambda one: (isinstance(one, str), one)),
        "activities": used,
        "consents": [one.to_json() for one in recorded],
        "requests": [tickets.to_json(ticket, now) for ticket in tickets.of(kg, data.person)],
        "restrictions": restricting.of(kg, data.person),
    }


def asked_by(kg: KnowledgeGraph, key: str, right: Right) -> str:
    """The IRI of the ticket that reading the data answers: the only one for it that is open, or "".

    Raises `NotFound` for the person.
    """
    waiting = tickets.waiting(kg, subjects.one(kg, key), right)
    return waiting[0].iri if len(waiting) == 1 else ""


def jsonld(quads: Iterable[Quad]) -> bytes:
    """Statements as JSON-LD with the prefixes of the project."""
    triples = dict.fromkeys(quad.triple for quad in quads)
    written = serialize(triples, format=RdfFormat.JSON_LD, prefixes=PREFIXES)
    assert written is not None
    return written


def taken_along(kg: KnowledgeGraph, key: str) -> tuple[list[Quad], dict[str, str]]:
    """What the person provided, also by using things, on consent or contract; and why other records are out.

    Raises `NotFound`.
    """
    data = Data.of(kg, key)
    out: dict[str, str] = {}
    records = {_RECORD, *kg.model.subclasses.get(_RECORD, ())}
    for node in data.own - {data.person}:
        if not kg.graphs.is_genid(node) and (reason := _left_out(data, node, records)):
            out[node.value] = reason
    into = {node for node in data.own if node.value not in out and not kg.graphs.is_genid(node)}
    waiting = list(into)
    while waiting:
        node = waiting.pop()
        parts = {q.object for q in data.quads if q.subject == node and kg.graphs.is_genid(q.object)}
        new = {part for part in parts if isinstance(part, NamedNode)} - into
        into |= new
        waiting += new
    into_it = [q for q in data.quads if q.subject in into and str(q.object).strip("<>") not in out]
    return into_it, dict(sorted(out.items()))


def chosen(kg: KnowledgeGraph, key: str) -> dict[str, Any]:
    """Which records the person takes along, and which are left out and why, as a JSON object."""
    quads, out = taken_along(kg, key)
    taken = {quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode)}
    left = [{"record": iri, "reason": reason} for iri, reason in out.items()]
    return {"statements": len(quads), "records": sorted(taken), "leftOut": left}


def table(quads: Iterable[Quad]) -> bytes:
    """Statements as CSV (RFC 4180), one in a row, by `COLUMNS`; IRIs are written out."""
    quads = list(quads)
    classes = {
        q.subject: q.object.value for q in quads if q.predicate == TYPE and isinstance(q.object, NamedNode)
    }
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for quad in quads:
        said = value_of(quad)
        row = (str(quad.subject).strip("<>"), classes.get(quad.subject, ""), said["property"])
        writer.writerow((*row, said["value"], said.get("datatype") or "", said.get("language") or ""))
    return out.getvalue().encode()


def _activities(kg: KnowledgeGraph, data: Data) -> list[dict[str, Any]]:
    """The processing activities that may use data of the person without consent, in the profile `gdpr`."""
    if kg.policy.profile != "gdpr":
        return []
    terms = {q.object for q in data.quads if q.predicate == TYPE} | {q.predicate for q in data.quads}
    of_terms = kg.model.categories
    found = {c.value for term in terms if isinstance(term, NamedNode) for c in of_terms.get(term, ())}
    concepts, (_, known) = read_concepts(kg), read_subject(kg, data.person)
    held = {broader for category in found for broader in upwards(category, concepts.categories)}
    used = {activity.iri for activity in known if not held.isdisjoint(activity.categories)}
    recorded = (one for one in activities.record(kg)["activities"] if one["id"] in used)
    return [{name: one[name] for name in _ASKED_FOR} for one in recorded]


def _of(used: Iterable[dict[str, Any]], name: str) -> set[Any]:
    """The values of a member of all activities; of a concept its IRI."""
    return {value["id"] if isinstance(value, dict) else value for one in used for value in one[name]}


def _record(data: Data, node: NamedNode) -> dict[str, Any]:
    said = [value_of(q) for q in data.quads if q.subject == node and q.predicate != TYPE]
    return {"id": node.value, "classes": data.classes(node), "values": said}


def _left_out(data: Data, node: NamedNode, records: set[NamedNode]) -> str:
    said = [q for q in data.quads if q.subject == node]
    if not any(q.predicate == TYPE and q.object in records for q in said):
        return OWN_WORK
    if any(q.predicate == _ORIGIN and q.object in _THOUGHT_UP for q in said):
        return DERIVED
    bases = [q.object.value for q in said if q.predicate == _BASIS and isinstance(q.object, NamedNode)]
    if bases and not any(basis.startswith(_PORTABLE) or basis in _PORTABLE_TOO for basis in bases):
        return OTHER_BASIS
    return ""
