"""What the graph says of a linked CRM record: its fields, their decisions, and whether it was deleted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.findings import moment, moment_of
from kgservice.application.links.consequences import in_records, said, subjects
from kgservice.application.links.statements import Places, restriction_iri
from kgservice.domain.crm_claims import Old
from kgservice.domain.crm_field import Side
from kgservice.domain.field_decision import FieldDecision, FieldVerdict
from kgservice.domain.link import PERSONS, Link
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI, XSD

CONSENT_STATE = NamedNode(f"{CI}crmConsentState")
OPTED_OUT = "opted_out"  # the field of a conflict between an opt-out and a consent
DELETED = "deleted"  # the field of a conflict between a link and a CRM that has the record no more
_OF_RECORD, _NAME = NamedNode(f"{CI}ofCrmRecord"), NamedNode(f"{CI}fieldName")
_VALUE, TAKEN = NamedNode(f"{CI}fieldValue"), NamedNode(f"{CI}takenOver")
REPLACED, _GRAPH_AT = NamedNode(f"{CI}replacedValue"), NamedNode(f"{CI}graphValueAt")
_WINS = NamedNode(f"{CI}wins")
_CHANGED, _DECIDES = NamedNode(f"{CI}valueChangedAt"), NamedNode(f"{CI}decides")
_VERDICT, _NUMBER = NamedNode(f"{CI}verdict"), NamedNode(f"{CI}decisionNumber")
_SETTLED = NamedNode(f"{CI}settledValues")
UNTIL = NamedNode(f"{CI}validUntil")


@dataclass(slots=True)
class Field(Old):
    """What was kept of a field, and the quads that say it."""

    quads: set[Quad] = field(default_factory=set)


@dataclass(slots=True)
class Was:
    """What the graph says of a record now: the `quads` that a row decides about, and the fields by name."""

    quads: set[Quad]
    fields: dict[str, Field]
    decided: dict[str, list[FieldDecision]] = field(default_factory=dict)

    @classmethod
    def of(cls, kg: KnowledgeGraph, link: Link) -> Was:
        """Read it."""
        record = NamedNode(link.record)
        nodes = subjects(in_records(kg, [(None, _OF_RECORD, record)]))
        fields: dict[str, Field] = {}
        quads = in_records(kg, [(record, CONSENT_STATE, None)])
        for node in nodes:
            own = said(kg, [node])
            texts: dict[NamedNode, set[str]] = {}
            for quad in own:
                if isinstance(quad.object, Literal):
                    texts.setdefault(quad.predicate, set()).add(quad.object.value)
            name = min(texts.get(_NAME, {""}))
            if name == OPTED_OUT:
                continue  # that is no value of a row
            quads |= own
            old = fields.setdefault(name, Field())
            old.texts |= texts.get(_VALUE, set())
            old.quads |= own
            for text in texts.get(_CHANGED, ()):
                old.time = moment_of(Literal(text))
            if "true" in texts.get(TAKEN, ()):
                old.taken |= texts.get(_VALUE, set())
            old.replaced |= texts.get(REPLACED, set())
            for text in texts.get(_GRAPH_AT, ()):
                old.graph_at = moment_of(Literal(text))
            for text in texts.get(_WINS, ()):
                old.rule = Side(text)
        return cls(quads, fields, decisions(kg, link))


def decisions(kg: KnowledgeGraph, link: Link) -> dict[str, list[FieldDecision]]:
    """What persons decided on fields of the record of a link, by field."""
    found: dict[str, list[FieldDecision]] = {}
    for node in subjects(in_records(kg, [(None, _DECIDES, NamedNode(link.node))])):
        texts = {q.predicate: q.object.value for q in said(kg, [node]) if not isinstance(q.object, Triple)}
        verdict = texts.get(_VERDICT, "").removeprefix(CI)
        if verdict in set(FieldVerdict):
            one = FieldDecision(int(texts.get(_NUMBER, 0)), FieldVerdict(verdict), texts.get(_SETTLED, ""))
            found.setdefault(texts.get(_NAME, ""), []).append(one)
    return found


def field_value(
    link: Link,
    places: Places,
    name: str,
    more: Iterable[tuple[str, Literal]],
    *,
    number: int = 0,
    prop: str = "",
) -> set[Triple]:
    """One value of a field of a record, in the graph of whom the record is linked to."""
    addresses = places.addresses
    node = NamedNode(addresses.instance("crm-field", link.record, name, str(number)))
    found = {
        Triple(node, TYPE, NamedNode(f"{CI}CrmFieldValue")),
        Triple(node, _OF_RECORD, NamedNode(link.record)),
        Triple(node, _NAME, Literal(name)),
        *(Triple(node, NamedNode(CI + key), value) for key, value in more),
    }
    if prop:
        found.add(Triple(node, NamedNode(f"{CI}fieldProperty"), Literal(CI + prop)))
    if link.kind == PERSONS:
        found.add(Triple(node, NamedNode(f"{CI}dataSubject"), NamedNode(link.customer)))
        return found
    return found | places.in_projects(node, link.customer)


def at(time: datetime) -> Literal:
    """A moment as the store holds it, so that it can be compared."""
    return Literal(moment(time).value.replace("+00:00", "Z"), datatype=NamedNode(f"{XSD}dateTime"))


def restriction(kg: KnowledgeGraph, link: Link, *, holds: bool) -> tuple[set[Triple], set[Quad]]:
    """What to add and remove so that a record is restricted, since it was deleted in the CRM, or no more."""
    node, now = restriction_iri(kg.addresses, NamedNode(link.record)), kg.clock()
    there = said(kg, [node])
    ended = {quad for quad in there if quad.predicate == UNTIL}
    if holds and not there:
        new: list[tuple[NamedNode, NamedNode | Literal]] = [
            (TYPE, NamedNode(f"{CI}Restriction")),
            (NamedNode(f"{CI}dataSubject"), NamedNode(link.customer)),
            (NamedNode(f"{CI}restricts"), NamedNode(link.record)),
            (NamedNode(f"{CI}validFrom"), moment(now)),
            (NamedNode(f"{CI}description"), Literal("deleted in the CRM")),
        ]
        return {Triple(node, prop, value) for prop, value in new}, set()
    if holds:
        return set(), ended
    return ({Triple(node, UNTIL, moment(now))} if there and not ended else set()), set()


def missing(kg: KnowledgeGraph, link: Link, places: Places) -> set[Triple]:
    """What to add so that a person decides on the link of an organisation that was deleted in the CRM.

    It goes with the next row that is there, or with the link.
    """
    more = [
        ("wins", Literal(Side.STEWARD.value)),
        ("fieldValue", Literal("deleted")),
        ("graphValue", Literal("linked")),
    ]
    node = NamedNode(places.addresses.instance("crm-field", link.record, DELETED, "0"))
    return field_value(link, places, DELETED, more) - {quad.triple for quad in said(kg, [node])}
