"""What is said of nodes of which much is said, one property at a time, remembered while commits go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from pyoxigraph import NamedNode, Quad

from kgservice.application.changes.effect import Effect
from kgservice.store.base import Store

_HELD = 100_000  # statements and lookups
_LONGEST = 1000  # statements; more are not remembered


class Hubs:
    """What the graphs of `store` that it `holds` say of nodes with some properties.

    `store` is one that finds single properties at once, however much is said of a node.
    """

    def __init__(self, store: Store, holds: Callable[[object], bool]) -> None:
        self._store = store
        self._holds = holds
        self._known: dict[NamedNode, dict[frozenset[NamedNode], list[Quad]]] = {}
        self._size = 0
        self._changes = 0  # what was looked up before one is not remembered after it
        self._lock = threading.Lock()

    def knows(self, node: NamedNode) -> bool:
        """Whether something of the node is remembered."""
        return node in self._known

    def of(self, node: NamedNode, properties: frozenset[NamedNode]) -> Sequence[Quad]:
        """What is said of a node with some of the properties."""
        known = self._known.get(node, {}).get(properties)
        if known is None:
            changes = self._changes
            found = self._store.match((node, p, None) for p in properties)
            known = [quad for quad in found if self._holds(quad.graph_name)]
            self._remember(node, properties, known, changes)
        return known

    def _remember(
        self, node: NamedNode, properties: frozenset[NamedNode], said: list[Quad], changes: int
    ) -> None:
        with self._lock:
            if self._changes == changes and len(said) <= _LONGEST:
                if self._size >= _HELD:
                    self._known, self._size = {}, 0
                self._known.setdefault(node, {})[properties] = said
                self._size += 1 + len(said)

    def follow(self, parts: Mapping[object, Effect]) -> None:
        """Forget what a commit has made different: `Effect.by_graph`."""
        with self._lock:
            self._changes += 1
            if not self._known:
                return
            dropped = {graph for graph, part in parts.items() if part.drop and self._holds(graph)}
            if dropped:
                for node, known in list(self._known.items()):
                    gone = [
                        some for some, said in known.items() if any(q.graph_name in dropped for q in said)
                    ]
                    self._forget(node, gone)
            for graph, part in parts.items():
                for quads in (part.remove, part.add) if self._holds(graph) else ():
                    for triple in quads.within(graph):
                        subject, prop = triple.subject, triple.predicate
                        if isinstance(subject, NamedNode) and subject in self._known:
                            self._forget(subject, [some for some in self._known[subject] if prop in some])

    def _forget(self, node: NamedNode, gone: Sequence[frozenset[NamedNode]]) -> None:
        known = self._known[node]
        for properties in gone:
            self._size -= 1 + len(known.pop(properties))
        if not known:
            del self._known[node]

    def forget(self) -> None:
        """Forget all: something was written without this."""
        with self._lock:
            self._changes += 1
            self._known, self._size = {}, 0
