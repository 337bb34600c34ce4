"""The page of SPARQL: a query and its answer."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlencode

from pyoxigraph import QueryBoolean, QuerySolutions, parse_query_results
from starlette.requests import Request
from starlette.responses import Response

from kgservice.errors import KgError
from kgservice.http.details import details
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site, place
from kgservice.store.base import Kind
from kgservice.store.formats import JSON, TURTLE, Format
from kgservice.web.tables import Heading

LARGEST = 8 * 1024 * 1024
"""Bytes of an answer that the page shows; larger ones are for files."""

_FIRST_QUERY = """PREFIX ci: <https://w3id.org/kgservice/ci#>
SELECT ?painPoint ?solution ?impact WHERE {
  ?painPoint a ci:PainPoint .
  OPTIONAL { ?painPoint ci:addressedBy ?solution . OPTIONAL { ?impact ci:impactOf ?solution } }
} LIMIT 100
"""


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.page("/pages/sparql", sparql_page)


def sparql_page(site: Site, request: Request) -> Response:
    """The box for a query, with the answer where one was sent."""
    query = request.query_params.get("query", "")
    values: dict[str, Any] = {
        "table": None,
        "boolean": None,
        "turtle": None,
        "too_large": False,
        "problem": None,
    }
    status = 200
    if query.strip():
        try:
            values |= _result(site, query, site.language(request))
        except KgError as error:
            shown = details(error)
            status, values["problem"] = shown["status"], place(shown)
    for name in ("csv", "json"):
        values[name] = f"/sparql?{urlencode({'query': query, 'format': name})}"
    values["query"] = query or _FIRST_QUERY
    return site.page(request, "sparql.html", section="sparql", status=status, **values)


class _Bounded(io.BytesIO):
    """A buffer that refuses more than `LARGEST` bytes."""

    def write(self, data: Any, /) -> int:
        if self.tell() + len(data) > LARGEST:
            raise _TooMuch
        return super().write(data)


class _TooMuch(Exception):
    """The answer is larger than the page shows."""


def _result(site: Site, query: str, language: str) -> dict[str, Any]:
    def choose(kind: Kind) -> Format:
        return TURTLE if kind is Kind.GRAPH else JSON

    out = _Bounded()
    try:
        site.kg.query(query, choose, out)
    except _TooMuch:
        return {"too_large": True}
    body = out.getvalue()
    if not body.startswith(b"{"):
        return {"turtle": body.decode()}
    found = parse_query_results(body, format=JSON.results)
    if isinstance(found, QueryBoolean):
        return {"boolean": bool(found)}
    assert isinstance(found, QuerySolutions)
    headings = [Heading(variable.value) for variable in found.variables]
    rows = [tuple(solution) for solution in found]
    return {"table": site.table(headings, rows, language)}
