"""Errors as problem details (RFC 9457): the one shape of all answers that tell of an error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from kgservice import errors
from kgservice.domain.principal import Principal
from kgservice.http.messages.details import OTHERS, details, document, translated
from kgservice.http.messages.headers import SECURITY_HEADERS, VIOLATIONS
from kgservice.http.messages.negotiation import Representation, content_type, negotiate
from kgservice.phrases import Phrase
from kgservice.store.formats import JSON_LD, TURTLE, Format
from kgservice.web.texts import preferred

MEDIA_TYPE = "application/problem+json"
_UNTYPED = "about:blank"
_PROBLEM = Representation("problem", (MEDIA_TYPE, "application/json"))


def problem_of(error: errors.KgError) -> Response:
    """The response for one of the service's own errors."""
    body = details(error)
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, errors.TooMany | errors.Busy):
        headers["Retry-After"] = str(error.after)
    if isinstance(error, errors.Invalid):
        return _Refusal(body, body["status"], headers, error.named)
    if isinstance(error, errors.StoreFailed) and error.within:
        return _Outage(body, body["status"], headers, error.in_full)
    return _Problem(body, body["status"], headers)


def problem(name: str, detail: str, headers: dict[str, str]) -> Response:
    """The response for one of `OTHERS`."""
    status, title = OTHERS[name]
    body = document(status, name, title, detail, {})
    return _Problem(body, status, {"Cache-Control": "no-store", **headers})


class _Problem(Response):
    """A problem in the language that the client likes best, English if it does not say.

    It adds `instance`, the path of the request without its query (which may hold a token).
    """

    media_type = MEDIA_TYPE

    def __init__(self, body: dict[str, Any], status: int, headers: dict[str, str]) -> None:
        self._problem = body
        super().__init__(status_code=status, headers=headers)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        language = language_of(scope)
        if self._problem["type"] != _UNTYPED:
            self._problem = translated(self._problem, language)
        self.headers["Content-Language"] = language
        self.headers.add_vary_header("Accept-Language")
        body = json.dumps(self._problem | {"instance": scope["path"]}, ensure_ascii=False)
        self.body = body.encode(errors="replace")  # what came in may hold half a character
        self.headers["content-length"] = str(len(self.body))
        if scope["method"] == "HEAD":
            self.body = b""
        await super().__call__(scope, receive, send)


class _Outage(_Problem):
    """A failure of the store: who runs the service is told of its server, too."""

    def __init__(self, body: dict[str, Any], status: int, headers: dict[str, str], in_full: str) -> None:
        super().__init__(body, status, headers)
        self._in_full = in_full

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if _oversees(scope):
            self._problem = {**self._problem, "detail": self._in_full}
        await super().__call__(scope, receive, send)


class _Refusal(_Problem):
    """A change that the shapes forbid: the SHACL report itself for a client that prefers RDF to JSON.

    Who may not see everything is told only of what the change itself names: see `Finding.discreet`.
    """

    def __init__(
        self, body: dict[str, Any], status: int, headers: dict[str, str], named: Collection[str]
    ) -> None:
        super().__init__(body, status, headers)
        self._named = named

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        self.headers.add_vary_header("Accept")
        if not _oversees(scope):
            await asyncio.to_thread(self._be_discreet)
        self.headers[VIOLATIONS] = str(len(self._problem["findings"]))
        offer, media_type = _preferred(Headers(scope=scope).get("accept"))
        if offer is _PROBLEM:
            await super().__call__(scope, receive, send)
            return
        report = await asyncio.to_thread(self._report, offer.name)
        headers = {**self.headers, "Content-Type": content_type(media_type)}
        del headers["content-type"], headers["content-length"]
        await Response(report, self.status_code, headers)(scope, receive, send)

    def _be_discreet(self) -> None:
        from kgservice.application.stewards.reports import discreet_refusal  # noqa: PLC0415 - as below

        found = discreet_refusal(self._problem["findings"], self._named)
        detail = Phrase(
            "The change brings violations of the shapes; `findings` tells of which rules, and where"
        )
        self._problem = {**self._problem, "detail": detail, "findings": found}

    def _report(self, fmt: str) -> str:
        # The engine behind it costs a second to import, which those who only look up errors need not spend.
        from kgservice.application.stewards.reports import refusal  # noqa: PLC0415

        return refusal(self._problem["findings"], fmt)


def language_of(scope: Scope) -> str:
    """The language in which a program is told of problems: what it likes best, else English."""
    return preferred(Headers(raw=list(scope.get("headers", ()))).get("accept-language"), "en")


def _oversees(scope: Scope) -> bool:
    principal = scope.get("state", {}).get("principal")
    return isinstance(principal, Principal) and principal.oversees


def _preferred(accept: str | None) -> tuple[Format | Representation, str]:
    """The form in which a client would have a refusal; problem details for one that asks for neither."""
    try:
        return negotiate((_PROBLEM, TURTLE, JSON_LD), accept)
    except errors.NotAcceptable:
        return _PROBLEM, MEDIA_TYPE


class _MethodNotAllowed(_Problem):
    """The answer of every resource to a method that it has not, and to OPTIONS."""

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers={"Allow": self.headers["Allow"]})(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def method_not_allowed(allowed: str) -> Response:
    """405 with the methods that are allowed, such as `GET, POST`; 204 when the request asked by OPTIONS.

    HEAD is allowed where GET is, and OPTIONS everywhere.
    """
    methods = {method.strip() for method in allowed.split(",")} - {""} | {"OPTIONS"}
    listed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    status, title = OTHERS["method-not-allowed"]
    body = document(
        status,
        "method-not-allowed",
        title,
        Phrase("The methods here are {methods}", methods=listed),
        {},
    )
    return _MethodNotAllowed(body, status, {"Cache-Control": "no-store", "Allow": listed})


def _own(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, errors.KgError)
    return problem_of(error)


def _router(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem_of(errors.NotFound("There is nothing at {path}", path=request.url.path))
    if error.status_code == 405:
        return method_not_allowed((error.headers or {}).get("Allow", ""))
    body = {
        "type": _UNTYPED,  # the status says it all (RFC 9457, section 4.2.1)
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "detail": error.detail,
    }
    return _Problem(body, error.status_code, {"Cache-Control": "no-store", **(error.headers or {})})


def _validation(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    return problem_of(errors.BadParameter(first["msg"], source=".".join(place[1:]) or place[0]))


def _unexpected(request: Request, error: Exception) -> Response:  # noqa: ARG001
    # The server logs the exception with its traceback; the client learns nothing of the inside.
    # It closes the connection afterwards. This answer passes no middleware.
    headers = {"Connection": "close"} | {name.decode(): value.decode() for name, value in SECURITY_HEADERS}
    return problem("internal-error", Phrase("The service failed; its log says why"), headers)


HANDLERS: dict[Any, Callable[[Request, Any], Any]] = {
    errors.KgError: _own,
    HTTPException: _router,
    RequestValidationError: _validation,
    Exception: _unexpected,
}
