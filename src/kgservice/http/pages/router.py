"""The routes of all pages."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter

from kgservice.application.graph import KnowledgeGraph
from kgservice.domain.question import Question
from kgservice.http.pages import (
    administration,
    api_keys,
    audit,
    backups,
    conflicts,
    consents,
    erasure,
    findings,
    links,
    person,
    persons,
    quarantine,
    questions,
    record,
    sources,
    sparql,
    start,
    tickets,
    trace,
)
from kgservice.http.pages.machinery import Machinery
from kgservice.http.pages.routes import Routes


def make_router(kg: KnowledgeGraph, saved: Mapping[str, Question], machinery: Machinery) -> APIRouter:
    """The routes of the pages, with the saved questions by id, and what those who run the service look at."""
    routes = Routes(kg, saved)
    for pages in (start, questions, sparql, record, trace, findings, quarantine, links):
        pages.add(routes)
    conflicts.add(routes)
    sources.add(routes, machinery.runs)
    for of_service in (administration, api_keys, backups, audit):
        of_service.add(routes, machinery)
    for of_rights in (persons, person, erasure, consents, tickets):
        of_rights.add(routes)
    routes.form("/pages/purpose", routes.site.turn)
    return routes.router
