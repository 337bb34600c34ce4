"""`/validation`: the report on the whole graph, and what a document would do to it (a dry run)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard import validation
from kgservice.application.imports.load import previewed
from kgservice.application.stewards.reports import Found, discreet, written
from kgservice.http.access.given import origin_of
from kgservice.http.access.permissions import principal_of
from kgservice.http.messages.bodies import spooled
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.headers import VIOLATIONS
from kgservice.http.messages.negotiation import (
    PLAIN_JSON,
    Representation,
    body_format,
    content_type,
    negotiate,
)
from kgservice.http.messages.streaming import ClientLeft
from kgservice.store.formats import JSON_LD, TURTLE, Format
from kgservice.web.texts import preferred

TEXT = Representation("text", ("text/plain",))
JUNIT = Representation("junit", ("application/xml", "text/xml"))
SARIF = Representation("sarif", ("application/sarif+json",))
OFFERS: tuple[Format | Representation, ...] = (PLAIN_JSON, TURTLE, JSON_LD, TEXT, JUNIT, SARIF)


class Validation:
    """`/validation` as an ASGI application: JSON, a SHACL report, text, JUnit XML or SARIF.

    GET: the findings of the shapes on all records. POST of an RDF document: the findings that it would bring
    if it were loaded, in JSON (`findings`) also those that would be gone (`mended`); nothing is written. It
    is refused for who could not load it.
    """

    def __init__(self, kg: KnowledgeGraph, readers: Executor) -> None:
        self._kg = kg
        self._readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET", "POST"):
            return
        if http.method != "POST":
            await self._answer(http, lambda: validation.validate(self._kg))
        else:
            _chosen(http)  # before the body is read
            fmt = body_format(http.headers.get("content-type"))
            try:
                body = await spooled(http.headers, receive, self._kg.settings.max_body)
            except ClientLeft:
                return
            whole, by = principal_of(scope).oversees, origin_of(scope, dry=True)

            def preview() -> Found:
                found = previewed(self._kg, body, fmt, by)
                return found if whole else discreet(found)

            with body:
                await self._answer(http, preview)

    async def _answer(self, http: Exchange, find: Callable[[], Found]) -> None:
        """Send what `find` finds, in the form and language that the request prefers."""
        offer, media_type = _chosen(http)
        language = preferred(http.headers.get("accept-language"), self._kg.settings.language)
        headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language"}
        if offer in (TEXT, JUNIT):
            headers["Content-Language"] = language

        def answer() -> Response:
            found = find()
            headers[VIOLATIONS] = str(found.violations)
            headers["Content-Type"] = content_type(media_type)
            return Response(written(found, offer.name, language), headers=headers)

        await http.reply(await on(self._readers, answer))


def _chosen(http: Exchange) -> tuple[Format | Representation, str]:
    """The form that the request prefers, and its media type. Raises `NotAcceptable`."""
    return negotiate(OFFERS, http.headers.get("accept"), http.wanted)
