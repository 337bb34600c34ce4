"""Consents in force that end by date before long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.question import with_values
from kgservice.namespaces import CI, XSD

DAYS = 60
"""How far ahead is looked."""
_IN_FORCE = (f"{CI}ConsentGiven", f"{CI}ConsentRenewed")
_SETTLING = (*_IN_FORCE, f"{CI}ConsentRefused", f"{CI}ConsentWithdrawn", f"{CI}ConsentExpired")
# Two queries, since one would look at the events of all consents.
_ENDING = f"""PREFIX ci: <{CI}>
SELECT ?consent ?until WHERE {{
  VALUES ?now {{ UNDEF }}
  VALUES ?end {{ UNDEF }}
  ?consent ci:expiresAt ?until FILTER(?until > ?now && ?until <= ?end)
}}"""
_EVENTS = f"""PREFIX ci: <{CI}>
SELECT ?consent ?kind ?time WHERE {{
  VALUES ?consent {{ UNDEF }}
  VALUES ?kind {{ UNDEF }}
  ?consent a ci:ConsentRecord ; ci:hasEvent ?event .
  ?event a ?kind ; ci:eventTime ?time
}}"""
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Expiring:
    """A consent and the moment at which it ends."""

    consent: str
    until: datetime


def expiring(kg: KnowledgeGraph) -> tuple[Expiring, ...]:
    """The consents in force that end within `DAYS` days, the next one first.

    Keep the answer until `kg.state` changes or a day has passed, and leave out what has ended since.
    """
    now = kg.clock()
    terms = {"now": _moment(now), "end": _moment(now + timedelta(days=DAYS))}
    ends: dict[NamedNode, datetime] = {}
    for consent, until in kg.select(with_values(_ENDING, terms)).rows:
        if isinstance(consent, NamedNode) and isinstance(until, Literal):
            end = datetime.fromisoformat(until.value)
            ends[consent] = min(ends.get(consent, end), end)
    held = _in_force(kg, list(ends), now)
    found = [Expiring(consent.value, ends[consent]) for consent in held]
    return tuple(sorted(found, key=lambda one: (one.until, one.consent)))


def _in_force(kg: KnowledgeGraph, nodes: Sequence[NamedNode], now: datetime) -> list[NamedNode]:
    """Those of the nodes that are consents whose last event until now gave or renewed them."""
    kinds = [NamedNode(kind) for kind in _SETTLING]
    last: dict[NamedNode, tuple[datetime, str]] = {}
    for start in range(0, len(nodes), _AT_ONCE):
        asked = {"consent": nodes[start : start + _AT_ONCE], "kind": kinds}
        for consent, kind, time in kg.select(with_values(_EVENTS, asked)).rows:
            if isinstance(consent, NamedNode) and isinstance(kind, NamedNode) and isinstance(time, Literal):
                event = datetime.fromisoformat(time.value), kind.value
                if event[0] <= now:
                    last[consent] = max(last.get(consent, event), event)
    return [consent for consent, (_, kind) in last.items() if kind in _IN_FORCE]


def _moment(moment: datetime) -> Literal:
    return Literal(moment.isoformat().replace("+00:00", "Z"), datatype=NamedNode(f"{XSD}dateTime"))
