"""The formats of a validation report, for the whole graph, files and dry runs alike."""

from __future__ import annotations

import json
from typing import Any

from kgservice.shacl.local import Difference
from kgservice.shacl.pipelines import junit, sarif
from kgservice.shacl.report import Report

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


def _json(value: dict[str, Any]) -> str:
    # As Starlette writes JSON.
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
