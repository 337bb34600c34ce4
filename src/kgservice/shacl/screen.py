"""A quick first look: which focus nodes may have findings; the reference engine need not see the rest.

SPARQL constraints are asked of an Oxigraph store in memory, for all focus nodes of a shape at once, and SHACL
Core is checked by the compiled engine of the package `shacl`, if it is installed. A focus node that only
breaks SPARQL constraints has its findings from there (see `constraints`); otherwise the two only clear focus
nodes, and what they do not clear, or cannot judge, goes to pySHACL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyoxigraph as ox
import rdflib
from rdflib.namespace import RDF, SH
from rdflib.term import BNode, Node, URIRef

from kgservice.domain.finding import Finding
from kgservice.shacl import accelerator
from kgservice.shacl.constraints import FOCUS, Query, Row, queries_of
from kgservice.shacl.plain import is_plain
from kgservice.shacl.reach import Triple
from kgservice.shacl.report import TITLES
from kgservice.shacl.roots import Root
from kgservice.shacl.shapes import Shapes, texts
from kgservice.shacl.terms import from_rdflib, to_rdflib

if accelerator.installed():
    from shacl import Shapes as CompiledShapes
else:
    CompiledShapes = None  # type: ignore[assignment,misc]

Focus = Mapping[Node, Collection[Node]]
_Term = ox.NamedNode | ox.BlankNode | ox.Literal

_TARGETS = {SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf}


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the quick look saw: `suspects` are for the reference engine, the `findings` are final.

    Both by shape; no focus node of a shape is in both.
    """

    suspects: dict[Node, set[Node]]
    findings: dict[Node, list[Finding]] = field(default_factory=dict)


@dataclass(slots=True)
class _Asked:
    """Who `fails` the SPARQL constraints of a shape, or has been `told` of by the solutions, one a result."""

    fails: set[Node] = field(default_factory=set)
    told: defaultdict[Node, list[tuple[Query, Row]]] = field(default_factory=lambda: defaultdict(list))


class Screen:
    """Clears focus nodes of the shapes `roots`. One thread at a time."""

    def __init__(self, shapes: Shapes, roots: Sequence[Root]) -> None:
        # The properties by which one node points to the focus nodes of each shape.
        self._pointers = {root.shape: ox.NamedNode(f"{FOCUS.value}:{n}") for n, root in enumerate(roots)}
        self._queries: dict[Node, list[Query]] = {}
        self._deep = {root.shape for root in roots if root.reach.deep or root.reach.boundless}
        for root in roots:
            found = queries_of(shapes, root.shape, self._pointers[root.shape]) if root.at_once else None
            if found is not None:
                self._queries[root.shape] = found
        self._users = _users(shapes.graph, self._queries)
        self._core = _Core(shapes, self._pointers) if CompiledShapes is not None else None

    def look(
        self, focus: Focus, statements: Collection[Triple], around: Callable[[Focus], Collection[Triple]]
    ) -> Sighting:
        """Those of the focus nodes, shape by shape, that may have findings, and the findings already seen.

        `statements` must hold all that bears on them, the model and the context among it, and `around` says
        what of that bears on some. Literals that the engines do not read alike are left to the reference.
        """
        everything = {shape: set(nodes) for shape, nodes in focus.items()}
        if self._core is None or not focus or _any_blank(everything, statements):
            return Sighting(everything)
        odd = {triple for triple in statements if not is_plain(triple[2])}
        apart = _near_to(odd, everything, around)
        left = {shape: nodes - apart.get(shape, set()) for shape, nodes in everything.items()}
        seen = self._look(left, [triple for triple in statements if triple not in odd] if odd else statements)
        for shape, nodes in apart.items():
            seen.suspects.setdefault(shape, set()).update(nodes)
        return seen

    def _look(self, everything: dict[Node, set[Node]], statements: Collection[Triple]) -> Sighting:
        """The same where the engines read all literals alike."""
        assert self._core is not None
        quads = [_quad(triple) for triple in statements]
        terms = {shape: {from_rdflib(node): node for node in nodes} for shape, nodes in everything.items()}
        pointing = [(self._pointers[shape], term) for shape, found in terms.items() for term in found]
        try:
            failing = self._core.failing([*quads, *(ox.Quad(FOCUS, *pointed) for pointed in pointing)])
        except ValueError:  # a query of a constraint component that it refuses: pySHACL says what of it
            return Sighting(everything)
        asked = self._asked(terms, [*quads, *(ox.Quad(FOCUS, *pointed, FOCUS) for pointed in pointing)])
        # A deep shape reports other nodes than its focus node, by shapes that no root has directly.
        deep = any(source not in self._users for sources in failing.values() for source in sources)
        suspects: dict[Node, set[Node]] = {}
        findings: dict[Node, list[Finding]] = {}
        for shape, nodes in everything.items():
            if shape not in asked or (deep and shape in self._deep):
                suspects[shape] = nodes
                continue
            suspects[shape] = (nodes & self._failing(shape, failing)) | asked[shape].fails
            told = {node: rows for node, rows in asked[shape].told.items() if node not in suspects[shape]}
            findings[shape] = _written(told, statements) if told else []
        return Sighting(
            {shape: nodes for shape, nodes in suspects.items() if nodes},
            {shape: found for shape, found in findings.items() if found},
        )

    def _failing(self, shape: Node, failing: Mapping[Node, set[Node]]) -> set[Node]:
        """The focus nodes with results of the shape, or of one that is in none of the roots."""
        return {
            node
            for node, sources in failing.items()
            if any(shape in self._users.get(source, {shape}) for source in sources)
        }

    def _asked(
        self, focus: Mapping[Node, Mapping[_Term, Node]], quads: Collection[ox.Quad]
    ) -> dict[Node, _Asked]:
        """What the constraints say, for each shape all of whose SPARQL constraints can be asked."""
        asked = {shape: _Asked() for shape in focus if shape in self._queries}
        waiting = [shape for shape in asked if self._queries[shape]]
        if not waiting:
            return asked
        store = ox.Store()
        store.extend(quads)
        for shape in waiting:
            for query in self._queries[shape]:
                rows = query.rows(store)
                if rows:
                    self._take(asked[shape], query, rows, focus[shape], quads)
        return asked

    @staticmethod
    def _take(
        asked: _Asked,
        query: Query,
        rows: Collection[Row],
        terms: Mapping[_Term, Node],
        quads: Iterable[ox.Quad],
    ) -> None:
        if not terms.keys() >= {focus for focus, _ in rows}:
            # A literal that the store writes in another way is not told apart from the rest.
            asked.fails.update(terms.values())
        elif query.writes(rows, quads):
            for row in rows:
                asked.told[terms[row[0]]].append((query, row))
        else:
            asked.fails.update(terms[focus] for focus, _ in rows)


