"""The page of a record: what is said of it, and what says something of it."""

from __future__ import annotations

from collections.abc import Sequence

from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.answers import small_groups
from kgservice.application.graph.labels import short
from kgservice.application.graph.nameless import names as names_of
from kgservice.application.protocol import records
from kgservice.domain.model import TYPE
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.pages.trace import TRACED, path_of_trace
from kgservice.http.resources.operation import iri
from kgservice.store.base import Term
from kgservice.web.dates import day
from kgservice.web.tables import Cell, cell, worded
from kgservice.web.texts import text


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.page("/pages/record", record_page)


def record_page(site: Site, request: Request) -> Response:
    """What is said, by property; to a reader nothing of single persons."""
    language = site.language(request)
    asked = iri(request.query_params.get("iri", ""), "iri")
    if not site.sees_persons:
        small_groups.allow(site.kg, asked)
    found = records.record(site.kg, asked)
    if not site.sees_persons:
        found = found.without(small_groups.personal(site.kg, found.nodes()))
    terms = {o.value for _, o in (*found.outgoing, *found.incoming) if isinstance(o, NamedNode)}
    properties = {p for p, _ in (*found.outgoing, *found.incoming)}
    names = names_of(site.kg, terms | properties | {found.iri}, language, day)
    truth = {"true": text("yes", language), "false": text("no", language)}

    def grouped(pairs: Sequence[tuple[str, Term]]) -> list[tuple[str, list[Cell]]]:
        rows: dict[str, list[Cell]] = {}
        for property_, value in pairs:
            name = names.get(property_) or short(property_)
            if property_ == TYPE.value:
                name = text("class", language)
            made = worded(cell(value, names, site.kg.addresses, language), value, truth)
            rows.setdefault(name, []).append(made)
        return list(rows.items())

    return site.page(
        request,
        "record.html",
        iri=found.iri,
        name=names.get(found.iri) or short(found.iri),
        trace=path_of_trace(site, found.iri) if found.types & TRACED else "",
        outgoing=grouped(found.outgoing),
        incoming=grouped(found.incoming),
    )
