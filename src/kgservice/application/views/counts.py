"""How many statements the graphs hold and how many things there are of each class, without counting again.

What somebody asks for is counted once; from then on each commit adds what it adds and takes off what it takes
away, which costs as much as the commit is large.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pyoxigraph import Literal, NamedNode

from kgservice.application.changes import views
from kgservice.application.changes.effect import Effect
from kgservice.application.changes.replica import Copies
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE
from kgservice.domain.quads import Quads
from kgservice.store.base import Dataset, Store, Term

Parts = Iterable[tuple[object, Effect]]  # what a commit writes to each graph: `Effect.by_graph`
_GRAPHS = "SELECT ?graph (COUNT(*) AS ?n) WHERE { GRAPH ?graph { ?s ?p ?o } } GROUP BY ?graph"
_CLASSES = "SELECT ?class (COUNT(*) AS ?n) WHERE { ?one a ?class } GROUP BY ?class"


Place = Callable[[Dataset], Store]  # where to ask a query on a dataset

PATIENCE = 0.2
"""Seconds to wait for the end of a commit, to see whether what was counted is from before or after it."""


class Lock(Protocol):
    """The lock of commits."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Whether whoever calls has it now."""

    def release(self) -> None:
        """Let others have it."""


@dataclass(slots=True)
class OfKind:
    """How many graphs of one kind hold something, and how many statements they hold."""

    graphs: int = 0
    statements: int = 0


class Counting(Protocol):
    """Numbers that are counted once, and follow the changes of the store."""

    def read(self, place: Place) -> None:
        """Count."""

    def take(self, parts: Parts) -> None:
        """Take over what a commit did."""


class Statements:
    """The statements of each graph, and of all graphs of a kind (see `Graphs.called`)."""

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs
        self.of: Counter[object] = Counter()
        self.kinds: dict[str, OfKind] = {}

    def read(self, place: Place) -> None:
        """Count them all: the whole store is read."""
        for graph, n in place(Dataset()).select(_GRAPHS, Dataset()).rows:
            self._add(graph, _number(n))

    def take(self, parts: Parts) -> None:
        """Take over what a commit did."""
        for graph, part in parts:
            if part.drop:
                self._add(graph, -self.of[graph])
            self._add(graph, len(part.add) - len(part.remove))

    def _add(self, graph: object, n: int) -> None:
        kind = self._graphs.called(graph)
        if not n or kind is None:
            return
        before, after = self.of[graph], self.of[graph] + n
        of_kind = self.kinds.setdefault(kind, OfKind())
        of_kind.graphs += bool(after) - bool(before)
        of_kind.statements += n
        self.of[graph] = after
        if not after:
            del self.of[graph]


class Instances:
    """The things of each class in one view, indirect ones included."""

    def __init__(self, view: NamedNode) -> None:
        self._view = view
        self.of: Counter[object] = Counter()

    def read(self, place: Place) -> None:
        """Count them."""
        dataset = Dataset((self._view,), ())
        rows = place(dataset).select(_CLASSES, dataset).rows
        self.of = Counter({of: _number(n) for of, n in rows})

    def take(self, parts: Parts) -> None:
        """Take over what a commit did."""
        for graph, part in parts:
            if graph == self._view:
                self.of.subtract(quad.object for quad in part.remove if quad.predicate == TYPE)
                self.of.update(quad.object for quad in part.add if quad.predicate == TYPE)


C = TypeVar("C", bound=Counting)


class Counts:
    """What has been asked for, each counted once. `writing` is the lock under which the store is changed."""

    def __init__(self, store: Store, copies: Copies, graphs: Graphs, writing: Lock) -> None:
        self._store = store
        self._copies = copies
        self._graphs = graphs
        self._writing = writing
        self._asking = threading.Lock()  # one counts at a time
        self._lock = threading.Lock()  # of what follows
        self._known: dict[Hashable, Counting] = {}
        self._missed: list[list[tuple[object, Effect]]] | None = (
            None  # since the count began; None: forget it
        )

    def statements(self, graphs: Iterable[NamedNode]) -> dict[NamedNode, int]:
        """How many statements each of these graphs holds."""
        counted = self._counted(None, Statements(self._graphs))
        with self._lock:
            return {graph: counted.of[graph] for graph in graphs}

    def kinds(self) -> dict[str, tuple[int, int]]:
        """By the kind of graphs: how many hold something, and their statements."""
        counted = self._counted(None, Statements(self._graphs))
        with self._lock:
            return {kind: (n.graphs, n.statements) for kind, n in counted.kinds.items() if n.graphs}

    def instances(self, view: NamedNode) -> Mapping[object, int]:
        """How many things there are of each class in a view."""
        counted = self._counted(view, Instances(view))
        with self._lock:
            return {of: n for of, n in counted.of.items() if n}

    def prepare(self, effect: Effect) -> None:
        """Leave out of a commit what is there already, so that its size tells how much more there will be.

        Of record graphs the planner has seen to that. Whoever calls holds the lock of commits.
        """
        if not self._follows:
            return
        for graph, part in effect.by_graph():
            if isinstance(graph, NamedNode) and not part.drop and not self._graphs.is_record(graph):
                place = self._copies.answering(Dataset((graph,), ()))
                asked = views.exactly(quad.triple for quad in part.add)
                effect.add.remove(Quads(place.match(asked, graph)).less(part.remove))

    @property
    def _follows(self) -> bool:
        return bool(self._known) or self._missed is not None

    def follow(self, effect: Effect) -> None:
        """Take over a commit that the store has made; whoever calls holds the lock of commits."""
        if not self._follows:
            return
        parts = effect.by_graph()
        with self._lock:
            if self._missed is not None:
                self._missed.append(parts)
            for counting in self._known.values():
                counting.take(parts)

    def forget(self) -> None:
        """Count anew: something was written without this; whoever calls holds the lock of commits."""
        with self._lock:
            self._known.clear()
            self._missed = None

    def _counted(self, key: Hashable, new: C) -> C:
        """What is known under the key, else what is new, counted."""
        with self._asking:
            known = self._known.get(key)
            if isinstance(known, type(new)):
                return known
            with ExitStack() as held:
                if self._store.copied_at_once and self._between_commits():
                    try:
                        copy = held.enter_context(self._store.copy())
                        self._missed = []
                    finally:
                        self._writing.release()
                    new.read(lambda _: copy)
                    self._keep(key, new)
                else:
                    self._missed = []
                    new.read(self._copies.answering)
                    # Of a commit that came meanwhile nobody knows whether it is in the numbers.
                    if self._between_commits():
                        try:
                            if not self._missed:
                                self._keep(key, new)
                        finally:
                            self._writing.release()
            self._missed = None
        return new

    def _between_commits(self) -> bool:
        """Have the lock of commits, unless one takes long."""
        return self._writing.acquire(timeout=PATIENCE)

    def _keep(self, key: Hashable, new: Counting) -> None:
        with self._lock:
            if self._missed is not None:
                for parts in self._missed:
                    new.take(parts)
                self._known[key] = new


def _number(term: Term | None) -> int:
    return int(term.value) if isinstance(term, Literal) else 0
