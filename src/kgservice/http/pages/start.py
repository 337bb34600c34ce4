"""The page to start at: what is loaded, and where to go."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application import records
from kgservice.application.labels import labels, short
from kgservice.http.pages import questions
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.pages.trace import path_of_trace
from kgservice.namespaces import CI
from kgservice.web.tables import moment, path_of

_FIGURES = ("Touchpoint", "Evidence", "PainPoint", "Solution", "Impact", "Person", "ConsentRecord")
_OF_PROJECTS = frozenset(f"{CI}{name}" for name in _FIGURES[:1] + _FIGURES[2:5])
"""Of the figures, those of things that concern no person."""


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.page("/", start_page)


def start_page(site: Site, request: Request) -> Response:
    """What is loaded, the chains and the questions."""
    language = site.language(request)
    seen = site.overview()
    classes = [c for c in seen.classes if site.sees_persons or c[0] in _OF_PROJECTS]
    wanted = [iri for iri, _ in classes] + [f"{CI}{name}" for name in _FIGURES]
    names = labels(site.kg, wanted, language)
    counts = dict(classes)

    def row(iri: str) -> dict[str, Any]:
        path = path_of(iri, site.kg.addresses)
        return {"label": names.get(iri) or short(iri), "count": counts.get(iri, 0), "path": path}

    chains = [
        {"path": path_of_trace(site, iri), "label": title or short(iri)}
        for iri, title in records.chains(site.kg, language)
    ]
    commit = {"number": seen.commit, "time": seen.time, "shown": moment(seen.time or "")}
    return site.page(
        request,
        "start.html",
        section="start",
        figures=[row(f"{CI}{name}") for name in _FIGURES if counts.get(f"{CI}{name}")],
        classes=[row(iri) for iri, _ in classes],
        graphs=seen.graphs,
        commit=commit,
        traces=chains,
        groups=questions.grouped(site, language),
    )
