"""Findings for pipelines: JUnit XML for what shows tests, SARIF 2.1.0 for what shows code scanning."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from pyoxigraph import BlankNode

from kgservice import __version__
from kgservice.domain.finding import Finding, Node, Rule, in_language, verdict
from kgservice.namespaces import SHAPES
from kgservice.shacl.report import finding_lines, shown

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# What XML 1.0 cannot say, not even as a reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LEVELS = {"Warning": "warning", "Info": "note"}


def junit(findings: Sequence[Finding], language: str) -> str:
    """JUnit XML: a suite for each rule, a case for each finding, and one passed case where there is none.

    A violation is a failure. Warnings and notes are skipped cases, since these fail no pipeline and are yet
    shown with their text; of passed cases GitLab shows only the name. There are no times: a finding takes
    none, and equal reports are equal texts.
    """
    root = ET.Element("testsuites", name="kgservice")
    if not findings:
        suite = ET.SubElement(root, "testsuite", name="kgservice")
        ET.SubElement(suite, "testcase", classname="kgservice", name=_xml(verdict({}, language)))
    names = _case_names(findings)
    by_rule = sorted(zip(findings, names, strict=True), key=lambda pair: _suite(pair[0].rule))
    for name, members in groupby(by_rule, key=lambda pair: _suite(pair[0].rule)):
        suite = ET.SubElement(root, "testsuite", name=_xml(name))
        for finding, case_name in members:
            _add_case(suite, finding, case_name, language)
    for suite in root:
        _count(suite, [suite])
    _count(root, list(root))
    del root.attrib["skipped"]  # no attribute of the whole
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_case(suite: ET.Element, finding: Finding, name: str, language: str) -> None:
    case = ET.SubElement(suite, "testcase", classname=_xml(f"kgservice.{rule_id(finding)}"), name=_xml(name))
    kind = finding.severity
    outcome = ET.SubElement(
        case,
        "skipped" if kind in _LEVELS else "failure",
        type=_xml(kind),
        message=_xml(finding.message(language)),
    )
    outcome.text = _xml("\n".join(finding_lines(finding, language)))


def _suite(rule: Rule) -> str:
    return rule.number or "kgservice"


def _case_names(findings: Sequence[Finding]) -> list[str]:
    """Names that tell the findings of a shape apart and are the same in each language and each run."""
    short = [
        " · ".join(filter(None, (_id(f.focus), "|".join(f.properties) or f.path, f.value and shown(f.value))))
        for f in findings
    ]
    often = Counter((f.rule.shape, name) for f, name in zip(findings, short, strict=True))
    return [
        name if often[f.rule.shape, name] == 1 else f"{name} · {_component(f)}"
        for f, name in zip(findings, short, strict=True)
    ]


def _count(element: ET.Element, suites: Iterable[ET.Element]) -> None:
    cases = [case for suite in suites for case in suite]
    outcomes = Counter(outcome.tag for case in cases for outcome in case)
    for name, number in (
        ("tests", len(cases)),
        ("failures", outcomes["failure"]),
        ("errors", 0),
        ("skipped", outcomes["skipped"]),
    ):
        element.set(name, str(number))


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def sarif(findings: Sequence[Finding], sources: Mapping[Node, str] | None = None) -> dict[str, Any]:
    """A SARIF 2.1.0 log with one run. Its texts are English; the German ones are in `properties`.

    `sources`: the file in which a node is described, if files were validated.
    """
    rules: dict[str, Rule] = {}
    for finding in findings:
        rules.setdefault(rule_id(finding), finding.rule)
    places = {name: place for place, name in enumerate(rules)}
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "kgservice",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_sarif_rule(name, rule) for name, rule in rules.items()],
                    }
                },
                "language": "en",
                "invocations": [{"executionSuccessful": True}],
                "results": [_result(f, places[rule_id(f)], sources or {}) for f in findings],
            }
        ],
    }


def _sarif_rule(name: str, rule: Rule) -> dict[str, Any]:
    """A reporting descriptor."""
    texts = {
        "shortDescription": rule.name,
        "fullDescription": rule.reason,
        "help": rule.message,
    }
    properties = {
        "rule": rule.number,
        "shape": rule.shape,
        "tags": [group] if (group := in_language(rule.group, "en")) else [],
        "de": {key: words["de"] for key, words in texts.items() if "de" in words},
    }
    return {
        "id": name,
        **{key: {"text": in_language(words, "en")} for key, words in texts.items() if words},
        "defaultConfiguration": {"level": _LEVELS.get(rule.severity, "error")},
        "properties": {key: value for key, value in properties.items() if value},
    }


def _result(finding: Finding, rule: int, sources: Mapping[Node, str]) -> dict[str, Any]:
    title = in_language(finding.label, "en")
    logical = {"fullyQualifiedName": _id(finding.focus), "kind": "resource"}
    location: dict[str, Any] = {"logicalLocations": [{"name": title, **logical} if title else logical]}
    if finding.focus in sources:
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(sources[finding.focus])}}
    properties = {
        "component": finding.component,
        "path": finding.path,
        "value": "" if finding.value is None else _id(finding.value),
        "de": {"message": finding.messages["de"]} if "de" in finding.messages else {},
    }
    result = {
        "ruleId": rule_id(finding),
        "ruleIndex": rule,
        "level": _LEVELS.get(finding.severity, "error"),
        "message": {"text": finding.message("en") or _component(finding)},
        "locations": [location],
        "properties": {key: value for key, value in properties.items() if value},
    }
    if not any(isinstance(node, BlankNode) for node in (finding.focus, finding.value)):
        result["partialFingerprints"] = {"finding/v1": _fingerprint(finding)}
    return result


def rule_id(finding: Finding) -> str:
    """The name of the shape, which starts with the number of its rule; else what is known of the rule."""
    rule = finding.rule
    return rule.shape.removeprefix(SHAPES) or rule.number or _component(finding)


def _component(finding: Finding) -> str:
    return re.split(r"[#/]", finding.component)[-1].removesuffix("ConstraintComponent")


def _fingerprint(finding: Finding) -> str:
    """The same for the same finding in each run. Blank nodes have no name that lasts, so they get none."""
    return hashlib.sha256(json.dumps(finding.key).encode()).hexdigest()


def _id(node: Node) -> str:
    """IRIs bare, other terms as N-Triples."""
    text = str(node)
    return text[1:-1] if text.startswith("<") else text


def _uri(path: str) -> str:
    """The reference to a file: relative as it was given, or a whole `file:` IRI."""
    given = Path(path)
    return given.as_uri() if given.is_absolute() else quote(os.fsencode(given.as_posix()))
