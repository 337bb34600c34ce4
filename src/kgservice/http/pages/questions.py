"""The pages of saved questions: their list, and one with its parameters and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.answers import questions as saved
from kgservice.application.answers import small_groups
from kgservice.application.answers.phase_matrix import phases
from kgservice.application.graph.labels import labels, short
from kgservice.domain.question import TRUTH, Question, term
from kgservice.errors import BadParameter, KgError
from kgservice.http.access.permissions import may_read, principal_of
from kgservice.http.messages.details import shown
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.store.base import Solutions, Term
from kgservice.web.chart import chart
from kgservice.web.chart_parts import Chart
from kgservice.web.tables import Heading, Table
from kgservice.web.texts import LANGUAGES, group_name, text

MOST_IN_A_SELECT = 200
"""Choices of a parameter that a page offers in a list; more are suggestions of a text field."""
MOST_SUGGESTED = 2000
"""Most suggestions of a text field."""
LONGEST_SEARCH = 200
"""Characters of a search that are looked at."""
PICTURE = "picture"
"""The parameter of the address that chooses the column which is drawn."""
FILES = ("csv", "json", "parquet")
WORKBENCH = "/pages/workbench"
_KINDS = {"integer": "number"}


def add(routes: Routes) -> None:
    """Put the pages where they belong."""
    routes.page("/pages/questions", all_questions)
    routes.page("/pages/questions/{id}", one_question)


def all_questions(site: Site, request: Request) -> Response:
    """The list; with `q` those that hold all of its words."""
    language = site.language(request)
    words = request.query_params.get("q", "")[:LONGEST_SEARCH]
    groups = grouped(site, language, words)
    return site.page(
        request,
        "questions.html",
        section="questions",
        groups=groups,
        asked_for=words,
        number=sum(len(group["questions"]) for group in groups),
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
    picture: Chart | None = None
    query = ""
    problem: Mapping[str, Any] | None = None
    suppressed = 0
    asked = "ask" in request.query_params or bool(given.keys() - {"language"})
    if asked or not any(p.required and p.default is None for p in question.parameters):
        try:
            solutions, rows, suppressed, query = _asked(site, question, given)
            headings = [_heading(question, name, language) for name in solutions.variables]
            answer = site.table(headings, rows, language)
            picture = _picture(site, answer, request.query_params.get(PICTURE, ""), language)
        except KgError as error:
            problem = shown(error, language)
    return site.page(
        request,
        "question.html",
        section="questions",
        status=problem["status"] if problem else 200,
        question=question,
        fields=[_field(site, question, p.name, given, language) for p in offered],
        table=answer,
        suppressed=suppressed,
        smallest=site.kg.settings.smallest_group,
        problem=problem,
        picture=picture,
        pictures=[
            (heading, _page_of(question.id, given, {PICTURE: heading.name}))
            for heading in (picture.measures if picture is not None else ())
        ],
        permanent=_page_of(question.id, given, {}),
        workbench=_workbench(query) if query and may_read(principal_of(request.scope), WORKBENCH) else "",
        files=[(name, _download(question.id, given, name)) for name in FILES],
    )


def _asked(
    site: Site, question: Question, given: Mapping[str, str]
) -> tuple[Solutions, Sequence[Sequence[Term | None]], int, str]:
    """The answer, its rows as they are shown, how many cells of them are suppressed, and the query."""
    if site.sees_persons:
        answer = saved.ask(site.kg, question.id, given, site.questions)
        return answer.solutions, answer.solutions.rows, 0, question.bound(answer.bindings)
    found = small_groups.ask_guarded(site.kg, question.id, given, site.questions)
    return found.solutions, found.marked(_mark(site)), len(found.suppressed), found.asked


def _mark(site: Site) -> str:
    """What stands for a number that is suppressed."""
    return f"(< {site.kg.settings.smallest_group})"


def _picture(site: Site, answer: Table, measure: str, language: str) -> Chart | None:
    known = phases(site.kg)
    names = {tag: labels(site.kg, known, tag) for tag in LANGUAGES}
    called = [
        (names[language].get(iri) or short(iri), frozenset(n[iri] for n in names.values() if iri in n))
        for iri in known
    ]
    rows = text("number-of-rows", language)
    return chart(answer, called, rows, language=language, measure=measure, mark=_mark(site))


def grouped(site: Site, language: str, words: str = "") -> list[dict[str, Any]]:
    """The questions by group, in their order, each with the name of the text that says why it is refused.

    `words`: only those that hold all of these words.
    """
    groups: dict[str, list[tuple[Question, str]]] = {}
    for question in site.questions.values():
        if not _holds(question, words, language):
            continue
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


def _holds(question: Question, words: str, language: str) -> bool:
    """Whether a question is about what somebody looks for, by its texts in their language and its group."""
    said = (
        *(question.title[language], question.description[language], question.id),
        *(group_name(question.group, language), str(question.number or "")),
    )
    whole = " ".join(said).casefold()
    return all(word in whole for word in words.casefold().split())


def _heading(question: Question, name: str, language: str) -> Heading:
    column = question.columns[name]
    return Heading(name, column.label[language], column.meaning[language], column.words(language))


def _field(
    site: Site, question: Question, name: str, given: Mapping[str, str], language: str
) -> dict[str, Any]:
    parameter = question.parameter(name)
    value = given.get(name) or parameter.default or ""
    has_too_many = saved.has_more(site.kg, parameter, MOST_SUGGESTED)
    known = [] if has_too_many else saved.choices(site.kg, parameter, language)
    options = [{"value": choice.iri, "label": choice.label} for choice in known]
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
        "has_too_many": has_too_many,
        "kind": _KINDS.get(parameter.type, "text"),
        "suggestions": options[:MOST_SUGGESTED] if len(options) > MOST_IN_A_SELECT else [],
        "value": value,
    }


def _workbench(query: str) -> str:
    """Where the query can be worked on: with its values in it, as terms, and without the head of its file."""
    lines = [line for line in query.splitlines() if not line.startswith("#+")]
    return f"{WORKBENCH}?{urlencode({'query': chr(10).join(lines).strip()})}"


def _page_of(question: str, given: Mapping[str, str], more: Mapping[str, str]) -> str:
    """The address of this page with all values; `language` stays the one that was asked in."""
    parameters = {key: value for key, value in given.items() if value}
    return f"/pages/questions/{quote(question)}?{urlencode({**parameters, 'ask': '1', **more})}"


def _download(question: str, given: Mapping[str, str], fmt: str) -> str:
    parameters = {key: value for key, value in given.items() if value}
    return f"/queries/{quote(question)}?{urlencode({**parameters, 'format': fmt})}"
