"""`/quality`: measures of data quality now and over time; POST keeps a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor

from pyoxigraph import serialize
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.stewards import quality
from kgservice.domain.question import Question
from kgservice.http.access.given import origin_of
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, Representation, content_type, negotiate
from kgservice.namespaces import PREFIXES
from kgservice.store.formats import JSON_LD, N_TRIPLES, TURTLE, Format

_OFFERS: tuple[Format | Representation, ...] = (PLAIN_JSON, TURTLE, JSON_LD, N_TRIPLES)
_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}  # what is overdue depends on the clock


class Quality:
    """`/quality` as an ASGI application.

    GET: all measures now with their history, as JSON or in the Data Quality Vocabulary. POST: measure, keep
    the measurement (that of the same day is replaced), and answer the same; 201 for the first of a day.
    """

    def __init__(
        self, kg: KnowledgeGraph, readers: Executor, writers: Executor, known: Mapping[str, Question]
    ) -> None:
        self._kg = kg
        self._readers = readers
        self._writers = writers
        self._known = known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET", "POST"):
            return
        offer, media_type = negotiate(_OFFERS, http.headers.get("accept"), http.wanted)
        status = 200
        if http.method == "POST":
            by = origin_of(scope)
            _, first = await on(self._writers, lambda: quality.record(self._kg, self._known, by))
            status = 201 if first else 200
        response = await on(self._readers, lambda: self._response(offer, media_type))
        response.status_code = status
        await http.reply(response)

    def _response(self, offer: Format | Representation, media_type: str) -> Response:
        if not isinstance(offer, Format):
            return JSONResponse(quality.report(self._kg, self._known).to_json(), headers=_HEADERS)
        triples = sorted(quality.dqv(self._kg, self._known), key=str)
        body = serialize(triples, format=offer.rdf, prefixes=PREFIXES)
        return Response(body, headers={**_HEADERS, "Content-Type": content_type(media_type)})
