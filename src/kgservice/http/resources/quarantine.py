"""`/quarantine`: what imports brought and the guard refused, to be mended, released or discarded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import named_quads
from kgservice.application.stewards import quarantine
from kgservice.domain.change import Origin
from kgservice.domain.members import Members
from kgservice.errors import NotFound
from kgservice.http.access.given import json_body, origin_of
from kgservice.http.messages.bodies import spooled
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import body_format
from kgservice.http.messages.streaming import ClientLeft

_UNCACHED = {"Cache-Control": "no-store"}


class Quarantine:
    """`/quarantine`, `/quarantine/{id}` and what can be done there, as an ASGI application; answers are JSON.

    GET lists the entries (`?status=`) or shows one with its statements and what they would bring now; PUT of
    an RDF document mends it; POST to `…/release` commits it; DELETE with `{"reason": …}` discards it.
    """

    def __init__(self, kg: KnowledgeGraph, readers: Executor, writers: Executor) -> None:
        self._kg = kg
        self._readers = readers
        self._writers = writers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        key, _, action = scope["path_params"].get("path", "").partition("/")
        by = origin_of(scope)
        status = http.parameters.get("status", [None])[0]
        answers: dict[str, Callable[[], Awaitable[dict[str, Any]]]]
        if not key:
            answers = {"GET": lambda: on(self._readers, lambda: quarantine.report(self._kg, status))}
        elif not action:
            answers = {
                "GET": lambda: on(self._readers, lambda: quarantine.shown(self._kg, key)),
                "PUT": lambda: self._mend(http, key, by),
                "DELETE": lambda: self._discard(http, key, by),
            }
        elif action == "release":
            answers = {"POST": lambda: on(self._writers, lambda: quarantine.released(self._kg, key, by))}
        else:
            raise NotFound("There is nothing at {path}", path=scope["path"])
        if not await http.has(*answers):
            return
        answer = answers["GET" if http.method == "HEAD" else http.method]
        try:
            body = await answer()
        except ClientLeft:
            return
        await http.reply(JSONResponse(body, headers=_UNCACHED))

    async def _mend(self, http: Exchange, key: str, by: Origin) -> dict[str, Any]:
        fmt = body_format(http.headers.get("content-type"))
        with await spooled(http.headers, http.receive, self._kg.settings.max_body) as body:

            def run() -> dict[str, Any]:
                quads = named_quads(self._kg, body, fmt)
                return quarantine.mend(self._kg, key, [quad.triple for quad in quads], by)

            return await on(self._writers, run)

    async def _discard(self, http: Exchange, key: str, by: Origin) -> dict[str, Any]:
        asked = Members(await json_body(http))
        reason = asked.text("reason")
        asked.done()

        def run() -> dict[str, Any]:
            quarantine.discard(self._kg, key, reason, by)
            return quarantine.one(self._kg, key).to_json()

        return await on(self._writers, run)
