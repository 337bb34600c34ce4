"""Serving over HTTP: the settings of uvicorn, on loopback addresses only, with a word when it is ready."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import quote

import uvicorn
from starlette.types import ASGIApp

from kgservice.application.audit import AuditLog
from kgservice.application.graph import KnowledgeGraph
from kgservice.errors import Forbidden
from kgservice.http.app import create_app
from kgservice.settings import Settings


class Server(uvicorn.Server):
    """A uvicorn server that calls `ready` with its address once it accepts connections."""

    def __init__(self, app: ASGIApp, host: str, port: int, ready: Callable[[str], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                access_log=False,  # it would cost time, and hold the token of the first link
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=5,
                proxy_headers=False,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell the address (with the port that was really taken)."""
        await super().startup(sockets=sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            host = self.config.host
            self._ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/")


def serve(
    kg: KnowledgeGraph,
    settings: Settings,
    token: str,
    *,
    audit: AuditLog | None = None,
    ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve `kg` at `settings.host` and `settings.port` (0: a free one) until the process is told to stop.

    `ready` gets the link with the token once the service accepts connections; `audit` records what is done.
    Nothing is printed.
    Raises `Forbidden` for a host that is not a loopback address.
    """
    check_loopback(settings.host)
    app = create_app(kg, token=token, audit=audit)
    server = Server(app, settings.host, settings.port, lambda url: ready(f"{url}?token={quote(token)}"))
    server.run()


def check_loopback(host: str) -> None:
    """Raise `Forbidden` unless `host` is `localhost`, 127.0.0.1 or ::1."""
    try:
        local = host == "localhost" or ipaddress.ip_address(host) in {
            ipaddress.ip_address("127.0.0.1"),
            ipaddress.ip_address("::1"),
        }
    except ValueError:
        local = False
    if not local:
        raise Forbidden(f"{host} is no loopback address; until there are accounts, only those are served")
