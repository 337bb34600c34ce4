"""The customer journeys that a view has: which there are, and one with all that a map of it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pyoxigraph import Literal, NamedNode

from kgservice.application.answers.journey_steps import steps_of
from kgservice.application.answers.small_groups import personal
from kgservice.application.graph.described import iri, iris, linked, rows, text, things, values
from kgservice.application.views.reader import Reader
from kgservice.domain.clock import Clock
from kgservice.domain.journey import Journey
from kgservice.domain.journey_map import JourneyMap, mapped
from kgservice.domain.question import with_values
from kgservice.domain.trace import Thing
from kgservice.errors import BadParameter, NotFound
from kgservice.namespaces import CI, XSD

MOST = 200
"""Journeys of customers that a list tells at once."""

_PREFIX = "PREFIX ci: <https://w3id.org/kgservice/ci#>\n"
_KINDS = ("PlannedJourney", "ActualJourney")
# Whose journey it is decides; of an actual one also whom it was planned for.
_IN_SEGMENT = """
  VALUES ?segment { UNDEF }
  { ?journey ci:journeyOf/ci:personaOf ?segment }
  UNION { ?journey ci:plannedAs/ci:journeyOf/ci:personaOf ?segment }
  UNION {
    VALUES ?segment { UNDEF }
    VALUES ?now { UNDEF }
    ?journey ci:journeyOf/(ci:hasPersonMembership|ci:hasOrganisationMembership) ?membership .
    ?membership ci:membershipOf ?segment .
    FILTER NOT EXISTS { ?membership ci:validFrom ?begins FILTER(?begins > ?now) }
    FILTER NOT EXISTS { ?membership ci:validUntil ?ends FILTER(?ends <= ?now) }
  }
"""
_LISTED = "SELECT DISTINCT ?journey WHERE {{ ?journey a ci:{kind} . {only} {segment} }} ORDER BY ?journey"
_OF_NOBODY = "FILTER NOT EXISTS { ?journey ci:dataSubject ?person }"
_SEGMENTS = """
SELECT DISTINCT ?segment WHERE {
  ?journey a ci:Journey ; ci:journeyOf/ci:personaOf ?segment
} ORDER BY ?segment
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """The journeys that there are: the planned ones and those of customers, of which `total` fit.

    `segments`: those that a planned journey is meant for.
    """

    planned: tuple[Journey, ...]
    actual: tuple[Journey, ...]
    total: int
    segments: tuple[Thing, ...]


def listed(kg: Reader, *, sees_persons: bool, segment: str = "") -> Listed:
    """The journeys, all or those of a segment (its IRI), by name in no language: in the order of their IRIs.

    Who may not see single persons gets no journey of one. Raises `BadParameter` for what is no IRI.
    """
    found: dict[str, list[str]] = {}
    for kind in _KINDS:
        query = _PREFIX + _LISTED.format(
            kind=kind, only="" if sees_persons else _OF_NOBODY, segment=_IN_SEGMENT if segment else ""
        )
        asked = with_values(query, {"segment": _named(segment), "now": _now(kg.clock)}) if segment else query
        nodes = [row[0] for row in kg.select(asked).rows if isinstance(row[0], NamedNode)]
        secret = set() if sees_persons else personal(kg, nodes)
        found[kind] = [node.value for node in nodes if node not in secret]
    planned, actual = found[_KINDS[0]], found[_KINDS[1]]
    told = {
        one.thing.iri: one for one in _journeys(kg, [*planned, *actual[:MOST]], sees_persons=sees_persons)
    }
    names = things(kg, [iri(row[0]) for row in kg.select(_PREFIX + _SEGMENTS).rows])
    return Listed(
        tuple(told[key] for key in planned),
        tuple(told[key] for key in actual[:MOST]),
        len(actual),
        tuple(names.values()),
    )


def journey_map(kg: Reader, node: NamedNode, *, sees_persons: bool) -> JourneyMap:
    """The map of a journey; an actual one stands against its plan, if it has one that the view shows.

    Who may not see single persons gets no journey of one, nothing observed of one, and no count of a few.
    Raises `NotFound` when the view has no such record, `BadParameter` when it is something else.
    """
    types = [iri(row[0]) for row in rows(kg, _TYPES, [node.value])]
    if not types or (not sees_persons and personal(kg, [node])):
        raise NotFound("the graph has no record <{node}>", node=node.value)
    if f"{CI}Journey" not in types:
        raise BadParameter("<{node}> is no customer journey", node=node.value, source="key")
    (journey,) = _journeys(kg, [node.value], sees_persons=sees_persons)
    journey = _with_steps(kg, journey, sees_persons=sees_persons)
    plan = None
    if journey.plan is not None:
        (plan,) = _journeys(kg, [journey.plan.iri], sees_persons=sees_persons)
        plan = _with_steps(kg, plan, sees_persons=sees_persons)
    return mapped(journey, plan)


