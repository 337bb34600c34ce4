"""The report of a validation: its findings in order, for people, for programs, and as SHACL report graph."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import rdflib
from pyoxigraph import NamedNode
from rdflib.namespace import DCTERMS, RDF, RDFS, SH, SKOS
from rdflib.term import Node

from kgservice.domain.finding import SEVERITIES, Finding, Rule, in_language, in_words, severity_name, verdict
from kgservice.domain.finding import Node as Term
from kgservice.namespaces import CI, PREFIXES, SHAPES
from kgservice.shacl.reach import Triple
from kgservice.shacl.shapes import Shapes, texts
from kgservice.shacl.terms import alternatives, from_rdflib, path_text, shorten

TITLES = (rdflib.URIRef(f"{CI}title"), SKOS.prefLabel, RDFS.label, DCTERMS.title)
# Blank nodes of the data keep their names; those of the report get new ones.
_OF_THE_DATA = (SH.focusNode, SH.value, SH.sourceShape, SH.sourceConstraint)
_WORDS = {
    "de": {
        "about": "betrifft",
        "field": "Feld",
        "path": "Pfad",
        "terms": "in RDF",
        "value": "Wert",
    },
    "en": {
        "about": "about",
        "field": "field",
        "path": "path",
        "terms": "in RDF",
        "value": "value",
    },
}


@dataclass(frozen=True, slots=True)
class Report:
    """What a validation found.

    `findings` are sorted by severity, order of the shape, focus node, path and value. `sources` says, where
    files were validated, in which of them a node is described.
    """

    findings: tuple[Finding, ...]
    sources: Mapping[Term, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Report:
        """The report of these findings, put into order."""
        return cls(tuple(sorted(findings, key=_order)))

    @property
    def graph(self) -> rdflib.Graph:
        """The SHACL validation report, with the order of the findings in the labels of its blank nodes.

        So equal reports print alike.
        """
        return _graph(self.findings)

    @property
    def conforms(self) -> bool:
        """What SHACL calls conforming: there is no finding of any severity, not even a warning or a note."""
        return not self.findings

    @property
    def counts(self) -> dict[str, int]:
        """The number of findings for each severity, also those with none."""
        found = Counter(f.severity for f in self.findings)
        return {s: found[s] for s in (*SEVERITIES, *sorted(found.keys() - set(SEVERITIES)))}

    @property
    def violations(self) -> int:
        """The number of findings that make data not acceptable (`sh:Violation` and unknown severities)."""
        return len(self.findings) - self.counts["Warning"] - self.counts["Info"]

    def text(self, language: str = "de") -> str:
        """The report for people, in German (`de`) or English (anything else); no final line feed."""
        lines = [line for f in self.findings for line in (*finding_lines(f, language), "")]
        counts = {s if s in SEVERITIES else shorten(s): n for s, n in self.counts.items()}
        return "\n".join([*lines, verdict(counts, language)])

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object: `conforms`, `violations` (their number), `counts` and `findings`."""
        return {
            "conforms": self.conforms,
            "violations": self.violations,
            "counts": self.counts,
            "findings": [f.to_json() for f in self.findings],
        }

    def turtle(self) -> str:
        """The SHACL validation report in Turtle."""
        return self.graph.serialize(format="turtle")

    def json_ld(self) -> dict[str, Any]:
        """The SHACL validation report as JSON-LD object with the project's prefixes as context."""
        text = self.graph.serialize(
            format="json-ld", context=dict(PREFIXES), auto_compact=False, sort_keys=True
        )
        document: dict[str, Any] = json.loads(text)
        return document


def make_report(results: rdflib.Graph, shapes: Shapes, data: rdflib.Graph) -> Report:
    """The report from a SHACL report graph, the shapes that gave it and the data (for the titles of nodes).

    Only the results of the report itself count, not those in `sh:detail`.
    """
    _restore_languages(results, shapes.graph)
    report = results.value(predicate=RDF.type, object=SH.ValidationReport)
    found = set(results.objects(report, SH.result))
    return Report.of(
        replace(_finding(results, result, shapes, data), result=_statements(results, result, found))
        for result in found
    )


def _statements(results: rdflib.Graph, result: Node, others: set[Node]) -> tuple[Triple, ...]:
    """What is said of a result and of the blank nodes that it leads to, but not of other results."""
    told: list[Triple] = []
    seen, ahead = {result}, [result]
    while ahead:
        for triple in results.triples((ahead.pop(), None, None)):
            told.append(triple)
            if isinstance(triple[2], rdflib.BNode) and triple[2] not in seen | others:
                seen.add(triple[2])
                ahead.append(triple[2])
    return tuple(told)


