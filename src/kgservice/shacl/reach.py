"""Which statements a shape can look at: an automaton that walks from a focus node as the shape does.

Every path, nested shape and graph pattern of a shape becomes steps between states. Walked forwards from a
focus node, the steps find all statements that can bear on its findings; walked backwards from a changed
statement, they find all focus nodes whose findings can change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Protocol

from rdflib import URIRef
from rdflib.term import BNode, Node

Triple = tuple[Node, Node, Node]
# The nodes at each state.
Places = dict[int, set[Node]]
# Statements by their predicate, and all of them by None.
About = Mapping[Node | None, Sequence[Triple]]


class Statements(Protocol):
    """Where statements are looked up; None as a predicate stands for every one."""

    def of(self, subject: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """The statements about `subject`."""

    def to(self, value: Node, predicate: URIRef | None) -> Sequence[Triple]:
        """The statements whose object is `value`."""

    def some(self, node: Node, predicate: URIRef | None, most: int, *, back: bool) -> Sequence[Triple]:
        """At most `most` different ones of the statements about `node`; `back`: those whose object it is."""

    def about(self, node: Node, *, back: bool) -> About | None:
        """All statements about `node`, or `back`, by predicate; None where these are too many to look at."""


class Found:
    """Statements that walks went over, list by list: to compare single ones takes longer than the walks."""

    def __init__(self, statements: Iterable[Triple] = ()) -> None:
        self._lists: dict[int, Sequence[Triple]] = {}
        self.take(list(statements))

    def take(self, statements: Sequence[Triple]) -> None:
        """Add a list, which must not change."""
        self._lists[id(statements)] = statements

    def join(self, other: Found) -> None:
        """Add all that another has."""
        self._lists |= other._lists

    def all(self) -> Collection[Triple]:
        """The statements; equal ones are there once if they are one object."""
        return {id(triple): triple for found in self._lists.values() for triple in found}.values()


@dataclass(frozen=True, slots=True)
class Step:
    """Over a statement with `predicate` (None: any), from its subject to its object, or `back` again.

    `most`: it only counts how many such statements there are, and more than these count as these (0: all do).
    """

    predicate: URIRef | None
    back: bool
    state: int
    most: int = 0

    def over(self, node: Node, statements: Statements) -> Sequence[Triple]:
        """The statements that the step goes over from `node`."""
        if self.most:
            return statements.some(node, self.predicate, self.most, back=self.back)
        return (statements.to if self.back else statements.of)(node, self.predicate)

    def among(self, about: About) -> Sequence[Triple]:
        """The same, where all about the node is known."""
        found = about.get(self.predicate, ())
        return list(dict.fromkeys(found))[: self.most] if self.most and len(found) > 1 else found


@dataclass(slots=True)
class Reach:
    """The automaton of one shape; state 0 is the focus node.

    `aims`: steps over statements that only make a node a target of the shape. The first of them are left to
    whoever knows the targets: a walk back that begins with a change of such a statement is no walk.
    `anchors`: states that hold a constant of the shape, whatever the focus node. `needs`: what is said of
    every node that counts at a state, as predicate and object. `deep`: states whose nodes findings name
    instead of the focus node. `boundless`: the shape can look at anything.
    """

    steps: defaultdict[int, list[Step]] = field(default_factory=lambda: defaultdict(list))
    jumps: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    aims: defaultdict[int, list[Step]] = field(default_factory=lambda: defaultdict(list))
    anchors: dict[int, Node] = field(default_factory=dict)
    needs: defaultdict[int, set[tuple[URIRef, Node]]] = field(default_factory=lambda: defaultdict(set))
    deep: set[int] = field(default_factory=set)
    boundless: bool = False
    _states: int = 1
    _entries: dict[Node | None, list[tuple[int, Step]]] = field(default_factory=dict)
    _steps_to: defaultdict[int, list[tuple[int, Step]]] = field(default_factory=lambda: defaultdict(list))
    _jumps_to: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    _ends: set[int] = field(default_factory=set)

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
        most: int = 0,
        aims: bool = False,
    ) -> int:
        """A step from `state` to a new state, or to `to`; the state it leads to."""
        target = self.state() if to is None else to
        (self.aims if aims else self.steps)[state].append(Step(predicate, back, target, most))
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
        for state, steps in (*self.steps.items(), *self.aims.items()):
            for step in steps:
                if state != 0 or step not in self.aims[0]:
                    entries[step.predicate][state, step] = None
                self._steps_to[step.state].append((state, step))
        for state, targets in self.jumps.items():
            for target in targets:
                self._jumps_to[target].add(state)
        self._entries = {predicate: list(found) for predicate, found in entries.items()}
        # The states from which no step leads on: what is there need not be known.
        leading = {state for state, after in (*self.steps.items(), *self.jumps.items()) if after}
        self._ends = set(range(self._highest() + 1)) - leading - self.deep
        return self

    def _highest(self) -> int:
        """The highest number of a state."""
        steps = (step.state for some in self.steps.values() for step in some)
        jumps = (state for some in self.jumps.values() for state in some)
        return max((0, *steps, *jumps, *self.anchors))

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

    @property
    def predicates(self) -> Collection[Node | None]:
        """Those of statements that the shape can look at, beside its targets; None: any."""
        return self._entries.keys()

    def around(self, focus: Iterable[Node], statements: Statements) -> tuple[Found, Places]:
        """All statements that can bear on the findings of the focus nodes, and the places reached.

        Places from which nothing leads on are left out, but for the deep ones.
        """
        found = Found()
        waiting: Places = {0: set(focus)}
        for blank in (node for node in waiting[0] if isinstance(node, BNode)):
            # It has no name, so that reports need something to know it by.
            found.take(statements.of(blank, None))
            found.take(statements.some(blank, None, 1, back=True))
        for state, node in self.anchors.items():
            waiting.setdefault(state, set()).add(node)
        seen: defaultdict[int, set[Node]] = defaultdict(set)
        while waiting:
            state, nodes = self._next(waiting, seen, statements)
            if not nodes:
                continue
            for target in self.jumps[state]:
                waiting.setdefault(target, set()).update(nodes)
            for back in (False, True):
                ways = [(step, set[Node]()) for step in self.steps[state] if step.back is back]
                at = 0 if back else 2
                for node in nodes if ways else ():
                    about = statements.about(node, back=back)  # once for all steps: the most lead nowhere
                    if about is None or about:
                        for step, reached in ways:
                            triples = step.over(node, statements) if about is None else step.among(about)
                            if triples:
                                found.take(triples)
                                reached.update([triple[at] for triple in triples])
                for step, reached in ways:
                    if reached and step.state not in self._ends:
                        waiting.setdefault(step.state, set()).update(reached)
        return found, seen

    def affected(
        self, changed: Mapping[Node | None, Collection[Triple]], statements: Statements, fresh: Set[Node]
    ) -> set[Node] | None:
        """The nodes whose findings can change with the statements; None: those of any node.

        `changed` holds them by their predicate, and all of them by None; `statements` are those from before
        the change and after it together. Nodes that only become a target, or cease to be one, are not among
        them. Nor need those be that are `fresh`: of which nothing was said before. A walk that gets to one
        of them has gone over a changed statement already, unless it began there.
        """
        if self.boundless:
            return None
        places: Places = {}
        for predicate in changed.keys() & self._entries.keys():
            for state, step in self._entries[predicate]:
                start, end = (2, 0) if step.back else (0, 2)
                there, needy = places.get(state) or set[Node](), step.state in self.needs
                for triple in changed[predicate]:
                    node = triple[start]
                    if node in fresh or node in there:
                        continue
                    if not needy or self._counts(step.state, triple[end], statements):
                        there.add(node)
                if there:
                    places[state] = there
        return self.back_from(places, statements) if places else set()

    def back_from(self, places: Places, statements: Statements) -> set[Node] | None:
        """The focus nodes from which `places` can be reached; None: any node can."""
        waiting = {state: set(nodes) for state, nodes in places.items()}
        seen: defaultdict[int, set[Node]] = defaultdict(set)
        while waiting:
            state, nodes = self._next(waiting, seen, statements)
            if not nodes:
                continue
            if self.anchors.get(state) in nodes:
                return None
            for source in self._jumps_to[state]:
                waiting.setdefault(source, set()).update(nodes)
            for source, step in self._steps_to[state]:
                look, at = (statements.of, 2) if step.back else (statements.to, 0)
                for node in nodes:
                    triples = look(node, step.predicate)
                    if triples:
                        waiting.setdefault(source, set()).update([triple[at] for triple in triples])
        return seen[0]

    def _next(
        self, waiting: Places, seen: defaultdict[int, set[Node]], statements: Statements
    ) -> tuple[int, set[Node]]:
        """Take a state from those waiting, and the nodes that count there and have not been seen there."""
        state, nodes = waiting.popitem()
        nodes -= seen[state]
        seen[state] |= nodes
        if state in self.needs:
            nodes = {node for node in nodes if self._counts(state, node, statements)}
        return state, nodes

    def _counts(self, state: int, node: Node, statements: Statements) -> bool:
        """Whether all that a state needs is said of the node."""
        if state not in self.needs:
            return True
        return all(
            any(triple[2] == value for triple in statements.of(node, predicate))
            for predicate, value in self.needs[state]
        )
