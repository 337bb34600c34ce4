"""A quick first look: which focus nodes may have findings; the reference engine need not see the rest.

SPARQL constraints are asked of an Oxigraph store in memory, for all focus nodes of a shape at once, and SHACL
Core is checked by the compiled engine of the package `shacl`, if it is installed. Neither writes a finding:
they only clear focus nodes, and what they do not clear goes to pySHACL. Whatever they cannot judge stays.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox
import rdflib
from rdflib.namespace import RDF, SH
from rdflib.term import BNode, Node, URIRef

from kgservice.shacl.compile import Root
from kgservice.shacl.lateral import one_after_the_other
from kgservice.shacl.reach import Triple
from kgservice.shacl.shapes import Shapes, prefixes_of
from kgservice.shacl.terms import from_rdflib, to_rdflib

try:
    from shacl import Shapes as CompiledShapes
except ImportError:  # an accelerator, not a need
    CompiledShapes = None  # type: ignore[assignment,misc]

Focus = Mapping[Node, Collection[Node]]
_Term = ox.NamedNode | ox.BlankNode | ox.Literal

_FOCUS = ox.NamedNode("urn:kgservice:focus")
_TARGETS = {SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf}
_HEAD = re.compile(r"^\s*SELECT\b[^{]*\{", re.IGNORECASE)
_PATH = re.compile(r"[$?]PATH\b")
# Pre-bound variables that only pySHACL binds.
_OWN = re.compile(r"[$?](?:shapesGraph|currentShape)\b")
_NESTED = (SH.node, SH["not"], SH.qualifiedValueShape)
_LISTS = (SH["and"], SH["or"], SH.xone)


@dataclass(frozen=True, slots=True)
class _Query:
    """A SPARQL constraint that takes its focus nodes from the graph `_FOCUS`, by the pointer of its shape."""

    text: str
    prefixes: dict[str, str]


class Screen:
    """Clears focus nodes of the shapes `roots`. One thread at a time."""

    def __init__(self, shapes: Shapes, roots: Sequence[Root]) -> None:
        # The properties by which one node points to the focus nodes of each shape.
        self._pointers = {root.shape: ox.NamedNode(f"{_FOCUS.value}:{n}") for n, root in enumerate(roots)}
        self._queries: dict[Node, list[_Query]] = {}
        self._deep = {root.shape for root in roots if root.reach.deep or root.reach.boundless}
        for shape, pointer in self._pointers.items():
            found = _queries(shapes.graph, shape, pointer)
            if found is not None:
                self._queries[shape] = found
        self._users = _users(shapes.graph, self._queries)
        self._core = _Core(shapes, self._pointers) if CompiledShapes is not None else None

    def suspects(self, focus: Focus, statements: Collection[Triple]) -> dict[Node, set[Node]]:
        """Those of the focus nodes, shape by shape, that may have findings.

        `statements` must hold all that bears on them, the model and the context among it.
        """
        everything = {shape: set(nodes) for shape, nodes in focus.items()}
        if self._core is None or not focus or _any_blank(everything, statements):
            return everything
        quads = [_quad(triple) for triple in statements]
        terms = {shape: {from_rdflib(node): node for node in nodes} for shape, nodes in everything.items()}
        pointing = [(self._pointers[shape], term) for shape, found in terms.items() for term in found]
        failing = self._core.failing([*quads, *(ox.Quad(_FOCUS, *pointed) for pointed in pointing)])
        asked = self._asked(terms, [*quads, *(ox.Quad(_FOCUS, *pointed, _FOCUS) for pointed in pointing)])
        # A deep shape reports other nodes than its focus node, by shapes that no root has directly.
        deep = any(source not in self._users for sources in failing.values() for source in sources)
        found = {
            shape: (nodes & self._failing(shape, failing)) | asked[shape]
            if shape in asked and not (deep and shape in self._deep)
            else nodes
            for shape, nodes in everything.items()
        }
        return {shape: nodes for shape, nodes in found.items() if nodes}

    def _failing(self, shape: Node, failing: Mapping[Node, set[Node]]) -> set[Node]:
        """The focus nodes with results of the shape, or of one that is in none of the roots."""
        return {
            node
            for node, sources in failing.items()
            if any(shape in self._users.get(source, {shape}) for source in sources)
        }

    def _asked(
        self, focus: Mapping[Node, Mapping[_Term, Node]], quads: Iterable[ox.Quad]
    ) -> dict[Node, set[Node]]:
        """For each shape whose SPARQL constraints can be asked, the focus nodes that fail one of them."""
        asked: dict[Node, set[Node]] = {shape: set() for shape in focus if shape in self._queries}
        waiting = [shape for shape in asked if self._queries[shape]]
        if not waiting:
            return asked
        store = ox.Store()
        store.extend(quads)
        for shape in waiting:
            terms = focus[shape]
            for query in self._queries[shape]:
                results: Any = store.query(query.text, prefixes=query.prefixes)
                failing = {row["this"] for row in results}
                # A literal that the store writes in another way is not told apart from the rest.
                known = failing <= terms.keys()
                asked[shape].update((terms[term] for term in failing) if known else terms.values())
        return asked


class _Core:
    """SHACL Core by the compiled engine; its shapes target what their pointers point to, and nothing else."""

    def __init__(self, shapes: Shapes, pointers: Mapping[Node, ox.NamedNode]) -> None:
        graph = rdflib.Graph()
        graph += ((s, p, o) for s, p, o in shapes.graph if p != SH.sparql and p not in _TARGETS)
        for shape, pointer in pointers.items():
            graph.add((shape, SH.targetObjectsOf, URIRef(pointer.value)))
            # A shape that is a class would target its instances.
            kind = SH.PropertyShape if (shape, SH.path, None) in graph else SH.NodeShape
            graph.set((shape, RDF.type, kind))
        self._shapes = CompiledShapes.from_text(graph.serialize(format="turtle"), "turtle")

    def failing(self, quads: Iterable[ox.Quad]) -> dict[Node, set[Node]]:
        """The focus nodes with results, and the shapes that gave them; the quads are of the default graph."""
        text = ox.serialize(quads, format=ox.RdfFormat.N_QUADS)
        assert text is not None
        failing: defaultdict[Node, set[Node]] = defaultdict(set)
        for result in self._shapes.validate_text(text.decode(), "ntriples").results:
            failing[_term(result.focus_node)].add(_term(result.source_shape or "_:unknown"))
        return failing


def _users(graph: rdflib.Graph, roots: Iterable[Node]) -> dict[Node, set[Node]]:
    """For each named shape, those of the `roots` that are it or have it as a property shape.

    Without those that report other nodes than focus nodes of these roots, too: something else has them, or a
    root that is a property shape itself.
    """
    users: defaultdict[Node, set[Node]] = defaultdict(set)
    for root in roots:
        users[root].add(root)
        if (root, SH.path, None) not in graph:
            for shape in graph.objects(root, SH.property):
                users[shape].add(root)
    return {
        shape: found
        for shape, found in users.items()
        if isinstance(shape, URIRef) and found.issuperset(graph.subjects(SH.property, shape))
    }


def _queries(graph: rdflib.Graph, shape: Node, pointer: ox.NamedNode) -> list[_Query] | None:
    """The SPARQL constraints of a shape and its property shapes; None if some cannot be asked."""
    if _is_beyond(graph, shape):
        return None
    found: list[_Query] = []
    for owner in (shape, *graph.objects(shape, SH.property)):
        path = graph.value(owner, SH.path)
        for constraint in graph.objects(owner, SH.sparql):
            text = str(graph.value(constraint, SH.select))
            if _PATH.search(text):
                if not isinstance(path, URIRef):
                    return None
                text = _PATH.sub(path.n3(), text)
            head = _HEAD.match(text)
            # A comment could hide the place where the query begins.
            if head is None or "#" in head[0] or _OWN.search(text):
                return None
            text = f"{text[: head.end()]} GRAPH {_FOCUS} {{ {_FOCUS} {pointer} $this }} {text[head.end() :]}"
            found.append(_quick(text, prefixes_of(graph, constraint)))
    return found


def _quick(text: str, prefixes: dict[str, str]) -> _Query:
    """The query in the words that Oxigraph answers fastest, if it takes them."""
    walked = one_after_the_other(text)
    try:
        ox.Store().query(walked, prefixes=prefixes)
    except SyntaxError:
        return _Query(text, prefixes)
    return _Query(walked, prefixes)


def _is_beyond(graph: rdflib.Graph, shape: Node) -> bool:
    """Whether a shape holds what the quick look cannot judge.

    That is a SPARQL constraint whose focus node is another one than the shape's, and `sh:closed` in a
    property shape, which the compiled engine overlooks (shacl 0.3.4).
    """

    def below(node: Node, *, direct: bool) -> bool:
        if not direct and (node, SH.sparql, None) in graph:
            return True
        if (node, SH.closed, None) in graph and (node, SH.path, None) in graph:
            return True
        inner = [o for p in _NESTED for o in graph.objects(node, p)]
        for p in _LISTS:
            for members in graph.objects(node, p):
                inner += rdflib.collection.Collection(graph, members)
        beside = list(graph.objects(node, SH.property))
        # What is a property shape of the shape itself has the same focus node.
        same = direct and (node, SH.path, None) not in graph
        return any(below(n, direct=False) for n in inner) or any(below(n, direct=same) for n in beside)

    return below(shape, direct=True)


def _any_blank(focus: Focus, statements: Iterable[Triple]) -> bool:
    return any(isinstance(s, BNode) or isinstance(o, BNode) for s, _, o in statements) or any(
        isinstance(node, BNode) for nodes in focus.values() for node in nodes
    )


def _quad(triple: Triple) -> ox.Quad:
    subject, predicate, value = map(from_rdflib, triple)
    assert isinstance(subject, ox.NamedNode)
    assert isinstance(predicate, ox.NamedNode)
    return ox.Quad(subject, predicate, value)


def _term(text: str) -> Node:
    """A term in N-Triples."""
    if text.startswith("<"):
        return URIRef(text[1:-1])
    if text.startswith("_:"):
        return BNode(text[2:])
    # rdflib's own reader would write the value anew, and then it is another term.
    (statement,) = ox.parse(f"<urn:s> <urn:p> {text} .", ox.RdfFormat.N_TRIPLES)
    return to_rdflib(statement.object)
