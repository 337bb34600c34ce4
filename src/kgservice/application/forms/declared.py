"""What the shapes declare of the properties of a class, and what the ontology says of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import rdflib
from rdflib.collection import Collection
from rdflib.namespace import OWL, RDF, RDFS, SH
from rdflib.term import Node

from kgservice.domain.finding import Texts
from kgservice.namespaces import CI

LAST = 1e9
"""The order of what has none."""


@dataclass(slots=True)
class Declared:
    """What shapes say of one property of a class; see `form_fields.Field`."""

    label: Texts = field(default_factory=dict)
    help: Texts = field(default_factory=dict)
    inverses: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None
    advised: bool = False
    among: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    order: float = LAST
    group: str = ""
    shapes: set[str] = field(default_factory=set)
    nested: list[Node] = field(default_factory=list)


class Declarations:
    """Reads a shapes graph, by the classes of a model."""

    def __init__(self, shapes: rdflib.Graph, model: rdflib.Graph) -> None:
        self._shapes = shapes
        self._model = model
        self._domains: defaultdict[Node, set[rdflib.URIRef]] = defaultdict(set)
        for prop, of in model.subject_objects(RDFS.domain):
            self._domains[prop].update(members(model, of))

    def of(self, class_: rdflib.URIRef) -> dict[rdflib.URIRef, Declared]:
        """What is declared of the properties of a class, by property."""
        found: dict[rdflib.URIRef, Declared] = {}
        for known in above(self._model, class_):
            for target in self._shapes.subjects(SH.targetClass, known):
                for shape in (target, *self._shapes.objects(target, SH.property)):
                    self.take(shape, found)
        for prop in self.domain(class_):
            for target in self._shapes.subjects(SH.targetSubjectsOf, prop):
                for shape in self._shapes.objects(target, SH.property):
                    self._bound(shape, prop, found)
        return found

    def domain(self, class_: rdflib.URIRef) -> list[rdflib.URIRef]:
        """The properties that the class, or one above it, has by their domain."""
        classes = set(above(self._model, class_))
        return sorted(p for p, of in self._domains.items() if classes & of and isinstance(p, rdflib.URIRef))

    def take(self, shape: Node, found: dict[rdflib.URIRef, Declared]) -> None:
        """Add what a property shape says of the one property that its path is about, if it is about one."""
        prop, inverses = self.subject(self._shapes.value(shape, SH.path))
        if prop is None:
            return
        one = found.setdefault(prop, Declared())
        one.inverses = tuple({*one.inverses, *map(str, inverses)})
        one.shapes.add(str(shape))
        order = number(self._shapes, shape, SH.order, LAST)
        least = int(number(self._shapes, shape, SH.minCount, 0))
        most = int(number(self._shapes, shape, SH.maxCount, -1))
        if order < one.order:
            one.order, one.group = order, str(self._shapes.value(shape, SH.group) or "")
            one.help = texts(self._shapes, shape, SH.description)
            if least:  # else the name is that of a rule, not of what it is about
                one.label = texts(self._shapes, shape, SH.name)
        if self._shapes.value(shape, SH.severity) in {None, SH.Violation}:
            one.least = max(one.least, least)
            if most >= 0:
                one.most = most if one.most is None else min(one.most, most)
        else:
            one.advised = one.advised or least > 0
        among = self._shapes.value(shape, SH["in"])
        if among is not None:
            one.among = tuple(str(each) for each in Collection(self._shapes, among))
        one.classes = (*one.classes, *(str(c) for c in self._shapes.objects(shape, SH["class"])))
        one.nested += self._shapes.objects(shape, SH.property)
        self._limits(shape, one)

    def subject(self, path: Node | None) -> tuple[rdflib.URIRef | None, list[rdflib.URIRef]]:
        """The property of a path that is one, or one with its inverses; else None."""
        if isinstance(path, rdflib.URIRef):
            return path, []
        listed = None if path is None else self._shapes.value(path, SH.alternativePath)
        if listed is None:
            return None, []
        members = list(Collection(self._shapes, listed))
        forward = [one for one in members if isinstance(one, rdflib.URIRef)]
        inverse = [self._shapes.value(one, SH.inversePath) for one in members if one not in forward]
        named = [one for one in inverse if isinstance(one, rdflib.URIRef)]
        if len(forward) != 1 or len(named) != len(inverse):
            return None, []
        return forward[0], named

    def _bound(self, shape: Node, prop: rdflib.URIRef, found: dict[rdflib.URIRef, Declared]) -> None:
        """The limits that a shape sets to all values of several properties, this one among them."""
        path = self._shapes.value(shape, SH.path)
        listed = None if path is None else self._shapes.value(path, SH.alternativePath)
        if path == prop or (listed is not None and prop in Collection(self._shapes, listed)):
            one = found.setdefault(prop, Declared())
            one.shapes.add(str(shape))
            self._limits(shape, one)

    def _limits(self, shape: Node, one: Declared) -> None:
        low, high = (self._shapes.value(shape, limit) for limit in (SH.minInclusive, SH.maxInclusive))
        one.low = one.low if low is None else str(low)
        one.high = one.high if high is None else str(high)


def above(model: rdflib.Graph, class_: rdflib.URIRef) -> list[rdflib.URIRef]:
    """The class and those above it."""
    found = model.transitive_objects(class_, RDFS.subClassOf)
    return [one for one in found if isinstance(one, rdflib.URIRef)]


def ranges(model: rdflib.Graph, prop: rdflib.URIRef) -> list[rdflib.URIRef]:
    """The classes or datatypes of the values of a property."""
    return [one for of in model.objects(prop, RDFS.range) for one in members(model, of)]


def members(model: rdflib.Graph, of: Node) -> list[rdflib.URIRef]:
    """The classes of a domain or range: itself, or those that it is the union of."""
    union = model.value(of, OWL.unionOf)
    found = [of] if union is None else Collection(model, union)
    return [one for one in found if isinstance(one, rdflib.URIRef)]


def inverse(model: rdflib.Graph, prop: rdflib.URIRef) -> rdflib.URIRef | None:
    """The property that says the same from the other side."""
    back = model.value(prop, OWL.inverseOf) or model.value(None, OWL.inverseOf, prop)
    return back if isinstance(back, rdflib.URIRef) else None


def texts(graph: rdflib.Graph, node: Node, prop: rdflib.URIRef) -> Texts:
    """The texts of a node by language."""
    found = (one for one in graph.objects(node, prop) if isinstance(one, rdflib.Literal))
    return {one.language or "": str(one) for one in sorted(found)}


def number(graph: rdflib.Graph, node: Node, prop: rdflib.URIRef, otherwise: float) -> float:
    """The number that a node states."""
    found = graph.value(node, prop)
    return otherwise if found is None else float(str(found))


def mentioned(shapes: rdflib.Graph, shape: Node) -> Iterator[str]:
    """The properties in the paths of a shape and of the shapes without a name within it."""
    waiting, seen = [shape], {shape}
    naming = {SH.path, SH.inversePath, RDF.first}
    while waiting:
        node = waiting.pop()
        for p, o in shapes.predicate_objects(node):
            if isinstance(o, rdflib.URIRef) and p in naming and o.startswith(CI):
                yield str(o)
            elif isinstance(o, rdflib.BNode) and o not in seen:
                seen.add(o)
                waiting.append(o)
