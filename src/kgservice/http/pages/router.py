"""The routes of all pages."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.question import Question
from kgservice.errors import NotFound
from kgservice.http.pages import (
    administration,
    api_keys,
    audit,
    backups,
    conflicts,
    consents,
    contents,
    elements,
    erasure,
    findings,
    journeys,
    links,
    person,
    persons,
    quality,
    quarantine,
    questions,
    record,
    records,
    sheets,
    sources,
    start,
    tickets,
    trace,
    traces,
    walls,
    workbench,
)
from kgservice.http.pages.machinery import Machinery
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site

TO_SEE = (start, elements, contents, questions, workbench, record, traces, trace, journeys, walls)
TO_KEEP = (records, sheets, findings, quality, quarantine, links, conflicts)
OF_RIGHTS = (persons, person, erasure, consents, tickets)
OF_SERVICE = (administration, api_keys, backups, audit)


def make_router(kg: KnowledgeGraph, saved: Mapping[str, Question], machinery: Machinery) -> APIRouter:
    """The routes of the pages, with the saved questions by id, and what those who run the service look at."""
    routes = Routes(kg, saved)
    for pages in (*TO_SEE, *TO_KEEP, *OF_RIGHTS):
        pages.add(routes)
    sources.add(routes, machinery.runs)
    for of_service in OF_SERVICE:
        of_service.add(routes, machinery)
    routes.form("/pages/purpose", routes.site.turn)
    routes.page("/pages/{rest:path}", _nothing)
    return routes.router


def _nothing(_site: Site, request: Request) -> Response:
    """What people see at an address without a page."""
    raise NotFound("There is nothing at {path}", path=request.url.path)
