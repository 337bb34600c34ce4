"""`/requests`: the tickets of what persons asked for, and `/processing-activities`, the record of Art. 30."""

from __future__ import annotations

from concurrent.futures import Executor
from datetime import UTC
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import activities, requests, tickets
from kgservice.domain.change import Origin
from kgservice.errors import NotFound
from kgservice.http.access.auditing import note
from kgservice.http.access.given import address, asker, json_body
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, Representation, negotiate
from kgservice.http.messages.streaming import ClientLeft
from kgservice.http.pages.site import Site
from kgservice.store.formats import CSV, JSON_LD, Format

_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}  # what is overdue depends on the clock
_CHANGES = {"extend": requests.extend, "answer": requests.answer}


class Requests:
    """`/requests` and all below it as an ASGI application; JSON.

    GET lists the tickets (`status`, `kind`), POST records one; POST to `/requests/{id}/extend` and `…/answer`
    changes one. `agent` in the address of a POST names who decided it.
    """

    def __init__(self, kg: KnowledgeGraph, readers: Executor, writers: Executor) -> None:
        self._kg = kg
        self._readers = readers
        self._writers = writers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        key, part = scope["path_params"].get("id"), scope["path_params"].get("part")
        if part is not None and part not in _CHANGES:
            raise NotFound("There is nothing at this address")
        if not await http.has(*(("POST",) if part else ("GET",) if key else ("GET", "POST"))):
            return
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        if http.method != "POST":
            given = address(http, () if key else ("status", "kind"))
            read = (lambda: self._told(http, key)) if key else (lambda: self._listed(given))
            await http.reply(await on(self._readers, read))
            return
        by = asker(http)
        try:
            body = await json_body(http)
        except ClientLeft:
            return
        await http.reply(await on(self._writers, lambda: self._change(http, key, part, body, by)))

    def _listed(self, given: dict[str, str]) -> Response:
        return JSONResponse(tickets.listed(self._kg, **given), headers=_HEADERS)

    def _told(self, http: Exchange, key: str, status: int = 200) -> Response:
        ticket = tickets.one(self._kg, key)
        note(http.scope, ticket=self._kg.addresses.key(ticket.iri))
        place = f"/requests/{quote(ticket.iri.removeprefix(self._kg.addresses.ids), safe='')}"
        headers = {**_HEADERS, "Location": place} if status == 201 else _HEADERS
        return JSONResponse(tickets.to_json(ticket, self._kg.clock().astimezone(UTC)), status, headers)

    def _change(self, http: Exchange, key: str | None, part: str | None, body: Any, by: Origin) -> Response:
        if key is None or part is None:
            return self._told(http, requests.open_(self._kg, body, by), 201)
        return self._told(http, _CHANGES[part](self._kg, key, body, by))


class Activities:
    """`/processing-activities` as an ASGI application: JSON, JSON-LD or CSV (`lang` for its words)."""

    def __init__(self, kg: KnowledgeGraph, readers: Executor) -> None:
        self._kg = kg
        self._readers = readers
        self._site = Site(kg)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET"):
            return
        offers: tuple[Format | Representation, ...] = (PLAIN_JSON, JSON_LD, CSV)
        offer, media_type = negotiate(offers, http.headers.get("accept"), http.wanted)
        address(http, ("lang",))

        def read() -> Response:
            found = activities.record(self._kg)
            if offer is PLAIN_JSON:
                return JSONResponse(found, headers=_HEADERS)
            language = self._site.language(Request(scope))
            body = activities.jsonld(found) if offer is JSON_LD else activities.table(found, language)
            return Response(body, media_type=media_type, headers=_HEADERS)

        await http.reply(await on(self._readers, read))
