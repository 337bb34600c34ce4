"""The headers that every answer carries, for the browsers that show it, and one of our own."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# How many violations a report names, for those who do not read it.
VIOLATIONS = "Kgservice-Violations"
_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", _CSP.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
# Who once came by https is to come by https only.
_HSTS = ((b"strict-transport-security", b"max-age=31536000"),)
# What a browser never runs or renders with links needs no policy, and is what programs ask for most.
_INERT = (
    b"application/sparql-results+json",
    b"application/json",
    b"application/n-triples",
    b"text/csv",
    b"text/tab-separated-values",
    b"text/turtle",
)


def security_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """The headers to add to an answer with `headers`: all, or for data that stays data only the first."""
    for name, value in headers:
        if name == b"content-type":
            return SECURITY_HEADERS[:1] if value.startswith(_INERT) else SECURITY_HEADERS
    return SECURITY_HEADERS


class SecurityHeaders:
    """ASGI middleware: adds the security headers to all answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and the answer back with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                more = _HSTS if scope["scheme"] == "https" else ()
                message["headers"] = [*headers, *security_headers(headers), *more]
            await send(message)

        await self._app(scope, receive, guarded)
