"""SPARQL constraints as queries for Oxigraph, for many focus nodes at once, and the results they give."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox
import rdflib
from rdflib.collection import Collection as Members
from rdflib.namespace import RDF, SH
from rdflib.term import BNode, Node, URIRef

from kgservice.domain.finding import Finding, Rule, Texts
from kgservice.shacl.lateral import one_after_the_other
from kgservice.shacl.named import prefixes_of
from kgservice.shacl.plain import is_plain_pattern
from kgservice.shacl.prebinding import bound_by
from kgservice.shacl.reach import Triple
from kgservice.shacl.shapes import Shapes, texts
from kgservice.shacl.terms import to_rdflib

Term = ox.NamedNode | ox.BlankNode | ox.Literal
Row = tuple[Term, Term | None]  # a focus node, and its value if there is one

# The node that points to focus nodes, and the graph where it does.
FOCUS = ox.NamedNode("urn:kgservice:focus")
_SELECTS = re.compile(  # nothing but the focus node and its value
    r"^\s*SELECT\s+(?:DISTINCT\s+)?[$?]this(?:\s+[$?]value)?\s*(?:WHERE\s*)?\{", re.IGNORECASE
)
_PATH = re.compile(r"[$?]PATH\b")
# Pre-bound variables that only pySHACL binds.
_OWN = re.compile(r"[$?](?:shapesGraph|currentShape)\b")
# What counts solutions: those of all focus nodes, if all are asked for at once.
_SLICE = re.compile(r"(?<![?$:\w])(?:LIMIT|OFFSET)\s*\d", re.IGNORECASE)
_PLACE = re.compile(r"\{[?$]\w+\}")  # of a value in a message
_NESTED = (SH.node, SH["not"], SH.qualifiedValueShape)
_LISTS = (SH["and"], SH["or"], SH.xone)


@dataclass(frozen=True, slots=True)
class Query:
    """A SPARQL constraint that takes its focus nodes from the graph `FOCUS`, by the pointer of its shape.

    `form` is what its results have in common; None for one whose results pySHACL has to write.
    """

    text: str
    prefixes: dict[str, str]
    form: Form | None

    def rows(self, store: ox.Store) -> set[Row]:
        """The focus nodes that break it, with the values that do."""
        results: Any = store.query(self.text, prefixes=self.prefixes)
        valued = any(variable.value == "value" for variable in results.variables)
        return {(row["this"], row["value"] if valued else None) for row in results}

    def writes(self, rows: Collection[Row], quads: Iterable[ox.Quad]) -> bool:
        """Whether each row makes a result.

        Not with values that the data, `quads`, do not have: then the store writes them in another way.
        """
        if self.form is None:
            return False
        literals = {value for _, value in rows if isinstance(value, ox.Literal)}
        return not literals or literals <= {quad.object for quad in quads}

    def finding(self, row: Row, label: Texts) -> Finding:
        """The result of a solution (SHACL, section 5.3.2)."""
        form = self.form
        assert form is not None
        focus, value = row
        result = BNode()
        return Finding(
            rule=form.rule,
            focus=focus,
            path="",
            value=None if value == focus else value,
            messages=form.messages,
            label=label,
            component=str(SH.SPARQLConstraintComponent),
            result=(
                (result, RDF.type, SH.ValidationResult),
                (result, SH.focusNode, to_rdflib(focus)),
                (result, SH.value, to_rdflib(value or focus)),
                *((result, p, o) for p, o in form.said),
                *form.source,
            ),
        )


@dataclass(frozen=True, slots=True)
class Form:
    """What all results of a constraint say, and the statements about the constraint itself: its `source`."""

    rule: Rule
    messages: Texts
    said: tuple[tuple[Node, Node], ...]
    source: tuple[Triple, ...]

    @classmethod
    def of(cls, shapes: Shapes, shape: Node, constraint: Node) -> Form | None:
        """None for a constraint whose results say more than focus node, value and messages that are fixed."""
        graph, rule = shapes.graph, shapes.rules.get(shape)
        messages = list(graph.objects(constraint, SH.message))
        simple = (
            rule is not None
            and isinstance(shape, URIRef)
            and (shape, SH.path, None) not in graph
            and (shape, SH.message, None) not in graph
            and all((node, SH.deactivated, None) not in graph for node in (shape, constraint))
            and messages
            and not any(_PLACE.search(str(message)) for message in messages)
            and _SELECTS.match(str(graph.value(constraint, SH.select)))
        )
        if not simple or rule is None:
            return None
        said = (
            (SH.sourceConstraintComponent, SH.SPARQLConstraintComponent),
            (SH.sourceShape, shape),
            (SH.resultSeverity, graph.value(shape, SH.severity) or SH.Violation),
            (SH.sourceConstraint, constraint),
            *((SH.resultMessage, message) for message in messages),
        )
        return cls(rule, texts(graph, constraint, SH.message), said, _described(graph, constraint))


def queries_of(shapes: Shapes, shape: Node, pointer: ox.NamedNode) -> list[Query] | None:
    """The SPARQL constraints of a shape and its property shapes; None if some cannot be asked."""
    graph = shapes.graph
    if _is_beyond(graph, shape):
        return None
    found: list[Query] = []
    for owner in (shape, *graph.objects(shape, SH.property)):
        path = graph.value(owner, SH.path)
        for constraint in graph.objects(owner, SH.sparql):
            text = str(graph.value(constraint, SH.select))
            if _PATH.search(text):
                if not isinstance(path, URIRef):
                    return None
                text = _PATH.sub(path.n3(), text)
            bound = bound_by(f"GRAPH {FOCUS} {{ {FOCUS} {pointer} $this }}", text)
            if bound is None or _OWN.search(text) or _SLICE.search(text):
                return None
            prefixes = prefixes_of(graph, constraint)
            form = Form.of(shapes, shape, constraint) if owner == shape else None
            found.append(Query(_quick(bound, prefixes), prefixes, form))
    return found


def _described(graph: rdflib.Graph, node: Node) -> tuple[Triple, ...]:
    """What is said of a node without a name, and of such nodes that it leads to."""
    told: list[Triple] = []
    ahead, seen = [node], {node}
    while ahead:
        one = ahead.pop()
        if not isinstance(one, BNode):
            continue
        for triple in graph.triples((one, None, None)):
            told.append(triple)
            if triple[2] not in seen:
                seen.add(triple[2])
                ahead.append(triple[2])
    return tuple(told)


def _quick(text: str, prefixes: Mapping[str, str]) -> str:
    """The query in the words that Oxigraph answers fastest, if it takes them."""
    walked = one_after_the_other(text)
    try:
        ox.Store().query(walked, prefixes=dict(prefixes))
    except SyntaxError:
        return text
    return walked


def _is_beyond(graph: rdflib.Graph, shape: Node) -> bool:
    """Whether a shape holds what the quick look cannot judge.

    That is a SPARQL constraint whose focus node is another one than the shape's, `sh:closed` in a property
    shape, which the compiled engine overlooks (shacl 0.3.4), and a pattern that it reads in its own way.
    """

    def below(node: Node, *, direct: bool) -> bool:
        if not direct and (node, SH.sparql, None) in graph:
            return True
        if (node, SH.closed, None) in graph and (node, SH.path, None) in graph:
            return True
        flags = str(graph.value(node, SH.flags) or "")
        if not all(is_plain_pattern(str(pattern), flags) for pattern in graph.objects(node, SH.pattern)):
            return True
        inner = [o for p in _NESTED for o in graph.objects(node, p)]
        for p in _LISTS:
            for members in graph.objects(node, p):
                inner += Members(graph, members)
        beside = list(graph.objects(node, SH.property))
        # What is a property shape of the shape itself has the same focus node.
        same = direct and (node, SH.path, None) not in graph
        return any(below(n, direct=False) for n in inner) or any(below(n, direct=same) for n in beside)

    return below(shape, direct=True)
