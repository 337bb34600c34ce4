"""The workbench: SPARQL for those who know it, with what the editor in the page needs, and without it too."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from pyoxigraph import QueryBoolean, QuerySolutions, parse_query_results
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.protocol import terms
from kgservice.domain.question import Question
from kgservice.errors import KgError
from kgservice.http.access.permissions import principal_of
from kgservice.http.messages.details import shown
from kgservice.http.messages.forms import see_other
from kgservice.http.pages.questions import WORKBENCH, grouped
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.namespaces import CI, PREFIXES
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


# Terms of others that the graph uses, besides its own.
_FOREIGN_PROPERTIES = ("rdf:type", "rdfs:label", "rdfs:subClassOf", "skos:prefLabel", "skos:broader")
_FOREIGN_CLASSES = ("owl:Class", "skos:Concept", "skos:ConceptScheme")
_WORDS = (
    *("run", "all", "yes", "no", "error", "line", "column", "query", "your-query", "graph", "download"),
    *("network-help", "statements-not-shown", "table-info", "table-none", "table-filtered", "tab-add"),
    *(
        "tab-close",
        "tab-rename",
        "tab-copy",
        "tab-reopen",
        "tabs-close-others",
        "answer-as-table",
        "as-raw",
        "filter-rows",
    ),
    *("rows-per-page", "simple-view", "shorten-cells", "complete-hint", "results", "results-in"),
    *("answered-in", "line-expected"),
)
"""What the editor in the page says."""


def add(routes: Routes) -> None:
    """Put the page where it belongs, and its former address."""
    routes.page(WORKBENCH, workbench_page)
    routes.page("/pages/sparql", lambda _, request: see_other(WORKBENCH, request.query_params.multi_items()))


def workbench_page(site: Site, request: Request) -> Response:
    """The box for a query, with the answer where one was sent; `question`: the saved one to begin with."""
    language = site.language(request)
    query = request.query_params.get("query", "")
    groups = [(group["label"], _open(group["questions"])) for group in grouped(site, language)]
    asked = site.questions.get(request.query_params.get("question", ""))
    begun = asked if any(asked in members for _, members in groups) else None
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
            values |= _result(site, query, language)
        except KgError as error:
            values["problem"] = shown(error, language)
            status = values["problem"]["status"]
    for name in ("csv", "json"):
        values[name] = f"/sparql?{urlencode({'query': query, 'format': name})}"
    values["query"] = query or (_query(begun) if begun else _FIRST_QUERY)
    values["groups"] = [(label, members) for label, members in groups if members]
    values["words"] = _WORDS
    values["given"] = {
        "owner": hashlib.sha256(principal_of(request.scope).name.encode()).hexdigest()[:16],
        "ids": site.kg.addresses.ids,
        "terms": CI,
        "first": _FIRST_QUERY,
        "asked": query or (_query(begun) if begun else ""),
        "title": begun.title[language] if begun and not query else "",
        "questions": [
            {"id": one.id, "title": one.title[language], "text": _query(one)}
            for _, members in groups
            for one in members
        ],
        **_vocabulary(site, language),
    }
    return site.page(request, "workbench.html", section="workbench", status=status, **values)


def _open(members: list[tuple[Question, str]]) -> list[Question]:
    """Those of a group that nothing forbids."""
    return [question for question, refused in members if not refused]


def _query(question: Question) -> str:
    """The query of a saved question, without the header that describes it."""
    return "\n".join(line for line in question.text.splitlines() if not line.startswith("#+")).strip()


def _vocabulary(site: Site, language: str) -> Mapping[str, Any]:
    """What the editor offers while somebody types: terms with their labels, and prefixes."""
    listed = terms.listed(site.kg, language)

    def all_(kinds: tuple[str, ...], foreign: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        for kind in kinds:
            yield from listed.get(kind, ())
        for name in foreign:
            prefix, _, local = name.partition(":")
            yield PREFIXES[prefix] + local, ""

    properties = ("ObjectProperty", "DatatypeProperty", "AnnotationProperty")
    return {
        "classes": list(all_(("Class",), _FOREIGN_CLASSES)),
        "properties": list(all_(properties, _FOREIGN_PROPERTIES)),
        "prefixes": {"ci": CI, "id": site.kg.addresses.ids, **PREFIXES},
    }


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
