"""Nodes that no view of a purpose shows: secret, restricted, left of the erased, compared; or parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyoxigraph import NamedNode

from kgservice.domain.visibility import LEVELS, Sight
from kgservice.namespaces import CI
from kgservice.store.base import Dataset, Store

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph


def restrictions(store: Store, view: NamedNode) -> list[NamedNode]:
    """The restrictions that name records."""
    return _nodes(store, view, f"{{ ?node <{CI}restricts> ?r }} UNION {{ ?r <{CI}restrictedBy> ?node }}")


def hidden_nodes(kg: KnowledgeGraph, sight: Sight, level: int) -> set[NamedNode]:
    """The nodes that may not be shown to anybody who has a purpose."""
    shown = ", ".join(f"<{CI}{name.capitalize()}>" for name in LEVELS[: level + 1])
    waiting = _nodes(kg.store, kg.view, f"?node <{CI}confidentiality> ?level FILTER(?level NOT IN ({shown}))")
    waiting += _nodes(
        kg.store, kg.view, f"{{ ?node <{CI}hasTombstone> ?stone }} UNION {{ ?node a <{CI}Tombstone> }}"
    )
    for kind in ("FieldComparison", "UnidentifiedRequest"):
        waiting += _nodes(kg.store, kg.view, f"?node a <{CI}{kind}>")
    waiting += [node for one in restrictions(kg.store, kg.view) for node in sight.restricted(one)]
    found: set[NamedNode] = set()
    while waiting:
        node = waiting.pop()
        traits = sight.traits(node)
        if node not in found and (traits.level > level or traits.restricted):
            found.add(node)
            waiting += sight.dependents(node)
            parts = kg.store.match([(node, None, None)], kg.view)
            waiting += [
                q.object for q in parts if isinstance(q.object, NamedNode) and kg.graphs.is_genid(q.object)
            ]
    return found


def _nodes(store: Store, view: NamedNode, where: str) -> list[NamedNode]:
    rows = store.select(f"SELECT DISTINCT ?node WHERE {{ {where} }}", Dataset((view,), ())).rows
    return [node for (node,) in rows if isinstance(node, NamedNode)]
