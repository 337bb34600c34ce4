"""`/findings`: what the validation found, for stewards: list, explain, assign, waive, mend, check anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.stewards import stewarding
from kgservice.errors import BadInput, BadParameter, NotFound
from kgservice.http.access.given import address, asker, json_body
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, negotiate
from kgservice.http.messages.streaming import ClientLeft
from kgservice.phrases import Phrase

_FILTERS = ("status", "severity", "rule", "focus", "owner", "limit")
_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}  # how a finding stands depends on the clock
# What is at an address: the methods that each has, by the parts after the finding's name.
_METHODS = {"owner": ("POST",), "waiver": ("DELETE", "POST"), "proposals": ("POST",)}


class Findings:
    """`/findings` and all below it as an ASGI application; JSON.

    The list is filtered by parameters; POST to it validates everything anew. Below `/findings/{id}` are
    `owner`, `waiver` and `proposals/{proposal}`, which answer with the finding as it is then. `agent` in the
    address of a POST or DELETE names who decided.
    """

    def __init__(self, kg: KnowledgeGraph, readers: Executor, writers: Executor) -> None:
        self._kg = kg
        self._readers = readers
        self._writers = writers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        place = scope["path_params"]
        if not await http.has(*_allowed(place)):
            return
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        if http.method in {"GET", "HEAD"}:
            body = await on(self._readers, self._reading(http, place.get("id")))
            await http.reply(JSONResponse(body, headers=_HEADERS))
            return
        try:
            change = await self._change(http, place)
        except ClientLeft:
            return
        body = await on(self._writers, change)
        await http.reply(JSONResponse(body, headers=_HEADERS))

    def _reading(self, http: Exchange, key: str | None) -> Callable[[], Any]:
        if key is not None:
            address(http, ())
            return lambda: stewarding.explained(self._kg, key)
        given = address(http, _FILTERS)
        return lambda: stewarding.report(self._kg, given)

    async def _change(self, http: Exchange, place: Mapping[str, str]) -> Callable[[], Any]:
        """What a POST or DELETE asks for."""
        kg, part, by = self._kg, place.get("part"), asker(http)
        if not place:
            return lambda: asdict(stewarding.refresh(kg, by))
        key = place["id"]
        if part == "owner":
            owner = _members(await json_body(http), {"owner": (str, type(None))})["owner"]
            return lambda: self._then(key, stewarding.assign(kg, key, owner, by))
        if part == "proposals":
            return lambda: self._then(key, stewarding.apply(kg, key, place["proposal"], by))
        if http.method == "DELETE":
            return lambda: self._then(key, stewarding.reopen(kg, key, by))
        asked = _members(await json_body(http), {"reason": (str,), "until": (str,)})
        return lambda: self._then(key, stewarding.waive(kg, key, asked["reason"], asked["until"], by))

    def _then(self, key: str, _commit: object) -> dict[str, Any]:
        """The finding after the change."""
        return stewarding.one(self._kg, key).to_json(self._kg)


def _allowed(place: Mapping[str, str]) -> tuple[str, ...]:
    """The methods of an address. Raises `NotFound` where there is nothing."""
    part = place.get("part")
    if part is None:
        return ("GET",) if place else ("GET", "POST")
    if part not in _METHODS or ("proposal" in place) != (part == "proposals"):
        raise NotFound("There is nothing at this address")
    return _METHODS[part]


def _members(body: Any, members: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    """The members of a JSON object, all there and no other. Raises `BadParameter` with the name as source."""
    if not isinstance(body, dict):
        raise BadInput("The body must be a JSON object with {members}", members=", ".join(members))
    for name in body.keys() - members.keys():
        raise BadParameter("there is no member {name!r} here", name=name[:80], source=name[:80])
    for name, kinds in members.items():
        if name not in body:
            raise BadParameter("the member {name!r} is missing", name=name, source=name)
        if not isinstance(body[name], kinds):
            words = Phrase("text or null") if type(None) in kinds else Phrase("text")
            raise BadParameter("{name!r} must be {words}", name=name, words=words, source=name)
    return body
