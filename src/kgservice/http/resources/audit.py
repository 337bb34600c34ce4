"""`/audit`: the entries of the audit log as JSON, JSON lines or CSV, and whether it is as it was written."""

from __future__ import annotations

from concurrent.futures import Executor

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from kgservice.application.law.audit import AuditLog
from kgservice.application.law.audit_export import FILTERS, page, wanted, write
from kgservice.domain.audit import Head
from kgservice.http.access.given import address
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, Representation, coding, content_type, negotiate
from kgservice.http.messages.streaming import CODINGS, HeaderList, respond

JSON_LINES = Representation("jsonl", ("application/jsonl", "application/x-ndjson"))
CSV = Representation("csv", ("text/csv",))
_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}


class Audit:
    """`/audit` as an ASGI application.

    As JSON a page with the newest entries first; its `next` is the parameter `before` of the next one. As
    JSON lines or CSV all that fit, in their order.
    """

    def __init__(self, log: AuditLog, readers: Executor) -> None:
        self._log = log
        self._readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET"):
            return
        offers = (PLAIN_JSON, JSON_LINES, CSV)
        offer, media_type = negotiate(offers, http.headers.get("accept"), http.wanted)
        if offer is PLAIN_JSON:
            given = address(http, (*FILTERS, "limit"))
            found = await on(self._readers, lambda: page(self._log, given))
            await http.reply(JSONResponse(found, headers=_HEADERS))
            return
        which = wanted(address(http, FILTERS))
        headers: HeaderList = [
            (b"content-type", content_type(media_type).encode()),
            (b"cache-control", b"no-store"),
            (b"vary", b"Accept, Accept-Encoding"),
        ]
        if http.method == "HEAD":
            await http.reply_bare(200, headers)
            return
        await respond(
            receive,
            send,
            workers=self._readers,
            produce=lambda out: write(self._log.export(which), offer.name, out),
            head=lambda: headers,
            encoding=coding(CODINGS, http.headers.get("accept-encoding")),
        )


class AuditVerification:
    """`/audit/verification?head=` as an ASGI application; JSON. `head`: one that was noted earlier."""

    def __init__(self, log: AuditLog, readers: Executor) -> None:
        self._log = log
        self._readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET"):
            return
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        given = address(http, ("head",))
        known = Head.parse(given["head"]) if "head" in given else None
        found = await on(self._readers, lambda: self._log.verify(known))
        await http.reply(JSONResponse(found.to_json(), headers=_HEADERS))
