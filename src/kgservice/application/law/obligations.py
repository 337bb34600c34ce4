"""Records of a person that must not be erased, since a legal basis other than consent holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_subject
from kgservice.application.law import requests
from kgservice.application.views.lawful_parts import GDPR
from kgservice.domain.consent import SUBJECT, Act
from kgservice.domain.decision import Reason, standing, withdrawn_at
from kgservice.domain.model import TYPE
from kgservice.domain.question import compact, with_values
from kgservice.namespaces import CI, DPV, SKOS

_BOUND = f"""PREFIX ci: <{CI}> PREFIX skos: <{SKOS}>
SELECT DISTINCT ?record ?basis {{
  VALUES ?person {{ UNDEF }}
  ?one ci:dataSubject ?person ; ci:legalBasis ?basis .
  FILTER NOT EXISTS {{ ?one a ci:ConsentRecord }}
  FILTER(?basis != <{GDPR}A6-1-a>)
  FILTER NOT EXISTS {{ ?basis (skos:broader|^skos:narrower)* <{DPV}Consent> }}
  ?one ci:usesRecord? ?record
}}"""
# What an invoice or a claim needs of the person who it is about.
_NEEDED = frozenset(
    {TYPE} | {NamedNode(CI + p) for p in ("personName", "postalAddress", "postalCode", "customerNumber")}
)
_SUBJECT = NamedNode(f"{CI}dataSubject")
_SCREENING = NamedNode(f"{CI}screeningOf")
_OVER = frozenset({Reason.EXPIRED, Reason.ENDLESS, Reason.IMPLIED})  # there was a yes, and it holds no more
_STAYING = frozenset(NamedNode(CI + c) for c in ("ConsentRecord", "RightsRequest", *Act))


def records(kg: KnowledgeGraph, person: NamedNode) -> dict[str, list[str]]:
    """The records that another basis holds, and uses of records on such a basis with what they use."""
    found: dict[str, set[str]] = {}
    for record, basis in kg.select(with_values(_BOUND, {"person": person})).rows:
        if isinstance(record, NamedNode) and isinstance(basis, NamedNode):
            found.setdefault(record.value, set()).add(basis.value)
    return {iri: sorted(found[iri]) for iri in sorted(found)}


def told(bound: dict[str, list[str]]) -> str:
    """The records with their bases, for people."""
    shown = [f"{iri} ({', '.join(map(compact, bases))})" for iri, bases in list(bound.items())[:5]]
    return ", ".join(shown) + (" …" if len(bound) > len(shown) else "")


def staying(
    kg: KnowledgeGraph, person: NamedNode, quads: Iterable[Quad], bound: Collection[str]
) -> set[NamedNode]:
    """The nodes that stay: the person, the bound records with parts and screenings, consents, requests."""
    found = {person, *(NamedNode(iri) for iri in bound)}
    quads = list(quads)
    found |= {q.subject for q in quads if q.object in _STAYING and isinstance(q.subject, NamedNode)}
    screenings = (q.subject for q in quads if q.predicate == _SCREENING and q.object in found)
    found |= {node for node in screenings if isinstance(node, NamedNode)}
    waiting = list(found)
    parts: dict[object, list[NamedNode]] = {}
    for quad in quads:
        if isinstance(quad.object, NamedNode) and kg.graphs.is_genid(quad.object):
            parts.setdefault(quad.subject, []).append(quad.object)
    while waiting:
        node = waiting.pop()
        if node == person:
            continue
        new = [part for part in parts.get(node, ()) if part not in found]
        found.update(new)
        waiting += new
    return found


def needless(person: NamedNode, quads: Collection[Quad]) -> set[Quad]:
    """What nodes that stay need not say: more of the person than name and address; whom a screening is of."""
    screenings = {quad.subject for quad in quads if quad.predicate == _SCREENING}
    return {
        quad
        for quad in quads
        if (quad.subject == person and quad.predicate not in _NEEDED)
        or (quad.subject in screenings and quad.predicate == _SUBJECT)
    }


def bases(bound: Mapping[str, list[str]]) -> list[Quad]:
    """Statements that name for each record the basis that holds it."""
    said = [(NamedNode(iri), NamedNode(basis)) for iri, names in bound.items() for basis in names]
    return [quad for record, basis in said for quad in requests.about(record, [("legalBasis", basis)])]


def withdrawals(kg: KnowledgeGraph, person: NamedNode, at: datetime) -> list[Quad]:
    """Events that end the consents in force, or that may come to it: what stays rests on another basis."""
    subject, _ = read_subject(kg, person)
    found: list[Quad] = []
    for consent in subject.consents:
        times = withdrawn_at(consent, at)
        if not times or (times == (at,) and standing(consent, at).reason in _OVER):
            continue
        for time in times:
            event = NamedNode(kg.addresses.new())
            found.append(requests.typed(event, Act.WITHDRAWN))
            said: list[requests.Said] = [
                ("eventOf", NamedNode(consent.iri)),
                ("eventTime", requests.literal(time)),
                ("eventMethod", Literal("request for erasure")),
                ("eventEntity", Literal(SUBJECT)),
            ]
            found += requests.about(event, said)
    return found
