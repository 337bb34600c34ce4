"""The page of what a chain can be shown from: pain points first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.answers.chain_starts import KINDS, starts
from kgservice.application.graph.labels import labels, short
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.pages.trace import path_of_trace

TRACES = "/pages/traces"


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.page(TRACES, traces_page)


def traces_page(site: Site, request: Request) -> Response:
    """The list, of one kind and with a word in the title."""
    language = site.language(request)
    kind, word = request.query_params.get("kind") or KINDS[0], request.query_params.get("q", "")
    found, total = starts(site.kg, kind, word, language, guarded=not site.sees_persons)
    states = labels(site.kg, {one.status for one in found if one.status}, language)
    return site.page(
        request,
        "traces.html",
        section="chains",
        kinds=KINDS,
        kind=kind,
        word=word,
        total=total,
        starts=[
            {
                "path": path_of_trace(site, one.iri),
                "title": one.title or short(one.iri),
                "status": states.get(one.status, ""),
                "solutions": one.solutions,
                "impacts": one.impacts,
            }
            for one in found
        ],
    )
