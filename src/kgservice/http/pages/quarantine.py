"""The pages of the quarantine: what imports brought and the guard refused, to be mended or discarded."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import named_quads
from kgservice.application.stewards import quarantine
from kgservice.domain.change import Origin
from kgservice.domain.finding import in_language, severity_name
from kgservice.errors import BadParameter
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.store.formats import TURTLE
from kgservice.web import sentences

QUARANTINE = "/pages/quarantine"
MOST = 200
"""Entries that the list shows at once."""


def add(routes: Routes) -> None:
    """Put the pages where they belong."""
    routes.board(QUARANTINE, entries_page, entry_page, decide)


def entries_page(site: Site, request: Request) -> Response:
    """The entries of one status, the oldest first; those that wait, unless another is asked for."""
    kg = site.whole
    status = request.query_params.get("status") or quarantine.WAITING
    found = quarantine.report(kg, status)["entries"]
    return site.page(
        request,
        "quarantine.html",
        section="quarantine",
        entries=[_row(entry, site.language(request)) for entry in found[:MOST]],
        total=len(found),
        picked=status,
        statuses=quarantine.STATUSES,
    )


def entry_page(site: Site, request: Request) -> Response:
    """One entry with its statements, what they would bring now, and forms."""
    kg = site.whole
    language = site.language(request)
    found = quarantine.shown(kg, request.path_params["id"])
    return site.page(
        request,
        "quarantined.html",
        section="quarantine",
        entry=_row(found, language),
        statements="\n".join(found["statements"]),
        waits=found["status"] == quarantine.WAITING,
        findings=[
            {
                "rule": one["rule"],
                "grade": one["severity"],
                "severity": severity_name(one["severity"], language),
                "message": in_language(one["message"], language),
                "value": one["value"],
            }
            for one in found.get("findings", ())
        ],
    )


def decide(kg: KnowledgeGraph, key: str, form: Mapping[str, str], by: Origin) -> str:
    """Do what a form of the page of an entry asks for; the path of the page to go to then.

    Raises `BadParameter` for what no form has, `BadRdf` for statements that are none, and what the parts of
    `quarantine` raise.
    """
    wanted = form.get("do", "")
    if wanted == "release":
        quarantine.release(kg, key, by)
    elif wanted == "discard":
        quarantine.discard(kg, key, form.get("reason", ""), by)
    elif wanted == "mend":
        document = io.BytesIO(form.get("statements", "").encode())
        quarantine.mend(kg, key, [quad.triple for quad in named_quads(kg, document, TURTLE)], by)
    else:
        raise BadParameter("{wanted!r} is nothing that can be done here", wanted=wanted[:80], source="do")
    return f"{QUARANTINE}/{key}"


def _row(entry: Mapping[str, Any], language: str) -> dict[str, Any]:
    def told(said: str | None) -> str | None:
        return said and (sentences.told(said, language) or said)

    return {
        **entry,
        "reason": told(entry["reason"]),
        "decision": told(entry["decision"]),
        "path": f"{QUARANTINE}/{quote(entry['id'], safe='')}",
    }
