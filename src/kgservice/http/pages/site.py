"""What the pages share: the graph, the language of a request, tables with labels, and how a page is sent."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kgservice.application.answers.overview import Overview, overview
from kgservice.application.forms.shapes import Forms
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels
from kgservice.application.views.reader import Reader
from kgservice.domain.principal import Principal
from kgservice.domain.question import Question
from kgservice.errors import KgError
from kgservice.http.access.permissions import may_read, principal_of
from kgservice.http.access.purposes import PARAMETER, reader_of
from kgservice.http.messages.bodies import query_parameters
from kgservice.http.messages.details import shown
from kgservice.http.pages.switch import Switch
from kgservice.store.base import Term
from kgservice.web.render import Pages
from kgservice.web.tables import Heading, Table, iris, table
from kgservice.web.texts import LANGUAGES, preferred, text

# What the navigation leads to, in groups: the key of the group's name; addresses and the keys of theirs.
PLACES = (
    (
        "see",
        (
            ("/", "start"),
            ("/pages/questions", "questions"),
            ("/pages/traces", "chains"),
            ("/pages/journeys", "journeys"),
            ("/pages/walls", "walls"),
        ),
    ),
    ("research", (("/pages/workbench", "workbench"),)),
    (
        "keep",
        (
            ("/pages/records", "records"),
            ("/pages/findings", "findings"),
            ("/pages/quality", "quality"),
            ("/pages/quarantine", "quarantine"),
        ),
    ),
    (
        "crm",
        (("/pages/links", "links"), ("/pages/sources", "sources"), ("/pages/conflicts", "conflicts")),
    ),
    ("law", (("/pages/persons", "persons"), ("/pages/requests", "requests"))),
    (
        "run",
        (
            ("/pages/administration", "administration"),
            ("/pages/keys", "api-keys"),
            ("/pages/backups", "backups"),
            ("/pages/audit", "audit-log"),
        ),
    ),
)


class Site:
    """What the pages share: the graph, the saved questions by id, the templates, and an overview.

    `kg` is what a purpose leaves of the graph, `whole` all of it; `error`: what came of a form that was sent,
    `typed`: what was typed into it.
    """

    def __init__(self, kg: KnowledgeGraph, questions: Mapping[str, Question] | None = None) -> None:
        self.whole = kg
        self.kg: Reader = kg
        self.error: KgError | None = None
        self.typed: Mapping[str, str] = {}
        self.questions = questions or {}
        self.forms = Forms(kg)
        self.sees_persons = True
        self._pages = Pages()
        self._lock = threading.Lock()
        self._overviews: dict[NamedNode, Overview] = {}
        self._switch = Switch(kg)
        self._principal: Principal | None = None
        self._beyond = False

    def at(self, request: Request, *, beyond: bool = False) -> Site:
        """The site as this request sees it: with the view of its purpose, and single persons or not.

        `beyond`: the page shows what no purpose bounds.
        """
        seen = copy.copy(self)
        seen._beyond = beyond
        stated = query_parameters(request.scope["query_string"])
        asked = self.questions.get(request.path_params.get("id", ""))
        if asked is not None and any(parameter.name == PARAMETER for parameter in asked.parameters):
            stated.pop(PARAMETER, None)  # it is what is asked about
        seen.kg = reader_of(request.scope, stated, self.whole)
        seen._principal = principal_of(request.scope)
        seen.sees_persons = seen._principal.sees_persons
        return seen

    def turn(self, request: Request, form: Mapping[str, str]) -> Response:
        """See `Switch.turn`."""
        return self._switch.turn(request, form)

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
        """A page of the site; it shows `error`, unless `problem` is to be shown."""
        language = self.language(request)
        if problem is None and self.error is not None:
            problem = shown(self.error, language)
            status = problem["status"]
        parameters = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
        here = quote(request.url.path) + (f"?{urlencode(parameters)}" if parameters else "")
        chosen = request.query_params.get("lang") == language
        who, head = self._principal, None
        if who is not None:
            head = self._switch.head(who, self.kg, language, text("everything", language))
        html = self._pages.render(
            template,
            language,
            chosen=chosen,
            here=here,
            section=section,
            problem=problem,
            head=head,
            beyond=self._beyond,
            typed=self.typed,
            places=self._places(who or principal_of(request.scope)),
            **values,
        )
        headers = {
            "Cache-Control": "private, no-cache",
            "Content-Language": language,
            "Vary": "Accept-Language",
        }
        return HTMLResponse(html, status, headers)

    @staticmethod
    def _places(who: Principal) -> list[tuple[str, list[tuple[str, str]]]]:
        """What of `PLACES` somebody may read."""
        found = [(group, [p for p in all_ if may_read(who, p[0])]) for group, all_ in PLACES]
        return [(group, places) for group, places in found if places]

    def problem(self, request: Request, error: KgError) -> Response:
        """A page that says what went wrong; of a site `at` a request, with the choice of the purpose."""
        problem = shown(error, self.language(request))
        try:
            return self.page(request, "error.html", status=problem["status"], problem=problem)
        except KgError:  # also from the graph, where the head of the page looks
            if self._principal is None:
                raise
            bare = copy.copy(self)
            bare._principal = None
            return bare.problem(request, error)

    def overview(self) -> Overview:
        """What is loaded; looked up once for each commit."""
        with self._lock:
            known = self._overviews.get(self.kg.view)
            if known is None or known.commit != self.kg.state:
                known = self._overviews[self.kg.view] = overview(self.kg)
            return known

    def table(
        self, headings: Sequence[Heading], rows: Sequence[Sequence[Term | None]], language: str
    ) -> Table:
        """Rows as a table with labels."""
        return table(headings, rows, labels(self.kg, iris(rows), language), self.kg.addresses, language)
