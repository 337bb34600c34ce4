"""The replicas of one knowledge graph, and what else is remembered of its graphs while commits go on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from threading import Thread

from pyoxigraph import NamedNode

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.hubs import Hubs
from kgservice.application.changes.replica import Budget, Replica
from kgservice.domain.graphs import GraphKind, Graphs
from kgservice.store.base import Dataset, Memory, Store

_LARGE = 1000  # statements; to take over fewer costs little more than to start threads for it


class Copies:
    """The replicas of one knowledge graph: of its views, for queries, and of its records, for commits."""

    def __init__(self, store: Store, graphs: Graphs, writing: AbstractContextManager[object]) -> None:
        self._store = store
        self._graphs = graphs
        self._writing = writing
        self._kept: dict[tuple[str, NamedNode | None], Replica] = {}
        self._serving: dict[object, Store] = {}
        self._scratch: set[NamedNode] | None = None
        self._hubs = Hubs(store, self._written)

    def keep_view(self, view: NamedNode, memory: Store, budget: Budget) -> Replica:
        """Look up what the view says in `memory`, an empty store, once it is filled (in another thread).

        For a process that serves for long; as long as the view fits into the budget.
        """
        return self._keep("view", _only(view), memory, budget, self._serves(view, memory), of=view)

    def keep_records(self, memory: Store, budget: Budget) -> Replica:
        """The same for what commits have to look up: the graphs that users write to."""
        return self._keep("records", self._written, memory, budget, self._serves("records", memory))

    def _written(self, graph: object) -> bool:
        return self._graphs.kind(graph) in {GraphKind.RECORD, GraphKind.SCRATCH}

    def keep_elsewhere(
        self, view: NamedNode, memory: Memory, budget: Budget, told: Callable[[bool], None]
    ) -> Replica:
        """Fill and change a memory that others answer queries on the view from; see `Replica` for `told`."""
        return self._keep("view for queries", _only(view), memory, budget, told, of=view)

    def keep_texts(self, view: NamedNode, texts: Memory, told: Callable[[bool], None]) -> Replica:
        """Fill and change the index of what the view says in words, which knows itself how large it is."""
        unlimited = Budget(sys.maxsize)
        return self._keep("texts", _only(view), texts, unlimited, told, of=view)

    def _serves(self, name: object, memory: Store) -> Callable[[bool], None]:
        def told(ready: bool) -> None:
            if ready:
                self._serving[name] = memory
            else:
                self._serving.pop(name, None)

        return told

    def _keep(
        self,
        kind: str,
        holds: Callable[[object], bool],
        memory: Memory,
        budget: Budget,
        told: Callable[[bool], None],
        *,
        of: NamedNode | None = None,
    ) -> Replica:
        before = self._kept.pop((kind, of), None)
        if before is not None:
            before.close()
        name = f"{kind} {of or ''}".strip()
        replica = Replica(
            self._store, holds, memory, name=name, budget=budget, writing=self._writing, told=told
        )
        self._kept[kind, of] = replica
        replica.start()
        return replica

    def answering(self, dataset: Dataset) -> Store:
        """Where to ask a query on `dataset`: the replica of the view, if that is all it can see."""
        alone = len(dataset.default) == 1 and dataset.named == () and not dataset.from_clauses
        return (alone and self._serving.get(dataset.default[0])) or self._store

    def of_view(self, view: NamedNode) -> Store:
        """Where to look up what a view says."""
        return self._serving.get(view) or self._store

    @property
    def records(self) -> Store:
        """Where to look up records."""
        return self._serving.get("records") or self._store

    @property
    def hubs(self) -> Hubs | None:
        """Where to look up records of which much is said, if there is a better place than `records`."""
        return self._hubs if self._store.seeks and self.records is not self._store else None

    @property
    def filling(self) -> bool:
        """Whether one of them is still being filled."""
        return any(replica.is_filling for replica in list(self._kept.values()))

    @property
    def standings(self) -> list[tuple[str, str, int]]:
        """Of each replica what it is of (`view`, `records`, …), what is read (`Replica.read`), its bytes."""
        return [(kind, replica.read, replica.size) for (kind, _), replica in list(self._kept.items())]

    @property
    def scratch(self) -> list[NamedNode]:
        """The scratch graphs that there are, for who holds `writing`. The names of all are read but once."""
        if self._scratch is None:
            self._scratch = self._in_scratch(self._store.graphs())
        return [graph for graph in self._scratch if self._store.has_graph(graph)]

    def _in_scratch(self, graphs: Iterable[object]) -> set[NamedNode]:
        kind = self._graphs.kind
        return {g for g in graphs if isinstance(g, NamedNode) and kind(g) is GraphKind.SCRATCH}

    @contextmanager
    def following(self, parts: Mapping[object, Effect]) -> Iterator[None]:
        """Take over a change that the store has made (`Effect.by_graph`), until the block is left.

        The replicas take over a large one at the same time: the engine does not hold the interpreter.
        """
        if self._scratch is not None:
            self._scratch |= self._in_scratch(parts)
        self._hubs.follow(parts)
        replicas = list(self._kept.values())
        if sum(len(part.add) + len(part.remove) for part in parts.values()) < _LARGE or len(replicas) < 2:
            for replica in replicas:
                replica.follow(parts)
            yield
            return
        threads = []
        for replica in replicas:
            thread = Thread(target=replica.follow, args=(parts,), name="kgservice-following")
            try:
                thread.start()
            except RuntimeError:  # the system has no more threads
                replica.follow(parts)
            else:
                threads.append(thread)
        try:
            yield
        finally:
            for thread in threads:
                thread.join()

    def stop(self) -> None:
        """Read nothing but the store from now on."""
        self._scratch = None
        self._hubs.forget()
        for replica in self._kept.values():
            replica.stop()

    def close(self) -> None:
        """Stop, and free the memory; not to be called under `writing`."""
        while self._kept:
            self._kept.popitem()[1].close()


def _only(view: NamedNode) -> Callable[[object], bool]:
    return lambda graph: graph == view
