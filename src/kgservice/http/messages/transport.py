"""What is written within one turn of the event loop goes out together: a head with its body."""

from __future__ import annotations

import asyncio
from typing import Any

_MOST = 64 * 1024  # bytes that are held at most; the transport says then whether the client is slow


class Gathering:
    """A transport that holds what is written until the turn is over; all else is as that of `transport`.

    uvicorn writes a head and its body apart, and each write wakes the client.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """See `asyncio.Transport`."""
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Write it at the end of the turn, or at once together with what waits, when that is much."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > _MOST:
            self._flush()

    def close(self) -> None:
        """Write what waits, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held and not self._transport.is_closing():  # the client may have gone within this turn
            self._transport.writelines(held)
