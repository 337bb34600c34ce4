"""A TCP proxy in front of a server that cuts connections when it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Cutting:
    """Forwards connections to a port of 127.0.0.1; `cut_after(n)` breaks the next one after so many bytes.

    `back`: bytes of the answer count, not those of the request.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._left: int | None = None
        self._back = False
        self._lock = threading.Lock()
        self.cuts = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def cut_after(self, size: int, *, back: bool) -> None:
        """Break a connection once, after so many more bytes in this direction."""
        with self._lock:
            self._left, self._back = size, back

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:  # the server is not there
                    near.close()
                    continue
                for end in (near, far):  # otherwise each answer waits 40 ms for a confirmation
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for source, sink, back in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._pump, args=(source, sink, back), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, back: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                data, cut = self._allowed(data, back=back)
                sink.sendall(data)
                if cut:
                    break
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _allowed(self, data: bytes, *, back: bool) -> tuple[bytes, bool]:
        with self._lock:
            if self._left is None or back != self._back:
                return data, False
            if len(data) <= self._left:
                self._left -= len(data)
                return data, False
            data, self._left = data[: self._left], None
            self.cuts += 1
            return data, True

    def close(self) -> None:
        """Take no connection any more."""
        self._listener.close()


@contextmanager
def cutting(target: int) -> Iterator[Cutting]:
    """A proxy in front of the port, for the length of the block."""
    proxy = Cutting(target)
    try:
        yield proxy
    finally:
        proxy.close()


def through(url: str, proxy: Cutting) -> str:
    """The address of a server by way of the proxy."""
    before, _, path = url.removeprefix("http://127.0.0.1:").partition("/")
    assert before.isdecimal()
    return f"http://127.0.0.1:{proxy.port}/{path}"
