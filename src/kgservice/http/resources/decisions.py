"""`/decisions`: whether data of a person may be used for a purpose at a moment, explained."""

from __future__ import annotations

from concurrent.futures import Executor

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import subjects
from kgservice.application.law.decisions import decide
from kgservice.errors import BadParameter
from kgservice.http.access.auditing import note
from kgservice.http.access.given import address
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, negotiate

_NEEDED = ("subject", "category", "purpose")
_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}  # the answer depends on the clock


class Decisions:
    """`/decisions?subject=&category=&purpose=&at=` as an ASGI application; JSON."""

    def __init__(self, kg: KnowledgeGraph, readers: Executor) -> None:
        self._kg = kg
        self._readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET"):
            return
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        asked = address(http, (*_NEEDED, "at"))
        for name in _NEEDED:
            if not asked.get(name):
                raise BadParameter("the parameter {name!r} is missing", name=name, source=name)
        found = await on(self._readers, lambda: decide(self._kg, **asked))
        note(scope, person=subjects.mark(self._kg, found.subject))
        await http.reply(JSONResponse(found.to_json(), headers=_HEADERS))
