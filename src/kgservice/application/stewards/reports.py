"""The formats of a validation report, for the whole graph, files, dry runs and refused changes alike."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, parse
from rdflib.namespace import SH

from kgservice.application.guard.findings import described
from kgservice.domain.finding import Finding, Node, Rule
from kgservice.shacl.local import Difference
from kgservice.shacl.pipelines import junit, sarif
from kgservice.shacl.reach import Triple
from kgservice.shacl.report import Report
from kgservice.shacl.shapes import Shapes, shipped_shapes
from kgservice.shacl.terms import path_text, to_rdflib
from kgservice.shacl.validate import Findings

Found = Report | Difference


def written(found: Found, fmt: str, language: str) -> str:
    """The report in one of `REPORT_FORMATS`; text and JUnit are in `language` (`de` or English).

    Of a dry run the JSON and the text name what it mends, too; the others hold the findings that it brings.
    """
    report = found if isinstance(found, Report) else found.report
    match fmt:
        case "json":
            return _json(found.to_json())
        case "turtle":
            return report.turtle()
        case "jsonld":
            return _json(report.json_ld())
        case "text":
            return f"{found.text(language)}\n"
        case "junit":
            return junit(report.findings, language)
        case "sarif":
            return _json(sarif(report.findings, report.sources))
    raise ValueError(f"{fmt!r} is no format of a report")


def refusal(findings: Iterable[Mapping[str, Any]], fmt: str) -> str:
    """What a change was refused for, as problem details tell it (`Finding.to_json`), as a SHACL report."""
    shapes = shipped_shapes()
    return written(Report.of(finding_of(told, shapes) for told in findings), fmt, "en")


def discreet(found: Difference) -> Difference:
    """A dry run for somebody who may not see the records: see `Finding.discreet`."""
    shapes = shipped_shapes()

    def among(findings: Findings) -> Findings:
        return {
            shape: {
                key: finding_of(finding.discreet(found.named).to_json(), shapes)
                for key, finding in of_shape.items()
            }
            for shape, of_shape in findings.items()
        }

    return Difference(among(found.before), among(found.after), following=found.following)


def discreet_refusal(findings: Iterable[Mapping[str, Any]], named: Collection[str]) -> list[dict[str, Any]]:
    """What a change was refused for, as problem details tell it, without anything that the records say."""
    shapes = shipped_shapes()
    return [finding_of(told, shapes).discreet(named).to_json() for told in findings]


def finding_of(told: Mapping[str, Any], shapes: Shapes) -> Finding:
    """The finding that a JSON object tells (`Finding.to_json`), with the statements of its SHACL result."""
    texts = {key: told.get(key, {}) for key in ("name", "reason", "group")}
    rule = Rule(told["rule"], told["shape"], told["severity"], **texts)
    finding = Finding(
        rule=shapes.rules.get(rdflib.URIRef(rule.shape), rule),
        focus=_term(told["focus"]),
        path=told["path"],
        value=None if told["value"] is None else _term(told["value"]),
        messages=told["message"],
        label=told["label"],
        component=told["component"],
        properties=told.get("properties", {}),
    )
    result = rdflib.BNode()
    stated = [(result, to_rdflib(p), to_rdflib(o)) for p, o in described(finding)]
    return replace(finding, result=(*stated, *_complex_path(result, finding, shapes.graph)))


def _term(text: str) -> Node:
    if text.startswith("_:"):
        return BlankNode(text.removeprefix("_:"))
    if not text.startswith('"'):
        return NamedNode(text)
    (triple,) = parse(f"<urn:x> <urn:x> {text} .", RdfFormat.N_TRIPLES)
    assert isinstance(triple.object, Literal)
    return triple.object


def _complex_path(result: rdflib.BNode, finding: Finding, shapes: rdflib.Graph) -> Iterator[Triple]:
    """The path of a result, from its shape, where it is more than one property."""
    path = shapes.value(rdflib.URIRef(finding.rule.shape), SH.path)
    if isinstance(path, rdflib.BNode) and path_text(shapes, path) == finding.path:
        yield (result, SH.resultPath, path)
        ahead = [path]
        for node in ahead:
            for triple in shapes.triples((node, None, None)):
                yield triple
                if isinstance(triple[2], rdflib.BNode):
                    ahead.append(triple[2])


def _json(value: dict[str, Any]) -> str:
    # As Starlette writes JSON.
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
