"""Which shapes target a node, found by what is said of it rather than shape by shape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from rdflib.namespace import RDF
from rdflib.term import Node, URIRef

from kgservice.shacl.reach import Statements, Triple
from kgservice.shacl.roots import Root, with_above

# A node that may be a focus node, and how: as the object of a property, or otherwise (None).
Candidate = tuple[Node, URIRef | None]
# A class and those above it.
Above = Callable[[Node], Collection[Node]]
# Statements by their predicate, and all of them by None.
ByPredicate = Mapping[Node | None, Collection[Triple]]


class Targets:
    """Which of the roots target a node."""

    def __init__(self, every: Iterable[Root]) -> None:
        self._nodes: defaultdict[Node, list[Root]] = defaultdict(list)
        self._classes: defaultdict[Node, list[Root]] = defaultdict(list)
        self._subjects: defaultdict[Node, list[Root]] = defaultdict(list)
        self._objects: defaultdict[URIRef, list[Root]] = defaultdict(list)
        for root in every:
            for index, terms in (
                (self._nodes, root.nodes),
                (self._classes, root.classes),
                (self._subjects, root.subjects_of),
            ):
                for term in terms:
                    index[term].append(root)
            for prop in root.objects_of:
                self._objects[prop].append(root)

    def by_class(self, node: Node, classes: Iterable[Node]) -> set[Node]:
        """The shapes that target a node of these classes by its name or by one of them."""
        found = {root.shape for root in self._nodes.get(node, ())}
        return found.union(root.shape for cls in classes for root in self._classes.get(cls, ()))

    def aimed(self, changed: ByPredicate, above: Above) -> defaultdict[Node, set[Node]]:
        """For each shape the nodes that changed statements may make a target of it, or no target any more."""
        found: defaultdict[Node, set[Node]] = defaultdict(set)
        for s, _, kind in changed.get(RDF.type, ()):
            for root in (root for cls in above(kind) for root in self._classes.get(cls, ())):
                found[root.shape].add(s)
        for predicate, triples in changed.items():
            if isinstance(predicate, URIRef):
                for root in self._subjects.get(predicate, ()):
                    found[root.shape].update(s for s, _, _ in triples)
                for root in self._objects.get(predicate, ()):
                    found[root.shape].update(o for _, _, o in triples)
        return found

    def among(self, candidates: Iterable[Candidate], statements: Statements) -> dict[Node, set[Node]]:
        """For each shape those that it targets in the way named, but in none that comes before."""
        focus: defaultdict[Node, set[Node]] = defaultdict(set)
        above: dict[Node, list[Root]] = {}
        for node, way in candidates:
            for root in self._of(node, statements, above) if way is None else self._to(node, way, statements):
                focus[root.shape].add(node)
        return dict(focus)

    def _of(self, node: Node, statements: Statements, above: dict[Node, list[Root]]) -> Iterator[Root]:
        """What targets the node by its name, its classes, or what is said of it."""
        yield from self._nodes.get(node, ())
        for _, predicate, value in statements.of(node, None):
            yield from self._subjects.get(predicate, ())
            if predicate == RDF.type:
                if value not in above:
                    kinds = with_above([value], statements)
                    above[value] = [root for kind in kinds for root in self._classes.get(kind, ())]
                yield from above[value]

    def _to(self, node: Node, way: URIRef, statements: Statements) -> Iterator[Root]:
        """What targets the node as object of the property `way`, and in no way that comes before."""
        found = self._objects.get(way, ())
        if found:
            before = {root.shape for root in self._of(node, statements, {})}
            for root in found:
                earlier = (prop for prop in root.objects_of if prop < way)
                named = any(statements.some(node, prop, 1, back=True) for prop in earlier)
                if root.shape not in before and not named:
                    yield root
