"""The page that finds a person whose consents and rights are to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.law import subjects, tickets
from kgservice.errors import BadParameter, NotFound
from kgservice.http.messages.forms import unkept
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site

PERSONS = "/pages/persons"


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.answered(PERSONS, persons_page, found_page, beyond=True)


def persons_page(site: Site, request: Request) -> Response:
    """The form, and how many requests wait."""
    return _page(site, request, None)


def found_page(site: Site, request: Request, form: Mapping[str, str]) -> Response:
    """The persons that fit. What was asked is sent as a form, so that no log of addresses sees it."""
    site.typed = form
    return _page(site, request, find(site.whole, form.get("whom", "")))


def find(kg: KnowledgeGraph, whom: str) -> dict[str, Any]:
    """See `subjects.find`; the way is told by what was typed. Raises `BadParameter` where that is nothing."""
    whom = whom.strip()
    if not whom:
        raise BadParameter("Say whom", source="whom")
    if "@" in whom:
        return subjects.find(kg, {"email": whom})
    if _is_iri(whom):
        return subjects.find(kg, {"iri": whom})
    try:
        found = subjects.find(kg, {"crm": whom})
    except (NotFound, BadParameter):  # then it is no number of a system that there is
        found = {"matches": []}
    return found if found["matches"] else subjects.find(kg, {"name": whom})


def _is_iri(text: str) -> bool:
    if text.startswith(("http://", "https://", "urn:")):
        return True
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def _page(site: Site, request: Request, found: dict[str, Any] | None) -> Response:
    kg, language = site.whole, site.language(request)
    matches = [] if found is None else found["matches"]
    names = labels(kg, {iri for one in matches for iri in one["classes"]}, language)
    waiting = tickets.listed(kg, status="open")["requests"]
    rows = [
        {
            "name": one["name"] or short(one["iri"]),
            "kinds": ", ".join(sorted(names.get(iri) or short(iri) for iri in one["classes"])),
            "path": f"{PERSONS}/{one['key']}",
            "key": one["key"],
        }
        for one in matches
    ]
    response = site.page(
        request,
        "persons.html",
        section="persons",
        asked=found is not None,
        matches=rows,
        more=bool(found and found["more"]),
        waiting=len(waiting),
        overdue=sum(one["status"] == "overdue" for one in waiting),
    )
    return unkept(response)
