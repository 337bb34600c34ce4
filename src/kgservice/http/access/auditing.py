"""What is asked is recorded in the audit log before the answer goes out, or it is not answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgservice.application.law.audit import AuditLog
from kgservice.domain.audit import COUNTED, Action
from kgservice.domain.audit_actions import action_of
from kgservice.domain.principal import Principal
from kgservice.errors import AuditFailed
from kgservice.http.messages.problems import problem_of

UNKNOWN = Principal("unknown", frozenset())  # of whom it was not known, when they were answered, who asks

# The model, the state of the service, the style of pages: the same for everybody, and no data of anybody.
_OPEN = frozenset({"favicon.ico", "health", "metrics", "ontology", "openapi.json", "problems", "static"})
# It shows no entry, and is what helps when the log fails.
_OPEN_PATHS = frozenset({"/audit/verification"})
_DENIED = frozenset({401, 403})
_READING = frozenset({"GET", "HEAD"})
# What is asked by POST and changes nothing.
_ASKED = frozenset({"check", "sparql", "validation"})
_ASKED_AT = frozenset({"/links/candidates"})
# Pages that do what other addresses do.
_PAGES = {
    "audit": "audit",
    "consents": "consents",
    "keys": "keys",
    "persons": "subjects",
    "requests": "requests",
}
# Fixed parts of addresses that no route tells: those that a resource looks at itself.
_PARTS = (
    *("accept", "owner", "proposals", "reject", "release", "renew", "report", "undo", "waiver", "waterfall"),
    *("keep", "stop", "take", "withdraw"),
    *("access", "answer", "erasure", "export", "extend", "lift", "objection", "rectification", "restriction"),
)


def note(
    scope: Scope,
    *,
    view: str | None = None,
    purpose: str | None = None,
    query: str | None = None,
    ticket: str | None = None,
    person: str | None = None,
) -> None:
    """Say what the entry of this request shall tell, before its answer begins.

    `view` and `purpose`: their IRIs; `query`: its SPARQL text, of which the log keeps what it is set to
    keep; `ticket`: the opaque id of a right that is exercised, never a name; `person`: what stands for
    somebody whose consents are read (`subjects.mark`).
    """
    state = scope.setdefault("state", {})
    said = {"view": view, "purpose": purpose, "query": query, "ticket": ticket, "person": person}
    state.update((name, value) for name, value in said.items() if value is not None)


def fixed_parts(paths: Iterable[str], *more: Iterable[str]) -> frozenset[str]:
    """The parts of addresses that may stand in the log as they are: those of routes, and `more`.

    >>> sorted(fixed_parts(["/consents/{id}/{part}", "/graphs"], ["persona-needs"]) - set(_PARTS))
    ['consents', 'graphs', 'persona-needs']
    """
    parts = {part for path in paths for part in path.split("/") if part and "{" not in part}
    return frozenset(parts.union(_PARTS, *more))


def paths_of(routes: Iterable[Any]) -> Iterator[str]:
    """The paths of routes, also of those that FastAPI keeps inside an included router."""
    for route in routes:
        if hasattr(route, "path"):
            yield route.path
        elif hasattr(route, "original_router"):
            yield from paths_of(route.original_router.routes)


class Auditing:
    """ASGI middleware: an entry for each request, when its status is known and before the answer begins.

    Who asks is `scope["state"]["principal"]`, set by whatever lets people in; what is read, `note` says.
    Nothing of an answer is held back. While the log cannot be written, all but what shows no data is answered
    with 503; so is a change that was made and could not be recorded: its entry follows as soon as the log
    works again. Of what shows no data only denials are recorded.
    """

    def __init__(self, app: ASGIApp, log: AuditLog, everything: str, parts: frozenset[str]) -> None:
        self._app = app
        self._log = log
        self._everything = everything
        self._place = lru_cache(maxsize=4096)(_Places(parts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request and record it, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        is_open = _is_open(scope)
        try:
            if not is_open:
                self._log.check()
        except AuditFailed as error:
            await _refuse(error, scope, receive, send)
            return
        begun = refused = False

        async def recorded(message: Message) -> None:
            nonlocal begun, refused
            if not begun and message["type"] == "http.response.start":
                begun = True
                try:
                    if not is_open or message["status"] in _DENIED:
                        await self._record(scope, message["status"])
                except AuditFailed as error:
                    refused = True
                    await _refuse(error, scope, receive, send)
            if not refused:
                await send(message)

        await self._app(scope, receive, recorded)

    async def _record(self, scope: Scope, status: int) -> None:
        state: dict[str, Any] = scope["state"]
        action = self._action(scope, status)
        draft = self._log.draft(
            action,
            state.get("principal") or UNKNOWN,
            f"{scope['method']} {self._place(scope['path'])}",
            view=state.get("view"),
            purpose=state.get("purpose"),
            query=state.get("query"),
            ticket=state.get("ticket"),
            person=state.get("person"),
            outcome=status,
        )
        if action in COUNTED:
            self._log.record(draft)
        else:
            await asyncio.wrap_future(self._log.secure(draft))

    def _action(self, scope: Scope, status: int) -> Action:
        area = _area(scope["path"])
        return action_of(
            area,
            reads=scope["method"] in _READING or area in _ASKED or scope["path"] in _ASKED_AT,
            everything=scope["state"].get("view") == self._everything,
            denied=status in _DENIED,
        )


class _Places:
    """Addresses without what is not fixed in them, which may name somebody."""

    def __init__(self, parts: frozenset[str]) -> None:
        self._parts = parts

    def __call__(self, path: str) -> str:
        """`/consents/{}/withdraw` for `/consents/6ab0/withdraw`; several such parts are one."""
        found: list[str] = []
        for part in path.split("/")[1:]:
            plain = part if part in self._parts or not part else "{}"
            if not (found and found[-1] == plain == "{}"):
                found.append(plain)
        return "/" + "/".join(found[:12])


def _area(path: str) -> str:
    """What an address is about: a page is about the same as the address for programs.

    >>> _area("/subjects/x"), _area("/pages/persons/x/erasure"), _area("/pages/links")
    ('subjects', 'subjects', 'pages')
    """
    first = _first(path)
    if first != "pages":
        return first
    return _PAGES.get(_first(path.removeprefix("/pages")), first)


def _first(path: str) -> str:
    return path.removeprefix("/").partition("/")[0]


def _is_open(scope: Scope) -> bool:
    path = scope["path"]
    return scope["method"] == "OPTIONS" or _first(path) in _OPEN or path in _OPEN_PATHS


async def _refuse(error: AuditFailed, scope: Scope, receive: Receive, send: Send) -> None:
    await problem_of(error)(scope, receive, send)
