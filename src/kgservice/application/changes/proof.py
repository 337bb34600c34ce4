"""What only who answers for privacy may change: consents, requests and restrictions, and what proves them.

Whoever could write them by another way than `/consents`, `/subjects` and `/requests` could widen what they
see themselves, or make what was withdrawn or erased as if it had never been. So could whoever put a kind of
data or a purpose of the model below another one, to which persons have agreed. Whoever could make records
that they may not see those of another person, or of nobody, would do the same with the consent of that
person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.history import refuse_shortening
from kgservice.application.changes.planner import Planner
from kgservice.application.changes.record_changes import added_to_records, removed_from_records
from kgservice.domain.change import Change, Origin
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE
from kgservice.domain.principal import OVERSEEING
from kgservice.errors import Forbidden, Leaving, Reserved
from kgservice.namespaces import CI, SKOS

KINDS = tuple(
    NamedNode(f"{CI}{name}")
    for name in (
        "ConsentRecord",
        "ConsentEvent",
        "GuardianAuthorisation",
        "ProcessingActivity",
        "Restriction",
        "RightsRequest",
        "Tombstone",
    )
)

_BROADER, _NARROWER = NamedNode(f"{SKOS}broader"), NamedNode(f"{SKOS}narrower")
_AGREED = (NamedNode(f"{CI}DataCategory"), NamedNode(f"{CI}ProcessingPurpose"))


def refuse_effect(planner: Planner, effect: Effect, change: Change, now: datetime) -> None:
    """Raise `Reserved` for an effect on such records, or on what leads to one, unless who asks may do that.

    It does not say which: it may be one that whoever asks may not see. Raise `Leaving`, unless they see
    everything, for an effect by which something leaves the graph of a person, or the scratch graph, which
    only they see, without being stated. Who answers for privacy leaves the history of consents as it is,
    too, unless the law demands the change: see `refuse_shortening`.
    """
    if change.trusted:
        return
    if change.origin.privacy:
        if not change.lawful:
            refuse_shortening(planner, effect, now)
        return
    if touched_proof(planner, effect):
        raise _reserved()
    if effect.leaving and not change.origin.oversees:
        raise Leaving(
            "Records would no longer be those of their person: stewards, privacy officers and administrators "
            "change whose something is; others state all of it in the same change",
            nodes={node.value for node in effect.leaving},
            roles=sorted(OVERSEEING),
        )


def refuse_named(planner: Planner, effect: Effect, change: Change) -> None:
    """Raise `Reserved` for a change that names such a record, or a kind of them, whatever it would change.

    Whether it changes anything would tell what such a record says; not to who may see everything.
    """
    if change.origin.oversees or change.trusted:
        return
    kinds = _kinds(planner)
    if not kinds.isdisjoint(effect.named) or _is_proof(planner, kinds, effect.named):
        raise _reserved()


def _reserved() -> Reserved:
    return Reserved(
        "Consents, requests, restrictions, processing activities, what is left of erased persons, and what "
        "is broader than the model's kinds of data and purposes are changed by privacy officers (/consents, "
        "/subjects, /requests), and by administrators"
    )


def refuse_whole(graphs: Graphs, graph: NamedNode, origin: Origin, *, adding: bool = False) -> None:
    """Raise `Forbidden` for the graph of a person, or of what proves their consents, as a whole.

    Whoever does not answer for privacy gets the same answer whether it is there or not. Statements may be
    `adding` to the graph of a person.
    """
    if origin.privacy:
        return
    if graphs.is_consent(graph) or (graphs.is_subject(graph) and not adding):
        raise Forbidden("The graph of a person is replaced or deleted by privacy officers and administrators")


def hidden_views(
    planner: Planner, effect: Effect, found: Effect, shown: Effect, *, erased: bool
) -> set[object]:
    """The graphs from which a change takes what nobody may be told any more, not even who is told it now.

    `found` and `shown` are what the change makes of the findings and of the views of purposes. What is
    `erased` goes from all graphs; else who oversees is told as before what the views do not show any more.
    """
    if erased:
        return {NamedNode(planner.addresses.everything), *effect.graphs, *found.graphs, *shown.graphs}
    views = set(shown.remove.graphs)
    return views if views and touched_proof(planner, effect) else set()


def touched_proof(planner: Planner, effect: Effect) -> bool:
    """Whether the effect, which is not written yet, is on such records, or on what leads to one."""
    changed = (removed_from_records(planner, effect), added_to_records(planner, effect))
    return touches_proof(planner, (t for quads in changed for said in quads.by_graph.values() for t in said))


def touches_proof(planner: Planner, changed: Iterable[Quad | Triple]) -> bool:
    """Whether one of the statements is on such a record, leads to one, or widens what was agreed to."""
    kinds = _kinds(planner)
    nodes: set[object] = set()
    for quad in changed:
        if quad.predicate == TYPE:
            if quad.object in kinds:
                return True
            nodes.add(quad.subject)
        elif _widens(planner, quad):
            return True
        else:
            nodes.update((quad.subject, quad.object))
    return _is_proof(planner, kinds, nodes)


def _widens(planner: Planner, said: Quad | Triple) -> bool:
    """Whether a statement puts a kind of data or a purpose of the model below another one."""
    if said.predicate not in (_BROADER, _NARROWER):
        return False
    below = said.subject if said.predicate == _BROADER else said.object
    vocabulary = NamedNode(planner.addresses.vocabulary)
    return isinstance(below, NamedNode) and any(
        next(planner.store.match([(below, TYPE, kind)], vocabulary), None) is not None for kind in _AGREED
    )


def proofs(planner: Planner, nodes: Iterable[NamedNode]) -> set[NamedNode]:
    """Those of the nodes that are such records."""
    kinds = _kinds(planner)
    return {node for node in nodes if _is_proof(planner, kinds, [node])}


def _kinds(planner: Planner) -> set[NamedNode]:
    return set(KINDS).union(*(planner.model.subclasses.get(kind, ()) for kind in KINDS))


def _is_proof(planner: Planner, kinds: Collection[object], nodes: Iterable[object]) -> bool:
    """Whether one of the nodes is such a record."""
    return any(
        quad.object in kinds
        for node in nodes
        if isinstance(node, NamedNode)
        for quad in planner.records.match([(node, TYPE, None)])
    )
