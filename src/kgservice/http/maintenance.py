"""What the command line asks of a running service besides data: `/backups`, `/check`, `/export`."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from fastapi import APIRouter
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from kgservice.application import check, exporting
from kgservice.application.backups import Backups
from kgservice.application.graph import KnowledgeGraph
from kgservice.errors import BadParameter
from kgservice.http.exchange import Exchange
from kgservice.http.given import address
from kgservice.http.negotiation import coding, content_type, negotiate
from kgservice.http.purposes import PARAMETER, reader_of
from kgservice.http.streaming import CODINGS, HeaderList, respond
from kgservice.store.formats import GRAPH_FORMATS

_UNCACHED = {"Cache-Control": "no-store"}


def make_router(kg: KnowledgeGraph) -> APIRouter:
    """The routes of backups, and of the check, which looks at the whole store."""
    router = APIRouter(tags=["service"])
    backups = Backups(kg, kg.settings.backup_folder)

    @router.head("/backups", include_in_schema=False)
    @router.get("/backups", summary="The backups that there are")
    async def there() -> JSONResponse:
        """The directory of the setting `backups`, and the whole backups in it, the oldest first."""
        found = await asyncio.to_thread(backups.all)
        said = {"folder": str(backups.folder), "backups": [backup.to_json() for backup in found]}
        return JSONResponse(said, headers=_UNCACHED)

    @router.post("/backups", status_code=201, summary="Make a backup")
    async def make() -> JSONResponse:
        """A backup of the store and of what stands beside it, while reading and writing go on.

        Where it is written says the setting `backups`, never the request. 409 while another one is made.
        """
        made = await asyncio.to_thread(backups.make)
        return JSONResponse(made.to_json(), status_code=201, headers=_UNCACHED)

    @router.head("/check", include_in_schema=False)
    @router.get("/check", summary="Whether the views equal their definition")
    async def faults() -> JSONResponse:
        """The faults of the store, one sentence each, as `faults`; empty when it is sound."""
        return JSONResponse({"faults": await asyncio.to_thread(check.check, kg)}, headers=_UNCACHED)

    return router


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
