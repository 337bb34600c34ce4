"""The pages of customer journeys: which there are, and each as a map with a table beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.answers.journeys import MOST, journey_map, listed
from kgservice.domain.journey import Journey, name
from kgservice.domain.journey_map import Place
from kgservice.domain.trace import Thing
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.pages.trace import path_of_trace
from kgservice.http.resources.trace import record
from kgservice.web import journey_words as words
from kgservice.web.journey_map import picture
from kgservice.web.tables import path_of

JOURNEYS = "/pages/journeys"


def add(routes: Routes) -> None:
    """Put the pages where they belong."""
    routes.page(JOURNEYS, journeys_page)
    routes.page(f"{JOURNEYS}/{{key:path}}", journey_page)


def journeys_page(site: Site, request: Request) -> Response:
    """The journeys, all or those of a segment."""
    language = site.language(request)
    segment = request.query_params.get("segment", "")
    found = listed(site.kg, sees_persons=site.sees_persons, segment=segment)

    def rows(journeys: Iterable[Journey]) -> list[dict[str, Any]]:
        told = [
            {
                "name": name(journey.thing, language),
                "path": _path(site, journey.thing.iri),
                "of": words.names(journey.of, language),
                "segments": words.names(journey.segments, language),
                "steps": journey.length,
                "plan": journey.plan and name(journey.plan, language),
                "runs": len(journey.runs),
            }
            for journey in journeys
        ]
        return sorted(told, key=lambda one: str(one["name"]))

    return site.page(
        request,
        "journeys.html",
        section="journeys",
        planned=rows(found.planned),
        actual=rows(found.actual),
        total=found.total,
        most=MOST,
        sees_persons=site.sees_persons,
        segments=[(one.iri, name(one, language)) for one in found.segments],
        picked=segment,
    )


def journey_page(site: Site, request: Request) -> Response:
    """One journey; an actual one beside its plan."""
    language = site.language(request)
    key = request.path_params["key"]
    node: NamedNode = record(site.kg, key)
    shown = journey_map(site.kg, node, sees_persons=site.sees_persons)
    journey = shown.journey

    def things(some: Iterable[Thing]) -> list[tuple[str, str]]:
        return [(name(one, language), _path_of(site, one.iri)) for one in some]

    places = [_row(site, place, language) for place in shown.places]
    source = f"/journeys/{quote(key, safe='')}?lang={language}"
    return site.page(
        request,
        "journey.html",
        section="journeys",
        name=name(journey.thing, language),
        planned=journey.planned,
        compared=shown.plan is not None,
        of=things(journey.of),
        personas=journey.personas,
        segments=[
            (label, f"{JOURNEYS}?segment={quote(one.iri, safe='')}")
            for one, (label, _) in zip(journey.segments, things(journey.segments), strict=True)
        ],
        targets=things(journey.targets),
        plan=journey.plan and (name(journey.plan, language), _path(site, journey.plan.iri)),
        runs=[(name(run, language), _path(site, run.iri)) for run in journey.runs],
        # Written by an XML library, which escapes all text.
        picture=Markup(picture(shown, language, headed=False)) if places else "",  # noqa: S704
        rows=places,
        differences=[row for row in places if row["difference"]],
        svg=f"{source}&format=svg",
        file=f"journey-{journey.thing.iri.rpartition('-')[2]}",
        json=f"{source}&format=json",
        jsonld=f"{source}&format=jsonld",
    )


def _row(site: Site, place: Place, language: str) -> dict[str, Any]:
    """What the table tells of a place: all that the picture shows."""
    step, at = place.step, place.step.touchpoint
    return {
        "planned": place.planned.order if place.planned else None,
        "actual": place.actual.order if place.actual else None,
        "difference": words.difference(place, language),
        "name": name(at.thing, language),
        "path": _path_of(site, at.thing.iri),
        "phase": words.names([at.phase], language),
        "channel": words.names([step.channel], language),
        "planned_channel": words.names([place.planned.channel], language) if place.planned else "",
        "mode": words.mode(step, language),
        "methods": words.names(at.methods, language),
        "effort": at.effort,
        "truth": at.moment_of_truth,
        "broken": step.seamless is False,
        "feeling": words.feeling(step, language),
        "expected": words.feeling(place.planned, language) if place.planned and place.actual else "",
        "causes": words.names(step.causes, language),
        "crowd": words.crowd(at.crowd, language, site.kg.settings.smallest_group),
        "when": words.when(step, language),
        "outcomes": words.names(step.outcomes, language),
        "pains": [
            {
                "name": name(pain.thing, language),
                "status": words.names([pain.status], language),
                "solved": words.solved(pain.status),
                "path": path_of_trace(site, pain.thing.iri),
            }
            for pain in at.pains
        ],
    }


def _path(site: Site, iri: str) -> str:
    """The address of the page of a journey."""
    return f"{JOURNEYS}/{quote(iri.removeprefix(site.kg.addresses.ids), safe='')}"


def _path_of(site: Site, iri: str) -> str:
    return path_of(iri, site.kg.addresses)
