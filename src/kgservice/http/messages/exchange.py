"""One request and the means to answer it, for the routes that are plain ASGI applications."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kgservice.http.messages.bodies import Parameters, query_parameters
from kgservice.http.messages.problems import method_not_allowed

T = TypeVar("T")


async def on(pool: Executor, work: Callable[[], T]) -> T:
    """What the work gives, done in a thread of the pool."""
    return await asyncio.get_running_loop().run_in_executor(pool, work)


class Exchange:
    """`method`, `headers`, `parameters` of the address, and `receive` and `send` for the rest.

    Raises `BadParameter` when the parameters are not percent-encoded UTF-8.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.method: str = scope["method"]
        self.headers = Headers(scope=scope)
        self.parameters: Parameters = query_parameters(scope["query_string"])

    @property
    def wanted(self) -> str | None:
        """The first `?format=`."""
        return self.parameters.get("format", [None])[0]

    @property
    def root(self) -> str:
        """The address of the service as the client wrote it, without a slash at its end."""
        return f"{self.scope['scheme']}://{self.headers['host']}{self.scope.get('root_path', '')}"

    async def has(self, *methods: str) -> bool:
        """Whether the request uses one of the methods of its resource, and HEAD where GET is one.

        Otherwise it is answered: to OPTIONS with the methods, else with 405.
        """
        if self.method in methods or (self.method == "HEAD" and "GET" in methods):
            return True
        await self.reply(method_not_allowed(", ".join(methods)))
        return False

    async def reply(self, response: Response) -> None:
        """Send a whole response; for HEAD only its headers, with the length that its body has."""
        if self.method == "HEAD":
            response.body = b""
        await response(self.scope, self.receive, self.send)

    async def reply_bare(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
        """Send a response with these headers and no others."""
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})
