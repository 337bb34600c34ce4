"""`/static`: the style sheets, scripts and pictures of the pages."""

from __future__ import annotations

from typing import Any

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from kgservice.web.render import STATIC


class Assets(StaticFiles):
    """The files, always whole: they are small, and a server may ignore `Range` (RFC 9110, section 14.2)."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises Starlette's `HTTPException` for what is not there."""
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)

    def file_response(self, *args: Any, **options: Any) -> Response:
        """The response for a file, which says that there are no ranges.

        Its ETag is weak, since the same file is sent compressed, too (RFC 9110, section 8.8.3).
        """
        response = super().file_response(*args, **options)
        response.headers["accept-ranges"] = "none"
        response.headers["etag"] = f"W/{response.headers['etag']}"
        return response


def assets() -> ASGIApp:
    """The files, compressed for who accepts that."""
    return GZipMiddleware(Assets(), compresslevel=6)
