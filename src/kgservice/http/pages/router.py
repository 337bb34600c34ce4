"""The routes of all pages."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter

from kgservice.application.graph import KnowledgeGraph
from kgservice.domain.question import Question
from kgservice.http.pages import (
    findings,
    links,
    quality,
    quarantine,
    questions,
    record,
    records,
    sheets,
    sparql,
    start,
    trace,
)
from kgservice.http.pages.routes import Routes


def make_router(kg: KnowledgeGraph, saved: Mapping[str, Question]) -> APIRouter:
    """The routes of the pages, with the saved questions by id."""
    routes = Routes(kg, saved)
    for pages in (
        start,
        questions,
        sparql,
        record,
        trace,
        records,
        sheets,
        findings,
        quarantine,
        quality,
        links,
    ):
        pages.add(routes)
    routes.form("/pages/purpose", routes.site.turn)
    return routes.router
