"""The page of what is loaded: records by class, graphs, and where programs ask."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.labels import labels, short
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.namespaces import CI
from kgservice.web.tables import moment, path_of

_OF_PROJECTS = frozenset(f"{CI}{name}" for name in ("Touchpoint", "PainPoint", "Solution", "Impact"))
"""Classes of things that concern no person: those that a reader is told of."""


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.page("/pages/contents", contents_page)


def contents_page(site: Site, request: Request) -> Response:
    """What there is on the view."""
    language = site.language(request)
    seen = site.overview()
    classes = [c for c in seen.classes if site.sees_persons or c[0] in _OF_PROJECTS]
    names = labels(site.kg, [iri for iri, _ in classes], language)

    def row(iri: str, count: int) -> dict[str, Any]:
        return {
            "label": names.get(iri) or short(iri),
            "count": count,
            "path": path_of(iri, site.kg.addresses),
        }

    return site.page(
        request,
        "contents.html",
        section="start",
        classes=[row(iri, count) for iri, count in classes],
        graphs=seen.graphs,
        commit={"number": seen.commit, "time": seen.time, "shown": moment(seen.time or "")},
    )
