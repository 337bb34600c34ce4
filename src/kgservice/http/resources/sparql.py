"""The SPARQL 1.1 Protocol: `/sparql` for queries and the service description, `/update` for updates."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Hashable
from concurrent.futures import Executor
from contextlib import ExitStack, suppress
from functools import partial
from threading import Lock
from typing import BinaryIO

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol.update import update
from kgservice.application.views.reader import Reader
from kgservice.domain.sparql_scan import federated, may_federate, scan
from kgservice.errors import BadParameter, TooLarge
from kgservice.http.access.auditing import note
from kgservice.http.access.given import origin_of
from kgservice.http.access.permissions import principal_of
from kgservice.http.access.purposes import reader_of
from kgservice.http.messages.cache import Answer, Cache, Kept
from kgservice.http.messages.exchange import Exchange
from kgservice.http.messages.negotiation import answer_format, coding, content_type, negotiate
from kgservice.http.messages.problems import method_not_allowed
from kgservice.http.messages.streaming import (
    CHUNK,
    CODINGS,
    SMALLEST_COMPRESSED,
    ClientLeft,
    HeaderList,
    attended,
    respond,
)
from kgservice.http.messages.tags import NEGOTIATED, Tags
from kgservice.http.resources.description import Describer
from kgservice.http.resources.operation import OF_A_QUERY, QUERY, UPDATE, Operation, read_operation
from kgservice.store.base import Choose, Kind
from kgservice.store.formats import GRAPH_FORMATS, Format

QUERY_METHODS = "GET, HEAD, OPTIONS, POST"
UPDATE_METHODS = "OPTIONS, POST"

# Functions whose value differs between two evaluations on the same data, in capitals: STRUUID is one, too.
_VOLATILE = re.compile(r"(?:NOW|RAND|UUID)(?:\s|#[^\r\n]*[\r\n])*\(")


class _Settled(Exception):
    """Raised while the format is being chosen, when the answer needs no evaluation: HEAD and 304."""


class Querying:
    """`/sparql` as an ASGI application; `cache` holds the answers that were given last."""

    def __init__(self, kg: KnowledgeGraph, workers: Executor, tags: Tags) -> None:
        self._kg = kg
        self._workers = workers
        self._tags = tags
        self.cache = Cache(kg.settings.cache * 2**20)
        kg.when_hidden.append(self.cache.clear)
        self._describer = Describer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if http.method == "OPTIONS":
            await http.reply(Response(status_code=204, headers={"Allow": QUERY_METHODS}))
        elif http.method not in {"GET", "HEAD", "POST"}:
            await http.reply(method_not_allowed(QUERY_METHODS))
        elif http.method != "POST" and not http.parameters.keys() & OF_A_QUERY:
            await self._describe(http, reader_of(scope, http.parameters, self._kg))
        else:
            with suppress(ClientLeft):
                await self.answer(http, await self._operation(http))

    async def _operation(self, http: Exchange) -> Operation:
        if "update" in http.parameters:
            raise BadParameter("Updates are sent by POST to /update", source="update")
        limit = self._kg.settings.max_query
        operation = await read_operation(http, self._kg, limit, QUERY, "query")
        if len(operation.text) > limit:
            raise TooLarge("The query is longer than {limit} bytes", limit=limit, source="query")
        return operation

    async def answer(self, http: Exchange, asked: Operation) -> None:
        """Send the answer of a query, negotiated, streamed and compressed."""
        note(http.scope, query=asked.audited or asked.text)
        reader = asked.reading()
        encoding = coding(CODINGS, http.headers.get("accept-encoding"))
        repeatable = asked.repeatable and depends_on_view(asked.text)
        tagged = repeatable and http.method != "POST"
        headers: HeaderList = [*NEGOTIATED, *asked.headers]
        always = len(headers)
        form = (asked.text, asked.default, asked.named, http.headers.get("accept"), asked.wanted)
        settled = 0
        state = ""

        def choose(kind: Kind) -> Format:
            nonlocal settled
            fmt, media_type = answer_format(kind, http.headers.get("accept"), asked.wanted)
            headers[always:] = [(b"content-type", content_type(media_type).encode())]
            if tagged:
                tag = self._tags.of(state, fmt)
                headers.append((b"etag", tag.encode()))
                if self._tags.match(tag, http.headers.get("if-none-match")):
                    settled = 304
            if http.method == "HEAD":
                settled = settled or 200
            if settled:
                raise _Settled
            return fmt

        def at_hand() -> Answer | None:
            """A small answer that was given before in this state, found without waiting for anybody."""
            nonlocal state
            if not (repeatable and reader.settled):
                return None
            state = self._tags.of_view(reader)
            most = CHUNK if encoding == "identity" else SMALLEST_COMPRESSED - 1
            return self.cache.small(reader.view.value, state, form, most)

        def produce(out: BinaryIO) -> None:
            nonlocal state
            since = self.cache.cleared
            state = self._tags.of_view(reader)
            if repeatable:
                self._repeat(reader, (reader.view.value, state, form), asked, choose, out, since=since)
            else:
                _fresh(reader, asked, choose, out)

        try:
            if (known := at_hand()) is not None:
                choose(known.kind)
                headers.append((b"content-length", str(len(known.body)).encode()))
                await http.reply_bare(200, headers, known.body)
                return
            await respond(
                http.receive,
                http.send,
                workers=self._workers,
                produce=produce,
                head=lambda: headers,
                encoding=encoding,
                left=asked.allowance.leave,
                breaking=asked.allowance.on_stop,
            )
        except _Settled:
            await http.reply_bare(settled, headers)

    def _repeat(
        self,
        reader: Reader,
        key: tuple[Hashable, str, Hashable],
        asked: Operation,
        choose: Choose,
        out: BinaryIO,
        *,
        since: int,
    ) -> None:
        """Write an answer that was given before in this state, or a fresh one, which is kept."""
        known = self.cache.get(*key)
        if known is not None:
            choose(known.kind)
            out.write(known.body)
            return
        kept, kinds = Kept(out, self.cache.largest), list[Kind]()

        def noted(kind: Kind) -> Format:
            kinds.append(kind)
            return choose(kind)

        _fresh(reader, asked, noted, kept.stream)
        if kept.body is not None:
            self.cache.put(*key, Answer(kinds[0], kept.body), since)

    async def _describe(self, http: Exchange, reader: Reader) -> None:
        fmt, media_type = negotiate(GRAPH_FORMATS, http.headers.get("accept"), http.wanted)
        await self._tags.answer(
            http,
            fmt,
            media_type,
            state=await asyncio.get_running_loop().run_in_executor(self._workers, self._tags.of_view, reader),
            workers=self._workers,
            produce=lambda out: self._describer.write(http.root, fmt, out, reader),
        )


def _fresh(reader: Reader, asked: Operation, choose: Choose, out: BinaryIO) -> None:
    reader.query(
        asked.text,
        choose,
        out,
        default=asked.default,
        named=asked.named,
        allowance=asked.allowance,
    )


class Updating:
    """`/update` as an ASGI application; a change that is made is answered with 204.

    Updates have threads of their own, so that no other change waits for one: many, but few for those that are
    longer than a query may be, since they take memory. One at a time asks to be written.
    """

    def __init__(self, kg: KnowledgeGraph, workers: Executor, large: Executor) -> None:
        self._kg = kg
        self._workers = workers
        self._large = large
        self._turn = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if http.method == "OPTIONS":
            await http.reply(Response(status_code=204, headers={"Allow": UPDATE_METHODS}))
        elif http.method != "POST":
            await http.reply(method_not_allowed(UPDATE_METHODS))
        else:
            with suppress(ClientLeft), ExitStack() as files:
                limit = self._kg.settings.max_body
                asked = await read_operation(http, self._kg, limit, UPDATE, "update", files=files)
                await attended(
                    http.receive,
                    workers=self._large if self._is_large(asked) else self._workers,
                    work=partial(self._run, asked, scope),
                    left=asked.allowance.leave,
                )
                await http.reply(Response(status_code=204))

    def _is_large(self, asked: Operation) -> bool:
        uploaded = sum(upload.size for upload in asked.uploads.values())
        return len(asked.text) + uploaded > self._kg.settings.max_query

    def _run(self, asked: Operation, scope: Scope) -> None:
        update(
            self._kg,
            asked.text,
            origin=origin_of(scope).because("", "/update"),
            reading=asked.reading,
            using=asked.default,
            using_named=asked.named,
            uploads=asked.uploads,
            discreet=not principal_of(scope).oversees,
            allowance=asked.allowance,
            turn=self._turn,
        )


def depends_on_view(text: str) -> bool:
    """Whether a query has the same answer as long as the view is the same: only then it is kept, and tagged.

    What other services say is not ours to know.

    >>> depends_on_view("ASK { ?service a <urn:x> }"), depends_on_view("ASK { SERVICE <urn:x> {} }")
    (True, False)
    """
    return not _VOLATILE.search(text.upper()) and not (may_federate(text) and federated(scan(text)))
