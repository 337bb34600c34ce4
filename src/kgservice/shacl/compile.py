"""From the shapes of a graph to the automata that say what each of them can look at.

`python -m kgservice.shacl.compile` writes those of the shipped shapes to their file: see `compiled`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

import rdflib
from rdflib.collection import Collection as Members
from rdflib.namespace import OWL, RDF, RDFS, SH
from rdflib.term import Node, URIRef

from kgservice.shacl import compiled
from kgservice.shacl.comparisons import compares_alike
from kgservice.shacl.named import prefixes_of
from kgservice.shacl.patterns import follow
from kgservice.shacl.prebinding import is_bound_where_used
from kgservice.shacl.reach import Reach
from kgservice.shacl.roots import Root
from kgservice.shacl.shapes import Shapes, shipped_shapes
from kgservice.shacl.terms import interned

_LISTS = (SH["and"], SH["or"], SH.xone)
_NESTED = (SH.node, SH["not"], SH.qualifiedValueShape, SH.property)
_BESIDE = (SH.equals, SH.disjoint, SH.lessThan, SH.lessThanOrEquals)
_TARGETS = (SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf)
_REPEATED = (SH.zeroOrMorePath, SH.oneOrMorePath, SH.zeroOrOnePath)
_PATH = re.compile(r"[$?]PATH\b")
_TRUE = rdflib.Literal(True)
# What a property shape may say besides counting its values: nothing that looks at them.
_COUNTING = {SH.path, SH.minCount, SH.maxCount, SH.severity, SH.message, SH.name, SH.description, SH.order}
_COUNTING |= {SH.group, SH.deactivated}


def automata(shapes: Shapes) -> list[Root]:
    """The shapes that have targets, in a fixed order; worked out once for each `Shapes`.

    That takes seconds, but for the shipped shapes: there is a file of it.
    """
    if not shapes.automata:  # two threads may work it out, and find the same
        shapes.automata[:] = compiled.read(shapes) or roots(shapes.graph)
    return shapes.automata


def roots(graph: rdflib.Graph) -> list[Root]:
    """The shapes of the graph that have targets, in a fixed order."""
    shapes = {s for target in _TARGETS for s in graph.subjects(target)}
    shapes |= {
        s
        for kind in (SH.NodeShape, SH.PropertyShape)
        for s in graph.subjects(RDF.type, kind)
        if _is_class(graph, s)
    }
    return [_root(graph, shape) for shape in sorted(shapes, key=str)]


def _root(graph: rdflib.Graph, shape: Node) -> Root:
    """What the shapes graph says of a shape."""
    classes = {*graph.objects(shape, SH.targetClass), *([shape] if _is_class(graph, shape) else [])}
    compiler = _Compiler(graph)
    return Root(
        shape,
        compiler.compile(shape),
        frozenset(map(interned, classes)),
        frozenset(map(interned, graph.objects(shape, SH.targetNode))),
        frozenset(_iri(prop) for prop in graph.objects(shape, SH.targetSubjectsOf)),
        frozenset(_iri(prop) for prop in graph.objects(shape, SH.targetObjectsOf)),
        compiler.at_once,
    )


def _is_class(graph: rdflib.Graph, shape: Node) -> bool:
    """Whether a shape is also a class, and so targets its own instances."""
    return any((shape, RDF.type, kind) in graph for kind in (RDFS.Class, OWL.Class))


class _Compiler:
    def __init__(self, graph: rdflib.Graph) -> None:
        self._graph = graph
        self._reach = Reach()
        self.at_once = True
        self._custom = {
            p
            for component in graph.subjects(RDF.type, SH.ConstraintComponent)
            for parameter in graph.objects(component, SH.parameter)
            for p in graph.objects(parameter, SH.path)
        }

    def compile(self, shape: Node) -> Reach:
        self._targets(shape)
        self._shape(0, shape)
        return self._reach.finish()

    def _targets(self, shape: Node) -> None:
        """What makes a node a target of the shape."""
        if (shape, SH.targetClass, None) in self._graph or _is_class(self._graph, shape):
            self._class(0, aims=True)
        for prop in self._objects(shape, SH.targetSubjectsOf):
            self._reach.step(0, _iri(prop), aims=True)
        for prop in self._objects(shape, SH.targetObjectsOf):
            self._reach.step(0, _iri(prop), back=True, aims=True)

    def _objects(self, shape: Node, *terms: URIRef) -> Iterator[Node]:
        for term in terms:
            yield from self._graph.objects(shape, term)

    def _class(self, state: int, *, aims: bool = False) -> None:
        above = self._reach.step(state, RDF.type, aims=aims)
        self._reach.step(above, RDFS.subClassOf, to=above, aims=aims)

    def _shape(self, this: int, shape: Node) -> None:
        """All that a shape looks at from `this`, which holds its focus node."""
        graph, reach = self._graph, self._reach
        if (shape, SH.deactivated, _TRUE) in graph:
            return
        path = graph.value(shape, SH.path)
        value = this if path is None else self._path(this, path, most=self._counted(shape))
        if self._custom.intersection(graph.predicates(shape)):  # may look at anything, in SPARQL
            reach.boundless, self.at_once = True, False
        if (shape, SH["class"], None) in graph:
            self._class(value)
        for prop in self._objects(shape, *_BESIDE):
            reach.step(this, _iri(prop))
        if (shape, SH.closed, _TRUE) in graph:
            reach.step(value, None)
        if value != 0 and (shape, SH.property, None) in graph:
            reach.deep.add(value)
        for nested in self._nested(shape):
            self._shape(value, nested)
        for constraint in self._objects(shape, SH.sparql):
            self._query(this, constraint, path)

    def _counted(self, shape: Node) -> int:
        """How many values tell all that the shape asks, if it only counts them; else 0."""
        terms = set(self._graph.predicates(shape))
        if any(str(t).startswith(str(SH)) for t in terms - _COUNTING) or self._custom & terms:
            return 0
        least, most = (
            [int(str(count)) for count in self._objects(shape, term)] for term in (SH.minCount, SH.maxCount)
        )
        return max((*least, *(count + 1 for count in most)), default=0)

    def _nested(self, shape: Node) -> Iterator[Node]:
        """The shapes that the values of a shape are held against."""
        yield from self._objects(shape, *_NESTED)
        for members in self._objects(shape, *_LISTS):
            yield from Members(self._graph, members)
        if (shape, SH.qualifiedValueShapesDisjoint, _TRUE) in self._graph:
            for parent in self._graph.subjects(SH.property, shape):
                for sibling in self._objects(parent, SH.property):
                    yield from self._objects(sibling, SH.qualifiedValueShape)

    def _query(self, this: int, constraint: Node, path: Node | None) -> None:
        """What a SPARQL constraint looks at; `$PATH` in it stands for the path of its shape."""
        text = str(self._graph.value(constraint, SH.select))
        if _PATH.search(text):
            if not isinstance(path, URIRef):
                self._reach.boundless = True
                return
            text = _PATH.sub(path.n3(), text)
        prefixes = prefixes_of(self._graph, constraint)
        follow(text, prefixes, self._reach, this)
        self.at_once &= is_bound_where_used(text, prefixes) and compares_alike(text, prefixes)

    def _path(self, state: int, path: Node, *, back: bool = False, most: int = 0) -> int:
        """The steps of a SHACL path from `state`; the state at its end. `most`: see `Step`."""
        graph, reach = self._graph, self._reach
        if isinstance(path, URIRef):
            return reach.step(state, _iri(path), back=back, most=most)
        if (path, RDF.first, None) in graph:
            parts = list(Members(graph, path))
            for part in reversed(parts) if back else parts:
                state = self._path(state, part, back=back)
            return state
        end = reach.state()
        for members in graph.objects(path, SH.alternativePath):
            for part in Members(graph, members):
                reach.jump(self._path(state, part, back=back, most=most), end)
        for inner in graph.objects(path, SH.inversePath):
            reach.jump(self._path(state, inner, back=not back, most=most), end)
        for term in _REPEATED:
            for inner in graph.objects(path, term):
                once: Callable[[int], int] = partial(self._path, path=inner, back=back)
                none, again = term != SH.oneOrMorePath, term != SH.zeroOrOnePath
                reach.repeat(state, end, once, none=none, again=again)
        return end


def _iri(term: Node) -> URIRef:
    term = interned(term)
    assert isinstance(term, URIRef)
    return term


if __name__ == "__main__":
    shipped = shipped_shapes()
    compiled.FILE.write_text(compiled.written(shipped, roots(shipped.graph)), encoding="utf-8")
