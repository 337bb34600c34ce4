"""`/trace/{key}`: the chain through a pain point, a solution or an impact, as JSON or JSON-LD."""

from __future__ import annotations

import json
from concurrent.futures import Executor

from pyoxigraph import NamedNode
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kgservice.application.answers.trace import trace, trace_guarded
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views.reader import Reader
from kgservice.errors import BadParameter
from kgservice.http.access.permissions import principal_of
from kgservice.http.access.purposes import reader_of
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, negotiate
from kgservice.store.formats import JSON_LD

_OFFERS = (PLAIN_JSON, JSON_LD)


class Tracing:
    """`/trace/{key}` as an ASGI application. `key`: the last part of an instance's IRI, or a whole IRI."""

    def __init__(self, kg: KnowledgeGraph, workers: Executor) -> None:
        self._kg = kg
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET"):
            return
        offer, media_type = negotiate(_OFFERS, http.headers.get("accept"), http.wanted)
        iri = record(self._kg, scope["path_params"]["key"])
        reader = reader_of(scope, http.parameters, self._kg)
        read = trace if principal_of(scope).sees_persons else trace_guarded
        found = await on(self._workers, lambda: read(reader, iri))
        document = found.to_jsonld() if offer is JSON_LD else found.to_json()
        body = json.dumps(document, ensure_ascii=False).encode()
        headers = {"Vary": "Accept, KG-Purpose, Authorization, Cookie", "Cache-Control": "private, no-cache"}
        await http.reply(Response(body, media_type=media_type, headers=headers))


def record(kg: Reader, key: str) -> NamedNode:
    """The IRI that `key` names: itself if it is one, else the instance with that key."""
    try:
        return NamedNode(key if ":" in key else kg.addresses.ids + key)
    except ValueError as error:
        raise BadParameter(
            "{key!r} is neither a key nor an IRI: {error}", key=key[:80], error=error, source="key"
        ) from None
