"""What those who run a service ask of it besides data: `/backups`, `/check`, `/maintenance`, `/export`."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from kgservice.application.care.backups import Backups
from kgservice.application.care.maintenance import Maintenance
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol import exporting
from kgservice.domain.maintenance import Work
from kgservice.errors import BadParameter, NotFound
from kgservice.http.access.given import address
from kgservice.http.access.purposes import PARAMETER, reader_of
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.following import answer, ended
from kgservice.http.messages.negotiation import coding, content_type, negotiate
from kgservice.http.messages.preferring import patience
from kgservice.http.messages.streaming import CODINGS, HeaderList, respond
from kgservice.store.formats import GRAPH_FORMATS

JOBS, STOP = "/maintenance", "stop"
_UNCACHED = {"Cache-Control": "no-store"}


class Backing:
    """`/backups` as an ASGI application: the backups that there are; POST begins to make one.

    Where it is written says the setting `backups`, never the request. Reading and writing go on meanwhile.
    """

    def __init__(self, jobs: Maintenance, backups: Backups, workers: Executor) -> None:
        self._jobs = jobs
        self._backups = backups
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises `Conflict` while something else is at work, `StoreFailed`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET", "POST"):
            return
        if http.method == "POST":
            await answer(
                http,
                self._workers,
                self._jobs.backup,
                place=JOBS,
                otherwise=0,
                reply=lambda made: JSONResponse(made, 201),
            )
            return
        found = await on(self._workers, self._backups.all)
        said = {"folder": str(self._backups.folder), "backups": [backup.to_json() for backup in found]}
        await http.reply(JSONResponse(said, headers=_UNCACHED))


class Checking:
    """`/check` as an ASGI application: the checks since the start of the service; POST begins one.

    It looks at the whole store; its result is the `faults`, one sentence each: none if it is sound.
    """

    def __init__(self, jobs: Maintenance, workers: Executor) -> None:
        self._jobs = jobs
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises `Conflict` while something else is at work."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET", "POST"):
            return
        if http.method == "POST":
            await answer(http, self._workers, self._jobs.check, place=JOBS, otherwise=0, reply=JSONResponse)
            return
        checks = [job.to_json() for job in self._jobs.listed(Work.CHECK)]
        await http.reply(JSONResponse({"checks": checks}, headers=_UNCACHED))


class Jobs:
    """`/maintenance`, `/maintenance/{id}` and `/maintenance/{id}/stop` as an ASGI application.

    Backups, their verifications and checks since the start of the service, whoever began them. Who prefers
    to wait for one (`Prefer: wait=…`) is told of it when it has ended, or after so long.
    """

    def __init__(self, jobs: Maintenance) -> None:
        self._jobs = jobs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises `NotFound`, `Conflict` when one that has ended is to stop."""
        http = Exchange(scope, receive, send)
        key, part = (str(scope["path_params"].get(name, "")) for name in ("id", "part"))
        if part and part != STOP:
            raise NotFound("There is nothing at this address")
        if not await http.has("POST" if part else "GET"):
            return
        told: dict[str, Any]
        if part:
            told = self._jobs.stop(key).to_json()
        elif key:
            job, prefers = self._jobs.one(key), patience(http.headers, 0)
            await ended(job, prefers.seconds)
            told = job.now().to_json()
        else:
            told = {"jobs": [job.to_json() for job in self._jobs.listed()]}
        await http.reply(JSONResponse(told, headers=_UNCACHED))


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
            # Of the dataset only an erasure hides something, and it changes the view of everything.
            sending=partial(self._kg.when_hidden.sending, reader.view),
        )
