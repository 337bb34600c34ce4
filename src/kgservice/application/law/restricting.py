"""Restrict the use of a person's data (Art. 18 GDPR), lift that, and take an objection (Art. 21).

A restriction is a `ci:Restriction` in the graph of the person. It restricts the records that it names
(`ci:restricts`); one that names none restricts all of the person's data, also what comes later. It holds from
`ci:validFrom` until before `ci:validUntil`, or for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.findings import moment_of
from kgservice.application.law import requests, subjects
from kgservice.application.law.decisions import named, stamp
from kgservice.domain.change import LOCAL, Change, Origin
from kgservice.domain.members import Members
from kgservice.domain.question import with_values
from kgservice.domain.rights import Right
from kgservice.errors import BadParameter, Conflict, NotFound
from kgservice.namespaces import CI
from kgservice.store.base import Term

SOURCE = "/subjects"
_UNTIL = NamedNode(f"{CI}validUntil")
_SAID = f"""PREFIX ci: <{CI}>
SELECT ?restriction ?p ?o {{
  VALUES ?person {{ UNDEF }} ?restriction a ci:Restriction ; ci:dataSubject ?person ; ?p ?o
}}"""
_OWNED = f"ASK {{ VALUES ?record {{ UNDEF }} VALUES ?person {{ UNDEF }} ?record <{CI}dataSubject> ?person }}"


def of(kg: KnowledgeGraph, person: NamedNode) -> list[dict[str, Any]]:
    """The restrictions of the person as JSON objects, the newest first. `records` is empty: all data."""
    now = kg.clock().astimezone(UTC)
    said: dict[str, dict[str, list[Term]]] = {}
    for s, p, o in kg.select(with_values(_SAID, {"person": person})).rows:
        if isinstance(s, NamedNode) and isinstance(p, NamedNode) and o is not None:
            said.setdefault(s.value, {}).setdefault(p.value.removeprefix(CI), []).append(o)
    found = []
    for iri, values in said.items():
        begin, end = _time(values, "validFrom"), _time(values, "validUntil")
        texts = [o.value for o in values.get("description", ()) if isinstance(o, Literal)]
        found.append(
            {
                "id": iri,
                "records": sorted(o.value for o in values.get("restricts", ()) if isinstance(o, NamedNode)),
                "from": stamp(begin) if begin else None,
                "until": stamp(end) if end else None,
                "holds": (begin is None or begin <= now) and (end is None or now < end),
                "reason": " ".join(sorted(texts)) or None,
            }
        )
    return sorted(found, key=lambda one: (one["from"] or "", one["id"]), reverse=True)


@dataclass(frozen=True, slots=True)
class Restricted:
    """The IRIs of a restriction that was made, and of the ticket that it answered."""

    iri: str
    ticket: str

    def to_json(self, kg: KnowledgeGraph, key: str) -> dict[str, Any]:
        """The restriction of this person as a JSON object, with its ticket as `request`."""
        (found,) = (one for one in of(kg, subjects.one(kg, key)) if one["id"] == self.iri)
        return {**found, "request": self.ticket}


def restrict(kg: KnowledgeGraph, key: str, body: Any, by: Origin = LOCAL) -> Restricted:
    """Restrict all data of the person, or only some `records`.

    Raises `NotFound`, `BadParameter` for records of somebody else or a begin in the future, with which the
    request would not be fulfilled, and what `requests.settle` raises.
    """
    with kg.writing:
        person, asked, now = subjects.one(kg, key), Members(body), kg.clock().astimezone(UTC)
        records = [_record(kg, person, one) for one in asked.texts("records")] if asked.has("records") else []
        begin = asked.moment("from", now)
        if begin > now:
            raise BadParameter("{time} lies in the future", time=stamp(begin), source="from")
        reason = asked.text("reason") if asked.has("reason") else ""
        ticket = requests.settle(kg, person, Right.RESTRICTION, asked)
        asked.done()
        node = NamedNode(kg.addresses.new())
        said: list[requests.Said] = [("dataSubject", person), ("validFrom", requests.literal(begin))]
        said += [("restricts", record) for record in records]
        if reason:
            said.append(("description", Literal(reason)))
        add = (requests.typed(node, "Restriction"), *requests.about(node, said), *ticket.add)
        origin = by.because("data restricted", SOURCE)
        kg.commit(Change(add=add, remove=ticket.remove, origin=origin, lawful=True))
    return Restricted(node.value, ticket.ticket.value)


def lift(kg: KnowledgeGraph, key: str, restriction: str, body: Any, by: Origin = LOCAL) -> str:
    """End a restriction of the person, who has been `informed` of it before (Art. 18(3)); its IRI.

    One that would end by itself later ends then. Raises `NotFound`, `Conflict` for one that has ended,
    `BadParameter` when the person was not informed.
    """
    with kg.writing:
        person, asked, now = subjects.one(kg, key), Members(body), kg.clock().astimezone(UTC)
        time = asked.moment("time", now)
        informed = asked.flag("informed")
        asked.done()
        if not informed:
            raise BadParameter("Inform the person first (Art. 18(3) GDPR), and say so", source="informed")
        node = _named(kg, restriction, "id")
        known = {one["id"]: one for one in of(kg, person)}
        if node.value not in known:
            raise NotFound("The person has no restriction {node}", node=node.value)
        until = known[node.value]["until"]
        if until is not None and until <= stamp(now):
            raise Conflict("This restriction was lifted at {until}", until=until)
        if time > now or stamp(time) < (known[node.value]["from"] or ""):
            raise BadParameter("{time} is not between its begin and now", time=stamp(time), source="time")
        add = requests.about(node, [("validUntil", requests.literal(time))])
        later = [q for q in kg.store.match([(node, _UNTIL, None)]) if kg.graphs.is_record(q.graph_name)]
        kg.commit(Change(add=add, remove=tuple(later), origin=by.because("restriction lifted", SOURCE)))
    return node.value


def object_(kg: KnowledgeGraph, key: str, body: Any, by: Origin = LOCAL) -> str:
    """Take an objection; the IRI of its ticket. It counts from when it came, until it is refused.

    Raises `NotFound`, `BadParameter`.
    """
    asked = {**body, "subject": key, "kind": Right.OBJECTION.value} if isinstance(body, dict) else body
    return requests.open_(kg, asked, by)


def _record(kg: KnowledgeGraph, person: NamedNode, value: str) -> NamedNode:
    node = _named(kg, value, "records")
    if not kg.ask(with_values(_OWNED, {"record": node, "person": person})):
        raise BadParameter("{node} is no record of this person", node=node.value, source="records")
    return node


def _named(kg: KnowledgeGraph, value: str, source: str) -> NamedNode:
    try:
        return named(kg, value, source)
    except BadParameter:
        if source == "records":
            raise
        raise NotFound("{value!r} is no name of a restriction", value=value[:80]) from None


def _time(values: dict[str, list[Term]], name: str) -> datetime | None:
    found = [at.astimezone(UTC) for term in values.get(name, ()) if (at := moment_of(term))]
    return min(found, default=None)
