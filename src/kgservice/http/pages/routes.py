"""Routes of the pages: what a page is shown by, and what a form on it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Origin
from kgservice.domain.question import Question
from kgservice.errors import KgError, NotFound
from kgservice.http.access.auditing import note
from kgservice.http.access.given import origin_of
from kgservice.http.messages.forms import parts, see_other, sent, uploaded
from kgservice.http.messages.streaming import ClientLeft
from kgservice.http.pages.site import Site

Handler = Callable[[Site, Request], Response]
Deed = Callable[[Request, Mapping[str, str]], Response]
Taking = Callable[[Request, str, bytes], Response]
"""What is done with a file: its name and what it holds."""


@dataclass(frozen=True, slots=True)
class Exercised:
    """The page to go to after a right was exercised, and the IRI of its ticket, if there is one."""

    there: str
    ticket: str | None


Decide = Callable[[KnowledgeGraph, str, Mapping[str, str], Origin], str | Exercised]
"""What a form asks for is done, by the id in the address; the address of the page to go to then."""
Answer = Callable[[Site, Request, Mapping[str, str]], Response]
"""What a form asks for is done, and shown."""


class Routes:
    """Where the modules of pages put theirs; handlers run in threads."""

    def __init__(self, kg: KnowledgeGraph, questions: Mapping[str, Question]) -> None:
        self.router = APIRouter(default_response_class=HTMLResponse)
        self.site = Site(kg, questions)
        self._kg = kg

    def page(self, path: str, handler: Handler, *, beyond: bool = False) -> None:
        """A page. `beyond`: it shows what no purpose bounds; its head and the audit log say so."""

        def answer(request: Request) -> Response:
            seen = self.site
            try:
                seen = self._seen(request, beyond)
                return handler(seen, request)
            except KgError as error:
                return seen.problem(request, error)

        self.router.add_route(path, answer, methods=["GET", "HEAD"])

    def form(self, path: str, deed: Deed) -> None:
        """What is done with a form sent to an address, and the answer."""

        async def answer(request: Request) -> Response:
            try:
                return await run_in_threadpool(deed, request, await sent(request))
            except KgError as error:
                return self.site.problem(request, error)
            except ClientLeft:
                return Response(status_code=400)  # nobody reads it

        self.router.add_route(path, answer, methods=["POST"])

    def upload(self, path: str, limit: int, deed: Taking) -> None:
        """What is done with a file sent to an address by a form, and the answer."""

        async def answer(request: Request) -> Response:
            try:
                name, content = await uploaded(request, limit)
                return await run_in_threadpool(deed, request, name, content)
            except KgError as error:
                return self.site.at(request).problem(request, error)
            except ClientLeft:
                return Response(status_code=400)  # nobody reads it

        self.router.add_route(path, answer, methods=["POST"])

    def board(self, path: str, every: Handler, one: Handler, decide: Decide) -> None:
        """A list, what is in it by id, and the forms there: of what no purpose bounds."""
        self.page(path, every, beyond=True)
        self.decided(f"{path}/{{id}}", one, decide, beyond=True)

    def decided(self, path: str, handler: Handler, decide: Decide, *, beyond: bool = False) -> None:
        """A page with forms. After one was sent its page is shown anew, or the same with what went wrong.

        `path` holds `{id}`, which `decide` is given, or nothing that varies: then it is given "".
        """
        self.page(path, handler, beyond=beyond)

        def answer(_site: Site, request: Request, form: Mapping[str, str]) -> Response:
            there = decide(self._kg, request.path_params.get("id", ""), form, origin_of(request.scope))
            if isinstance(there, Exercised):
                if there.ticket is not None:
                    note(request.scope, ticket=self._kg.addresses.key(there.ticket))
                there = there.there
            path, told = parts(there)
            kept = [(name, value) for name, value in request.query_params.items() if name not in dict(told)]
            return see_other(path, [*told, *kept])

        self._sending(path, handler, answer, beyond=beyond)

    def answered(self, path: str, handler: Handler, answer: Answer, *, beyond: bool = False) -> None:
        """A page with forms whose answer is shown at once, and once: it is nowhere to go back to."""
        self.page(path, handler, beyond=beyond)
        self._sending(path, handler, answer, beyond=beyond)

    def _sending(self, path: str, handler: Handler, answer: Answer, *, beyond: bool) -> None:
        """What forms of a page do; where that fails, the page says why and keeps what was typed."""

        def deed(request: Request, form: Mapping[str, str]) -> Response:
            seen = self._seen(request, beyond)
            try:
                return answer(seen, request, form)
            except NotFound as error:
                return seen.problem(request, error)
            except KgError as error:
                seen.error, seen.typed = error, form
                return handler(seen, request)

        self.form(path, deed)

    def _seen(self, request: Request, beyond: bool) -> Site:
        seen = self.site.at(request, beyond=beyond)
        if beyond:  # after the view of the purpose has been noted
            note(request.scope, view=self._kg.view.value)
        return seen
