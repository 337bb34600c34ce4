"""The pages of fields in which a CRM and the graph differ: both values, and what a steward decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import short
from kgservice.application.sources import field_decisions
from kgservice.domain.change import Origin
from kgservice.http.messages.forms import key_of, unknown
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.web.tables import path_of

CONFLICTS = "/pages/conflicts"
MOST = 200
"""Fields that a list shows at once."""


def add(routes: Routes) -> None:
    """Put the pages where they belong."""
    routes.board(CONFLICTS, conflicts_page, conflict_page, decide)


def conflicts_page(site: Site, request: Request) -> Response:
    """The fields that wait for somebody, and those that were decided."""
    kg = site.whole
    waiting, settled = field_decisions.conflicts(kg), field_decisions.settled(kg)
    return site.page(
        request,
        "conflicts.html",
        section="conflicts",
        waiting=[_row(kg, one) for one in waiting[:MOST]],
        total=len(waiting),
        settled=[_row(kg, one) for one in settled[:MOST]],
    )


def conflict_page(site: Site, request: Request) -> Response:
    """One field with both sides, its history and forms."""
    kg = site.whole
    found = field_decisions.shown(kg, request.path_params["id"])
    return site.page(
        request,
        "conflict.html",
        section="conflicts",
        one=_row(kg, found),
        decisions=found["decisions"],
        stands=found["stands"],
    )


def decide(kg: KnowledgeGraph, key: str, form: Mapping[str, str], by: Origin) -> str:
    """Take the CRM's value, keep ours, or undo that, as a form says; the page of the field again.

    Raises `BadParameter` for what no form has, and what `field_decisions.settle` raises.
    """
    verdict = field_decisions.VERDICTS.get(form.get("do", ""))
    if verdict is None:
        raise unknown(form)
    field_decisions.settle(kg, key, verdict, form.get("reason", ""), by=by)
    return f"{CONFLICTS}/{key}"


def _row(kg: KnowledgeGraph, one: Mapping[str, Any]) -> dict[str, Any]:
    """What pages show of a field."""
    return {
        **one,
        "path": f"{CONFLICTS}/{key_of(kg, one['id'])}",
        "name": one["customerName"] or short(one["customer"]),
        "customer_path": path_of(one["customer"], kg.addresses),
        "link_path": f"/pages/links/{key_of(kg, one['link'])}",
    }
