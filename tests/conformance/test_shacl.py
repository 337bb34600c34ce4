"""The official SHACL test suite: 98 cases of Core, 22 of SHACL-SPARQL.

Through plain validation, and through what judges changes and whole graphs, with the quicker engines in front.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import rdflib
from rdflib.collection import Collection
from rdflib.namespace import RDF, SH
from rdflib.term import Node

from kgservice.domain.finding import Finding
from kgservice.errors import BadInput
from kgservice.shacl.bulk import BulkValidator
from kgservice.shacl.datasets import GraphStatements
from kgservice.shacl.local import LocalValidator
from kgservice.shacl.report import Report
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.terms import path_text
from kgservice.shacl.validate import validate

SUITE = Path(__file__).parent / "shacl"
MF = rdflib.Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
SHT = rdflib.Namespace("http://www.w3.org/ns/shacl-test#")
COUNTS = {"core": 98, "sparql": 22}

# Cases whose expected result is not reached, each with the reason.
EXCEPTIONS: dict[str, str] = {
    "core/property/qualifiedValueShape-001": "the file, data and shapes in one, has sh:nodeShape, which is no "
    "term: we refuse shapes with unknown terms, since they would be ignored silently",
    "core/property/uniqueLang-002": 'rdflib reads "1"^^xsd:boolean as true before pySHACL sees it',
    "sparql/pre-binding/shapesGraph-001": "pySHACL does not support $shapesGraph in a SPARQL constraint",
}


@dataclass(frozen=True)
class Case:
    """One entry of a manifest; `graph` is the file that holds it."""

    name: str
    graph: rdflib.Graph
    node: Node

    def document(self, role: Node) -> rdflib.Graph:
        """The graph that the action names: mostly the file itself, so that blank nodes stay the same."""
        action = self.graph.value(self.node, MF.action)
        found = self.graph.value(action, role)
        if str(found) == str(self.graph.base):
            return self.graph
        return parsed(Path(str(found).removeprefix("file://")))


def parsed(path: Path) -> rdflib.Graph:
    graph = rdflib.Graph(base=path.as_uri())
    graph.parse(path, format="turtle", publicID=path.as_uri())
    return graph


def entries(manifest: Path) -> Iterator[Case]:
    graph = parsed(manifest)
    for included in graph.objects(None, MF.include):
        yield from entries(Path(str(included).removeprefix("file://")))
    for entry_list in graph.objects(None, MF.entries):
        for node in Collection(graph, entry_list):
            yield Case(str(manifest.relative_to(SUITE).with_suffix("")), graph, node)


CASES = {folder: list(entries(SUITE / folder / "manifest.ttl")) for folder in COUNTS}


def results(graph: rdflib.Graph, report: Node) -> Counter[tuple[str, ...]]:
    """The results of a report, as the suite compares them."""
    found = []
    for result in graph.objects(report, SH.result):
        path = graph.value(result, SH.resultPath)
        terms = (SH.focusNode, SH.value, SH.resultSeverity, SH.sourceConstraintComponent, SH.sourceShape)
        found.append(
            (
                *(str(graph.value(result, term)) for term in terms),
                "" if path is None else path_text(graph, path),
            )
        )
    return Counter(found)


@pytest.mark.parametrize("folder", COUNTS)
def test_the_suite_is_whole(folder: str) -> None:
    assert len(CASES[folder]) == COUNTS[folder]
    assert EXCEPTIONS.keys() <= {case.name for cases in CASES.values() for case in cases}


@pytest.mark.parametrize("case", [c for cases in CASES.values() for c in cases], ids=lambda c: c.name)
def test_case(case: Case, request: pytest.FixtureRequest) -> None:
    if case.name in EXCEPTIONS:
        request.applymarker(pytest.mark.xfail(reason=EXCEPTIONS[case.name], strict=True))
    expected = case.graph.value(case.node, MF.result)
    if expected == SHT.Failure:
        with pytest.raises(BadInput):
            validate(case.document(SHT.dataGraph), Shapes.of(case.document(SHT.shapesGraph)))
        return
    report = validate(case.document(SHT.dataGraph), Shapes.of(case.document(SHT.shapesGraph)))
    ours = report.graph.value(predicate=RDF.type, object=SH.ValidationReport)
    assert ours is not None
    assert expected is not None
    assert results(report.graph, ours) == results(case.graph, expected)
    assert report.conforms == case.graph.value(expected, SH.conforms).toPython()  # type: ignore[union-attr]


def in_bulk(shapes: Shapes, data: rdflib.Graph) -> list[Finding]:
    """The findings as the validation of a whole store meets them."""
    bulk, statements = BulkValidator(shapes, rdflib.Graph()), GraphStatements(data)
    candidates = [*bulk.candidates(), *((s, None) for s in set(data.subjects()))]
    candidates += [(o, p) for p in bulk.objects_of for o in set(data.objects(None, p))]
    return bulk.anywhere(statements) + bulk.among(dict.fromkeys(candidates), statements)


def nameable(data: rdflib.Graph) -> rdflib.Graph:
    """The data as a store holds it: nothing without a name. Only of such the quicker engines are asked."""
    graph = rdflib.Graph()
    for triple in data:
        if not any(isinstance(term, rdflib.BNode) for term in triple):
            graph.add(triple)
    return graph


def told(findings: list[Finding]) -> Counter[tuple[str, ...]]:
    report = Report.of(findings).graph
    (node,) = report.subjects(RDF.type, SH.ValidationReport)
    return results(report, node)


def plainly(shapes: Shapes, data: rdflib.Graph) -> Counter[tuple[str, ...]]:
    report = validate(data, shapes).graph
    (node,) = report.subjects(RDF.type, SH.ValidationReport)
    return results(report, node)


@pytest.mark.parametrize("case", [c for cases in CASES.values() for c in cases], ids=lambda c: c.name)
@pytest.mark.parametrize("named", [False, True], ids=["as it is", "named"])
def test_quicker_engines_find_what_plain_validation_finds(case: Case, named: bool) -> None:
    try:
        shapes = Shapes.of(case.document(SHT.shapesGraph))
    except BadInput:
        assert case.name in EXCEPTIONS or case.graph.value(case.node, MF.result) == SHT.Failure
        return
    data = nameable(case.document(SHT.dataGraph)) if named else case.document(SHT.dataGraph)
    guard, sides = LocalValidator(shapes, rdflib.Graph()), (GraphStatements([]), GraphStatements(data))
    try:
        expected, before = plainly(shapes, data), plainly(shapes, rdflib.Graph())
    except BadInput:
        with pytest.raises(BadInput):
            in_bulk(shapes, data)
        with pytest.raises(BadInput):
            guard.difference(list(data), *sides)
        return
    assert told(in_bulk(shapes, data)) == expected
    difference = guard.difference(list(data), *sides)
    assert once(told(difference.new)) == once(expected) - once(before)
    assert once(told(difference.gone)) == once(before) - once(expected)


def once(found: Counter[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Results as the guard keeps them: what is found twice, or by two shapes without a name, is one finding."""
    return {(*one[:4], one[4] if ":" in one[4] else "", one[5]) for one in found}
