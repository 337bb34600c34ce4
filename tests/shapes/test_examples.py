"""Each rule has valid and invalid examples, and each shape an invalid one that gives exactly its finding."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import pytest
import rdflib
from rdflib.namespace import OWL, RDF, RDFS, SH
from rdflib.query import ResultRow
from rdflib.term import Node

from kgservice.domain.finding import Finding
from kgservice.namespaces import PREFIXES, SHAPES
from kgservice.shacl.compile import automata
from kgservice.shacl.datasets import GraphStatements
from kgservice.shacl.local import LocalValidator
from kgservice.shacl.roots import Index
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.terms import path_text
from kgservice.shacl.validate import validate

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "shapes").rglob("examples/*.ttl"))
VALID = [p for p in EXAMPLES if p.name.endswith(".valid.ttl")]
INVALID = [p for p in EXAMPLES if p.name.endswith(".invalid.ttl")]
RULES = [f"R{n:02}" for n in range(1, 53)]

_CONTEXT = rdflib.URIRef(f"{SHAPES}context")
# These find any value at fault, so a valid example cannot have one.
ALLOW_NO_VALUE = {"R33-stated", "R36-nobody", "R37-links", "R41-identifiers", "R51-conflict"}
_TERMS = (SH.sourceShape, SH.focusNode, SH.resultSeverity, SH.value)

Expected = tuple[str, ...]


def _read(path: Path) -> tuple[rdflib.Graph, list[Expected]]:
    """The data of an example and the results it announces: shape, focus node, severity, perhaps value."""
    graph = rdflib.Graph().parse(path)
    expected: list[Expected] = []
    for report in list(graph.subjects(RDF.type, SH.ValidationReport)):
        for result in list(graph.objects(report, SH.result)):
            terms = [
                graph.value(result, p) for p in (SH.sourceShape, SH.focusNode, SH.resultSeverity, SH.value)
            ]
            expected.append(tuple(str(t) for t in terms[:3]) + ((str(terms[3]),) if terms[3] else ()))
            graph.remove((result, None, None))
        graph.remove((report, None, None))
    return graph, sorted(expected)


def _findings(local: LocalValidator, data: rdflib.Graph) -> list[Finding]:
    """What the graph brings when it is added to the model alone, the moment and the policy with it."""
    nothing = GraphStatements(rdflib.Graph())
    return local.difference(set(data), nothing, GraphStatements(data)).new


def _findings_in_context(local: LocalValidator, data: rdflib.Graph) -> list[Finding]:
    """The same as the guard asks it: moment and policy were there before, so only what is near is looked at."""
    nothing, context = GraphStatements(rdflib.Graph()), set(data.triples((_CONTEXT, None, None)))
    changed = set(data) - context
    return local.difference(changed, nothing, GraphStatements(changed), context).new


def _found(findings: list[Finding], expected: list[Expected]) -> list[Expected]:
    """The findings in the terms of `expected`; the value only where that names one."""
    with_value = {e[:3] for e in expected if len(e) == 4}
    found: list[Expected] = []
    for f in findings:
        key = (f.rule.shape, f.focus.value, f"{SH}{f.severity}")
        found.append((*key, f.value.value if f.value else "") if key in with_value else key)
    return sorted(found)


def _entail_inverses(data: rdflib.Graph, model: rdflib.Graph) -> int:
    """State every link in both directions, as views do; the number of statements that this added."""
    before = len(data)
    pairs = list(model.subject_objects(OWL.inverseOf))
    for p, q in [*pairs, *((q, p) for p, q in pairs)]:
        for s, o in list(data.subject_objects(p)):
            data.add((o, q, s))
    return len(data) - before


def _turned(data: rdflib.Graph, model: rdflib.Graph) -> rdflib.Graph:
    """The same with every link stated from its other side only."""
    inverse = dict(model.subject_objects(OWL.inverseOf))
    inverse |= {q: p for p, q in inverse.items()}
    turned = rdflib.Graph()
    for s, p, o in data:
        other = None if isinstance(o, rdflib.Literal) else inverse.get(p)
        turned.add((s, p, o) if other is None else (o, other, s))
    return turned


def test_every_rule_has_a_valid_and_an_invalid_example() -> None:
    assert sorted({p.name[:3] for p in VALID}) == RULES
    assert sorted({p.name[:3] for p in INVALID}) == RULES
    assert len(VALID) + len(INVALID) == len(EXAMPLES)


def test_every_shape_has_an_invalid_example(shapes: Shapes) -> None:
    announced = {shape for p in INVALID for shape, *_ in _read(p)[1]}
    assert announced == {r.shape for r in shapes.rules.values()}


def _applying(shapes: Shapes, number: str, data: rdflib.Graph, model: rdflib.Graph) -> dict[str, bool]:
    """The shapes of a rule that have focus nodes in an example, and whether there are values to look at."""
    own, index = set(data.all_nodes()), Index({*model.triples((None, RDFS.subClassOf, None)), *data})
    found: dict[str, bool] = {}

    def visit(shape: Node, focus: Set[Node]) -> None:
        rule = shapes.rules.get(shape)
        if not focus or (rule is not None and rule.number != number):
            return
        path, values = shapes.graph.value(shape, SH.path), focus
        if path is not None:
            query = f"SELECT ?focus ?value WHERE {{ ?focus {path_text(shapes.graph, path)} ?value }}"
            rows = data.query(query, initNs=PREFIXES)
            values = {row[1] for row in rows if isinstance(row, ResultRow) and row[0] in focus}
        if rule is not None:
            name = rule.shape.removeprefix(SHAPES)
            found[name] = found.get(name, False) or bool(values)
        for inner in shapes.graph.objects(shape, SH.property):
            visit(inner, values)

    for root in automata(shapes):
        visit(root.shape, root.all_targets(index) & own)
    return found


def test_every_shape_applies_in_a_valid_example_of_its_rule(shapes: Shapes, model: rdflib.Graph) -> None:
    applied: dict[str, bool] = {}
    for path in VALID:
        for name, has_values in _applying(shapes, path.name[:3], _read(path)[0], model).items():
            applied[name] = applied.get(name, False) or has_values
    assert {r.shape.removeprefix(SHAPES) for r in shapes.rules.values()} - applied.keys() == set()
    assert {name for name, has_values in applied.items() if not has_values} == ALLOW_NO_VALUE


@pytest.mark.parametrize("path", VALID, ids=lambda p: p.name)
def test_valid_example_has_no_finding(path: Path, local: LocalValidator) -> None:
    data, expected = _read(path)
    assert not expected
    assert _findings(local, data) == []


@pytest.mark.parametrize("path", INVALID, ids=lambda p: p.name)
def test_invalid_example_has_exactly_its_findings(path: Path, local: LocalValidator) -> None:
    data, expected = _read(path)
    assert expected
    assert expected[0][0].split("#")[1][:3] == path.name[:3] or len(expected) > 1
    findings = _findings(local, data)
    assert _found(findings, expected) == expected
    for finding in findings:
        assert finding.rule.number == finding.rule.shape.split("#")[1][:3]
        assert set(finding.messages) == {"de", "en"}
        assert "{" not in "".join(finding.messages.values())


@pytest.mark.parametrize("path", INVALID[::25], ids=lambda p: p.name)
def test_plain_validation_finds_the_same(path: Path, shapes: Shapes, model: rdflib.Graph) -> None:
    data, expected = _read(path)
    assert _found(list(validate(data, shapes, model=model).findings), expected) == expected


def test_the_examples_have_links_to_turn(model: rdflib.Graph) -> None:
    assert sum(_entail_inverses(_read(path)[0], model) for path in EXAMPLES) > 100


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_findings_do_not_depend_on_the_direction_in_which_links_are_stated(
    path: Path, local: LocalValidator, model: rdflib.Graph
) -> None:
    data, expected = _read(path)
    assert _found(_findings_in_context(local, _turned(data, model)), expected) == expected
    _entail_inverses(data, model)
    assert _found(_findings_in_context(local, data), expected) == expected
