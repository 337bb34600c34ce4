"""The pages of saved questions: their list, and one with its parameters and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application import questions as saved
from kgservice.application import small_groups
from kgservice.domain.question import TRUTH, Question, term
from kgservice.errors import BadParameter, KgError
from kgservice.http.details import details
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site, place
from kgservice.store.base import Solutions, Term
from kgservice.web.tables import Heading, Table
from kgservice.web.texts import group_name

MOST_IN_A_SELECT = 200
"""Choices of a parameter that a page offers in a list; more are suggestions of a text field."""
MOST_SUGGESTED = 2000
"""Most suggestions of a text field."""


def add(routes: Routes) -> None:
    """Put the pages where they belong."""
    routes.page("/pages/questions", all_questions)
    routes.page("/pages/questions/{id}", one_question)


def all_questions(site: Site, request: Request) -> Response:
    """The list."""
    return site.page(
        request, "questions.html", section="questions", groups=grouped(site, site.language(request))
    )


def one_question(site: Site, request: Request) -> Response:
    """One question; asked, if all that it needs is given. Readers get what `ask_guarded` leaves."""
    language = site.language(request)
    question = saved.find(site.questions, request.path_params["id"])
    if not site.sees_persons:
        small_groups.permit(question, ())
    saved.permit(site.kg, question)
    offered = question.parameters if site.sees_persons else small_groups.askable(question)
    names = {parameter.name for parameter in question.parameters}
    given = {k: v for k, v in request.query_params.items() if k in names}
    if "language" in names:
        given.setdefault("language", language)
    answer: Table | None = None
    problem: KgError | None = None
    suppressed = 0
    asked = "ask" in request.query_params or bool(given.keys() - {"language"})
    if asked or not any(p.required and p.default is None for p in question.parameters):
        try:
            solutions, rows, suppressed = _asked(site, question, given)
            headings = [_heading(question, name, language) for name in solutions.variables]
            answer = site.table(headings, rows, language)
        except KgError as error:
            problem = error
    shown = details(problem) if problem else None
    return site.page(
        request,
        "question.html",
        section="questions",
        status=shown["status"] if shown else 200,
        question=question,
        fields=[_field(site, question, p.name, given, language) for p in offered],
        table=answer,
        suppressed=suppressed,
        smallest=site.kg.settings.smallest_group,
        problem=place(shown),
        csv=_download(question.id, given, "csv"),
        json=_download(question.id, given, "json"),
    )


def _asked(
    site: Site, question: Question, given: Mapping[str, str]
) -> tuple[Solutions, Sequence[Sequence[Term | None]], int]:
    """The answer, its rows as they are shown, and how many cells of them are suppressed."""
    if site.sees_persons:
        solutions = saved.ask(site.kg, question.id, given, site.questions).solutions
        return solutions, solutions.rows, 0
    found = small_groups.ask_guarded(site.kg, question.id, given, site.questions)
    mark = f"(< {site.kg.settings.smallest_group})"
    return found.solutions, found.marked(mark), len(found.suppressed)


def grouped(site: Site, language: str) -> list[dict[str, Any]]:
    """The questions by group, in their order, each with the name of the text that says why it is refused."""
    groups: dict[str, list[tuple[Question, str]]] = {}
    for question in site.questions.values():
        refused = ""
        if question.everything and site.kg.purpose is not None:
            refused = "needs-everything"
        elif small_groups.refused(question) and not site.sees_persons:
            refused = "not-for-your-role"
        groups.setdefault(question.group, []).append((question, refused))
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
