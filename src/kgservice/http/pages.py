"""The plain pages: what is loaded, the saved questions and their answers, records, a box for SPARQL."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from pyoxigraph import NamedNode, QueryBoolean, QuerySolutions, parse_query_results
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kgservice.application import chain_words, records
from kgservice.application import questions as saved
from kgservice.application.graph import KnowledgeGraph
from kgservice.application.labels import labels, short
from kgservice.application.trace import trace
from kgservice.domain.question import TRUTH, Question, term
from kgservice.errors import BadParameter, KgError
from kgservice.http.problems import details
from kgservice.http.site import Site, place
from kgservice.http.sparql import iri
from kgservice.http.trace import record
from kgservice.namespaces import CI
from kgservice.store.base import Kind, Term
from kgservice.store.formats import JSON, TURTLE, Format
from kgservice.web.chain import Chain
from kgservice.web.picture import draw
from kgservice.web.tables import Cell, Heading, Table, cell, moment, path_of
from kgservice.web.texts import group_name

LARGEST = 8 * 1024 * 1024
"""Bytes of an answer that the SPARQL page shows; larger ones are for files."""

MOST_IN_A_SELECT = 200
"""Choices of a parameter that a page offers in a list; more are suggestions of a text field."""
MOST_SUGGESTED = 2000
"""Most suggestions of a text field."""

_FIGURES = ("Touchpoint", "Evidence", "PainPoint", "Solution", "Impact", "Person", "ConsentRecord")
_TRACED = frozenset(f"{CI}{name}" for name in ("PainPoint", "Solution", "Impact"))
_FIRST_QUERY = """PREFIX ci: <https://w3id.org/kgservice/ci#>
SELECT ?painPoint ?solution ?impact WHERE {
  ?painPoint a ci:PainPoint .
  OPTIONAL { ?painPoint ci:addressedBy ?solution . OPTIONAL { ?impact ci:impactOf ?solution } }
} LIMIT 100
"""


def make_router(kg: KnowledgeGraph, questions: Mapping[str, Question]) -> APIRouter:
    """The routes of the pages, with the saved questions by id; their handlers run in threads."""
    site = Site(kg, questions)
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    def route(path: str, handler: Callable[[Site, Request], Response]) -> None:
        def answer(request: Request) -> Response:
            try:
                return handler(site.at(request), request)
            except KgError as error:
                return site.problem(request, error)

        router.add_route(path, answer, methods=["GET", "HEAD"])

    route("/", _start)
    route("/pages/questions", _questions)
    route("/pages/questions/{id}", _question)
    route("/pages/sparql", _sparql)
    route("/pages/record", _record)
    route("/pages/trace/{key:path}", _trace)
    return router


def _start(site: Site, request: Request) -> Response:
    language = site.language(request)
    seen = site.overview()
    wanted = [iri for iri, _ in seen.classes] + [f"{CI}{name}" for name in _FIGURES]
    names = labels(site.kg, wanted, language)
    counts = dict(seen.classes)

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
        classes=[row(iri) for iri, _ in seen.classes],
        graphs=seen.graphs,
        commit=commit,
        traces=chains,
        groups=_groups(site, language),
    )


def _questions(site: Site, request: Request) -> Response:
    return site.page(
        request, "questions.html", section="questions", groups=_groups(site, site.language(request))
    )


def _question(site: Site, request: Request) -> Response:
    language = site.language(request)
    question = saved.find(site.questions, request.path_params["id"])
    names = {parameter.name for parameter in question.parameters}
    given = {k: v for k, v in request.query_params.items() if k in names}
    if "language" in names:
        given.setdefault("language", language)
    answer: Table | None = None
    problem: KgError | None = None
    asked = "ask" in request.query_params or bool(given.keys() - {"language"})
    if asked or not any(p.required and p.default is None for p in question.parameters):
        try:
            solutions = saved.ask(site.kg, question.id, given, site.questions).solutions
            headings = [_heading(question, name, language) for name in solutions.variables]
            answer = site.table(headings, solutions.rows, language)
        except KgError as error:
            problem = error
    shown = details(problem) if problem else None
    return site.page(
        request,
        "question.html",
        section="questions",
        status=shown["status"] if shown else 200,
        question=question,
        fields=[_field(site, question, p.name, given, language) for p in question.parameters],
        table=answer,
        problem=place(shown),
        csv=_download(question.id, given, "csv"),
        json=_download(question.id, given, "json"),
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
    found = trace(site.kg, record(site.kg, key)).to_json()

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
        json=f"/trace/{quote(key, safe='')}?format=json",
        jsonld=f"/trace/{quote(key, safe='')}?format=jsonld",
    )


def _record(site: Site, request: Request) -> Response:
    language = site.language(request)
    found = records.record(site.kg, iri(request.query_params.get("iri", ""), "iri"))
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


def _groups(site: Site, language: str) -> list[dict[str, Any]]:
    groups: dict[str, list[Question]] = {}
    for question in site.questions.values():
        groups.setdefault(question.group, []).append(question)
    return [
        {"id": group, "label": group_name(group, language), "questions": members}
        for group, members in groups.items()
    ]


def _heading(question: Question, name: str, language: str) -> Heading:
    column = question.columns[name]
    return Heading(name, column.label[language], column.meaning[language], column.words(language))


def _field(
    site: Site, question: Question, name: str, given: Mapping[str, str], language: str
) -> dict[str, Any]:
    parameter = question.parameter(name)
    value = given.get(name) or parameter.default or ""
    options = [{"value": c.iri, "label": c.label} for c in saved.choices(site.kg, parameter, language)]
    options += [{"value": value, "label": value} for value in parameter.values]
    if parameter.type == "boolean":
        options = [{"value": code, "label": words[language]} for code, words in TRUTH.items()]
    if parameter.type == "instance" and value:
        with suppress(BadParameter):  # what is no IRI is shown as it was given
            value = term(parameter, value, now=site.kg.clock(), ids=site.kg.addresses.ids).value
    return {
        "name": name,
        "label": parameter.label[language],
        "description": (parameter.description or {}).get(language, ""),
        "required": parameter.required and parameter.default is None,
        "optional": parameter.default is None,
        "options": options if len(options) <= MOST_IN_A_SELECT else [],
        "suggestions": options[:MOST_SUGGESTED] if len(options) > MOST_IN_A_SELECT else [],
        "value": value,
    }


def _download(question: str, given: Mapping[str, str], fmt: str) -> str:
    parameters = {key: value for key, value in given.items() if value}
    return f"/queries/{quote(question)}?{urlencode({**parameters, 'format': fmt})}"


def _trace_path(site: Site, iri: str) -> str:
    return f"/pages/trace/{quote(iri.removeprefix(site.kg.addresses.ids), safe='')}"
