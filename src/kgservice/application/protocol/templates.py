"""The templates of an update: parsed once by the store's own parser, then filled in for each solution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Quad

from kgservice.domain.sparql_scan import Token, scan
from kgservice.domain.sparql_update import variables
from kgservice.store.base import Term
from kgservice.store.syntax import quads_of_data

# A variable stands in the parsed template as an IRI of this form.
_VARIABLE = "urn:kgservice:variable:"


@dataclass(frozen=True, slots=True)
class Template:
    """Quads with places for variables; quads outside GRAPH go to `graph`."""

    quads: tuple[Quad, ...]
    variables: tuple[str, ...]
    graph: NamedNode | DefaultGraph

    @classmethod
    def of(cls, prologue: str, text: str, graph: NamedNode | DefaultGraph) -> Template:
        """The template with this `text` (between the braces)."""
        pieces = scan(text)
        parts, at = [], 0
        for piece in pieces:
            if piece.token is Token.VARIABLE:
                parts += [text[at : piece.start], f"<{_VARIABLE}{piece.text[1:]}>"]
                at = piece.end
        data = "".join([*parts, text[at:]])
        return cls(tuple(quads_of_data(prologue, data)), tuple(variables(pieces)), graph)

    @property
    def has_blank_nodes(self) -> bool:
        """Whether each solution makes new blank nodes."""
        return any(isinstance(t, BlankNode) for q in self.quads for t in (q.subject, q.object))

    def filled(self, solution: Mapping[str, Term | None]) -> Iterator[Quad]:
        """The quads for one solution, without those that lack a value or have one in a wrong place."""
        nodes: dict[BlankNode, BlankNode] = {}

        def value(term: object) -> object:
            if isinstance(term, NamedNode) and term.value.startswith(_VARIABLE):
                return solution.get(term.value[len(_VARIABLE) :])
            if isinstance(term, BlankNode):
                return nodes.setdefault(term, BlankNode())
            return term

        for quad in self.quads:
            s, p, o = value(quad.subject), value(quad.predicate), value(quad.object)
            g = self.graph if isinstance(quad.graph_name, DefaultGraph) else value(quad.graph_name)
            if (
                isinstance(s, NamedNode | BlankNode)
                and isinstance(p, NamedNode)
                and isinstance(o, Term)
                and isinstance(g, NamedNode | DefaultGraph)
            ):
                yield Quad(s, p, o, g)
