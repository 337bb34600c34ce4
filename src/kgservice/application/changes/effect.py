"""What is to be written to the store, and how two such effects make one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from pyoxigraph import NamedNode

from kgservice.domain.quads import Quads
from kgservice.store.base import Memory, Term


@dataclass(slots=True)
class Effect:
    """What to write: graphs to drop, quads to remove, graphs to create, quads to add, in this order.

    `added` and `removed` count what the user's change really adds and removes (not the view, not provenance).
    `named` are the nodes and values that the change itself names; more than these may be moved. `leaving` are
    those of which statements leave the graph of a person that the change does not state, so that others would
    decide on who sees them. `held`: what graphs to drop hold, as far as it has been read.
    """

    drop: set[NamedNode] = field(default_factory=set)
    remove: Quads = field(default_factory=Quads)
    create: set[NamedNode] = field(default_factory=set)
    add: Quads = field(default_factory=Quads)
    added: int = 0
    removed: int = 0
    named: set[Term] = field(default_factory=set)
    leaving: set[NamedNode] = field(default_factory=set)
    held: Quads = field(default_factory=Quads)

    @property
    def writes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.drop or self.remove or self.create or self.add)

    def __bool__(self) -> bool:
        """Whether there is something to record: a bulk load has written its statements already."""
        return self.writes or bool(self.added or self.removed)

    @property
    def graphs(self) -> set[object]:
        """The names of the graphs that it changes."""
        return {*self.drop, *self.create, *self.remove.graphs, *self.add.graphs}

    def by_graph(self) -> dict[object, Effect]:
        """What is to be written to each graph, for whoever needs some of them only, and only reads it."""
        parts: defaultdict[object, Effect] = defaultdict(Effect)
        for name in self.drop:
            parts[name].drop.add(name)
            parts[name].held = self.held.only(name)
        for name in self.create:
            parts[name].create.add(name)
        for graph in self.remove.graphs:
            parts[graph].remove = self.remove.only(graph)
        for graph in self.add.graphs:
            parts[graph].add = self.add.only(graph)
        return dict(parts)

    def apply(self, store: Memory) -> None:
        """Write it, all or nothing."""
        store.apply(add=self.add, remove=self.remove, create=self.create, drop=self.drop)

    def then(self, later: Effect) -> None:
        """Become what this and then `later` do together."""
        self.drop |= later.drop
        self.create -= later.drop
        self.add.leave(later.drop)
        self.held.leave(later.drop)  # what was added before may be among it
        self.create |= later.create
        # What came and went, or went and came back, was never different.
        undone, restored = later.remove.common(self.add), later.add.common(self.remove)
        restored.leave(self.drop)
        self.add.remove(undone)
        self.add |= later.add.less(restored)
        self.remove.remove(restored)
        self.remove |= later.remove.less(undone)
        self.added += later.added
        self.removed += later.removed
        self.named |= later.named
        self.leaving |= later.leaving


@dataclass(frozen=True, slots=True)
class Asked:
    """What a store is asked to write as the commit with this `number`.

    `hidden`: the views of which less is shown then (see `hidden_views`). `judged`: the guard has looked at
    it, and is to be told once it is written.
    """

    effect: Effect
    number: int
    hidden: Collection[object] = ()
    judged: bool = False
