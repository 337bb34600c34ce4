"""A finding explained: what was looked at, the rule in words, how it should look, and what would mend it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import rdflib
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse
from rdflib.namespace import SH

from kgservice import resources
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels
from kgservice.application.stewards.proposals import ntriple, proposals, stated
from kgservice.domain.finding import Finding, Node, Texts
from kgservice.domain.model import TYPE
from kgservice.domain.question import LANGUAGES, with_values
from kgservice.namespaces import PREFIXES
from kgservice.shacl.terms import alternatives, path_text, shorten

MOST = 200  # values and statements that are shown
_PROLOGUE = "".join(f"PREFIX {prefix}: <{namespace}>\n" for prefix, namespace in PREFIXES.items())


def explain(kg: KnowledgeGraph, finding: Finding) -> dict[str, Any]:
    """All that helps to mend a finding, kept or of a dry run, as a JSON object.

    That of `Finding.to_json`, with the `advice` of the rule as it is worded now, the label of the focus node
    in both languages, the `values` on the path and the `statements` of the focus node as they are now, a
    valid `example`, and `proposals`.
    """
    path = finding.path or path_of(kg, finding.rule.shape)
    return {
        **finding.to_json(),
        "label": named(kg, finding.focus) or dict(finding.label),
        "path": path,
        "advice": dict(finding.rule.advice),
        "values": [_text(value) for value in _values(kg, finding, "|".join(finding.properties) or path)],
        "statements": [ntriple(triple) for triple in _about(kg, finding.focus)],
        "example": example(kg, finding),
        "proposals": [proposal.to_json() for proposal in proposals(kg, finding)],
    }


def path_of(kg: KnowledgeGraph, shape: str) -> str:
    """The path that a shape looks along, as SPARQL property path; empty for a shape of nodes."""
    graph = kg.guard.shapes.graph
    path = graph.value(rdflib.URIRef(shape), SH.path) if shape else None
    return "" if path is None else path_text(graph, path)


def holding(kg: KnowledgeGraph, shape: str, focus: Node, value: Node | None) -> dict[str, Texts]:
    """The properties that hold a value now, of those among which a shape's path is a choice, with labels."""
    shapes = kg.guard.shapes
    path = shapes.graph.value(rdflib.URIRef(shape), SH.path) if shape else None
    if value is None or not isinstance(focus, NamedNode):
        return {}
    return {
        shorten(one): shapes.labels.get(one, {})
        for one in alternatives(shapes.graph, path)
        if stated(kg, [(focus, NamedNode(one), value)])
    }


def named(kg: KnowledgeGraph, node: Node | None) -> dict[str, str]:
    """What people call a node, by language; empty where it has no label."""
    if not isinstance(node, NamedNode):
        return {}
    found = {language: labels(kg, [node.value], language) for language in LANGUAGES}
    return {language: texts[node.value] for language, texts in found.items() if node.value in texts}


def example(kg: KnowledgeGraph, finding: Finding) -> dict[str, str] | None:
    """The valid example of the rule that is nearest: with most classes of the focus node, else the plainest.

    Its `name` and its text in `turtle`; None for a rule without one.
    """
    focus, classes = finding.focus, set[str]()
    if isinstance(focus, NamedNode):
        classes = {
            t.object.value for t in stated(kg, [(focus, TYPE, None)]) if isinstance(t.object, NamedNode)
        }
    found = _examples().get(finding.rule.number, ())
    if not found:
        return None
    best = min(found, key=lambda path: (-len(classes & _classes(path)), len(path.name), path.name))
    return {"name": best.name, "turtle": best.read_text(encoding="utf-8")}


@cache
def _examples() -> dict[str, list[Path]]:
    """The files with valid examples by the number of their rule."""
    found: dict[str, list[Path]] = {}
    for path in sorted(resources.folder("shapes").rglob("examples/*.valid.ttl")):
        found.setdefault(path.name.partition(".")[0], []).append(path)
    return found


@cache
def _classes(path: Path) -> frozenset[str]:
    return frozenset(
        quad.object.value
        for quad in parse(path=str(path), format=RdfFormat.TURTLE)
        if quad.predicate == TYPE and isinstance(quad.object, NamedNode)
    )


def _values(kg: KnowledgeGraph, finding: Finding, path: str) -> Iterable[Node]:
    """What the path leads to now."""
    if not path or not isinstance(finding.focus, NamedNode):
        return () if finding.value is None else (finding.value,)
    # The path comes from the shapes; the focus node is bound as a term.
    query = f"SELECT DISTINCT ?value WHERE {{ VALUES ?focus {{ UNDEF }} ?focus {path} ?value }} LIMIT {MOST}"
    rows = kg.select(_PROLOGUE + with_values(query, {"focus": finding.focus})).rows
    return sorted((row[0] for row in rows if isinstance(row[0], NamedNode | Literal)), key=str)


def _about(kg: KnowledgeGraph, focus: Node) -> list[Triple]:
    return [] if isinstance(focus, Literal) else stated(kg, [(focus, None, None)])[:MOST]


def _text(node: Node) -> str:
    return node.value if isinstance(node, NamedNode) else str(node)
