"""Tickets of the requests of persons, read: which there are, which wait, and until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.findings import moment_of
from kgservice.application.law.decisions import named, stamp
from kgservice.domain.question import with_values
from kgservice.domain.rights import Outcome, Right, Ticket
from kgservice.errors import BadParameter, NotFound
from kgservice.namespaces import CI
from kgservice.store.base import Term

STATUSES = ("open", "overdue", "answered")
RIGHTS = tuple(right.value for right in Right)
_SAID = f"""PREFIX ci: <{CI}>
SELECT ?ticket ?p ?o {{
  VALUES ?ticket {{ UNDEF }} VALUES ?person {{ UNDEF }}
  ?ticket a ci:RightsRequest ; ?p ?o
  FILTER(!BOUND(?person) || EXISTS {{ ?ticket ci:dataSubject ?person }})
}}"""


def listed(kg: KnowledgeGraph, status: str | None = None, kind: str | None = None) -> dict[str, Any]:
    """The tickets that fit, the most urgent first, as a JSON object. Raises `BadParameter`."""
    for name, value, known in (("status", status, STATUSES), ("kind", kind, RIGHTS)):
        if value is not None and value not in known:
            raise BadParameter(
                "{value!r} is none of {known}", value=value[:80], known=", ".join(known), source=name
            )
    now = kg.clock().astimezone(UTC)
    found = [
        ticket
        for ticket in _read(kg)
        if kind in (None, ticket.right) and (status is None or _has_status(ticket, status, now))
    ]
    last = datetime.max.replace(tzinfo=UTC)
    found.sort(key=lambda ticket: (not ticket.is_open, ticket.due or last, ticket.iri))
    return {"requests": [to_json(ticket, now) for ticket in found]}


def one(kg: KnowledgeGraph, key: str) -> Ticket:
    """The ticket called `key`: its IRI, or the UUID that ends it. Raises `NotFound`."""
    try:
        node = named(kg, key, "id")
    except BadParameter:
        raise NotFound("{key!r} is no name of a request", key=key[:80]) from None
    found = _read(kg, ticket=node)
    if not found:
        raise NotFound("There is no request {node}", node=node.value)
    return found[0]


def of(kg: KnowledgeGraph, person: NamedNode) -> list[Ticket]:
    """The tickets of a person, as they came."""
    first = datetime.min.replace(tzinfo=UTC)
    return sorted(_read(kg, person=person), key=lambda ticket: (ticket.received or first, ticket.iri))


def waiting(kg: KnowledgeGraph, person: NamedNode, right: Right) -> list[Ticket]:
    """The open tickets of a person for a right, as they came."""
    return [ticket for ticket in of(kg, person) if ticket.is_open and ticket.right is right]


def to_json(ticket: Ticket, now: datetime) -> dict[str, Any]:
    """A ticket as a JSON object."""
    return {
        "id": ticket.iri,
        "kind": ticket.right.value if ticket.right else None,
        "status": ticket.status(now),
        "outcome": ticket.outcome.word if ticket.outcome else None,
        "received": stamp(ticket.received) if ticket.received else None,
        "due": stamp(ticket.due) if ticket.due else None,
        "answered": stamp(ticket.answered) if ticket.answered else None,
        "reason": ticket.reason or None,
        "subject": ticket.subject or None,
        "tombstone": ticket.tombstone or None,
        "reference": ticket.reference or None,
    }


def _has_status(ticket: Ticket, status: str, now: datetime) -> bool:
    """Whether a ticket has a status; an overdue one is open as well."""
    return ticket.status(now) == status or (status == "open" and ticket.is_open)


def _read(
    kg: KnowledgeGraph, *, ticket: NamedNode | None = None, person: NamedNode | None = None
) -> list[Ticket]:
    given = {"ticket": ticket, "person": person}
    rows = kg.select(with_values(_SAID, {name: node for name, node in given.items() if node})).rows
    said: dict[str, dict[str, Term]] = {}
    for s, p, o in sorted(rows, key=str):
        if isinstance(s, NamedNode) and isinstance(p, NamedNode) and o is not None:
            said.setdefault(s.value, {})[p.value.removeprefix(CI)] = o
    return [_ticket(iri, values) for iri, values in said.items()]


def _ticket(iri: str, said: dict[str, Term]) -> Ticket:
    values = {name: o.value for name, o in said.items() if isinstance(o, NamedNode | Literal)}
    concepts = {name: values.get(name, "").removeprefix(CI) for name in ("requestKind", "requestOutcome")}
    return Ticket(
        iri,
        next((right for right in Right if right.kind == concepts["requestKind"]), None),
        next((outcome for outcome in Outcome if outcome == concepts["requestOutcome"]), None),
        _utc(said.get("receivedAt")),
        _utc(said.get("dueAt")),
        _utc(said.get("answeredAt")),
        values.get("description", ""),
        values.get("dataSubject", ""),
        values.get("hasTombstone", ""),
        values.get("correspondenceReference", ""),
    )


def _utc(value: Term | None) -> datetime | None:
    found = moment_of(value)
    return found.astimezone(UTC) if found else None
