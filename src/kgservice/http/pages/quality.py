"""The page of data quality: the measures now and over time, and the findings over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.stewards import quality, trends
from kgservice.domain.change import Origin
from kgservice.domain.finding import SEVERITIES, in_language, severity_name
from kgservice.errors import BadParameter
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.web.trend import trend

QUALITY = "/pages/quality"
_SMALL = {"width": 160, "height": 36}


def add(routes: Routes) -> None:
    """Put the page where it belongs."""

    def decide(kg: KnowledgeGraph, _key: str, form: Mapping[str, str], by: Origin) -> str:
        return keep(kg, form, by, routes.site)

    routes.decided(QUALITY, quality_page, decide, beyond=True)


def quality_page(site: Site, request: Request) -> Response:
    """The measures by dimension, each with its parts, and the findings by day or week."""
    kg, language = site.whole, site.language(request)
    report = quality.report(kg, site.questions or None).to_json()
    dimensions: dict[str, dict[str, Any]] = {}
    for one in report["measures"]:
        dimension = one["dimension"]
        into = dimensions.setdefault(dimension["id"], {"title": dimension[language], "measures": []})
        into["measures"].append(
            {
                "id": one["id"],
                "title": in_language(one["title"], language),
                "definition": in_language(one["definition"], language),
                "parts": [_part(part, one["unit"], language) for part in one["parts"]],
            }
        )
    points = trends.open_over_time(kg)
    names = {severity: severity_name(severity, language, 2) for severity in SEVERITIES}
    series = [(names[s], s.lower(), [float(point.open[s]) for point in points]) for s in SEVERITIES]
    return site.page(
        request,
        "quality.html",
        section="quality",
        time=report["time"],
        dimensions=list(dimensions.values()),
        picture=trend(series),
        severities=list(names.values()),
        points=[(point.day.isoformat(), [point.open[s] for s in SEVERITIES]) for point in points],
    )


def keep(kg: KnowledgeGraph, form: Mapping[str, str], by: Origin, site: Site) -> str:
    """Keep the measurements of today; the path of the page to go to then."""
    if form.get("do") != "keep":
        raise BadParameter(
            "{wanted!r} is nothing that can be done here", wanted=form.get("do", "")[:80], source="do"
        )
    quality.record(kg, site.questions or None, by)
    return QUALITY


def _part(part: Mapping[str, Any], unit: str, language: str) -> dict[str, Any]:
    """A part of a measure: its name, its value now, and how that went."""
    past = [(one["time"], one["value"]) for one in part["history"] if one.get("value") is not None]
    now = part["now"]["value"] if part["now"] else None
    name = part["class"][language] + (f" – {part['topic'][language]}" if part["topic"] else "")
    values = [float(value) for _, value in past] + ([] if now is None else [float(now)])
    whole = part["now"] or {}
    return {
        "name": name,
        "now": _shown(now, unit, language),
        "of": f"{whole['numerator']} / {whole['denominator']}" if whole and unit != "count" else "",
        "history": [(time, _shown(value, unit, language)) for time, value in past],
        "picture": trend([(name, "plain", values)], top=0.0 if unit == "count" else 1.0, **_SMALL)
        if len(past) > 1
        else None,
    }


def _shown(value: float | None, unit: str, language: str) -> str:
    """A number as people write it: a share as percent."""
    if value is None:
        return "–"
    text = f"{value:.0f}" if unit == "count" else f"{100 * value:.1f}\u00a0%"
    return text.replace(".", ",") if language == "de" else text
