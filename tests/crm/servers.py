"""A small CRM with a REST API, over a real socket: it pages, is slow, busy or broken, and wants a token."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON."""
    return status, {"Content-Type": "application/json"} | headers, json.dumps(value).encode()


@dataclass
class Crm:
    """What the server answers, and what it was asked."""

    answer: Callable[[str, dict[str, str], dict[str, str]], Answer]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    cut: int = 0
    """The bytes of the body after which the connection is cut; 0: none is."""


@contextmanager
def serving(
    answer: Callable[[str, dict[str, str], dict[str, str]], Answer], tls: ssl.SSLContext | None = None
) -> Iterator[Crm]:
    """A server that answers with `answer(path, query, headers)`, until the end of the block."""
    crm = Crm(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            crm.asked.append(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, headers, body = crm.answer(parts.path, query, dict(self.headers.items()))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: crm.cut] if crm.cut else body)
            if crm.cut:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    crm.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield crm
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
