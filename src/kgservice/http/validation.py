"""`/validation`: the report on the whole graph, and what a document would do to it (a dry run)."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kgservice.application import validation
from kgservice.application.graph import KnowledgeGraph
from kgservice.http.bodies import spooled
from kgservice.http.exchange import Exchange
from kgservice.http.negotiation import body_format
from kgservice.http.problems import method_not_allowed
from kgservice.http.questions import without_body
from kgservice.http.streaming import ClientLeft

METHODS = "GET, HEAD, OPTIONS, POST"
_UNCACHED = {"Cache-Control": "no-store"}


class Validation:
    """`/validation` as an ASGI application; all answers are JSON.

    GET: the findings of the shapes on all records. POST of an RDF document: the findings that it would bring
    if it were loaded (`findings`), and those that would be gone (`mended`); nothing is written.
    """

    def __init__(self, kg: KnowledgeGraph, readers: Executor) -> None:
        self._kg = kg
        self._readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        loop = asyncio.get_running_loop()
        if http.method in {"GET", "HEAD"}:
            report = await loop.run_in_executor(self._readers, validation.validate, self._kg)
            response = JSONResponse(report.to_json(), headers=_UNCACHED)
            await http.reply(without_body(http, response))
        elif http.method == "POST":
            fmt = body_format(http.headers.get("content-type"))
            try:
                body = await spooled(http.headers, receive, self._kg.settings.max_body)
            except ClientLeft:
                return
            with body:
                difference = await loop.run_in_executor(self._readers, self._kg.preview, body, fmt)
            await http.reply(JSONResponse(difference.to_json(), headers=_UNCACHED))
        elif http.method == "OPTIONS":
            await http.reply(Response(status_code=204, headers={"Allow": METHODS}))
        else:
            await http.reply(method_not_allowed(METHODS))
