"""`/subjects`: find a person, show and hand out what is kept about them, rectify, restrict, erase it."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import erasing, rectifying, restricting, subject_data, subject_page, subjects
from kgservice.domain.change import Origin
from kgservice.domain.members import Members
from kgservice.domain.rights import Right
from kgservice.errors import BadParameter, NotFound
from kgservice.http.access.auditing import note
from kgservice.http.access.given import address, asker, json_body
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import HTML, PLAIN_JSON, Representation, negotiate
from kgservice.http.messages.streaming import ClientLeft
from kgservice.http.pages import handed
from kgservice.http.pages.site import Site
from kgservice.store.formats import CSV, JSON_LD, Format
from kgservice.web.dates import day

Offers = tuple[Format | Representation, ...]

HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}
_ATTACHED = {"Vary": "Accept, Accept-Language", "Content-Disposition": 'attachment; filename="my-data.html"'}
_JSON: Offers = (PLAIN_JSON,)
_READS: dict[str, Offers] = {
    "": _JSON,
    "access": (PLAIN_JSON, JSON_LD, HTML),
    "export": (JSON_LD, CSV, PLAIN_JSON),
    "restriction": _JSON,
}
_ASKED_BY = {"access": Right.ACCESS, "export": Right.PORTABILITY}
_CHANGES = ("erasure", "restriction", "objection", "rectification")


class Subjects:
    """`/subjects` and all below it as an ASGI application.

    `agent` in the address of a POST names who decided it. Addresses name persons by their key; e-mail
    addresses and numbers go into the body of a POST to `/subjects/search`, since addresses get into logs.
    """

    def __init__(self, kg: KnowledgeGraph, readers: Executor, writers: Executor) -> None:
        self._kg = kg
        self._readers = readers
        self._writers = writers
        self._site = Site(kg)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        parts = [part for part in scope["path_params"].get("path", "").split("/") if part]
        try:
            await self._answer(http, parts)
        except ClientLeft:
            return

    async def _answer(self, http: Exchange, parts: list[str]) -> None:
        if not await http.has(*_methods(parts)):
            return
        if http.method == "POST":
            await self._post(http, parts)
            return
        part = parts[1] if len(parts) > 1 else ""
        offer, media_type = negotiate(_READS[part], http.headers.get("accept"), http.wanted)
        given = address(http, subjects.WAYS if not parts else ("lang", "file") if part == "access" else ())
        if given.get("file", "false") not in {"true", "false"}:
            raise BadParameter("file is true or false", source="file")

        def read() -> Response:
            if not parts:
                return self._json(subjects.find(self._kg, given))
            return self._read(http, parts[0], part, offer, media_type)

        await http.reply(await on(self._readers, read))

    def _read(
        self, http: Exchange, key: str, part: str, offer: Format | Representation, media_type: str
    ) -> Response:
        ticket = subject_data.asked_by(self._kg, key, _ASKED_BY[part]) if part in _ASKED_BY else ""
        self._note(http, ticket)
        if not ticket:
            self._whose(http, key)
        if part == "access":
            return self._access(http, key, offer, media_type)
        if part == "export":
            return self._export(key, offer, media_type)
        if part == "restriction":
            return self._json({"restrictions": restricting.of(self._kg, subjects.one(self._kg, key))})
        return self._json(subjects.summary(self._kg, key))

    def _access(self, http: Exchange, key: str, offer: Format | Representation, media_type: str) -> Response:
        """All data, for programs or for the person to read (Art. 15): a page of the service, or a `file`."""
        if offer is HTML:
            request = Request(http.scope)
            if http.parameters.get("file") == ["true"]:
                body = handed.document(self._kg, key, self._site.language(request))
                return Response(body, media_type=media_type, headers=HEADERS | _ATTACHED)
            shown = subject_page.page(self._kg, key, self._site.language(request), day)
            response = self._site.page(request, "subject.html", subject=shown)
            response.headers.update({"Cache-Control": "no-store", "Vary": "Accept, Accept-Language"})
            return response
        if offer is JSON_LD:
            quads = subject_data.Data.of(self._kg, key).quads
            return Response(subject_data.jsonld(quads), media_type=media_type, headers=HEADERS)
        return self._json(subject_data.access(self._kg, key))

    def _export(self, key: str, offer: Format | Representation, media_type: str) -> Response:
        """What the person takes along (Art. 20); as JSON: which records these are, and which are left out."""
        if offer is PLAIN_JSON:
            return self._json(subject_data.chosen(self._kg, key))
        quads, _ = subject_data.taken_along(self._kg, key)
        body = subject_data.table(quads) if offer is CSV else subject_data.jsonld(quads)
        end = "csv" if offer is CSV else "jsonld"
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="my-data.{end}"'}
        return Response(body, media_type=media_type, headers=headers)

    async def _post(self, http: Exchange, parts: list[str]) -> None:
        negotiate(_JSON, http.headers.get("accept"), http.wanted)
        if parts == ["search"]:
            address(http, ())
            asked = Members(await json_body(http))
            given = {name: asked.text(name) for name in subjects.WAYS if asked.has(name)}
            asked.done()
            found = await on(self._readers, lambda: self._json(subjects.find(self._kg, given)))
            await http.reply(found)
            return
        by = asker(http)
        body = await json_body(http)
        await http.reply(await on(self._writers, lambda: self._change(http, parts, body, by)))

    def _change(self, http: Exchange, parts: list[str], body: Any, by: Origin) -> Response:
        kg, key, what = self._kg, parts[0], parts[1]
        if what == "erasure":
            erased = erasing.erase(kg, key, body, by)
            self._note(http, erased.ticket)
            return self._json(erased.to_json())
        if what == "rectification":
            rectified = rectifying.rectify(kg, key, body, by)
            self._note(http, rectified.ticket)
            return self._json(rectified.to_json())
        if what == "objection":
            ticket = restricting.object_(kg, key, body, by)
            self._note(http, ticket)
            return self._made(ticket)
        if len(parts) == 4:
            restricting.lift(kg, key, parts[2], body, by)
            self._whose(http, key)
            return self._json({"restrictions": restricting.of(kg, subjects.one(kg, key))})
        restricted = restricting.restrict(kg, key, body, by)
        self._note(http, restricted.ticket)
        return self._json(restricted.to_json(kg, key), 201)

    def _note(self, http: Exchange, ticket: str) -> None:
        """Tell the audit log which ticket it was."""
        if ticket:
            note(http.scope, ticket=self._kg.addresses.key(ticket))

    def _whose(self, http: Exchange, key: str) -> None:
        """Tell it whose data it was, where no ticket leads there."""
        note(http.scope, person=subjects.mark(self._kg, subjects.one(self._kg, key).value))

    def _made(self, ticket: str) -> Response:
        place = f"/requests/{quote(ticket.removeprefix(self._kg.addresses.ids), safe='')}"
        return JSONResponse({"request": ticket}, 201, {**HEADERS, "Location": place})

    def _json(self, found: Any, status: int = 200) -> Response:
        return JSONResponse(found, status, HEADERS)


def _methods(parts: list[str]) -> tuple[str, ...]:
    """The methods of an address below `/subjects`. Raises `NotFound` for one that there is not."""
    part = parts[1] if len(parts) > 1 else ""
    if parts == ["search"] or (len(parts) == 4 and (part, parts[3]) == ("restriction", "lift")):
        return ("POST",)
    if len(parts) < 3 and (part in _READS or part in _CHANGES):
        reads, changes = part in _READS, part in _CHANGES
        return (("GET",) if reads else ()) + (("POST",) if changes else ())
    raise NotFound("There is nothing at this address")
