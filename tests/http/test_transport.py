"""What is written within one turn of the event loop goes out together, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import uvloop

from kgservice.http.messages.transport import Gathering


class Answers(asyncio.Protocol):
    """Writes what `write` writes once somebody connects."""

    def __init__(self, write: Callable[[Gathering], None]) -> None:
        self._write = write

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer at once."""
        self._write(Gathering(cast(asyncio.Transport, transport), asyncio.get_running_loop()))


def received(write: Callable[[Gathering], None]) -> list[bytes]:
    """The pieces in which a client gets what is written; the connection is closed after it."""

    async def run() -> list[bytes]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Answers(write), "127.0.0.1", 0)
        pieces = []
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            client.setblocking(False)
            async with asyncio.timeout(10):
                while piece := await loop.sock_recv(client, 1 << 20):
                    pieces.append(piece)
        server.close()
        return pieces

    return uvloop.run(run())


def test_a_head_and_its_body_are_one_piece() -> None:
    def write(transport: Gathering) -> None:
        transport.write(b"head ")
        transport.write(b"body")
        asyncio.get_running_loop().call_later(0.05, transport.close)

    assert received(write) == [b"head body"]


def test_what_waits_goes_out_before_the_end() -> None:
    def write(transport: Gathering) -> None:
        transport.write(b"head ")
        transport.write(b"body")
        transport.close()
        transport.write(b"nobody gets this")

    assert b"".join(received(write)) == b"head body"


def test_much_goes_out_at_once_and_in_order() -> None:
    def write(transport: Gathering) -> None:
        for n in range(40):
            transport.write(bytes([n]) * 4096)
        transport.write(b"end")
        asyncio.get_running_loop().call_later(0.2, transport.close)

    assert b"".join(received(write)) == b"".join(bytes([n]) * 4096 for n in range(40)) + b"end"


def test_who_has_gone_within_the_turn_is_no_fault() -> None:
    faults: list[dict[str, Any]] = []

    def write(transport: Gathering) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context))
        transport.write(b"head")
        transport.abort()

    assert received(write) == []
    assert faults == []
