"""Which shapes a shape needs: none that is not there, and not itself. And where a fault of shapes stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import rdflib
from rdflib.collection import Collection
from rdflib.namespace import SH
from rdflib.term import Node

from kgservice.errors import BadInput
from kgservice.shacl.terms import path_text, shorten

_LISTS = (SH["and"], SH["or"], SH.xone)
_SINGLE = (SH.property, SH.node, SH["not"], SH.qualifiedValueShape)


def fault(detail: str, path: Path | None, term: Node | None = None, then: str = "") -> BadInput:
    """The error, at the line of the file where the term is a subject, or else is first written, if it is.

    `then`: an expression for what is wrong in what follows; its line counts, if it is there.
    """
    line = None
    if path is not None and isinstance(term, rdflib.URIRef):
        text = path.read_text(encoding="utf-8")
        written = [f"<{term}>"]
        for prefix, namespace in re.findall(r"@prefix\s+(\w*:)\s*<([^>]*)>", text):
            if term.startswith(namespace):
                written.append(prefix + term.removeprefix(namespace))
        name = f"(?:{'|'.join(map(re.escape, written))})(?![\\w-])"
        found = re.search(f"^{name}", text, re.MULTILINE) or re.search(rf"(?<![\w-]){name}", text)
        if found is not None:
            found = re.compile(then).search(text, found.end()) or found
            line = text.count("\n", 0, found.start()) + 1
    return BadInput(detail, source=None if path is None else str(path), line=line)


def named(graph: rdflib.Graph, node: Node) -> Node:
    """The node itself, or for a blank one what has a name and leads to it, if there is such a thing."""
    above = graph.transitive_subjects(None, node)  # over any property
    return next((one for one in above if isinstance(one, rdflib.URIRef)), node)


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
            name = " → ".join(_names(graph, (*above[above.index(shape) :], shape)))
            detail = f"shapes must not be recursive{f': {name}' if name else ''}"
            raise fault(detail, (origin or {}).get(shape), named(graph, shape))
        if shape not in done:
            for inner in _needed(graph, shape):
                visit(inner, (*above, shape))
            done.add(shape)

    # Those with a name come first: they have a line that can be told.
    for shape in sorted(graph.subjects(unique=True), key=lambda node: (isinstance(node, rdflib.BNode), node)):
        visit(shape, ())


def _names(graph: rdflib.Graph, shapes: Iterable[Node]) -> Iterator[str]:
    """What people can find shapes by: a name, or the path; a blank node without one is left out."""
    for shape in shapes:
        path = graph.value(shape, SH.path)
        if isinstance(shape, rdflib.URIRef):
            yield str(shape)
        elif path is not None:
            yield path_text(graph, path)
