"""`/records`: single records in and out, with the answer to who was faster."""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import suppress
from urllib.parse import quote

from pyoxigraph import NamedNode, Triple, serialize
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol import editing
from kgservice.application.views.reader import Reader
from kgservice.errors import NotFound, PreconditionFailed
from kgservice.http.access.given import origin_of
from kgservice.http.access.purposes import reader_of
from kgservice.http.messages.bodies import spooled
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import body_format, content_type, negotiate
from kgservice.http.messages.streaming import ClientLeft
from kgservice.http.messages.tags import Tags
from kgservice.namespaces import PREFIXES
from kgservice.store.formats import GRAPH_FORMATS

_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept, KG-Purpose, Authorization, Cookie"}


class Records:
    """`/records` and `/records/{key}` as an ASGI application.

    POST makes records of an RDF document, PUT replaces one, DELETE deletes it, both on the condition that
    `If-Match` names; GET gives what PUT takes. All of it for a purpose: what its view does not show of a
    record is neither told nor changed.
    """

    def __init__(self, kg: KnowledgeGraph, readers: Executor, writers: Executor, tags: Tags) -> None:
        self._kg = kg
        self._readers = readers
        self._writers = writers
        self._tags = tags

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        key = scope["path_params"].get("key")
        if not await http.has(*(("POST",) if key is None else ("GET", "PUT", "DELETE"))):
            return
        if key is None:
            with suppress(ClientLeft):
                await http.reply(await self._make(http))
            return
        try:
            record = NamedNode(self._kg.addresses.ids + key)
        except ValueError:
            raise NotFound("this is no name of a record") from None
        with suppress(ClientLeft):
            await http.reply(await self._one(http, record))

    async def _one(self, http: Exchange, record: NamedNode) -> Response:
        kg, reader = self._kg, reader_of(http.scope, http.parameters, self._kg)
        if http.method in {"GET", "HEAD"}:
            return await on(self._readers, lambda: self._read(http, reader, record))
        origin = origin_of(http.scope).because("", "/records")

        def expected(said: frozenset[Triple]) -> None:
            self._check(http, record, said)

        if http.method == "DELETE":
            await on(
                self._writers,
                lambda: editing.delete(kg, reader, record, origin=origin, expected=expected),
            )
            return Response(status_code=204)
        said = await self._document(http, record.value)
        new = await on(
            self._writers,
            lambda: editing.replace(kg, reader, record, said, origin=origin, expected=expected),
        )
        return Response(status_code=201, headers=self._place(record)) if new else Response(status_code=204)

    def _read(self, http: Exchange, reader: Reader, record: NamedNode) -> Response:
        fmt, media_type = negotiate(GRAPH_FORMATS, http.headers.get("accept"), http.wanted)
        found = editing.read(self._kg, reader, record)
        tag = self._tags.of(self._tags.of_text(map(str, found)), fmt)
        headers = {**_HEADERS, "ETag": tag, "Content-Type": content_type(media_type)}
        if self._tags.match(tag, http.headers.get("if-none-match")):
            return Response(status_code=304, headers=headers)
        assert fmt.rdf is not None
        return Response(serialize(sorted(found, key=str), format=fmt.rdf, prefixes=PREFIXES), headers=headers)

    def _check(self, http: Exchange, record: NamedNode, said: frozenset[Triple]) -> None:
        """Raises `PreconditionFailed` when the record is not what the request says."""
        match, none_match = http.headers.get("if-match"), http.headers.get("if-none-match")
        as_seen = match is None or (
            bool(said)
            and (match.strip() == "*" or self._tags.names(match, self._tags.of_text(map(str, said))))
        )
        if not as_seen or (said and none_match is not None and none_match.strip() == "*"):
            raise PreconditionFailed(
                "<{record}> is not as you last saw it; read it again, then change it",
                record=record.value,
                source="If-None-Match" if as_seen else "If-Match",
            )

    async def _make(self, http: Exchange) -> Response:
        kg, reader = self._kg, reader_of(http.scope, http.parameters, self._kg)
        said = await self._document(http, kg.addresses.ids)
        origin = origin_of(http.scope).because("", "/records")
        made = await on(self._writers, lambda: editing.make(kg, reader, said, origin))
        headers = self._place(made.main[0]) if len(made.main) == 1 else {}
        return JSONResponse({"records": [record.value for record in made.records]}, 201, headers)

    def _place(self, record: NamedNode) -> dict[str, str]:
        key = record.value.removeprefix(self._kg.addresses.ids)
        return {"Location": f"/records/{quote(key, safe='')}"}

    async def _document(self, http: Exchange, base: str) -> editing.Document:
        """The body, whose relative IRIs are taken against `base`."""
        fmt = body_format(http.headers.get("content-type"))
        with await spooled(http.headers, http.receive, self._kg.settings.max_body) as file:
            return await on(self._readers, lambda: editing.document(file.read(), fmt, base))
