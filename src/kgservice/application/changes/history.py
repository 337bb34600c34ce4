"""The history of consents only grows: nobody takes from an event what it says, whatever their role."""

from __future__ import annotations

from datetime import datetime

from pyoxigraph import Literal, NamedNode, Triple

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.application.changes.record_changes import added_to_records, removed_from_records
from kgservice.domain.consent import ENTITIES, read_moment
from kgservice.domain.model import TYPE
from kgservice.errors import Rewriting
from kgservice.namespaces import CI

_EVENT = NamedNode(f"{CI}ConsentEvent")
_OF, _HAS, _TIME, _ENTITY = (
    NamedNode(f"{CI}{name}") for name in ("eventOf", "hasEvent", "eventTime", "eventEntity")
)
_KNOWN = {Literal(entity) for entity in ENTITIES}


def refuse_shortening(planner: Planner, effect: Effect, now: datetime) -> None:
    """Raise `Rewriting` for an effect that takes a statement from an event of a consent, or binds it to none.

    An event that is unclear may be mended: one that has not exactly one kind, one consent and one time, or
    whose time is no moment with a time zone, or has yet to come. Of any other, what is no known role of who
    brought it about (R31) may give way to one that is.
    """
    removed = removed_from_records(planner, effect)
    graphs = [graph for graph in removed.graphs if planner.graphs.is_consent(graph)]
    if not graphs:
        return
    stated = {t for said in added_to_records(planner, effect).by_graph.values() for t in said}
    gone = {t for graph in graphs for t in removed.within(graph)} - stated
    named = {t.subject for t in stated if t.predicate == _ENTITY and t.object in _KNOWN}
    gone = {t for t in gone if t.predicate != _ENTITY or t.object in _KNOWN or t.subject not in named}
    settled = {node.value for node in _events(gone) if _is_settled(planner, node, now)}
    if settled:
        raise Rewriting(
            "The history of a consent only grows: nobody changes or deletes what an event says. "
            "End the consent by a withdrawal (/consents); only the erasure of the person (/subjects) takes "
            "its events away",
            nodes=settled,
        )


def _events(gone: set[Triple]) -> set[NamedNode]:
    """The nodes that may be events of which something goes."""
    nodes = {t.object if t.predicate == _HAS else t.subject for t in gone}
    return {node for node in nodes if isinstance(node, NamedNode)}


def _is_settled(planner: Planner, node: NamedNode, now: datetime) -> bool:
    """Whether the node is an event that says without doubt what happened, when, and to which consent."""
    said = list(planner.records.match([(node, None, None)]))
    kinds = {q.object for q in said if q.predicate == TYPE} & planner.model.subclasses.get(_EVENT, set())
    consents = {q.object for q in said if q.predicate == _OF}
    consents |= {q.subject for q in planner.records.match([(None, _HAS, node)])}
    times = {q.object for q in said if q.predicate == _TIME}
    if not len(kinds) == len(consents) == len(times) == 1:
        return False
    (time,) = times
    moment = read_moment(time.value) if isinstance(time, Literal) else None
    return moment is not None and moment <= now
