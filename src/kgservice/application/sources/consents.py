"""Consents that a CRM tells of: only where a row says how it was given, and the source says to what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from pyoxigraph import Literal, NamedNode, Triple

from kgservice.application.changes import views
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_subject
from kgservice.application.links.consequences import in_records
from kgservice.application.sources.row_graphs import Row, at
from kgservice.crm.becoming import Agreement
from kgservice.domain.consent import AGREEING, Act, Consent
from kgservice.domain.crm_field import moment_of
from kgservice.domain.link import Link
from kgservice.namespaces import DPV
from kgservice.store.base import Term

_ENDING = {"withdrawn": Act.WITHDRAWN, "refused": Act.WITHDRAWN}


def told(
    kg: KnowledgeGraph, row: Row, person: Link | None, agreement: Agreement | None, recorded: datetime
) -> list[tuple[str, Term | str]]:
    """What a mapping is told of a consent: the event that a row of preferences makes, and a new consent.

    Nothing where the row does not say how (`origin`) and when (`moment`) it was given, or the source not to
    what; nothing again once the event is there. A refusal ends a consent that this row gave, also where it
    does not say when: it may keep the day of the giving, or have none (see `_ended_at`).
    """
    if agreement is None or person is None:
        return []
    state, moment, consent = str(row.get("state")), moment_of(row.get("moment")), _node(kg, row, person)
    if state not in _ENDING and (moment is None or _has(kg, _event(kg, consent, state, moment))):
        return []
    known = _consent(kg, person.customer, consent) if _has(kg, consent) else None
    act = _act(state, known, origin=bool(row.get("origin")))
    last = max((one.time for one in known.events), default=None) if known else None
    time = _ended_at(row, recorded, last, kg.clock()) if act is Act.WITHDRAWN else moment
    if act is None or time is None or (last is not None and last >= time):
        return []
    event = _event(kg, consent, state, time)
    found: list[tuple[str, Term | str]] = [
        ("event", event),
        ("eventKind", act.value),
        ("eventTime", at(time)),
        ("consent", consent),
    ]
    if known is None:
        found += _new(consent, agreement)
        found.append(("expires", at(time + timedelta(days=agreement.days))))
    return found


def _event(kg: KnowledgeGraph, consent: NamedNode, state: str, time: datetime) -> NamedNode:
    return NamedNode(kg.addresses.instance("crm-consent-event", consent.value, state, time.isoformat()))


def _has(kg: KnowledgeGraph, node: NamedNode) -> bool:
    """Whether the records say something of it."""
    return bool(in_records(kg, [(node, None, None)]))


def _ended_at(row: Row, recorded: datetime, last: datetime | None, now: datetime) -> datetime | None:
    """When a row ended a consent: what it says, else when it was changed, else when it came as it is.

    The first of these that is later than the last event. If none is, the row was known when the consent was
    given again, and says nothing new.
    """
    for time in (moment_of(row.get("moment")), moment_of(row.get("updated")), recorded):
        if time is not None and time <= now and (last is None or time > last):
            return time
    return None


def stands(kg: KnowledgeGraph, triple: Triple) -> bool:
    """Whether the records say it already."""
    return bool(in_records(kg, views.exactly([triple])))


def _node(kg: KnowledgeGraph, row: Row, person: Link) -> NamedNode:
    """The consent of a row: another one for another person."""
    return NamedNode(
        kg.addresses.instance("crm-consent", str(row["source"]), str(row["key"]), person.customer)
    )


def _consent(kg: KnowledgeGraph, person: str, node: NamedNode) -> Consent | None:
    subject, _ = read_subject(kg, NamedNode(person))
    return next((one for one in subject.consents if one.iri == node.value), None)


def _act(state: str, known: Consent | None, *, origin: bool) -> Act | None:
    """The event that a state makes of what is known; None if it makes none."""
    last = max(known.events, key=lambda one: one.time).act if known and known.events else None
    if state == "given":
        return None if not origin or last in AGREEING else Act.GIVEN if last is None else Act.RENEWED
    return _ENDING.get(state) if last in AGREEING else None


def _new(consent: NamedNode, on: Agreement) -> Iterator[tuple[str, Term | str]]:
    yield "newConsent", consent
    yield "consentBasis", NamedNode(f"{DPV}ExpressedConsent")
    yield "notice", NamedNode(on.notice)
    yield "controller", NamedNode(on.controller)
    yield "storagePlace", on.storage_place
    yield "jurisdiction", on.jurisdiction
    yield "withdrawalWay", on.withdrawal_way
    yield "retention", Literal(on.retention)
    for name, values in (("agreedPurpose", on.purposes), ("agreedCategory", on.categories)):
        for iri in values:
            yield name, NamedNode(iri)
    for recipient in on.recipients or ("none",):
        yield "recipient", recipient
