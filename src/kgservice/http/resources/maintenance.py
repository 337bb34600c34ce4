"""What those who run a service ask of it besides data: `/backups`, `/check`, `/maintenance`, `/export`."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from fastapi import APIRouter
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from kgservice.application.care import check
from kgservice.application.care.backups import Backups
from kgservice.application.care.maintenance import Maintenance
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol import exporting
from kgservice.errors import BadParameter
from kgservice.http.access.given import address
from kgservice.http.access.purposes import PARAMETER, reader_of
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import coding, content_type, negotiate
from kgservice.http.messages.streaming import CODINGS, HeaderList, respond
from kgservice.store.formats import GRAPH_FORMATS

_UNCACHED = {"Cache-Control": "no-store"}


def make_router(kg: KnowledgeGraph, jobs: Maintenance) -> APIRouter:
    """The routes of the check, which looks at the whole store, and of what the pages have begun."""
    router = APIRouter()

    @router.head("/check")
    @router.get("/check")
    async def faults() -> JSONResponse:
        """The faults of the store, one sentence each, as `faults`; empty when it is sound."""
        return JSONResponse({"faults": await asyncio.to_thread(check.check, kg)}, headers=_UNCACHED)

    @router.head("/maintenance")
    @router.get("/maintenance")
    def every() -> JSONResponse:
        """The jobs since the start of the service, the newest first."""
        return JSONResponse({"jobs": [job.to_json() for job in jobs.listed()]}, headers=_UNCACHED)

    @router.head("/maintenance/{id}")
    @router.get("/maintenance/{id}")
    def one(id: str) -> JSONResponse:  # noqa: A002
        """How a job stands. Raises `NotFound`."""
        return JSONResponse(jobs.one(id).to_json(), headers=_UNCACHED)

    return router


class Backing:
    """`/backups` as an ASGI application: the backups that there are; POST makes one.

    Where it is written says the setting `backups`, never the request. Reading and writing go on meanwhile.
    """

    def __init__(self, backups: Backups, workers: Executor) -> None:
        self._backups = backups
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises `Conflict` while another backup is made, `StoreFailed`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET", "POST"):
            return
        if http.method == "POST":
            made = await on(self._workers, self._backups.make)
            await http.reply(JSONResponse(made.to_json(), 201, headers=_UNCACHED))
            return
        found = await on(self._workers, self._backups.all)
        said = {"folder": str(self._backups.folder), "backups": [backup.to_json() for backup in found]}
        await http.reply(JSONResponse(said, headers=_UNCACHED))


class Export:
    """`/export` as an ASGI application: the dataset, or the view of the purpose that is stated.

    `views=true`: the dataset with the views, which follow from the rest.
    """

    def __init__(self, kg: KnowledgeGraph, workers: Executor) -> None:
        self._kg = kg
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises `NotAcceptable` for a format without named graphs."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET"):
            return
        views = address(http, ("views", PARAMETER)).get("views", "false")
        if views not in {"true", "false"}:
            raise BadParameter("views is true or false", source="views")
        reader = reader_of(scope, http.parameters, self._kg)
        offers = [fmt for fmt in reversed(GRAPH_FORMATS) if fmt.quads or reader.purpose is not None]
        fmt, media_type = negotiate(offers, http.headers.get("accept"), http.wanted)
        headers: HeaderList = [
            (b"content-type", content_type(media_type).encode()),
            (b"cache-control", b"no-store"),
            (b"vary", b"Accept, Accept-Encoding, KG-Purpose"),
        ]
        if http.method == "HEAD":
            await http.reply_bare(200, headers)
            return
        await respond(
            receive,
            send,
            workers=self._workers,
            produce=lambda out: exporting.export(self._kg, reader, fmt, out, views=views == "true"),
            head=lambda: headers,
            encoding=coding(CODINGS, http.headers.get("accept-encoding")),
        )
