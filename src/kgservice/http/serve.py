"""Serving over HTTP: the settings of uvicorn, who has to be able to sign in, a word when it is ready."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime

import uvicorn
from starlette.types import ASGIApp

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law.audit import AuditLog
from kgservice.errors import Forbidden
from kgservice.http.access.patience import allow_many_connections, patient
from kgservice.http.app import create_app
from kgservice.settings import Settings
from kgservice.store.keys import KeyFile, keys_of


class Server(uvicorn.Server):
    """A uvicorn server that calls `ready` with its address once it accepts connections."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        ready: Callable[[str], None],
        *,
        proxies: str = "",
        grace: int = 5,
        connections: int = 1000,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=patient(connections),
                ws="none",  # whatever is installed: a connection stays one of `patient`
                host=host,
                port=port,
                access_log=False,  # it would cost time, and hold the ticket of the link
                log_level="warning",
                server_header=False,
                log_config=None,  # the command says how logs are written
                timeout_graceful_shutdown=grace,
                proxy_headers=bool(proxies.strip()),
                forwarded_allow_ips=proxies.split(),
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
    ticket: str = "",
    audit: AuditLog | None = None,
    ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve `kg` at `settings.host` and `settings.port` (0: a free one) until the process is told to stop.

    `ready` gets the address once the service accepts connections; `ticket` is that of the link that lets one
    browser in; `audit` records what is done. Nothing is printed. Raises `Forbidden` when nobody could sign
    in: see `check_door`.
    """
    check_door(settings, kg.clock())
    connections = allow_many_connections(settings.connections)
    app = create_app(kg, token=token, ticket=ticket, audit=audit)
    Server(
        app,
        settings.host,
        settings.port,
        ready,
        proxies=settings.proxies,
        grace=settings.grace,
        connections=connections,
    ).run()


def check_door(settings: Settings, now: datetime) -> None:
    """Raise `Forbidden` when more than this machine is served and there is neither a valid key nor OIDC."""
    if settings.local or settings.oidc_issuer:
        return
    keys = KeyFile(keys_of(settings.store))
    valid = any(key.state(now) == "valid" for key in keys.all())
    keys.close()
    if not valid:
        raise Forbidden(
            "Others than this machine are served only when they can sign in: "
            "make a key (kgservice keys create) or name an identity provider (KGSERVICE_OIDC_ISSUER)"
        )
