"""`/links`: CRM records and the customers that they may be, for stewards: list, explain, decide, undo."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links import linking
from kgservice.application.links import records as link_records
from kgservice.application.sources import link_reports
from kgservice.domain.link import Link
from kgservice.domain.members import Members
from kgservice.errors import BadParameter, NotFound, PreconditionFailed
from kgservice.http.access.auditing import note
from kgservice.http.access.given import address, asker, json_body
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, SVG, negotiate
from kgservice.http.messages.streaming import ClientLeft
from kgservice.http.messages.tags import Tags
from kgservice.store.formats import JSON
from kgservice.web.texts import LANGUAGES
from kgservice.web.waterfall import waterfall

REPORT, PICTURE = "report", "waterfall"
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie"}


class Links:
    """`/links`, `/links/report`, `/links/{id}` and what can be done there, as an ASGI application.

    The list is filtered by parameters. One link has an ETag, which `If-Match` of a decision may name: then
    it is decided only if it is still what was seen. POST to `accept`, `reject`, `undo` with `{"reason": …}`
    answers with the link as it is then; `agent` in the address names who decided.
    """

    def __init__(self, kg: KnowledgeGraph, readers: Executor, writers: Executor, tags: Tags) -> None:
        self._kg = kg
        self._readers = readers
        self._writers = writers
        self._tags = tags

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        place = scope["path_params"]
        if not await http.has(*_methods(place)):
            return
        part = place.get("part")
        note(scope, view=self._kg.view.value)  # it goes beyond any purpose
        try:
            if part in linking.VERDICTS:
                await http.reply(await self._decide(http, place["id"], str(part)))
            else:
                await http.reply(await self._read(http, place))
        except ClientLeft:
            return

    async def _read(self, http: Exchange, place: Mapping[str, str]) -> Response:
        kg, key = self._kg, place.get("id")
        if place.get("part") == PICTURE:
            negotiate([SVG], http.headers.get("accept"), http.wanted)
            language = address(http, ("lang",)).get("lang", kg.settings.language)
            if language not in LANGUAGES:
                raise BadParameter(
                    "{language!r} is none of {languages}",
                    language=language[:80],
                    languages=", ".join(LANGUAGES),
                    source="lang",
                )
            drawn = await on(self._readers, lambda: waterfall(link_reports.shown(kg, str(key)), language))
            return Response(drawn, headers=_HEADERS, media_type="image/svg+xml")
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        if key == REPORT:
            address(http, ())
            return JSONResponse(await on(self._readers, lambda: link_reports.tally(kg)), headers=_HEADERS)
        if key is not None:
            address(http, ())
            answer = await on(self._readers, lambda: self._one(link_records.one(kg, key)))
            if self._tags.match(answer.headers["etag"], http.headers.get("if-none-match")):
                return Response(status_code=304, headers={**_HEADERS, "ETag": answer.headers["etag"]})
            return answer
        given = address(http, link_records.FILTERS)
        return JSONResponse(await on(self._readers, lambda: link_reports.report(kg, given)), headers=_HEADERS)

    async def _decide(self, http: Exchange, key: str, verb: str) -> Response:
        by = asker(http)
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        asked = Members(await json_body(http))
        reason = asked.text("reason")
        asked.done()
        match = http.headers.get("if-match")

        def expected(link: Link) -> None:
            if match is None or match.strip() == "*" or self._tags.names(match, self._state(link)):
                return
            raise PreconditionFailed(
                "<{node}> is not as you last saw it; read it again, then decide",
                node=link.node,
                source="If-Match",
            )

        def run() -> Response:
            verdict = linking.VERDICTS[verb]
            return self._one(linking.decide(self._kg, key, verdict, reason, by=by, expected=expected))

        return await on(self._writers, run)

    def _one(self, link: Link) -> Response:
        """One link, with its tag."""
        (body,) = link_reports.told(self._kg, [link])
        return JSONResponse(body, headers={**_HEADERS, "ETag": self._tags.of(self._state(link), JSON)})

    def _state(self, link: Link) -> str:
        return self._tags.of_text(link_reports.lines(link))


def _methods(place: Mapping[str, Any]) -> tuple[str, ...]:
    """The methods of an address. Raises `NotFound` where there is nothing."""
    part = place.get("part")
    if part is None or (part == PICTURE and place["id"] != REPORT):
        return ("GET",)
    if part not in linking.VERDICTS:
        raise NotFound("There is nothing at this address")
    return ("POST",)
