"""The page of the walls: who the customers are, what was found out, which segments there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.answers import walls
from kgservice.application.views.reader import Reader
from kgservice.domain.journey import name
from kgservice.domain.trace import Thing
from kgservice.domain.walls import Counts, Need, Segment
from kgservice.errors import BadParameter
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.pages.trace import path_of_trace
from kgservice.web.journey_words import decimal, names
from kgservice.web.tables import path_of

PAGE = "/pages/walls"
T = TypeVar("T")


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.page(PAGE, Walls().page)


class Walls:
    """The walls; what is counted on them is kept until the view changes, and for an hour at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[NamedNode, str], tuple[object, Any]] = {}

    def page(self, site: Site, request: Request) -> Response:
        """One of the walls. Raises `BadParameter` for one that there is not."""
        wall = request.query_params.get("wall") or walls.CUSTOMERS
        if wall not in walls.WALLS:
            raise BadParameter(
                "{wall!r} is no wall; there are {walls}",
                wall=wall[:80],
                walls=", ".join(walls.WALLS),
                source="wall",
            )
        language, kg = site.language(request), site.kg
        shown = {walls.CUSTOMERS: self._customers, walls.INSIGHTS: self._insights}.get(wall, self._segments)
        hanging = [
            (name(one.thing, language), names([one.access], language)) for one in walls.recorded(kg, wall)
        ]
        return site.page(
            request,
            "walls.html",
            section="walls",
            wall=wall,
            tabs=[(one, f"{PAGE}?{urlencode({'wall': one})}") for one in walls.WALLS],
            hanging=hanging,
            smallest=kg.settings.smallest_group,
            **shown(site, language),
        )

    def _customers(self, site: Site, language: str) -> dict[str, Any]:
        found, everybody = self._once(site.kg, "segments", walls.segments)
        told = [_segment(site, one, everybody, language) for one in found]
        return {"segments": _largest_first(told), "everybody": _counts(everybody, None, language)}

    def _segments(self, site: Site, language: str) -> dict[str, Any]:
        found, everybody = self._once(site.kg, "segments", walls.segments)
        groups: dict[str, list[dict[str, Any]]] = {}
        for one in found:
            criterion = names(one.criteria, language)
            groups.setdefault(criterion, []).append(_segment(site, one, everybody, language))
        ordered = sorted((key, _largest_first(told)) for key, told in groups.items())
        return {"groups": ordered, "everybody": _counts(everybody, None, language)}

    def _insights(self, site: Site, language: str) -> dict[str, Any]:
        phases, everybody = self._once(site.kg, "phases", walls.phases)
        return {
            "insights": [
                {
                    **_linked(site, one.thing, language),
                    "kind": names([one.kind], language),
                    "by_machine": one.by_machine,
                    "contradicts": names(one.contradicts, language),
                    "sources": one.sources,
                }
                for one in walls.insights(site.kg)
            ],
            "results": [
                {
                    **_linked(site, one.thing, language),
                    "persons": one.persons,
                    "at": one.at,
                }
                for one in walls.results(site.kg)
            ],
            "phases": [
                {
                    **_linked(site, one.thing, language),
                    "open": _pains(site, one.open, language),
                    "resolved": one.resolved,
                    "counts": _counts(one.counts, None, language),
                }
                for one in phases
            ],
            "everybody": _counts(everybody, None, language),
        }

    def _once(self, kg: Reader, what: str, work: Callable[[Reader], T]) -> T:
        key, state = (kg.view, what), (kg.state, kg.clock().strftime("%Y-%m-%dT%H"))
        with self._lock:
            known = self._kept.get(key)
        if known is not None and known[0] == state:
            kept: T = known[1]
            return kept
        made = work(kg)
        with self._lock:
            self._kept[key] = state, made
        return made


def _segment(site: Site, one: Segment, everybody: Counts, language: str) -> dict[str, Any]:
    """What a card tells of a segment."""
    return {
        **_linked(site, one.thing, language),
        "kinds": names(one.kinds, language),
        "criteria": names(one.criteria, language),
        "customers": names(one.customers, language),
        "data": names(one.data, language),
        "words": _said(one.words, language),
        "rule": _said(one.rule, language),
        "evaluated": one.evaluated,
        "unmet": [_need(site, need, language) for need in one.needs if need.unmet],
        "met": [_need(site, need, language) for need in one.needs if not need.unmet],
        "pains": _pains(site, one.pains, language),
        "personas": [
            {
                **_linked(site, persona.thing, language),
                "goals": _said(persona.goals, language),
                "problems": _said(persona.problems, language),
                "evidenced": persona.evidenced,
            }
            for persona in one.personas
        ],
        "counts": _counts(one.counts, everybody, language),
    }


def _need(site: Site, need: Need, language: str) -> dict[str, Any]:
    kind, state = name(need.kind, language), names([need.status], language)
    return {**_linked(site, need.thing, language), "kind": kind, "status": state}


def _pains(site: Site, found: Iterable[tuple[Thing, Thing | None]], language: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name(thing, language),
            "path": path_of_trace(site, thing.iri),
            "status": names([state], language),
        }
        for thing, state in found
    ]


def _counts(counts: Counts, everybody: Counts | None, language: str) -> dict[str, Any]:
    """The numbers with their shares in percent, for bars; None where something is not shown."""
    whole = everybody.persons if everybody else None
    return {
        "persons": counts.persons,
        "share": _percent(counts.persons, whole),
        "felt": counts.felt,
        "pleasant": counts.pleasant,
        "unpleasant": counts.unpleasant,
        "pleasant_share": _percent(counts.pleasant, counts.felt),
        "unpleasant_share": _percent(counts.unpleasant, counts.felt),
        "mean": None if counts.mean is None else decimal(counts.mean, language),
    }


def _percent(part: int | None, whole: int | None) -> int | None:
    return None if part is None or not whole else round(100 * part / whole)


def _largest_first(told: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of what is shown: those without a number by name, which tells nothing of it."""
    return sorted(told, key=lambda one: (-(one["counts"]["persons"] or 0), one["name"]))


def _linked(site: Site, thing: Thing, language: str) -> dict[str, Any]:
    return {"name": name(thing, language), "path": path_of(thing.iri, site.kg.addresses)}


def _said(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or next(iter(texts.values()), "")
