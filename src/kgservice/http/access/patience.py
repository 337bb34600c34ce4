"""Connections that say nothing, or not all of a request, are closed: after a while, or to make room."""

from __future__ import annotations

import asyncio
import json
import resource
from contextlib import suppress
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from kgservice.errors import BadInput, Busy, KgError
from kgservice.http.messages.details import details
from kgservice.http.messages.transport import Gathering

LONGEST_HEAD = 4 * 1024 * 1024  # bytes of a request without its body; a query may be in its address
PATIENCE = 20  # seconds from the first byte of a request, or of a connection, until its headers are complete
_KEPT = 2048  # open files that are left for the store and for queries, if there may be so many


class Patient(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, for clients that may be slow on purpose, and many: see `patient`."""

    most: ClassVar[int]
    silent: ClassVar[dict[Patient, None]]  # whose turn it is to send something; who has not for longest first
    _waiting: asyncio.TimerHandle | None = None
    _size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, in the place of who has said nothing for longest if there are too many."""
        super().connection_made(cast(asyncio.Transport, Gathering(transport, self.loop)))
        if len(self.connections) > self.most:
            if not self.silent:
                self._refuse(Busy("There are too many connections"))
                return
            next(iter(self.silent))._give_way()
        self._wait()
        self._listen()

    def _give_way(self) -> None:
        self.silent.pop(self)
        self.connections.discard(self)
        transport: Any = self.transport
        transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take what comes, but no endless headers."""
        if self._waiting is not None:
            self._size += len(data)
            if self._size > LONGEST_HEAD:
                self.send_400_response("The headers are too long")
                return
        super().data_received(data)
        self._listen()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, as a problem."""
        self._refuse(BadInput(msg.removesuffix(".")))

    def _refuse(self, error: KgError) -> None:
        """Answer and close: what is no request is seen by no application."""
        problem = details(error)
        body = json.dumps(problem).encode()
        after = b"Retry-After: 1\r\n" if isinstance(error, Busy) else b""
        self.transport.write(
            b"%bContent-Type: application/problem+json\r\nContent-Length: %d\r\n%bConnection: close\r\n\r\n%b"
            % (STATUS_LINE[problem["status"]], len(body), after, body)
        )
        self.transport.close()

    def on_message_begin(self) -> None:
        """Wait for the rest of the request."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, for a moment."""
        super().on_response_complete()
        self._listen()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        self.silent.pop(self, None)
        super().connection_lost(exc)

    def _listen(self) -> None:
        """Go behind all who are silent, if it is for the client to go on; else be none of them."""
        self.silent.pop(self, None)
        cycle = self.cycle
        answered = cycle is None or cycle.response_complete
        if answered or (cycle.more_body and not self.flow.read_paused):
            self.silent[self] = None

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


def patient(most: int) -> type[Patient]:
    """The protocol of a server that has at most so many connections at the same time.

    When there are as many, a new one takes the place of the one that has said nothing for longest, of those
    that have still to send a request or the rest of one; if all are being answered, it is told to come back.
    """
    return type("PatientOfServer", (Patient,), {"most": most, "silent": {}})


def allow_many_connections(wanted: int) -> int:
    """Let this process have as many open files as the system allows; how many connections there may be then.

    That is at most as many as wanted.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # some systems name more than they allow
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if files == resource.RLIM_INFINITY else min(wanted, files - min(_KEPT, files // 2))
