"""All that is kept about a person, for that person: to read (Art. 15 GDPR), and to take along (Art. 20)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, serialize

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.law import consent_records, requests, restricting, subjects
from kgservice.application.law.decisions import stamp
from kgservice.application.links.consequences import untold
from kgservice.application.views.lawful_parts import GDPR
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI, DPV, PREFIXES, XSD

COLUMNS = ("record", "class", "property", "value", "datatype", "language")
_RECORD = NamedNode(f"{CI}CustomerDataRecord")
_CONSENT = NamedNode(f"{CI}ConsentRecord")
_ORIGIN, _BASIS = NamedNode(f"{CI}dataOrigin"), NamedNode(f"{CI}legalBasis")
_THOUGHT_UP = frozenset({NamedNode(f"{CI}DerivedData"), NamedNode(f"{CI}InferredData")})
_MOMENTS = frozenset(f"{XSD}{name}" for name in ("date", "dateTime", "dateTimeStamp"))
# Consent and contract (Art. 20(1)(a) GDPR); below these paragraphs there are narrower ones.
_PORTABLE = (f"{GDPR}A6-1-a", f"{GDPR}A6-1-b", f"{GDPR}A9-2-a")
_PORTABLE_TOO = frozenset(
    DPV + name
    for name in (
        *("Consent", "InformedConsent", "ImpliedConsent", "ExpressedConsent", "ExplicitlyExpressedConsent"),
        *("Contract", "ContractPerformance", "EnterIntoContract"),
    )
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
    nodes = sorted(data.own, key=lambda node: (node != data.person, data.classes(node), node.value))
    return {
        **subjects.summary(kg, key),
        "data": [_record(data, node) for node in nodes],
        "others": [_said(q) | {"record": str(q.subject)} for q in data.quads if q.subject not in data.own],
        "purposes": sorted({iri for one in recorded for iri in one.consent.purposes}),
        "categories": sorted({iri for one in recorded for iri in one.consent.categories}),
        "recipients": sorted({name for one in recorded for name in one.texts("recipient")}),
        "retention": sorted({days for one in recorded for days in one.retention}),
        "consents": [one.to_json() for one in recorded],
        "requests": [requests.to_json(ticket, now) for ticket in requests.of(kg, data.person)],
        "restrictions": restricting.of(kg, data.person),
    }


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
        said = _said(quad)
        row = (str(quad.subject).strip("<>"), classes.get(quad.subject, ""), said["property"])
        writer.writerow((*row, said["value"], said.get("datatype") or "", said.get("language") or ""))
    return out.getvalue().encode()


@dataclass(frozen=True, slots=True)
class Page:
    """What the page for the person shows: records with their kind and rows of label and value.

    With each value, whether it is a day or moment (ISO 8601).
    """

    name: str
    at: str
    records: Sequence[tuple[str, Sequence[tuple[str, str, bool]]]]
    facts: Sequence[tuple[str, Sequence[str]]]
    consents: Sequence[tuple[str, str]]
    requests: Sequence[Mapping[str, Any]]
    restrictions: Sequence[Mapping[str, Any]]


def page(kg: KnowledgeGraph, key: str, language: str) -> Page:
    """The data as a page for the person, in their words. Raises `NotFound`."""
    found = access(kg, key)
    iris = {iri for one in found["data"] for iri in one["classes"]}
    iris |= {said["property"] for one in found["data"] for said in one["values"]}
    iris |= {said["value"] for one in found["data"] for said in one["values"] if said["datatype"] is None}
    names = labels(kg, {iri for iri in iris if _is_iri(iri)}, language)

    def named(iri: str) -> str:
        return names.get(iri) or short(iri)

    records = [
        (
            ", ".join(map(named, one["classes"])) or short(one["id"]),
            sorted(
                (
                    named(s["property"]),
                    s["value"] if s["datatype"] else named(s["value"]),
                    s["datatype"] in _MOMENTS,
                )
                for s in one["values"]
            ),
        )
        for one in found["data"]
    ]
    more = labels(kg, [*found["purposes"], *found["categories"]], language)
    facts = [
        (part, sorted(more.get(iri) or short(iri) for iri in found[part]))
        for part in ("purposes", "categories")
    ]
    facts += [("recipients", found["recipients"]), ("retention", [str(days) for days in found["retention"]])]
    consents = [(short(one["id"]), one["state"]) for one in found["consents"]]
    return Page(
        found["name"] or short(found["iri"]),
        stamp(kg.clock()),
        records,
        facts,
        consents,
        found["requests"],
        found["restrictions"],
    )


def _record(data: Data, node: NamedNode) -> dict[str, Any]:
    said = [_said(q) for q in data.quads if q.subject == node and q.predicate != TYPE]
    return {"id": node.value, "classes": data.classes(node), "values": said}


def _said(quad: Quad) -> dict[str, Any]:
    o = quad.object
    if isinstance(o, Literal):
        value, datatype, language = o.value, o.datatype.value, o.language
    else:
        value, datatype, language = str(o).strip("<>"), None, None
    return {"property": quad.predicate.value, "value": value, "datatype": datatype, "language": language}


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


def _is_iri(value: str) -> bool:
    try:
        return bool(NamedNode(value))
    except ValueError:
        return False
