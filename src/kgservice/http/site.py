"""What the pages share: the graph, the language of a request, tables with labels, and how a page is sent."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kgservice.application.graph import KnowledgeGraph
from kgservice.application.labels import labels
from kgservice.application.overview import Overview, overview
from kgservice.domain.question import Question
from kgservice.errors import KgError
from kgservice.http.problems import details
from kgservice.store.base import Term
from kgservice.web.render import Pages
from kgservice.web.tables import Heading, Table, iris, table
from kgservice.web.texts import LANGUAGES, preferred


class Site:
    """What the pages share: the graph, the saved questions by id, the templates, and an overview."""

    def __init__(self, kg: KnowledgeGraph, questions: Mapping[str, Question] | None = None) -> None:
        self.kg = kg
        self.questions = questions or {}
        self._pages = Pages()
        self._lock = threading.Lock()
        self._overview: Overview | None = None

    def language(self, request: Request) -> str:
        """The language of the answer: `?lang=`, else what the browser likes, else the deployment's."""
        given = request.query_params.get("lang")
        if given in LANGUAGES:
            return given
        return preferred(request.headers.get("accept-language"), self.kg.settings.language)

    def page(
        self,
        request: Request,
        template: str,
        *,
        section: str = "",
        status: int = 200,
        problem: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Response:
        """A page of the site."""
        language = self.language(request)
        parameters = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
        here = quote(request.url.path) + (f"?{urlencode(parameters)}" if parameters else "")
        chosen = request.query_params.get("lang") == language
        html = self._pages.render(
            template,
            language,
            chosen=chosen,
            here=here,
            section=section,
            problem=problem,
            **values,
        )
        headers = {
            "Cache-Control": "private, no-cache",
            "Content-Language": language,
            "Vary": "Accept-Language",
        }
        return HTMLResponse(html, status, headers)

    def problem(self, request: Request, error: KgError) -> Response:
        """A page that says what went wrong."""
        problem = details(error)
        return self.page(request, "error.html", status=problem["status"], problem=place(problem))

    def overview(self) -> Overview:
        """What is loaded; counted once for each commit."""
        with self._lock:
            if self._overview is None or self._overview.commit != self.kg.head:
                self._overview = overview(self.kg)
            return self._overview

    def table(
        self, headings: Sequence[Heading], rows: Sequence[Sequence[Term | None]], language: str
    ) -> Table:
        """Rows as a table with labels."""
        return table(headings, rows, labels(self.kg, iris(rows), language), self.kg.addresses)


def place(problem: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a template shows of a problem."""
    keys = ("title", "detail", "line", "column")
    return None if problem is None else {key: problem.get(key) for key in keys}
