"""Which statements a shape can look at: an automaton that walks from a focus node as the shape does.

Every path, nested shape and graph pattern of a shape becomes steps between states. Walked forwards from a
focus node, the steps find all statements that can bear on its findings; walked backwards from a changed
statement, they find all focus nodes whose findings can change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rdflib import URIRef
from rdflib.term import Node

Triple = tuple[Node, Node, Node]
At = tuple[int, Node]


class Statements(Protocol):
    """Where statements are looked up; None as a predicate stands for every one."""

    def of(self, subject: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """The statements about `subject`."""

    def to(self, value: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """The statements whose object is `value`."""

    def one(self, value: Node, predicate: URIRef | None) -> Triple | None:
        """One of the statements whose object is `value`, however many there are."""


@dataclass(frozen=True, slots=True)
class Step:
    """Over a statement with `predicate` (None: any), from its subject to its object, or `back` again.

    `once`: it only counts whether there is such a statement; one of them will do.
    """

    predicate: URIRef | None
    back: bool
    state: int
    once: bool = False

    def over(self, node: Node, statements: Statements) -> Iterable[Triple]:
        """The statements that the step goes over from `node`."""
        if self.once and self.back:
            found = statements.one(node, self.predicate)
            return () if found is None else (found,)
        return (statements.to if self.back else statements.of)(node, self.predicate)


@dataclass(slots=True)
class Reach:
    """The automaton of one shape; state 0 is the focus node.

    `anchors`: states that hold a constant of the shape, whatever the focus node. `needs`: what is said of
    every node that counts at a state, as predicate and object. `deep`: states whose nodes findings name
    instead of the focus node. `boundless`: the shape can look at anything.
    """

    steps: defaultdict[int, list[Step]] = field(default_factory=lambda: defaultdict(list))
    jumps: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    anchors: dict[int, Node] = field(default_factory=dict)
    needs: defaultdict[int, set[tuple[URIRef, Node]]] = field(default_factory=lambda: defaultdict(set))
    deep: set[int] = field(default_factory=set)
    boundless: bool = False
    _states: int = 1
    _entries: dict[Node | None, list[tuple[int, Step]]] = field(default_factory=dict)
    _steps_to: defaultdict[int, list[tuple[int, Step]]] = field(default_factory=lambda: defaultdict(list))
    _jumps_to: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    # Building

    def state(self) -> int:
        """A new state."""
        self._states += 1
        return self._states - 1

    def step(
        self,
        state: int,
        predicate: URIRef | None,
        *,
        back: bool = False,
        to: int | None = None,
        once: bool = False,
    ) -> int:
        """A step from `state` to a new state, or to `to`; the state it leads to."""
        target = self.state() if to is None else to
        self.steps[state].append(Step(predicate, back, target, once))
        return target

    def jump(self, state: int, to: int) -> None:
        """What is at `state` is at `to`, too."""
        self.jumps[state].add(to)

    def repeat(self, state: int, end: int, once: Callable[[int], int], *, none: bool, again: bool) -> None:
        """What `once` builds, from `state` to `end`; `none`: or not at all; `again`: or more than once."""
        start = self.state()
        self.jump(state, start)
        after = once(start)
        self.jump(after, end)
        if again:
            self.jump(after, start)
        if none:
            self.jump(state, end)

    def finish(self) -> Reach:
        """Prepare for walking; no step may be added any more."""
        self._inherit_needs()
        entries: defaultdict[Node | None, dict[tuple[int, Step], None]] = defaultdict(dict)
        for state, steps in self.steps.items():
            for step in steps:
                entries[step.predicate][state, step] = None
                self._steps_to[step.state].append((state, step))
        for state, targets in self.jumps.items():
            for target in targets:
                self._jumps_to[target].add(state)
        self._entries = {predicate: list(found) for predicate, found in entries.items()}
        return self

    def _inherit_needs(self) -> None:
        """A state that only leads on to one with needs has these needs, too."""
        waiting = list(self.needs)
        while waiting:
            needy = waiting.pop()
            for state, targets in self.jumps.items():
                passing = targets == {needy} and not self.steps.get(state) and state not in {0, *self.deep}
                if passing and not self.needs[needy] <= self.needs[state]:
                    self.needs[state] |= self.needs[needy]
                    waiting.append(state)
        self.needs = defaultdict(set, {state: needs for state, needs in self.needs.items() if needs})

    # Walking

    def around(self, focus: Iterable[Node], statements: Statements) -> tuple[set[Triple], set[At]]:
        """All statements that can bear on the findings of the focus nodes, and all places reached."""
        found: set[Triple] = set()
        waiting: list[At] = [(0, node) for node in focus]
        waiting += self.anchors.items()
        seen = set(waiting)
        while waiting:
            state, node = waiting.pop()
            if not self._counts(state, node, statements):
                continue
            reached = [(target, node) for target in self.jumps[state]]
            for step in self.steps[state]:
                for triple in step.over(node, statements):
                    found.add(triple)
                    reached.append((step.state, triple[0] if step.back else triple[2]))
            for place in reached:
                if place not in seen:
                    seen.add(place)
                    waiting.append(place)
        return found, seen

    def affected(
        self, changed: Mapping[Node | None, Collection[Triple]], statements: Statements
    ) -> set[Node] | None:
        """The nodes whose findings can change with the statements; None: those of any node.

        `changed` holds them by their predicate, and all of them by None; `statements` are those from before
        the change and after it together.
        """
        if self.boundless:
            return None
        places = {
            (state, o if step.back else s)
            for predicate, steps in self._entries.items()
            for s, _, o in changed.get(predicate, ())
            for state, step in steps
            if self._counts(step.state, s if step.back else o, statements)
        }
        return self.back_from(places, statements)

    def back_from(self, places: Iterable[At], statements: Statements) -> set[Node] | None:
        """The focus nodes from which `places` can be reached; None: any node can."""
        waiting = list(places)
        seen = set(waiting)
        while waiting:
            state, node = waiting.pop()
            if not self._counts(state, node, statements):
                continue
            if self.anchors.get(state) == node:
                return None
            reached = [(source, node) for source in self._jumps_to[state]]
            for source, step in self._steps_to[state]:
                look = statements.of if step.back else statements.to
                reached += [
                    (source, triple[2] if step.back else triple[0]) for triple in look(node, step.predicate)
                ]
            for place in reached:
                if place not in seen:
                    seen.add(place)
                    waiting.append(place)
        return {node for state, node in seen if state == 0}

    def _counts(self, state: int, node: Node, statements: Statements) -> bool:
        """Whether all that a state needs is said of the node."""
        if state not in self.needs:
            return True
        return all(
            any(triple[2] == value for triple in statements.of(node, predicate))
            for predicate, value in self.needs[state]
        )
