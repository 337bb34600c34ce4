"""What a change may not do, whatever the shapes say: change proof, or bring back who was erased."""

from __future__ import annotations

from datetime import datetime

from pyoxigraph import NamedNode

from kgservice.application.changes import proof
from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.application.graph.erased import Erased
from kgservice.domain.change import Change
from kgservice.errors import Returning


def refuse_effect(planner: Planner, effect: Effect, change: Change, now: datetime, erased: Erased) -> None:
    """Raise what `proof.refuse_effect` raises, and `Returning` for records that speak of somebody erased.

    Nothing in the graph tells who that was: the list beside the store knows their IRIs by a keyed hash.
    """
    proof.refuse_effect(planner, effect, change, now)
    if change.erased or not erased.persons:
        return
    added = effect.add.where(planner.graphs.is_record).by_graph.values()
    nodes = {term for triples in added for t in triples for term in (t.subject, t.object)}
    iris = {node.value for node in nodes if isinstance(node, NamedNode)}
    gone = {iri for iri in iris if erased.when(planner.addresses.key(iri)) is not None}
    if gone:
        raise Returning(
            "The change speaks of {count:person who was|persons who were} erased: nothing is taken of them "
            "any more under the IRIs that they had",
            count=len(gone),
            nodes=gone,
        )
