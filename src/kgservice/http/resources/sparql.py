"""The SPARQL 1.1 Protocol: `/sparql` for queries and the service description, `/update` for updates."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from pyoxigraph import NamedNode
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol.update import update
from kgservice.application.views.reader import Reader
from kgservice.errors import BadParameter, TooLarge, UnsupportedMediaType
from kgservice.http.access.auditing import note
from kgservice.http.access.given import origin_of
from kgservice.http.access.permissions import principal_of
from kgservice.http.access.purposes import reader_of
from kgservice.http.messages.bodies import Parameters, parameters, text
from kgservice.http.messages.cache import Answer, Cache, Kept
from kgservice.http.messages.exchange import Exchange
from kgservice.http.messages.negotiation import (
    answer_format,
    coding,
    content_type,
    negotiate,
    utf8_media_type,
)
from kgservice.http.messages.problems import method_not_allowed
from kgservice.http.messages.streaming import CODINGS, ClientLeft, HeaderList, respond
from kgservice.http.messages.tags import NEGOTIATED, Tags
from kgservice.http.resources.description import Describer
from kgservice.settings import Settings
from kgservice.store.base import Allowance, Choose, Kind
from kgservice.store.formats import GRAPH_FORMATS, Format

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
UPDATE = "application/sparql-update"
QUERY_METHODS = "GET, HEAD, OPTIONS, POST"
UPDATE_METHODS = "OPTIONS, POST"

# Functions whose value differs between two evaluations on the same data: such answers have no ETag.
VOLATILE = re.compile(r"\b(?:NOW|RAND|UUID|STRUUID)\s*\(", re.IGNORECASE)

_DATASET = {
    "query": ("default-graph-uri", "named-graph-uri"),
    "update": ("using-graph-uri", "using-named-graph-uri"),
}
_OF_A_QUERY = {"query", "update", *_DATASET["query"]}


class _Settled(Exception):
    """Raised while the format is being chosen, when the answer needs no evaluation: HEAD and 304."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One query or update with the dataset that the protocol's parameters name.

    `reading` gives what it may read, or raises `Forbidden`; `allowance` says how much time it may take.
    `repeatable`: the same request gives the same answer as long as the graph is the same. `audited`: the
    query that the audit log tells of, if it is another one than `text`. `headers`: what the answer carries
    besides.
    """

    reading: Callable[[], Reader]
    text: str
    default: tuple[NamedNode, ...]
    named: tuple[NamedNode, ...]
    wanted: str | None
    allowance: Allowance
    repeatable: bool = True
    audited: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Querying:
    """`/sparql` as an ASGI application."""

    def __init__(self, kg: KnowledgeGraph, workers: Executor, tags: Tags) -> None:
        self._kg = kg
        self._workers = workers
        self._tags = tags
        self._cache = Cache(kg.settings.cache * 2**20)
        kg.when_hidden.append(self._cache.clear)
        self._describer = Describer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if http.method == "OPTIONS":
            await http.reply(Response(status_code=204, headers={"Allow": QUERY_METHODS}))
        elif http.method not in {"GET", "HEAD", "POST"}:
            await http.reply(method_not_allowed(QUERY_METHODS))
        elif http.method != "POST" and not http.parameters.keys() & _OF_A_QUERY:
            await self._describe(http, reader_of(scope, http.parameters, self._kg))
        else:
            with suppress(ClientLeft):
                await self.answer(http, await self._operation(http))

    async def _operation(self, http: Exchange) -> Operation:
        if "update" in http.parameters:
            raise BadParameter("Updates are sent by POST to /update", source="update")
        limit = self._kg.settings.max_query
        operation = await _read(http, self._kg, limit, QUERY, "query")
        if len(operation.text) > limit:
            raise TooLarge("The query is longer than {limit} bytes", limit=limit, source="query")
        return operation

    async def answer(self, http: Exchange, asked: Operation) -> None:
        """Send the answer of a query, negotiated, streamed and compressed."""
        note(http.scope, query=asked.audited or asked.text)
        reader = asked.reading()
        encoding = coding(CODINGS, http.headers.get("accept-encoding"))
        repeatable = asked.repeatable and not VOLATILE.search(asked.text)
        tagged = repeatable and http.method != "POST"
        headers: HeaderList = [*NEGOTIATED, *asked.headers]
        always = len(headers)
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

        def produce(out: BinaryIO) -> None:
            nonlocal state
            state = self._tags.of_view(reader)
            if repeatable:
                form = (http.headers.get("accept"), asked.wanted)
                key = (reader.view.value, state, (asked.text, asked.default, asked.named, form))
                self._repeat(reader, key, asked, choose, out)
            else:
                _fresh(reader, asked, choose, out)

        try:
            await respond(
                http.receive,
                http.send,
                workers=self._workers,
                produce=produce,
                head=lambda: headers,
                encoding=encoding,
                left=asked.allowance.leave,
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
    ) -> None:
        """Write an answer that was given before in this state, or a fresh one, which is kept."""
        known = self._cache.get(*key)
        if known is not None:
            choose(known.kind)
            out.write(known.body)
            return
        kept, kinds = Kept(out, self._cache.largest), list[Kind]()

        def noted(kind: Kind) -> Format:
            kinds.append(kind)
            return choose(kind)

        _fresh(reader, asked, noted, kept.stream)
        if kept.body is not None:
            self._cache.put(*key, Answer(kinds[0], kept.body))

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
    """`/update` as an ASGI application; a change that is made is answered with 204."""

    def __init__(self, kg: KnowledgeGraph, writers: Executor) -> None:
        self._kg = kg
        self._writers = writers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if http.method == "OPTIONS":
            await http.reply(Response(status_code=204, headers={"Allow": UPDATE_METHODS}))
        elif http.method != "POST":
            await http.reply(method_not_allowed(UPDATE_METHODS))
        else:
            with suppress(ClientLeft):
                asked = await _read(http, self._kg, self._kg.settings.max_body, UPDATE, "update")
                await asyncio.get_running_loop().run_in_executor(self._writers, self._run, asked, scope)
                await http.reply(Response(status_code=204))

    def _run(self, asked: Operation, scope: Scope) -> None:
        update(
            self._kg,
            asked.text,
            origin=origin_of(scope).because("", "/update"),
            reading=asked.reading,
            using=asked.default,
            using_named=asked.named,
            discreet=not principal_of(scope).oversees,
        )


async def _read(http: Exchange, kg: KnowledgeGraph, limit: int, direct: str, name: str) -> Operation:
    """The one operation of a request, from its address, its form or its body (media type `direct`)."""
    found = http.parameters
    if http.method == "POST":
        media_type = utf8_media_type(http.headers.get("content-type"))
        if media_type == FORM:
            for key, values in parameters(await text(http.headers, http.receive, limit)).items():
                found.setdefault(key, []).extend(values)
        elif media_type == direct:
            if name in found:
                raise BadParameter("{name} is in the address and in the body", name=name, source=name)
            found[name] = [await text(http.headers, http.receive, limit)]
        else:
            raise UnsupportedMediaType(
                "{media_type!r} is neither {direct} nor {form}",
                media_type=media_type,
                direct=direct,
                form=FORM,
                source="Content-Type",
            )
    if (count := len(found.get(name, ()))) != 1:
        raise BadParameter("There must be one {name}, not {count}", name=name, count=count, source=name)
    merged, named = _DATASET[name]
    return Operation(
        partial(reader_of, http.scope, dict(found), kg),
        found[name][0],
        _graphs(found, merged),
        _graphs(found, named),
        http.wanted,
        allowance(http.scope, kg.settings, found),
    )


def allowance(scope: Scope, settings: Settings, given: Parameters) -> Allowance:
    """How much time a query of the one who asks may take; `timeout` of the request: seconds, if fewer.

    Raises `BadParameter`.
    """
    principal = principal_of(scope)
    most = settings.seconds(principal.roles)
    try:
        wanted = [float(seconds) for seconds in given.get("timeout", ())]
    except ValueError:
        wanted = [0.0]
    if not all(seconds > 0 for seconds in wanted):
        raise BadParameter("timeout is no number of seconds above 0", source="timeout")
    return Allowance(principal.name, min(most, *wanted) if wanted else most)


def _graphs(found: Parameters, name: str) -> tuple[NamedNode, ...]:
    return tuple(iri(value, name) for value in found.get(name, ()))


def iri(value: str, source: str) -> NamedNode:
    """The IRI of a graph. Raises `BadParameter` when it is none, or relative."""
    try:
        return NamedNode(value)
    except ValueError as error:
        raise BadParameter(
            "{value!r} is not an absolute IRI: {error}", value=value, error=error, source=source
        ) from None