def _restore_languages(results: rdflib.Graph, shapes: rdflib.Graph) -> None:
    """Give messages of SPARQL constraints the language tags that pySHACL drops when it fills values in."""
    for result, constraint in list(results.subject_objects(SH.sourceConstraint)):
        shape = results.value(result, SH.sourceShape)
        templates = [*shapes.objects(constraint, SH.message), *shapes.objects(shape, SH.message)]
        for message in list(results.objects(result, SH.resultMessage)):
            for template in templates:
                tag = template.language if isinstance(template, rdflib.Literal) else None
                if tag and not getattr(message, "language", None) and _fills(str(template), str(message)):
                    results.remove((result, SH.resultMessage, message))
                    results.add((result, SH.resultMessage, rdflib.Literal(str(message), lang=tag)))


def _fills(template: str, message: str) -> bool:
    """Whether the message is the template with its `{?variables}` filled in."""
    fixed = re.split(r"\{[?$]\w+\}", template)
    return re.fullmatch(".*".join(map(re.escape, fixed)), message, flags=re.DOTALL) is not None


def _finding(results: rdflib.Graph, result: Node, shapes: Shapes, data: rdflib.Graph) -> Finding:
    focus = results.value(result, SH.focusNode)
    value = results.value(result, SH.value)
    path = results.value(result, SH.resultPath)
    shape = results.value(result, SH.sourceShape)
    severity = str(results.value(result, SH.resultSeverity) or SH.Violation).removeprefix(str(SH))
    rule = shapes.rules.get(shape) if shape is not None else None
    return Finding(
        rule=rule or Rule("", str(shape) if isinstance(shape, rdflib.URIRef) else "", severity),
        focus=from_rdflib(focus) if focus is not None else from_rdflib(result),
        path="" if path is None else path_text(results, path),
        value=None if value is None or (value == focus and path is None) else from_rdflib(value),
        messages=texts(results, result, SH.resultMessage),
        label={} if focus is None else texts(data, focus, *TITLES),
        component=str(results.value(result, SH.sourceConstraintComponent) or ""),
        properties={
            shorten(one): shapes.labels.get(one, {})
            for one in alternatives(results, path)
            if value is not None and (focus, one, value) in data
        },
    )


def _order(finding: Finding) -> tuple[int, float, tuple[str, str, str, str, str]]:
    known = finding.severity in SEVERITIES
    rank = SEVERITIES.index(finding.severity) if known else len(SEVERITIES)
    return (rank, finding.rule.order, finding.key)


def _graph(findings: Sequence[Finding]) -> rdflib.Graph:
    """The SHACL report; blank nodes are named by the place of the finding that first reaches them."""
    results = rdflib.Graph()
    order = [finding.result[0][0] for finding in findings if finding.result]
    for finding in findings:
        for triple in finding.result:
            results.add(triple)
    names: dict[Node, rdflib.BNode] = {}
    top = set(order)

    def name(node: Node) -> None:
        if isinstance(node, rdflib.BNode) and node not in names:
            names[node] = rdflib.BNode(f"result{len(names):06}")
            for p, o in sorted(results.predicate_objects(node), key=str):
                if p not in _OF_THE_DATA and o not in top:
                    name(o)

    for result in order:
        name(result)
    graph = rdflib.Graph(bind_namespaces="none")
    for prefix, namespace in PREFIXES.items():
        graph.bind(prefix, namespace)
    graph.bind("shape", SHAPES)
    report = rdflib.BNode("report")
    graph.add((report, RDF.type, SH.ValidationReport))
    graph.add((report, SH.conforms, rdflib.Literal(not findings)))
    for result in order:
        graph.add((report, SH.result, names.get(result, result)))
    for s, p, o in results:
        graph.add((names.get(s, s), p, names.get(o, o)))
    return graph


def finding_lines(finding: Finding, language: str) -> list[str]:
    """A finding for people, in German (`de`) or English (anything else)."""
    words = _WORDS.get(language, _WORDS["en"])
    kind = finding.severity
    severity = severity_name(kind, language) if kind in SEVERITIES else shorten(kind)
    head = " · ".join(
        t for t in (severity, finding.rule.number, in_language(finding.rule.name, language)) if t
    )
    title = in_language(finding.label, language)
    about = f"{title} {shown(finding.focus)}" if title else shown(finding.focus)
    lines = [head, f"  {words['about']}: {about}"]
    if finding.properties:
        lines.append(f"  {words['field']}: {in_words(finding.properties, language)}")
    elif finding.path:
        lines.append(f"  {words['path']}: {finding.path}")
    if finding.value is not None:
        lines.append(f"  {words['value']}: {shown(finding.value)}")
    if finding.terms:
        lines.append(f"  {words['terms']}: {', '.join(finding.terms)}")
    return [*lines, f"  {finding.message(language)}"]


def shown(term: Term) -> str:
    """A term for people: IRIs with a prefix of the project or in angle brackets, others by their value."""
    return shorten(term.value) if isinstance(term, NamedNode) else term.value
