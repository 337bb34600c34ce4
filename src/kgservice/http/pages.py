"""The plain pages: what is loaded, records, traces, a box for SPARQL; their routes, also of the questions."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from pyoxigraph import NamedNode, QueryBoolean, QuerySolutions, parse_query_results
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kgservice.application import chain_words, records, small_groups
from kgservice.application.graph import KnowledgeGraph
from kgservice.application.labels import labels, short
from kgservice.application.trace import trace, trace_guarded
from kgservice.domain.change import Origin
from kgservice.domain.question import Question
from kgservice.errors import KgError, NotFound
from kgservice.http import link_pages, quarantine_pages, question_pages, steward_pages
from kgservice.http.auditing import note
from kgservice.http.details import details
from kgservice.http.forms import see_other, sent
from kgservice.http.given import origin_of
from kgservice.http.site import Site, place
from kgservice.http.sparql import iri
from kgservice.http.streaming import ClientLeft
from kgservice.http.trace import record
from kgservice.namespaces import CI
from kgservice.store.base import Kind, Term
from kgservice.store.formats import JSON, TURTLE, Format
from kgservice.web.chain import Chain
from kgservice.web.picture import draw
from kgservice.web.tables import Cell, Heading, cell, moment, path_of

LARGEST = 8 * 1024 * 1024
"""Bytes of an answer that the SPARQL page shows; larger ones are for files."""

_FIGURES = ("Touchpoint", "Evidence", "PainPoint", "Solution", "Impact", "Person", "ConsentRecord")
_OF_PROJECTS = frozenset(f"{CI}{name}" for name in _FIGURES[:1] + _FIGURES[2:5])
"""Of the figures, those of things that concern no person."""
_TRACED = frozenset(f"{CI}{name}" for name in ("PainPoint", "Solution", "Impact"))
_FIRST_QUERY = """PREFIX ci: <https://w3id.org/kgservice/ci#>
SELECT ?painPoint ?solution ?impact WHERE {
  ?painPoint a ci:PainPoint .
  OPTIONAL { ?painPoint ci:addressedBy ?solution . OPTIONAL { ?impact ci:impactOf ?solution } }
} LIMIT 100
"""


Handler = Callable[[Site, Request], Response]
Decide = Callable[[KnowledgeGraph, str, Mapping[str, str], Origin], str]


def make_router(kg: KnowledgeGraph, questions: Mapping[str, Question]) -> APIRouter:
    """The routes of the pages, with the saved questions by id; their handlers run in threads."""
    site = Site(kg, questions)
    router = APIRouter(default_response_class=HTMLResponse)

    def route(path: str, handler: Handler) -> None:
        def answer(request: Request) -> Response:
            try:
                return handler(site.at(request), request)
            except KgError as error:
                return site.problem(request, error)

        router.add_route(path, answer, methods=["GET", "HEAD"])

    route("/", _start)
    route("/pages/questions", question_pages.all_questions)
    route("/pages/questions/{id}", question_pages.one_question)
    route("/pages/sparql", _sparql)
    route("/pages/record", _record)
    route("/pages/trace/{key:path}", _trace)

    def board(
        path: str, every: Handler, one: Callable[[KnowledgeGraph, KgError | None], Handler], decide: Decide
    ) -> None:
        """A list, what is in it by id, and the forms there; after a form was sent, its page is shown anew.

        They show what no purpose bounds, and the audit log says so.
        """

        def beyond(handler: Handler) -> Handler:
            def answer(seen: Site, request: Request) -> Response:
                note(request.scope, view=kg.view.value)
                return handler(seen, request)

            return answer

        route(path, beyond(every))
        route(f"{path}/{{id}}", beyond(one(kg, None)))

        def decided(request: Request, form: Mapping[str, str]) -> Response:
            seen, key = site.at(request), request.path_params["id"]
            note(request.scope, view=kg.view.value)
            try:
                there = decide(kg, key, form, origin_of(request.scope))
            except NotFound:
                raise
            except KgError as error:
                return one(kg, error)(seen, request)
            return see_other(there, request.query_params.items())

        posted(f"{path}/{{id}}", decided)

    def posted(path: str, deed: Callable[[Request, Mapping[str, str]], Response]) -> None:
        async def answer(request: Request) -> Response:
            try:
                return await run_in_threadpool(deed, request, await sent(request))
            except KgError as error:
                return site.problem(request, error)
            except ClientLeft:
                return Response(status_code=400)  # nobody reads it

        router.add_route(path, answer, methods=["POST"])

    posted("/pages/purpose", site.turn)
    findings, entries, links = steward_pages, quarantine_pages, link_pages
    board(findings.BOARD, findings.findings_page(kg), findings.finding_page, findings.decide)
    board(entries.QUARANTINE, entries.entries_page(kg), entries.entry_page, entries.decide)
    board(links.LINKS, links.links_page(kg), links.link_page, links.decide)
    return router


def _start(site: Site, request: Request) -> Response:
    language = site.language(request)
    seen = site.overview()
    classes = [c for c in seen.classes if site.sees_persons or c[0] in _OF_PROJECTS]
    wanted = [iri for iri, _ in classes] + [f"{CI}{name}" for name in _FIGURES]
    names = labels(site.kg, wanted, language)
    counts = dict(classes)

    def row(iri: str) -> dict[str, Any]:
        path = path_of(iri, site.kg.addresses)
        return {"label": names.get(iri) or short(iri), "count": counts.get(iri, 0), "path": path}

    chains = [
        {"path": _trace_path(site, iri), "label": title or short(iri)}
        for iri, title in records.chains(site.kg, language)
    ]
    commit = {"number": seen.commit, "time": seen.time, "shown": moment(seen.time or "")}
    return site.page(
        request,
        "start.html",
        section="start",
        figures=[row(f"{CI}{name}") for name in _FIGURES if counts.get(f"{CI}{name}")],
        classes=[row(iri) for iri, _ in classes],
        graphs=seen.graphs,
        commit=commit,
        traces=chains,
        groups=question_pages.grouped(site, language),
    )


def _sparql(site: Site, request: Request) -> Response:
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


def _trace(site: Site, request: Request) -> Response:
    language = site.language(request)
    key = request.path_params["key"]
    iri_of_key = record(site.kg, key)
    found = (trace if site.sees_persons else trace_guarded)(site.kg, iri_of_key).to_json()

    def link(iri: str) -> str:
        return path_of(iri, site.kg.addresses)

    nodes = [node for layer in found["layers"].values() for node in layer]
    focus = next(node for node in nodes if node["id"] == found["focus"])
    chain = Chain(found, language, link)
    drawn = chain.columns()
    return site.page(
        request,
        "trace.html",
        name=chain_words.name(focus, language),
        picture=draw(drawn, chain.lines()),
        description="; ".join(
            f"{c.heading}: {', '.join(i.title for i in c.items)}" for c in drawn if c.items
        ),
        words=chain.in_words(),
        evidence=found.get("evidence"),
        smallest=site.kg.settings.smallest_group,
        json=f"/trace/{quote(key, safe='')}?format=json",
        jsonld=f"/trace/{quote(key, safe='')}?format=jsonld",
    )


def _record(site: Site, request: Request) -> Response:
    language = site.language(request)
    asked = iri(request.query_params.get("iri", ""), "iri")
    if not site.sees_persons:
        small_groups.allow(site.kg, asked)
    found = records.record(site.kg, asked)
    if not site.sees_persons:
        found = found.without(small_groups.personal(site.kg, found.nodes()))
    terms = {o.value for _, o in (*found.outgoing, *found.incoming) if isinstance(o, NamedNode)}
    properties = {p for p, _ in (*found.outgoing, *found.incoming)}
    names = labels(site.kg, terms | properties | {found.iri}, language)

    def grouped(pairs: Sequence[tuple[str, Term]]) -> list[tuple[str, list[Cell]]]:
        rows: dict[str, list[Cell]] = {}
        for property_, value in pairs:
            name = names.get(property_) or short(property_)
            rows.setdefault(name, []).append(cell(value, names, site.kg.addresses))
        return list(rows.items())

    return site.page(
        request,
        "record.html",
        iri=found.iri,
        name=names.get(found.iri) or short(found.iri),
        trace=_trace_path(site, found.iri) if found.types & _TRACED else "",
        outgoing=grouped(found.outgoing),
        incoming=grouped(found.incoming),
    )


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


def _trace_path(site: Site, iri: str) -> str:
    return f"/pages/trace/{quote(iri.removeprefix(site.kg.addresses.ids), safe='')}"
