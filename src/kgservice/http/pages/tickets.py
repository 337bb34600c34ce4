"""The pages of what persons asked for: all requests with their dates, and one; forms to record and answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.law import requests, tickets
from kgservice.domain.change import Origin
from kgservice.domain.rights import LONGEST_EXTENSION
from kgservice.http.access.auditing import note
from kgservice.http.messages.forms import key_of, moments, said, unkept, unknown
from kgservice.http.pages.persons import PERSONS
from kgservice.http.pages.routes import Exercised, Routes
from kgservice.http.pages.site import Site

REQUESTS = "/pages/requests"
MOST = 500
"""Requests that the list shows at once."""
_FILTERS = ("status", "kind")


def add(routes: Routes) -> None:
    """Put the pages where they belong."""
    routes.decided(REQUESTS, requests_page, record, beyond=True)
    routes.decided(f"{REQUESTS}/{{id}}", request_page, decide, beyond=True)


def requests_page(site: Site, request: Request) -> Response:
    """The requests that fit the filters of the address, the most urgent first, with a form for another."""
    kg, language = site.whole, site.language(request)
    picked = {name: request.query_params.get(name, "") for name in _FILTERS}
    every = tickets.listed(kg)["requests"]
    found = tickets.listed(kg, **{name: value for name, value in picked.items() if value})["requests"]
    names = labels(kg, {one["subject"] for one in found[:MOST] if one["subject"]}, language)
    response = site.page(
        request,
        "requests.html",
        section="requests",
        requests=[row(kg, one, names) for one in found[:MOST]],
        total=len(found),
        counts={status: sum(one["status"] == status for one in every) for status in tickets.STATUSES},
        picked=picked,
        statuses=tickets.STATUSES,
        rights=tickets.RIGHTS,
    )
    return unkept(response)


def request_page(site: Site, request: Request) -> Response:
    """One request, with forms to answer it and to take more time for it."""
    kg, language = site.whole, site.language(request)
    ticket = tickets.one(kg, request.path_params["id"])
    note(request.scope, ticket=kg.addresses.key(ticket.iri))
    names = labels(kg, [ticket.subject] if ticket.subject else [], language)
    response = site.page(
        request,
        "request.html",
        section="requests",
        request_=row(kg, tickets.to_json(ticket, kg.clock().astimezone(UTC)), names),
        outcomes=[outcome.word for outcome in ticket.answers],
        months=range(1, LONGEST_EXTENSION + 1),
    )
    return unkept(response)


def record(kg: KnowledgeGraph, _key: str, form: Mapping[str, str], by: Origin) -> Exercised:
    """Record the request of somebody whom the graph does not know; its page. Raises what `open_` raises."""
    if form.get("do") != "request":
        raise unknown(form)
    body = said(form, "kind") | moments(form, "received") | {"reference": form.get("reference", "").strip()}
    ticket = requests.open_(kg, body, by)
    return Exercised(f"{REQUESTS}/{key_of(kg, ticket)}", ticket)


def decide(kg: KnowledgeGraph, key: str, form: Mapping[str, str], by: Origin) -> Exercised:
    """Do what a form of the page of a request asks for; that page again. Raises what the parts raise."""
    deeds: dict[str, Callable[[], str]] = {
        "answer": lambda: requests.answer(
            kg, key, said(form, "outcome", "reason") | moments(form, "time"), by
        ),
        "extend": lambda: requests.extend(
            kg, key, said(form, "reason") | _months(form.get("months", "")), by
        ),
    }
    deed = deeds.get(form.get("do", ""))
    if deed is None:
        raise unknown(form)
    return Exercised(f"{REQUESTS}/{key}", deed())


def row(kg: KnowledgeGraph, one: Mapping[str, Any], names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What pages show of a request; `names` of persons by IRI."""
    subject = one["subject"]
    return {
        **one,
        "path": f"{REQUESTS}/{key_of(kg, one['id'])}",
        "person": ((names or {}).get(subject) or short(subject)) if subject else "",
        "person_path": f"{PERSONS}/{kg.addresses.key(subject)}" if subject else "",
        "grade": {"overdue": "bad", "answered": "good"}.get(one["status"], ""),
    }


def _months(text: str) -> dict[str, Any]:
    return {"months": int(text)} if text.isascii() and text.isdecimal() and len(text) < 4 else {}
