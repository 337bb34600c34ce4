"""Connections that say nothing, or not all of a request, are closed after a while."""

from __future__ import annotations

import asyncio
import resource
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD = 4 * 1024 * 1024  # bytes of a request without its body; a query may be in its address
PATIENCE = 20  # seconds from the first byte of a request, or of a connection, until its headers are complete


class Patient(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, for clients that may be slow on purpose."""

    _waiting: asyncio.TimerHandle | None = None
    _size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what comes, but no endless headers."""
        if self._waiting is not None:
            self._size += len(data)
            if self._size > LONGEST_HEAD:
                self.send_400_response("The headers are too long")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Wait for the rest of the request."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._size = 0
        self._waiting = self.loop.call_later(PATIENCE, self._close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _close(self) -> None:
        transport: Any = self.transport
        transport.close()


def allow_many_connections() -> None:
    """Let this process have as many files and connections as the system allows at most."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # some systems name more than they allow
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
