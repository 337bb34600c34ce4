"""The pages of CRM links: records and the customers that they may be, to accept, reject and undo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import short
from kgservice.application.links import linking
from kgservice.application.links import records as link_records
from kgservice.application.sources import link_reports
from kgservice.domain.change import Origin
from kgservice.domain.link import ORGANISATIONS, PERSONS, PRIOR, STATES, State
from kgservice.errors import BadParameter, NotFound
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.web.tables import path_of

LINKS = "/pages/links"
MOST = 200
"""Links that the list shows at once."""
NEXT = "next"
"""What a form says that leads on to the link that waits next."""
_FILTERS = ("state", "source", "kind")


def add(routes: Routes) -> None:
    """Put the pages where they belong."""
    routes.board(LINKS, links_page, link_page, decide)


def links_page(site: Site, request: Request) -> Response:
    """The links that fit the filters of the address; those that wait for somebody, unless told otherwise."""
    kg = site.whole
    given = {name: request.query_params[name] for name in _FILTERS if request.query_params.get(name)}
    picked = {"state": State.CANDIDATE.value, "source": "", "kind": ""} | given
    asked = {name: value for name, value in picked.items() if value}
    found = link_reports.report(kg, asked | {"limit": str(MOST)})
    tally = link_reports.tally(kg)
    return site.page(
        request,
        "links.html",
        section="links",
        links=[_row(kg, link) for link in found["links"]],
        total=found["total"],
        counts=tally["states"],
        picked=picked,
        states=[state.value for state in STATES],
        sources=sorted({*tally["sources"], picked["source"]} - {""}),
        kinds=(PERSONS, ORGANISATIONS),
    )


def link_page(site: Site, request: Request) -> Response:
    """One link with what both sides say, the weights, its history and forms."""
    kg = site.whole
    found = link_reports.shown(kg, request.path_params["id"])
    key = _key(kg, found["id"])
    following = link_records.after(kg, found["id"])
    return site.page(
        request,
        "link.html",
        section="links",
        pair=_row(kg, found),
        run=found["run"],
        picture=f"/links/{key}/waterfall?lang={site.language(request)}",
        fields=sorted(found["fields"], key=lambda one: one["field"] != PRIOR),  # as in the picture
        following=f"{LINKS}/{_key(kg, following)}" if following else "",
        done=_done(kg, request.query_params.get("done", "")),
        decisions=found["decisions"],
    )


def decide(kg: KnowledgeGraph, key: str, form: Mapping[str, str], by: Origin) -> str:
    """Do what a form of the page of a link asks for; the path of the page to go to then.

    Raises `BadParameter` for what no form has, and what `linking.decide` raises.
    """
    verdict = linking.VERDICTS.get(form.get("do", ""))
    if verdict is None:
        raise BadParameter(
            "{wanted!r} is nothing that can be done here", wanted=form.get("do", "")[:80], source="do"
        )
    following = link_records.after(kg, link_records.one(kg, key).node) if form.get("then") == NEXT else ""
    linking.decide(kg, key, verdict, form.get("reason", ""), by=by)
    return f"{LINKS}/{_key(kg, following)}?done={quote(key, safe='')}" if following else f"{LINKS}/{key}"


def _done(kg: KnowledgeGraph, key: str) -> dict[str, Any] | None:
    """The link that was decided before this one came; None for none, or one that is there no more."""
    if not key:
        return None
    try:
        return _row(kg, link_reports.shown(kg, key))
    except NotFound:
        return None


def _row(kg: KnowledgeGraph, link: Mapping[str, Any]) -> dict[str, Any]:
    """What the pages show of a link."""
    probability = link["probability"]
    return {
        **link,
        "path": f"{LINKS}/{_key(kg, link['id'])}",
        "name": link["customerName"] or short(link["customer"]),
        "customer_path": path_of(link["customer"], kg.addresses),
        "percent": "–" if probability is None else f"{100 * float(probability):.1f} %",
    }


def _key(kg: KnowledgeGraph, iri: str) -> str:
    return quote(iri.removeprefix(kg.addresses.ids), safe="")
