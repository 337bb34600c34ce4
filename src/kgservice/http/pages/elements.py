"""The page of the elements of one kind in one phase, to which a cell of the start page leads."""

from __future__ import annotations

from urllib.parse import urlencode

from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.answers.phase_matrix import CUSTOMER_DATA, elements, elements_guarded, phases
from kgservice.application.graph.labels import labels, short
from kgservice.errors import Forbidden, NotFound
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.pages.trace import path_of_trace
from kgservice.namespaces import CI
from kgservice.web.tables import path_of

PATH = "/pages/elements"
MOST = 200
"""Elements that the page shows."""
_CHAINED = frozenset({"pain-points", "solutions", "impacts"})
# Saved questions that tell more of an element.
_QUESTIONS = {
    "touchpoints": ("planned-and-actual-journey", "moments-of-truth"),
    "methods": ("suitable-methods", "method-cost-and-yield"),
    CUSTOMER_DATA: ("phases-without-customer-input", "data-without-planned-method"),
    "pain-points": ("unsolved-pain-points", "single-source-claims"),
    "solutions": ("deployed-without-impact", "pain-points-behind-solution"),
    "impacts": ("impact-of-solution", "lessons-for-touchpoint"),
}


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.page(PATH, elements_page)


def elements_page(site: Site, request: Request) -> Response:
    """A list of them. Raises `NotFound` for another phase or element; a reader sees no records of persons."""
    language = site.language(request)
    element = request.query_params.get("element", "")
    phase = CI + request.query_params.get("phase", "")
    if phase not in phases(site.kg):
        raise NotFound("there is no phase {name!r}", name=request.query_params.get("phase", "")[:80])
    if element == CUSTOMER_DATA and not site.sees_persons:
        raise Forbidden("This lists records of single persons, which a reader may not see")
    listed = elements if site.sees_persons else elements_guarded
    found = listed(site.kg, NamedNode(phase), element, MOST + 1)
    names = labels(site.kg, {phase, *(node.value for node in found[:MOST])}, language)
    rows = [
        {
            "name": names.get(node.value) or short(node.value),
            "path": path_of(node.value, site.kg.addresses),
            "trace": path_of_trace(site, node.value) if element in _CHAINED else "",
        }
        for node in found[:MOST]
    ]
    return site.page(
        request,
        "elements.html",
        section="start",
        element=element,
        phase=names.get(phase) or short(phase),
        rows=sorted(rows, key=lambda row: row["name"].casefold()),
        has_more=len(found) > MOST,
        has_chains=element in _CHAINED,
        questions=[site.questions[id_] for id_ in _QUESTIONS[element] if id_ in site.questions],
    )


def path_of_elements(phase: str, element: str) -> str:
    """The address of the list of the elements of a phase (its IRI)."""
    return f"{PATH}?{urlencode({'element': element, 'phase': phase.removeprefix(CI)})}"
