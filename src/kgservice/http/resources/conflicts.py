"""`/links/conflicts`: fields in which a CRM and the graph differ, and what a steward decides about them."""

from __future__ import annotations

from concurrent.futures import Executor

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.sources import field_decisions
from kgservice.domain.members import Members
from kgservice.errors import NotFound
from kgservice.http.access.auditing import note
from kgservice.http.access.given import address, asker, json_body
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, negotiate
from kgservice.http.messages.streaming import ClientLeft

_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie"}


class Conflicts:
    """`/links/conflicts` lists them; POST to `/links/conflicts/{id}/take`, `keep` or `undo` with
    `{"reason": …}` takes the CRM's value, keeps ours, or takes the last decision back.
    """

    def __init__(self, kg: KnowledgeGraph, readers: Executor, writers: Executor) -> None:
        self._kg = kg
        self._readers = readers
        self._writers = writers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        place = scope["path_params"]
        part = str(place.get("part", ""))
        if part and part not in field_decisions.VERDICTS:
            raise NotFound("There is nothing at this address")
        if not await http.has("POST" if part else "GET"):
            return
        note(scope, view=self._kg.view.value)
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        try:
            if part:
                await http.reply(await self._settle(http, str(place["id"]), part))
                return
            address(http, ())
            found = await on(self._readers, lambda: field_decisions.conflicts(self._kg))
            await http.reply(JSONResponse({"conflicts": found}, headers=_HEADERS))
        except ClientLeft:
            return

    async def _settle(self, http: Exchange, key: str, part: str) -> Response:
        by = asker(http)
        asked = Members(await json_body(http))
        reason = asked.text("reason")
        asked.done()
        verdict = field_decisions.VERDICTS[part]
        settled = await on(
            self._writers, lambda: field_decisions.settle(self._kg, key, verdict, reason, by=by)
        )
        return JSONResponse(settled, headers=_HEADERS)
