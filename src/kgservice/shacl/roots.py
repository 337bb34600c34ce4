"""What a shape with targets of its own targets, beside what it can look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass

from rdflib.namespace import RDF, RDFS
from rdflib.term import Node, URIRef

from kgservice.shacl.reach import Reach, Statements, Triple

_FEW = 30  # statements


@dataclass(frozen=True, slots=True)
class Root:
    """A shape with targets of its own, what it can look at, and what it targets.

    `at_once`: its SPARQL constraints can be asked of many focus nodes at once (see `prebinding`).
    """

    shape: Node
    reach: Reach
    classes: frozenset[Node]
    nodes: frozenset[Node]
    subjects_of: frozenset[URIRef]
    objects_of: frozenset[URIRef]
    at_once: bool = True

    def targets_by_use(self, node: Node, statements: Statements, likely: Collection[Node]) -> bool:
        """Whether the shape targets a node as subject or object of properties, the `likely` ones first."""
        return _uses(node, self.subjects_of, statements, likely, back=False) or _uses(
            node, self.objects_of, statements, likely, back=True
        )

    def all_targets(self, index: Index) -> set[Node]:
        """All that the shape targets."""
        found = set(self.nodes)
        for prop in self.subjects_of:
            found |= index.subjects[prop]
        for prop in self.objects_of:
            found |= index.objects[prop]
        waiting, seen = list(self.classes), set(self.classes)
        while waiting:
            cls = waiting.pop()
            found |= index.instances[cls]
            waiting += index.narrower[cls] - seen
            seen |= index.narrower[cls]
        return found


def _uses(
    node: Node, properties: Set[URIRef], statements: Statements, likely: Collection[Node], *, back: bool
) -> bool:
    """Whether the node is subject (`back`: object) of one of the properties."""
    if not properties:
        return False
    some = statements.some(node, None, _FEW, back=back)
    if len(some) < _FEW:
        return any(predicate in properties for _, predicate, _ in some)
    first = properties & {*likely}
    return any(statements.some(node, prop, 1, back=back) for prop in (*first, *(properties - first)))


class Index:
    """Statements by what targets are found by."""

    def __init__(self, statements: Iterable[Triple]) -> None:
        self.subjects: defaultdict[Node, set[Node]] = defaultdict(set)
        self.objects: defaultdict[Node, set[Node]] = defaultdict(set)
        self.instances: defaultdict[Node, set[Node]] = defaultdict(set)
        self.narrower: defaultdict[Node, set[Node]] = defaultdict(set)
        for s, p, o in statements:
            self.subjects[p].add(s)
            self.objects[p].add(o)
            if p == RDF.type:
                self.instances[o].add(s)
            elif p == RDFS.subClassOf:
                self.narrower[o].add(s)


def classes_of(node: Node, statements: Statements) -> set[Node]:
    """The classes of a node, and those above them."""
    return with_above([o for _, _, o in statements.of(node, RDF.type)], statements)


def with_above(classes: Iterable[Node], statements: Statements) -> set[Node]:
    """The classes and those above them."""
    waiting = list(classes)
    found = set(waiting)
    while waiting:
        above = {o for _, _, o in statements.of(waiting.pop(), RDFS.subClassOf)} - found
        found |= above
        waiting += above
    return found
