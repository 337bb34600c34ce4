"""A real server on a real socket, for tests: `with running(kg) as server: server.get("/sparql?query=…")`."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law.audit import AuditLog
from kgservice.http.app import create_app
from kgservice.http.serve import Server

TOKEN = "the-token-of-the-tests"
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP: httpx reads all certificates of the machine for each, which takes 20 ms."""


@dataclass(frozen=True)
class Running:
    """A running service: its address with a slash at the end, its token, and a client that sends it."""

    url: str
    token: str
    kg: KnowledgeGraph
    client: httpx.Client

    @property
    def port(self) -> int:
        """The TCP port."""
        return httpx.URL(self.url).port or 80

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request with the token; `path` without the first slash or with it."""
        return self.client.request(method, self.url + path.removeprefix("/"), **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """A GET with the token."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """A POST with the token."""
        return self.request("POST", path, **options)

    def sign_in(self, browser: httpx.Client) -> str:
        """Sign in with the token as a browser does; what it then sends as its cookie."""
        headers = {"Origin": self.url.removesuffix("/")}
        answer = browser.post(f"{self.url}sign-in", data={"token": self.token}, headers=headers)
        assert answer.status_code == 303, answer.text
        return answer.headers.get_list("set-cookie")[0].partition(";")[0]


def faults(client: Running | httpx.Client) -> list[str]:
    """What a check of the store that a service holds finds: none, if it is sound."""
    answer = client.post("/check", headers={"Prefer": "wait=600"})
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()["faults"]
    return found


class _Stoppable(Server):
    """Ends as soon as it is told to: hundreds of tests would else wait for the next look at the clock.

    uvicorn looks ten times a second whether it is to end, and then gives connections a tenth of a second, even
    if there are none.
    """

    _loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._told, self._loop = asyncio.Event(), asyncio.get_running_loop()
        await super().startup(sockets=sockets)

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 0.1)
            ticks += 1

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.server_state.connections or self.server_state.tasks or sockets:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
        await self.lifespan.shutdown()

    def stop(self) -> None:
        """Tell it to end, from another thread."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._told.set)


@contextmanager
def running(
    kg: KnowledgeGraph, token: str = TOKEN, audit: AuditLog | None = None, ticket: str = ""
) -> Iterator[Running]:
    """Serve `kg` on a free port of 127.0.0.1 in a thread, for the length of the block."""
    ready = threading.Event()
    address: list[str] = []

    def tell(url: str) -> None:
        address.append(url)
        ready.set()

    app = create_app(kg, token=token, ticket=ticket, audit=audit)
    server = _Stoppable(app, "127.0.0.1", 0, tell, proxies=kg.settings.proxies)
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        if not ready.wait(30):
            raise RuntimeError("the server did not start")
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        with httpx.Client(headers=headers, timeout=600, trust_env=False, verify=PLAIN) as client:
            yield Running(address[0], token, kg, client)
    finally:
        server.stop()
        thread.join(30)
