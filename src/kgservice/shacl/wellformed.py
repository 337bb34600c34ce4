"""What SHACL asks of the values of its own terms, and that terms of our namespace are some.

SHACL says the first in shapes of its own, which pySHACL ships; with ours it takes twelve seconds to evaluate
them, and they let `sh:minCount -1` and a pattern that is none pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import rdflib
from rdflib.namespace import RDF, SH, XSD
from rdflib.term import Node

from kgservice.namespaces import CI
from kgservice.shacl.named import of_query, prefixes_of
from kgservice.shacl.references import fault, named
from kgservice.shacl.terms import ONE_STEP, shorten

_KINDS = ("BlankNode", "IRI", "Literal", "BlankNodeOrIRI", "BlankNodeOrLiteral", "IRIOrLiteral")
_ONCE = (
    "path datatype nodeKind minCount maxCount minLength maxLength minExclusive minInclusive maxExclusive "
    "maxInclusive pattern flags languageIn uniqueLang in closed ignoredProperties qualifiedValueShape "
    "qualifiedMinCount qualifiedMaxCount qualifiedValueShapesDisjoint severity deactivated"
)
_NEEDS_PATH = "minCount maxCount uniqueLang lessThan lessThanOrEquals qualifiedValueShape"


def refuse_malformed(graph: rdflib.Graph, origin: Mapping[Node, Path]) -> None:
    """Raise `BadInput` for an ill-formed shape: it would be ignored, or break validation off."""
    for names, is_right, what in _VALUES:
        for name in names.split():
            for shape, value in graph.subject_objects(SH[name]):
                if not is_right(graph, value):
                    detail = f"sh:{name} must be {what}{_written(value)}"
                    raise fault(detail, origin.get(shape), named(graph, shape), _place(name, value))
    for name in _ONCE.split():
        for shape in graph.subjects(SH[name], unique=True):
            if len(set(graph.objects(shape, SH[name]))) > 1:
                raise fault(f"a shape has one sh:{name}, not more", origin.get(shape), named(graph, shape))
    for shape, place in _without_path(graph):
        raise fault("a property shape has a sh:path", origin.get(shape), named(graph, shape), place)
    for shape in graph.subjects(SH.qualifiedValueShape):
        if not any((shape, count, None) in graph for count in (SH.qualifiedMinCount, SH.qualifiedMaxCount)):
            detail = "sh:qualifiedValueShape needs sh:qualifiedMinCount or sh:qualifiedMaxCount"
            raise fault(detail, origin.get(shape), named(graph, shape), r"sh:qualifiedValueShape\b")


def refuse_unknown(graph: rdflib.Graph, known: Collection[Node], origin: Mapping[Node, Path]) -> None:
    """Raise `BadInput` for a term of our namespace that the model has not: a rule about it finds nothing."""
    for term, subject in sorted((t, s) for s, t in _ours(graph) if t not in known)[:1]:
        raise fault(f"{shorten(term)} is no term of the ontology", origin.get(subject), term)


def _ours(graph: rdflib.Graph) -> Iterator[tuple[Node, rdflib.URIRef]]:
    """The terms of our namespace that are said of each subject, in queries, too."""
    for s, p, o in graph:
        for term in (p, o):
            if isinstance(term, rdflib.URIRef) and term.startswith(CI):
                yield s, term
        if p in (SH.select, SH.ask):
            named = of_query(str(o), prefixes_of(graph, s))
            yield from ((s, rdflib.URIRef(iri)) for iri in named if iri.startswith(CI))


def _without_path(graph: rdflib.Graph) -> Iterator[tuple[Node, str]]:
    """Those that are used as property shapes and have no path, with the text that shows it."""
    found = [(shape, r"sh:PropertyShape\b") for shape in graph.subjects(RDF.type, SH.PropertyShape)]
    found += [(shape, r"sh:property\b") for shape in graph.objects(None, SH.property)]
    for name in _NEEDS_PATH.split():
        found += [(shape, rf"sh:{name}\b") for shape in graph.subjects(SH[name])]
    for shape, place in found:
        if (shape, None, None) in graph and (shape, SH.path, None) not in graph:
            yield shape, place


def _written(value: Node) -> str:
    if isinstance(value, rdflib.BNode):
        return ""
    return f", not {shorten(str(value)) if isinstance(value, rdflib.URIRef) else value.n3()}"


def _place(name: str, value: Node) -> str:
    """How a value that is not right is written after its property, as far as that can be known."""
    literal = rf"\s+[\"']*{re.escape(value)}" if isinstance(value, rdflib.Literal) else r"\b"
    return rf"sh:{name}{literal}"


def _members(graph: rdflib.Graph, node: Node) -> list[Node] | None:
    """The members of a list; None if it is none."""
    found: list[Node] = []
    seen: set[Node] = set()
    while node != RDF.nil:
        first, rest = list(graph.objects(node, RDF.first)), list(graph.objects(node, RDF.rest))
        if node in seen or len(first) != 1 or len(rest) != 1:
            return None
        found += first
        seen.add(node)
        node = rest[0]
    return found


def _is_path(graph: rdflib.Graph, path: Node, above: tuple[Node, ...] = ()) -> bool:
    if isinstance(path, rdflib.URIRef) or path in above:
        return path != RDF.nil and path not in above
    if (path, RDF.first, None) in graph:  # whatever else is said of it
        lists, inner = [path], []
    else:
        lists = list(graph.objects(path, SH.alternativePath))
        inner = [part for term in ONE_STEP for part in graph.objects(path, term)]
    if len(lists) + len(inner) != 1:
        return False
    parts = inner or _members(graph, lists[0]) or []
    return len(parts) > len(lists) and all(_is_path(graph, part, (*above, path)) for part in parts)


def _is_list_of(*kinds: type[Node]) -> Callable[[rdflib.Graph, Node], bool]:
    def is_right(graph: rdflib.Graph, value: Node) -> bool:
        members = _members(graph, value)
        return members is not None and all(isinstance(member, kinds) for member in members)

    return is_right


def _is_whole(_: rdflib.Graph, value: Node) -> bool:
    if not isinstance(value, rdflib.Literal) or value.datatype != XSD.integer:
        return False
    return isinstance(value.value, int) and value.value >= 0


def _is_boolean(_: rdflib.Graph, value: Node) -> bool:
    return isinstance(value, rdflib.Literal) and isinstance(value.value, bool)


def _is_string(_: rdflib.Graph, value: Node) -> bool:
    return isinstance(value, rdflib.Literal) and not value.language and value.datatype in (None, XSD.string)


def _is_pattern(graph: rdflib.Graph, value: Node) -> bool:
    try:
        re.compile(str(value))
    except re.error:
        return False
    return _is_string(graph, value)


# The terms, what their values must be, and how that is said.
_VALUES: tuple[tuple[str, Callable[[rdflib.Graph, Node], bool], str], ...] = (
    (
        "minCount maxCount minLength maxLength qualifiedMinCount qualifiedMaxCount",
        _is_whole,
        "a whole number from 0 on",
    ),
    ("in", _is_list_of(rdflib.URIRef, rdflib.Literal, rdflib.BNode), "a list"),
    ("and or xone", _is_list_of(rdflib.URIRef, rdflib.BNode), "a list of shapes"),
    ("ignoredProperties", _is_list_of(rdflib.URIRef), "a list of properties"),
    ("languageIn", _is_list_of(rdflib.Literal), "a list of language tags"),
    (
        "class datatype equals disjoint lessThan lessThanOrEquals severity "
        "targetClass targetObjectsOf targetSubjectsOf",
        lambda _, value: isinstance(value, rdflib.URIRef),
        "an IRI",
    ),
    (
        "nodeKind",
        lambda _, value: value in {SH[kind] for kind in _KINDS},
        f"one of {', '.join(f'sh:{kind}' for kind in _KINDS)}",
    ),
    (
        "minExclusive minInclusive maxExclusive maxInclusive",
        lambda _, value: isinstance(value, rdflib.Literal),
        "a literal",
    ),
    ("closed uniqueLang qualifiedValueShapesDisjoint deactivated", _is_boolean, "true or false"),
    ("flags", _is_string, "a string"),
    ("pattern", _is_pattern, "a regular expression"),
    (
        "node not property qualifiedValueShape",
        lambda _, value: not isinstance(value, rdflib.Literal),
        "a shape",
    ),
    ("path", _is_path, "a path of SHACL"),
)