def _with_steps(kg: Reader, journey: Journey, *, sees_persons: bool) -> Journey:
    """The journey with its steps, as far as somebody may see them."""
    steps = steps_of(kg, journey.thing.iri, smallest=0 if sees_persons else kg.settings.smallest_group)
    whole = replace(journey, length=len(steps), steps=steps)
    if sees_persons:
        return whole
    named = {one.iri for one in (*whole.of, *whole.segments, *whole.runs)}
    named |= {step.iri for step in steps} | {step.touchpoint.thing.iri for step in steps}
    named |= {pain.thing.iri for step in steps for pain in step.touchpoint.pains}
    return whole.without(_secret(kg, named))


def _journeys(kg: Reader, nodes: Sequence[str], *, sees_persons: bool) -> list[Journey]:
    """The journeys without their steps."""
    said = values(kg, nodes, ("journeyOf", "targetAction", "plannedAs", "actualRun", "hasStep"))
    planned = {row[0].value for row in rows(kg, _PLANNED, nodes) if isinstance(row[0], NamedNode)}
    whose = {node: iris(said[node]["journeyOf"]) if node in said else [] for node in nodes}
    everybody = [one for ones in whose.values() for one in ones]
    personas = linked(kg, everybody, "ci:personaOf")
    is_persona = {row[0].value for row in rows(kg, _PERSONAS, everybody) if isinstance(row[0], NamedNode)}
    members = _segments(kg, everybody)
    named = {*nodes, *everybody}
    for node in nodes:
        of_node = said.get(node, {})
        for key in ("targetAction", "plannedAs", "actualRun"):
            named.update(iris(of_node.get(key, ())))
    named.update(s for found in (personas, members) for ones in found.values() for s in ones)
    hidden = set() if sees_persons else _secret(kg, named)
    labels = things(kg, named - hidden)

    def told(keys: Iterable[str]) -> tuple[Thing, ...]:
        return tuple(labels[key] for key in dict.fromkeys(keys) if key in labels)

    made = []
    for node in nodes:
        of_node = said.get(node, {})
        segments = [s for one in whose[node] for s in (*personas.get(one, ()), *members.get(one, ()))]
        plans = told(iris(of_node.get("plannedAs", ())))
        made.append(
            Journey(
                labels.get(node, Thing(node, {})),
                node in planned,
                told(whose[node]),
                any(one in is_persona for one in whose[node]),
                told(segments),
                told(iris(of_node.get("targetAction", ()))),
                plans[0] if plans else None,
                told(iris(of_node.get("actualRun", ()))),
                len(of_node.get("hasStep", ())),
            )
        )
    return made


_TYPES = "SELECT ?type WHERE { VALUES ?node { UNDEF } ?node a ?type }"
_PLANNED = "SELECT ?node WHERE { VALUES ?node { UNDEF } ?node a ci:PlannedJourney }"
_PERSONAS = "SELECT ?node WHERE { VALUES ?node { UNDEF } ?node a ci:Persona }"
_MEMBERSHIPS = "ci:hasPersonMembership|ci:hasOrganisationMembership"


def _segments(kg: Reader, customers: Sequence[str]) -> dict[str, list[str]]:
    """The segments that persons and companies belong to now."""
    found = linked(kg, customers, _MEMBERSHIPS)
    memberships = [one for ones in found.values() for one in ones]
    said = values(kg, memberships, ("membershipOf", "validFrom", "validUntil"))
    now = kg.clock().isoformat().replace("+00:00", "Z")

    def holds(membership: str) -> bool:
        of_it = said.get(membership, {})
        begins, ends = text(of_it.get("validFrom", ())), text(of_it.get("validUntil", ()))
        return (begins is None or begins <= now) and (ends is None or ends > now)

    return {
        customer: [s for one in ones if holds(one) for s in iris(said.get(one, {}).get("membershipOf", ()))]
        for customer, ones in found.items()
    }


def _secret(kg: Reader, nodes: Iterable[str]) -> set[str]:
    return {node.value for node in personal(kg, [NamedNode(one) for one in nodes])}


def _named(value: str) -> NamedNode:
    try:
        return NamedNode(value)
    except ValueError as error:
        raise BadParameter(
            "{value!r} is no IRI: {error}", value=value[:80], error=error, source="segment"
        ) from None


def _now(clock: Clock) -> Literal:
    return Literal(clock().isoformat(), datatype=NamedNode(f"{XSD}dateTime"))
