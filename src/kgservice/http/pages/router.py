"""The routes of all pages."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter

from kgservice.application.graph import KnowledgeGraph
from kgservice.domain.question import Question
from kgservice.http.pages import (
    consents,
    contents,
    elements,
    erasure,
    findings,
    journeys,
    links,
    person,
    persons,
    quarantine,
    questions,
    record,
    records,
    start,
    tickets,
    trace,
    traces,
    workbench,
)
from kgservice.http.pages.routes import Routes

PAGES = (
    start,
    elements,
    contents,
    questions,
    workbench,
    record,
    trace,
    traces,
    journeys,
    records,
    findings,
    quarantine,
    persons,
    links,
    consents,
    erasure,
    person,
    tickets,
)


def make_router(kg: KnowledgeGraph, saved: Mapping[str, Question]) -> APIRouter:
    """The routes of the pages, with the saved questions by id."""
    routes = Routes(kg, saved)
    for pages in PAGES:
        pages.add(routes)
    routes.form("/pages/purpose", routes.site.turn)
    return routes.router
