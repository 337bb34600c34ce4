"""What goes out: connections to other machines, which a test forbids and asks about."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def offline() -> Iterator[list[Any]]:
    """Within this no connection to another machine can be made; the addresses that were asked for.

    This machine can be reached: a thread of an earlier test may still talk to a server that it has there.
    """
    connect, asked = socket.socket.connect, list[Any]()

    def refuse(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_UNIX or str(address[0]) in {"127.0.0.1", "::1", "localhost"}:
            connect(self, address)
            return
        asked.append(address)
        raise ConnectionRefusedError(f"nothing may go out, but to {address}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        yield asked
