"""`/imports/{source}` and below: sources of customers that are set up on this machine, for stewards.

No address of a source comes from a request: what is asked, is asked of the sources that were added here.
"""

from __future__ import annotations

from concurrent.futures import Executor

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.sources import packages as crm_packages
from kgservice.application.sources.runs import Runs
from kgservice.domain.members import Members
from kgservice.errors import BadParameter
from kgservice.http.access.auditing import note
from kgservice.http.access.given import address, json_body
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, Offer, content_type, negotiate
from kgservice.http.messages.streaming import ClientLeft, HeaderList, respond
from kgservice.store.formats import CSV

_OFFERS: tuple[Offer, ...] = (PLAIN_JSON, CSV)
MOST = 10_000  # refused rows in one answer
HEADERS = {"Cache-Control": "no-store", "Vary": "Accept, Authorization, Cookie"}


class Sources:
    """`/imports` (GET) and `/imports/{source}` as an ASGI application: the sources, and the last runs.

    One source is told with the rows that were refused at its last reading, `limit` of them.
    """

    def __init__(self, kg: KnowledgeGraph, runs: Runs, readers: Executor) -> None:
        self._kg = kg
        self._runs = runs
        self._readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET"):
            return
        name = str(scope["path_params"].get("source", ""))
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        limit = _limit(address(http, ("limit",) if name else ()).get("limit", "100"))
        note(scope, view=self._kg.view.value)

        folder = self._kg.settings.crm_folder

        def read() -> Response:
            crm_packages.check()
            from kgservice.application.sources import working as crm_working  # noqa: PLC0415 - it needs optional packages

            if name:
                told = crm_working.source(folder, name, limit)
            else:
                told = {"sources": crm_working.sources(folder)}
            runs = self._runs.listed(source=name or None)
            return JSONResponse({**told, "runs": [run.to_json() for run in runs]}, headers=HEADERS)

        await http.reply(await on(self._readers, read))


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= MOST:
        raise BadParameter(
            "{text!r} is no whole number from 1 to {most}", text=text[:80], most=MOST, source="limit"
        )
    return int(text)


class SourceExport:
    """`/imports/{source}/export` as an ASGI application.

    GET gives the links of the source with the consents of whom they mean, as JSON or CSV; POST with
    `{"apply": true}` brings them into the CRM itself, and without it only tells what that would change.
    """

    def __init__(self, kg: KnowledgeGraph, readers: Executor, writers: Executor) -> None:
        self._kg = kg
        self._readers = readers
        self._writers = writers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        name = str(scope["path_params"]["source"])
        if not await http.has("GET", "POST"):
            return
        note(scope, view=self._kg.view.value)
        address(http, ())
        try:
            if http.method == "POST":
                await http.reply(await self._into_crm(http, name))
            else:
                await self._export(http, name)
        except ClientLeft:
            return

    async def _into_crm(self, http: Exchange, name: str) -> Response:
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        asked = Members(await json_body(http))
        apply = asked.flag("apply")
        asked.done()

        def run() -> Response:
            from kgservice.application.sources.export import into_crm  # noqa: PLC0415 - few need it

            return JSONResponse(into_crm(self._kg, name, apply=apply), headers=HEADERS)

        return await on(self._writers, run)

    async def _export(self, http: Exchange, name: str) -> None:
        offer, media_type = negotiate(_OFFERS, http.headers.get("accept"), http.wanted)
        head: HeaderList = [
            (b"content-type", content_type(media_type).encode()),
            *((key.lower().encode(), value.encode()) for key, value in HEADERS.items()),
        ]
        if http.method == "HEAD":
            await http.reply_bare(200, head)
            return
        from kgservice.application.sources.export import write  # noqa: PLC0415

        await respond(
            http.receive,
            http.send,
            workers=self._readers,
            produce=lambda out: write(self._kg, name, out, as_json=offer is PLAIN_JSON),
            head=lambda: head,
        )
