"""The page to start at: what there is in each phase, what waits, and what came last, for one purpose."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.answers.last_release import LastRelease, last_release, last_release_guarded
from kgservice.application.answers.open_pains import OpenPain, open_pains, open_pains_guarded
from kgservice.application.answers.phase_matrix import (
    CUSTOMER_DATA,
    ELEMENTS,
    PhaseMatrix,
    phase_matrix,
    phase_matrix_guarded,
)
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.imports.last_imports import Import, last_imports
from kgservice.application.law import expiring as consents
from kgservice.application.law.expiring import Expiring, expiring
from kgservice.application.stewards.board import Group, board
from kgservice.application.views.once import Once
from kgservice.application.views.reader import Reader
from kgservice.domain.finding import SEVERITIES, severity_name
from kgservice.http.access.permissions import may_read, principal_of
from kgservice.http.pages.elements import path_of_elements
from kgservice.http.pages.findings import BOARD
from kgservice.http.pages.questions import grouped as question_groups
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.pages.trace import path_of_trace
from kgservice.web.numbers import grouped
from kgservice.web.tables import path_of

SHOWN = 8
"""Most pain points, and most consents, that the page names."""
SHADES = 4
"""Shades that tell cells of the matrix apart, from few to many."""


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.page("/", Start().page)


class Start:
    """The page; what it counts, it counts once for each state of a view."""

    def __init__(self) -> None:
        self._matrix: Once[Reader, PhaseMatrix] = Once(phase_matrix)
        self._pains: Once[Reader, tuple[OpenPain, ...]] = Once(open_pains)
        self._guarded_matrix: Once[Reader, PhaseMatrix] = Once(phase_matrix_guarded)
        self._guarded_pains: Once[Reader, tuple[OpenPain, ...]] = Once(open_pains_guarded)
        self._findings: Once[KnowledgeGraph, list[Group]] = Once(board)
        self._consents: Once[KnowledgeGraph, tuple[Expiring, ...]] = Once(expiring)
        self._imports: Once[KnowledgeGraph, tuple[Import, ...]] = Once(last_imports)

    def page(self, site: Site, request: Request) -> Response:
        """What the stated purpose leaves, and of all the rest what the one who asks may look after."""
        language = site.language(request)
        who = principal_of(request.scope)
        today = site.kg.clock().date()
        if site.sees_persons:
            matrix, pains, release = self._matrix.of(site.kg), self._pains.of(site.kg), last_release(site.kg)
        else:
            matrix, pains = self._guarded_matrix.of(site.kg), self._guarded_pains.of(site.kg)
            release = last_release_guarded(site.kg)
        names = labels(site.kg, _named(matrix, pains[:SHOWN], release), language)
        findings = ending = imports = None
        if may_read(who, BOARD):
            findings = _findings(self._findings.of(site.whole, today), language)
        if may_read(who, "/consents"):
            ending = _ending(site, self._consents.of(site.whole, today), language)
        if may_read(who, "/imports"):
            imports = [_import(one, language) for one in self._imports.of(site.whole)]
        return site.page(
            request,
            "start.html",
            section="start",
            elements=ELEMENTS,
            rows=[_row(site, matrix, phase, names, language) for phase in matrix.phases],
            is_empty=not matrix.counts,
            smallest=site.kg.settings.smallest_group,
            pains=[_pain(site, pain, names) for pain in pains[:SHOWN]],
            waiting=grouped(len(pains), language),
            unaddressed=grouped(sum(not pain.is_addressed for pain in pains), language),
            unproven=grouped(sum(pain.is_addressed and not pain.is_proven for pain in pains), language),
            proven=grouped(sum(pain.is_proven for pain in pains), language),
            findings=findings,
            ending=ending,
            days=consents.DAYS,
            imports=imports,
            release=_release(site, release, names),
            groups=[
                {**group, "number": len(group["questions"])} for group in question_groups(site, language)
            ],
        )


def _named(matrix: PhaseMatrix, pains: tuple[OpenPain, ...], release: LastRelease | None) -> set[str]:
    """All that the page calls by a name."""
    found = {*matrix.phases, *(pain.iri for pain in pains), *(pain.kind for pain in pains if pain.kind)}
    if release is not None:
        found |= {release.iri, *(one.solution for one in release.shipped)}
    return found


def _row(site: Site, matrix: PhaseMatrix, phase: str, names: dict[str, str], language: str) -> dict[str, Any]:
    """A phase and its cells: the number, its shade, and where it leads."""
    cells: list[dict[str, Any]] = []
    for element in ELEMENTS:
        number = matrix.count(phase, element)
        most = max(matrix.count(one, element) for one in matrix.phases)
        hides = element == CUSTOMER_DATA and not site.sees_persons
        if hides and number < site.kg.settings.smallest_group:
            cells.append({"text": f"< {site.kg.settings.smallest_group}", "shade": "", "path": ""})
            continue
        shade = -(-SHADES * number // most) if number else 0
        path = "" if hides or not number else path_of_elements(phase, element)
        cells.append({"text": grouped(number, language), "shade": shade, "path": path})
    return {"name": names.get(phase) or short(phase), "cells": list(zip(ELEMENTS, cells, strict=True))}


def _pain(site: Site, pain: OpenPain, names: dict[str, str]) -> dict[str, Any]:
    return {
        "title": names.get(pain.iri) or short(pain.iri),
        "path": path_of_trace(site, pain.iri),
        "kind": names.get(pain.kind, ""),
        "since": pain.detected,
        "state": "proven" if pain.is_proven else "addressed" if pain.is_addressed else "unaddressed",
    }


def _findings(groups: list[Group], language: str) -> list[dict[str, Any]]:
    counts = {severity: sum(g.open for g in groups if g.severity == severity) for severity in SEVERITIES}
    return [
        {
            "name": severity_name(severity, language, number),
            "number": grouped(number, language),
            "grade": severity.lower(),
            "path": f"{BOARD}?{urlencode({'severity': severity})}",
        }
        for severity, number in counts.items()
    ]


def _ending(site: Site, found: tuple[Expiring, ...], language: str) -> dict[str, Any]:
    """How many consents end before long, and on the view of everything also which."""
    now = site.kg.clock()
    left = [one for one in found if one.until > now]
    shown = left[:SHOWN] if site.kg.purpose is None else []
    return {
        "number": grouped(len(left), language),
        "is_told": site.kg.purpose is None,
        "consents": [
            {
                "name": short(one.consent)[-8:],
                "path": path_of(one.consent, site.kg.addresses),
                "until": one.until.isoformat(),
                "left": (one.until - now).days,
            }
            for one in shown
        ],
    }


def _import(one: Import, language: str) -> dict[str, Any]:
    return {
        "source": one.source,
        "reason": one.reason,
        "time": one.time,
        "added": grouped(one.added, language),
        "removed": grouped(one.removed, language),
    }


def _release(site: Site, found: LastRelease | None, names: dict[str, str]) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "name": names.get(found.iri) or short(found.iri),
        "path": path_of(found.iri, site.kg.addresses),
        "deployed": found.deployed,
        "solutions": [
            {
                "name": names.get(one.solution) or short(one.solution),
                "path": path_of_trace(site, one.solution),
                "pains": len(one.pains),
                "impacts": len(one.impacts),
            }
            for one in found.shipped
        ],
    }
