"""The pages of the quarantine: what imports brought and the guard refused, to be mended or discarded."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application import quarantine
from kgservice.application.graph import KnowledgeGraph
from kgservice.application.load import named_quads
from kgservice.domain.change import Origin
from kgservice.domain.finding import in_language, severity_name
from kgservice.errors import BadParameter, KgError
from kgservice.http.details import details
from kgservice.http.site import Site, place
from kgservice.store.formats import TURTLE
from kgservice.web.tables import moment

QUARANTINE = "/pages/quarantine"
MOST = 200
"""Entries that the list shows at once."""


def entries_page(kg: KnowledgeGraph) -> Callable[[Site, Request], Response]:
    """The entries of one status, the oldest first; those that wait, unless another is asked for."""

    def answer(site: Site, request: Request) -> Response:
        status = request.query_params.get("status") or quarantine.WAITING
        found = quarantine.report(kg, status)["entries"]
        return site.page(
            request,
            "quarantine.html",
            section="quarantine",
            entries=[_row(entry) for entry in found[:MOST]],
            total=len(found),
            picked=status,
            statuses=quarantine.STATUSES,
        )

    return answer


def entry_page(kg: KnowledgeGraph, error: KgError | None = None) -> Callable[[Site, Request], Response]:
    """One entry with its statements, what they would bring now, and forms; `error`: what came of a form."""
    problem = details(error) if error else None

    def answer(site: Site, request: Request) -> Response:
        language = site.language(request)
        found = quarantine.shown(kg, request.path_params["id"])
        return site.page(
            request,
            "quarantined.html",
            section="quarantine",
            status=problem["status"] if problem else 200,
            problem=place(problem),
            entry=_row(found),
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

    return answer


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
        raise BadParameter(f"{wanted[:80]!r} is nothing that can be done here", source="do")
    return f"{QUARANTINE}/{key}"


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **entry,
        "path": f"{QUARANTINE}/{quote(entry['id'], safe='')}",
        "created": moment(entry["created"]),
        "decided": moment(entry["decided"] or ""),
    }
