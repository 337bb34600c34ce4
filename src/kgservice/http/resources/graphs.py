"""The SPARQL 1.1 Graph Store HTTP Protocol: `/graphs`, with direct and indirect identification."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import BinaryIO, TypeVar, cast
from urllib.parse import quote

from pyoxigraph import NamedNode, Quad, parse, serialize
from starlette.datastructures import Headers, UploadFile
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol import graph_store
from kgservice.errors import (
    BadInput,
    BadParameter,
    Forbidden,
    NotFound,
    PreconditionFailed,
)
from kgservice.http.access.auditing import note
from kgservice.http.access.given import origin_of
from kgservice.http.access.permissions import principal_of
from kgservice.http.messages.bodies import IN_MEMORY, spooled
from kgservice.http.messages.exchange import Exchange
from kgservice.http.messages.multipart import format_of, parts_of
from kgservice.http.messages.negotiation import body_format, media_type_of, negotiate
from kgservice.http.messages.operation import MULTIPART
from kgservice.http.messages.problems import method_not_allowed
from kgservice.http.messages.streaming import ClientLeft
from kgservice.http.messages.tags import Tags
from kgservice.http.resources.operation import iri
from kgservice.store.documents import check_document
from kgservice.store.formats import GRAPH_FORMATS, N_TRIPLES, Format
from kgservice.store.syntax import reading_rdf

METHODS = "DELETE, GET, HEAD, OPTIONS, POST, PUT"
_IN_A_URI = "!#$%&'()*+,/:;=?@[]~"  # besides letters, digits and -._ (RFC 3986)

T = TypeVar("T")


class Graphs:
    """`/graphs` and all below it as an ASGI application.

    `?graph=IRI` names a graph (decoded exactly once), `?default` the graph of loose statements; any address
    below `/graphs/` names the graph with that very address as its IRI. A POST to `/graphs` without either
    makes a new graph and says its address in `Location`. Who may not see everything is not told whether there
    was a graph that they write or delete.
    """

    def __init__(self, kg: KnowledgeGraph, workers: Executor, writers: Executor, tags: Tags) -> None:
        self._kg = kg
        self._workers = workers
        self._writers = writers
        self._tags = tags

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if http.method == "OPTIONS":
            await http.reply(Response(status_code=204, headers={"Allow": METHODS}))
            return
        if http.method not in METHODS.split(", "):
            await http.reply(method_not_allowed(METHODS))
            return
        graph = self._graph(http)
        if not principal_of(scope).oversees:
            _refuse_conditions(http)
        note(scope, view=self._kg.view.value)  # what is read goes beyond any purpose
        if http.method in {"GET", "HEAD"}:
            await self._read(http, graph)
        elif http.method == "DELETE":
            await self._delete(http, graph)
            await http.reply(Response(status_code=204))
        else:
            with suppress(ClientLeft):
                await http.reply(await self._write(http, graph))

    def _graph(self, http: Exchange) -> NamedNode:
        """The graph that a request is about."""
        found, path, direct = http.parameters, _path(http), _is_direct(http)
        if direct + len(found.get("graph", ())) + len(found.get("default", ())) > 1:
            raise BadParameter("Name one graph: by ?graph=, by ?default, or by the address", source="graph")
        if "default" in found:
            return NamedNode(self._kg.addresses.scratch)
        if "graph" in found:
            return iri(found["graph"][0], "graph")
        here = f"{http.scope['scheme']}://{http.headers['host']}{path.decode('latin-1')}"
        if direct:
            return iri(here, "address")
        if http.method == "POST":
            return NamedNode(f"{here}/{uuid.uuid4()}")
        raise BadParameter("Name a graph by ?graph=, by ?default, or by the address", source="graph")

    async def _exists(self, graph: NamedNode) -> bool:
        return await self._on(self._workers, lambda: graph_store.exists(self._kg, graph))

    async def _read(self, http: Exchange, graph: NamedNode) -> None:
        fmt, media_type = negotiate(GRAPH_FORMATS, http.headers.get("accept"), http.wanted)
        if not await self._exists(graph):
            raise NotFound("There is no graph <{graph}>", graph=graph.value)
        commit = self._kg.changed(graph)
        await self._tags.answer(
            http,
            fmt,
            media_type,
            state=commit,
            workers=self._workers,
            produce=lambda out: graph_store.read(self._kg, graph, fmt, out),
            sending=partial(self._kg.when_hidden.sending, graph),
        )

    @contextmanager
    def _expected(self, http: Exchange, graph: NamedNode) -> Iterator[None]:
        """For a change of the graph that is as `If-Match` and `If-None-Match` say; nothing changes meanwhile.

        Raises `PreconditionFailed` when somebody else was faster.
        """
        with self._kg.writing:
            match, none_match = http.headers.get("if-match"), http.headers.get("if-none-match")
            exists = graph_store.exists(self._kg, graph)
            as_seen = match is None or (
                exists and (match.strip() == "*" or self._tags.holds(match, self._kg.changed(graph)))
            )
            if not as_seen or (exists and none_match is not None and none_match.strip() == "*"):
                raise PreconditionFailed(
                    "<{graph}> is not as you last saw it; read it again, then change it",
                    graph=graph.value,
                    source="If-None-Match" if as_seen else "If-Match",
                )
            yield

    async def _delete(self, http: Exchange, graph: NamedNode) -> None:
        principal = principal_of(http.scope)
        if principal.oversees and not await self._exists(graph):
            raise NotFound("There is no graph <{graph}>", graph=graph.value)
        origin = origin_of(http.scope).because("", "/graphs")

        def run() -> None:
            with self._expected(http, graph):
                graph_store.delete(self._kg, graph, origin, missing_ok=not principal.oversees)

        await self._on(self._writers, run)

    async def _write(self, http: Exchange, graph: NamedNode) -> Response:
        """Put or add the body; 201 with its address for a new graph, else 204.

        Who may not see everything gets 201 only for a graph that had no name before.
        """
        principal = principal_of(http.scope)
        with ExitStack() as files:
            said = http.headers.get("content-type", "")
            if media_type_of(said)[0] == MULTIPART:
                parts = await self._parts(http.headers, http.receive, files)
                source = await self._on(self._workers, lambda: _merged(parts, graph))
                files.callback(source.close)
                fmt = N_TRIPLES
            else:
                fmt = body_format(said)
                limit = self._kg.settings.max_body
                source = files.enter_context(await spooled(http.headers, http.receive, limit))
            existed = await self._exists(graph) if principal.oversees else _is_named(http)
            write = graph_store.put if http.method == "PUT" else graph_store.post
            origin = origin_of(http.scope).because("", "/graphs")

            def run() -> None:
                with self._expected(http, graph):
                    write(self._kg, graph, source, fmt, origin)

            await self._on(self._writers, run)
        if existed:
            return Response(status_code=204)
        return Response(status_code=201, headers={"Location": quote(graph.value, safe=_IN_A_URI)})

    async def _parts(
        self, headers: Headers, receive: Receive, files: ExitStack
    ) -> list[tuple[str, Format, BinaryIO]]:
        """The files of a multipart body: name, format and content."""
        parts: list[tuple[str, Format, BinaryIO]] = []
        for name, part in await parts_of(headers, receive, self._kg.settings.max_body, files):
            assert isinstance(part, UploadFile)  # there are no fields
            parts.append((part.filename or name, format_of(part), part.file))
        if not parts:
            raise BadInput("The multipart body holds no file")
        return parts

    @staticmethod
    async def _on(executor: Executor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(executor, work)


def _path(http: Exchange) -> bytes:
    path: bytes = http.scope.get("raw_path") or http.scope["path"].encode()
    return path


def _is_direct(http: Exchange) -> bool:
    """Whether the address itself names the graph."""
    return not _path(http).endswith(b"/graphs")


def _is_named(http: Exchange) -> bool:
    """Whether the request names a graph, and does not have one made."""
    return _is_direct(http) or not http.parameters.keys().isdisjoint({"graph", "default"})


def _refuse_conditions(http: Exchange) -> None:
    """Raise `Forbidden` for a condition, whose answer would tell whether there is a graph."""
    for name in ("If-Match", "If-None-Match"):
        if name in http.headers and http.method not in {"GET", "HEAD"}:
            raise Forbidden("Only who may read graphs may write them on a condition", source=name)


def _merged(parts: list[tuple[str, Format, BinaryIO]], graph: NamedNode) -> BinaryIO:
    """The statements of several files as one N-Triples file, so that they come in as one change.

    Raises `BadRdf` with the file, line and column of what does not parse.
    """
    with ExitStack() as on_failure:
        spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        out = cast(BinaryIO, on_failure.enter_context(spool))
        for name, fmt, file in parts:
            with reading_rdf(name):
                serialize((q.triple for q in _quads(name, file, fmt, graph)), out, format=N_TRIPLES.rdf)
        out.seek(0)
        on_failure.pop_all()
        return out


def _quads(name: str, file: BinaryIO, fmt: Format, graph: NamedNode) -> Iterator[Quad]:
    assert fmt.rdf is not None
    check_document(file, fmt, name)
    return parse(file, fmt.rdf, base_iri=graph.value, without_named_graphs=True, rename_blank_nodes=True)
