"""The page of what is loaded: records by class, graphs, and where programs ask."""

from __future__ import annotations

from typing import Any

from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.answers.small_groups import personal
from kgservice.application.graph.labels import labels, short
from kgservice.application.views.once import Once
from kgservice.application.views.reader import Reader
from kgservice.http.access.permissions import principal_of
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.namespaces import CI
from kgservice.web.tables import path_of

_OF_PROJECTS = frozenset(f"{CI}{name}" for name in ("Touchpoint", "PainPoint", "Solution", "Impact"))
"""Classes of things that concern no person: those that a reader is told of."""


def _without_persons(kg: Reader) -> tuple[tuple[str, int], ...]:
    """The classes of things of projects, without those things that are records of a person."""
    counts: dict[str, int] = {}
    for iri in _OF_PROJECTS:
        found = {row[0] for row in kg.select(f"SELECT DISTINCT ?one {{ ?one a <{iri}> }}").rows}
        nodes = {node for node in found if isinstance(node, NamedNode)}
        counts[iri] = len(nodes - personal(kg, nodes))
    return tuple(sorted(((i, n) for i, n in counts.items() if n), key=lambda one: (-one[1], one[0])))


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    guarded: Once[Reader, tuple[tuple[str, int], ...]] = Once(_without_persons)
    routes.page("/pages/contents", lambda site, request: contents_page(site, request, guarded))


def contents_page(
    site: Site, request: Request, guarded: Once[Reader, tuple[tuple[str, int], ...]]
) -> Response:
    """What there is on the view."""
    language = site.language(request)
    seen = site.overview()
    classes = seen.classes if site.sees_persons else guarded.of(site.kg)
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
        tells_commit=principal_of(request.scope).oversees,  # to others it would tell how much is written
        commit={"number": seen.commit, "time": seen.time},
    )
