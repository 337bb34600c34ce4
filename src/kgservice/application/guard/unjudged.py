"""Lawful changes that have been written, and whose findings are to be worked out yet.

A withdrawal or an erasure is never refused, so nobody waits for what it does to the findings.
"""

from __future__ import annotations

from collections.abc import Collection

from pyoxigraph import NamedNode, Quad
from rdflib.term import Node

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.application.guard.findings import FOCUS, VALUE, entered
from kgservice.application.guard.statements import Stored
from kgservice.domain.quads import Quads
from kgservice.shacl.reach import Triple
from kgservice.shacl.terms import to_rdflib


def without(planner: Planner, nodes: Collection[NamedNode]) -> Effect:
    """What the graph of findings loses with all entries that name one of the nodes."""
    graph, match = NamedNode(planner.addresses.finding), planner.store.match
    named = match(((None, prop, node) for node in nodes for prop in (FOCUS, VALUE)), graph)
    entries = {quad.subject for quad in named if isinstance(quad.subject, NamedNode)}
    return entered(planner, (), match(((entry, None, None) for entry in entries), graph))


def named_in(planner: Planner, removed: Quads) -> set[Node]:
    """What entries of findings are about of which something is `removed`."""
    said = removed.within(NamedNode(planner.addresses.finding))
    return {to_rdflib(triple.object) for triple in said if triple.predicate == FOCUS}


class Unjudged:
    """What such changes did together: the statements that are `gone` and those `added`, the nodes `erased`.

    `again`: statements that stay, about nodes of which the changes took entries out of the findings.
    """

    def __init__(self) -> None:
        self.gone: set[Triple] = set()
        self.added: set[Triple] = set()
        self.again: set[Triple] = set()
        self.erased: set[NamedNode] = set()
        self._taken: list[tuple[Collection[Quad], Collection[Triple], Collection[NamedNode]]] = []

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self._taken or self.gone or self.added)

    def take(
        self,
        removed: Collection[Quad],
        added: Collection[Triple],
        erased: Collection[NamedNode] = (),
        again: Collection[Triple] = (),
    ) -> None:
        """Take note of one: the quads `removed` from record graphs, and the rest as above."""
        self._taken.append((removed, added, erased))
        self.again.update(again)

    def follow(self, stored: Stored) -> None:
        """Tell what was looked up before of what has been written since."""
        while self._taken:
            removed, added, erased = self._taken.pop(0)
            gone = stored.gone(removed, erased).difference(added)
            stored.follow(gone, added)
            self.join(gone, added)
            self.erased.update(erased)

    def join(self, gone: Collection[Triple], added: Collection[Triple]) -> None:
        """Take note of what another change did meanwhile, too."""
        # What came and went, or went and came back, was never different.
        lost, more = set(gone) - self.added, set(added) - self.gone
        self.gone = self.gone.difference(added) | lost
        self.added = self.added.difference(gone) | more