def _written(told: Mapping[Node, Iterable[tuple[Query, Row]]], statements: Iterable[Triple]) -> list[Finding]:
    """The findings of the focus nodes, with their titles."""
    titles = rdflib.Graph()
    for triple in statements:
        if triple[1] in TITLES and triple[0] in told:
            titles.add(triple)
    labels = {node: texts(titles, node, *TITLES) for node in told}
    return [query.finding(row, labels[node]) for node, rows in told.items() for query, row in rows]


class _Core:
    """SHACL Core by the compiled engine; its shapes target what their pointers point to, and nothing else."""

    def __init__(self, shapes: Shapes, pointers: Mapping[Node, ox.NamedNode]) -> None:
        left_out = (SH.sparql, *_TARGETS)
        triples = [
            (s, p, o)
            for s, p, o in shapes.graph
            if p not in left_out and not (p == RDF.type and s in pointers)
        ]
        for shape, pointer in pointers.items():
            # A shape that is a class would target its instances.
            kind = SH.PropertyShape if (shape, SH.path, None) in shapes.graph else SH.NodeShape
            triples += [
                (shape, SH.targetObjectsOf, URIRef(pointer.value)),
                (shape, RDF.type, kind),
            ]
        text = ox.serialize(map(_quad, triples), format=ox.RdfFormat.N_QUADS)
        assert text is not None
        self._shapes = CompiledShapes.from_text(text.decode(), "ntriples")

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


def _near_to(
    odd: set[Triple], focus: Focus, around: Callable[[Focus], Collection[Triple]]
) -> dict[Node, set[Node]]:
    """The focus nodes on which one of the `odd` statements bears, and literals that are odd themselves."""
    near: dict[Node, set[Node]] = {}
    for shape, nodes in focus.items():
        found = {node for node in nodes if not is_plain(node)}
        if odd:
            found |= _within(odd, shape, list(nodes), around)
        if found:
            near[shape] = found
    return near


def _within(
    odd: set[Triple], shape: Node, nodes: list[Node], around: Callable[[Focus], Collection[Triple]]
) -> set[Node]:
    """Those of the nodes on which one of the `odd` statements bears, by halves: on most nodes none does."""
    if not nodes or odd.isdisjoint(around({shape: nodes})):
        return set()
    if len(nodes) == 1:
        return set(nodes)
    half = len(nodes) // 2
    return _within(odd, shape, nodes[:half], around) | _within(odd, shape, nodes[half:], around)


def _any_blank(focus: Focus, statements: Iterable[Triple]) -> bool:
    return any(isinstance(s, BNode) or isinstance(o, BNode) for s, _, o in statements) or any(
        isinstance(node, BNode) for nodes in focus.values() for node in nodes
    )


def _quad(triple: Triple) -> ox.Quad:
    subject, predicate, value = map(from_rdflib, triple)
    assert not isinstance(subject, ox.Literal)
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
