"""`/journeys` and `/journeys/{key}`: customer journeys as JSON, JSON-LD or a picture."""

from __future__ import annotations

import json
from concurrent.futures import Executor
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kgservice.application.answers.journeys import Listed, journey_map, listed
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.journey_statements import to_jsonld
from kgservice.errors import BadParameter
from kgservice.http.access.permissions import principal_of
from kgservice.http.access.purposes import reader_of
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, SVG, negotiate
from kgservice.http.resources.trace import record
from kgservice.store.formats import JSON_LD
from kgservice.web.journey_map import picture
from kgservice.web.texts import LANGUAGES

_OFFERS = (PLAIN_JSON, JSON_LD, SVG)
_HEADERS = {"Vary": "Accept, KG-Purpose, Authorization, Cookie", "Cache-Control": "private, no-cache"}


class Journeys:
    """Both addresses as an ASGI application. `key`: the last part of a journey's IRI, or a whole IRI.

    `segment` in the address of the list: its IRI. `lang` in that of a journey: the language of the picture.
    """

    def __init__(self, kg: KnowledgeGraph, workers: Executor) -> None:
        self._kg = kg
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET"):
            return
        key = scope["path_params"].get("key")
        reader = reader_of(scope, http.parameters, self._kg)
        sees = principal_of(scope).sees_persons
        if key is None:
            negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
            (segment,) = http.parameters.get("segment", [""])[:1]
            found = await on(self._workers, lambda: listed(reader, sees_persons=sees, segment=segment))
            await http.reply(_answer(_told(found), PLAIN_JSON.media_types[0]))
            return
        offer, media_type = negotiate(_OFFERS, http.headers.get("accept"), http.wanted)
        (language,) = http.parameters.get("lang", [self._kg.settings.language])[:1]
        if language not in LANGUAGES:
            raise BadParameter(
                "{language!r} is none of {languages}",
                language=language[:80],
                languages=", ".join(LANGUAGES),
                source="lang",
            )
        iri = record(self._kg, key)
        shown = await on(self._workers, lambda: journey_map(reader, iri, sees_persons=sees))
        if offer is SVG:
            drawn = picture(shown, language, headed=True)
            await http.reply(Response(drawn, headers=_HEADERS, media_type=media_type))
            return
        document = to_jsonld(shown) if offer is JSON_LD else shown.to_json()
        await http.reply(_answer(document, media_type))


def _told(found: Listed) -> dict[str, Any]:
    return {
        "planned": [journey.summary() for journey in found.planned],
        "actual": [journey.summary() for journey in found.actual],
        "totalActual": found.total,
        "segments": [segment.to_json() for segment in found.segments],
    }


def _answer(document: Any, media_type: str) -> Response:
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, headers=_HEADERS, media_type=media_type)
