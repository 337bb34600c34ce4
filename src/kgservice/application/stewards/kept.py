"""What an entry of the quarantine keeps beside its statements: why it was refused, and what came in.

The findings are `sh:ValidationResult`s as the graph of findings has them, the statements that were mended
`rdf:Statement`s: both can be asked by SPARQL, and an erasure finds in them what it finds in statements.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.model import TYPE
from kgservice.errors import BadInput
from kgservice.namespaces import RDF, SH
from kgservice.phrases import Bilingual
from kgservice.store.base import Term

_RESULT, _STATEMENT = NamedNode(f"{SH}ValidationResult"), NamedNode(f"{RDF}Statement")
_SUBJECT, _PREDICATE, _OBJECT = _PARTS = tuple(
    NamedNode(f"{RDF}{name}") for name in ("subject", "predicate", "object")
)


def is_own(graph: NamedNode, node: object) -> bool:
    """Whether a node is the entry itself, or something that it keeps."""
    return isinstance(node, NamedNode) and (
        node == graph or node.value.startswith((f"{graph.value}#", f"{graph.value}/"))
    )


def refuse_unfit(graph: NamedNode, mended: Collection[Triple]) -> None:
    """Raise `BadInput` for no statements in the place of those of an entry, and for some about itself."""
    if not mended:
        raise BadInput("The document holds no statement: an entry that nobody wants is discarded")
    if any(is_own(graph, triple.subject) for triple in mended):
        raise BadInput("What an entry of the quarantine says of itself is not mended")


def in_languages(reason: str) -> list[Literal]:
    """The reason as literals: in both languages, if it is told in both."""
    if not isinstance(reason, Bilingual):
        return [Literal(reason)]
    return [Literal(str(reason), language="en"), Literal(reason.german, language="de")]


def lines(triples: Iterable[Triple]) -> list[str]:
    """Statements as N-Triples, in order."""
    return sorted(f"{triple} ." for triple in triples)


def findings_quads(graph: NamedNode, findings: Iterable[Mapping[str, Any]]) -> Iterator[Quad]:
    """The statements that keep what something was refused for, as `Finding.to_json` tells it."""
    from kgservice.application.guard.findings import described  # noqa: PLC0415 - costs time to import
    from kgservice.application.stewards.reports import finding_of  # noqa: PLC0415
    from kgservice.shacl.shapes import shipped_shapes  # noqa: PLC0415

    for number, told in enumerate(findings, 1):
        node = NamedNode(f"{graph.value}#finding-{number}")
        for prop, value in described(finding_of(told, shipped_shapes())):
            yield Quad(node, prop, value, graph)


def findings_of(kg: KnowledgeGraph, graph: NamedNode) -> list[dict[str, Any]]:
    """What the statements of an entry were refused for when they came in, as `Finding.to_json` tells it."""
    from kgservice.application.stewards.entries import read  # noqa: PLC0415 - costs time to import

    nodes = sorted(_of(kg, graph, _RESULT), key=lambda node: (len(node.value), node.value))
    return [entry.finding(kg).to_json() for entry in read(kg, nodes, graph)]


def original_quads(graph: NamedNode, came: Iterable[Triple]) -> Iterator[Quad]:
    """The statements that keep what came in, once other statements take its place."""
    for number, triple in enumerate(sorted(came, key=str), 1):
        node = NamedNode(f"{graph.value}#statement-{number}")
        yield Quad(node, TYPE, _STATEMENT, graph)
        for prop, term in zip(_PARTS, triple, strict=True):
            yield Quad(node, prop, term, graph)


def original_of(kg: KnowledgeGraph, graph: NamedNode) -> list[Triple]:
    """What came in; nothing while that is what waits."""
    said: dict[object, dict[NamedNode, Term]] = defaultdict(dict)
    nodes = _of(kg, graph, _STATEMENT)
    for quad in kg.store.match([(node, prop, None) for node in nodes for prop in _PARTS]):
        if quad.graph_name == graph:
            said[quad.subject][quad.predicate] = quad.object
    found = []
    for parts in said.values():
        subject, predicate = parts[_SUBJECT], parts[_PREDICATE]
        assert isinstance(subject, NamedNode)  # blank nodes have names when they come in
        assert isinstance(predicate, NamedNode)
        found.append(Triple(subject, predicate, parts[_OBJECT]))
    return found


def _of(kg: KnowledgeGraph, graph: NamedNode, kind: NamedNode) -> list[NamedNode]:
    """The nodes of a kind that the entry keeps; a record that waits in it may be of that kind, too."""
    found = (quad.subject for quad in kg.store.match([(None, TYPE, kind)], graph))
    return [node for node in found if isinstance(node, NamedNode) and is_own(graph, node)]
