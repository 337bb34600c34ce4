"""`/consents`: record a consent, withdraw and renew it, and its receipt as JSON, JSON-LD and page."""

from __future__ import annotations

import json
from concurrent.futures import Executor
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import consents, receipts, subjects
from kgservice.application.law.consent_records import recorded
from kgservice.errors import NotFound
from kgservice.http.access.auditing import note
from kgservice.http.access.given import address, asker, json_body
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import HTML, PLAIN_JSON, Representation, negotiate
from kgservice.http.messages.streaming import ClientLeft
from kgservice.http.pages.site import Site
from kgservice.store.formats import JSON_LD, Format

_OFFERS: tuple[Format | Representation, ...] = (PLAIN_JSON, JSON_LD, HTML)
_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}  # whether a consent holds depends on the clock
_CHANGES = {"withdraw": consents.withdraw, "renew": consents.renew}


class Consents:
    """`/consents` and all below it as an ASGI application.

    POST to `/consents` records a consent, to `/consents/{id}/withdraw` and `…/renew` an event of one; each
    answers with the consent as JSON. `agent` in the address of a POST names who decided it.
    """

    def __init__(self, kg: KnowledgeGraph, readers: Executor, writers: Executor) -> None:
        self._kg = kg
        self._readers = readers
        self._writers = writers
        self._site = Site(kg)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        key, part = scope["path_params"].get("id"), scope["path_params"].get("part")
        if part is not None and part not in _CHANGES:
            raise NotFound("There is nothing at this address")
        reads = key is not None and part is None
        if not await http.has("GET" if reads else "POST"):
            return
        offers = _OFFERS if reads else _OFFERS[:1]
        offer, media_type = negotiate(offers, http.headers.get("accept"), http.wanted)
        if key is not None and part is None:
            address(http, ("lang",))
            response = await on(self._readers, lambda: self._receipt(http, key, offer, media_type))
            await http.reply(response)
            return
        by = asker(http)
        try:
            body = await json_body(http)
        except ClientLeft:
            return

        def change() -> Response:
            if part is None:
                return self._told(scope, consents.give(self._kg, body, by), 201)
            return self._told(scope, _CHANGES[part](self._kg, key, body, by), 200)

        await http.reply(await on(self._writers, change))

    def _told(self, scope: Scope, iri: str, status: int) -> Response:
        """The consent after a change."""
        consent = recorded(self._kg, iri)
        note(scope, person=subjects.mark(self._kg, consent.subject))
        place = f"/consents/{quote(iri.removeprefix(self._kg.addresses.ids), safe='')}"
        return JSONResponse(consent.to_json(), status, {**_HEADERS, "Location": place})

    def _receipt(self, http: Exchange, key: str, offer: Format | Representation, media_type: str) -> Response:
        consent = recorded(self._kg, key)
        note(http.scope, person=subjects.mark(self._kg, consent.subject))
        if offer is HTML:
            request = Request(http.scope)
            shown = receipts.page(self._kg, consent, self._site.language(request))
            response = self._site.page(request, "consent.html", consent=shown)
            response.headers.update({"Cache-Control": "no-store", "Vary": "Accept, Accept-Language"})
            return response
        if offer is JSON_LD:
            body = json.dumps(receipts.jsonld(self._kg, consent), ensure_ascii=False)
            return Response(body, media_type=media_type, headers=_HEADERS)
        return JSONResponse(consent.to_json(), headers=_HEADERS)
