"""Which shapes a shape needs: none that is not there, and not itself. And where a fault of shapes stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import rdflib
from rdflib.collection import Collection
from rdflib.namespace import SH
from rdflib.term import Node

from kgservice.errors import BadInput
from kgservice.shacl.terms import shorten

_LISTS = (SH["and"], SH["or"], SH.xone)
_SINGLE = (SH.property, SH.node, SH["not"], SH.qualifiedValueShape)


def fault(detail: str, path: Path | None, term: Node | None = None) -> BadInput:
    """The error, at the line of the file where the term is a subject, or else is first written, if it is."""
    line = None
    if path is not None and isinstance(term, rdflib.URIRef):
        text = path.read_text(encoding="utf-8")
        written = [f"<{term}>"]
        for prefix, namespace in re.findall(r"@prefix\s+(\w*:)\s*<([^>]*)>", text):
            if term.startswith(namespace):
                written.append(prefix + term.removeprefix(namespace))
        name = f"(?:{'|'.join(map(re.escape, written))})(?![\\w-])"
        found = re.search(f"^{name}", text, re.MULTILINE) or re.search(rf"(?<![\w-]){name}", text)
        line = None if found is None else text.count("\n", 0, found.start()) + 1
    return BadInput(detail, source=None if path is None else str(path), line=line)


def _needed(graph: rdflib.Graph, shape: Node) -> Iterator[Node]:
    """The shapes that must be evaluated to evaluate `shape`."""
    for parameter in _SINGLE:
        yield from graph.objects(shape, parameter)
    for parameter in _LISTS:
        for members in graph.objects(shape, parameter):
            yield from Collection(graph, members)


def refuse_missing(graph: rdflib.Graph, origin: Mapping[Node, Path]) -> None:
    """Raise `BadInput` for a shape that is named but nowhere described: it would hold for everything."""
    for shape in sorted(graph.subjects(unique=True), key=str):
        for inner in _needed(graph, shape):
            if (inner, None, None) not in graph:
                raise fault(f"there is no shape {shorten(str(inner))}", origin.get(shape), inner)


def refuse_recursion(graph: rdflib.Graph, origin: Mapping[Node, Path] | None = None) -> None:
    """Raise `BadInput` for a shape that needs itself: SHACL leaves open what it means."""
    done: set[Node] = set()

    def visit(shape: Node, above: tuple[Node, ...]) -> None:
        if shape in above:
            name = " → ".join(str(s) for s in (*above[above.index(shape) :], shape))
            raise fault(f"shapes must not be recursive: {name}", (origin or {}).get(shape), shape)
        if shape not in done:
            for inner in _needed(graph, shape):
                visit(inner, (*above, shape))
            done.add(shape)

    # Those with a name come first: they have a line that can be told.
    for shape in sorted(graph.subjects(unique=True), key=lambda node: (isinstance(node, rdflib.BNode), node)):
        visit(shape, ())
