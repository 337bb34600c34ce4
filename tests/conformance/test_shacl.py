"""The official SHACL test suite through our own validation: 98 cases of Core, 22 of SHACL-SPARQL."""

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

from kgservice.errors import BadInput
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
