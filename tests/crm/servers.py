"""A small CRM with a REST API, over a real socket: it pages, is slow, busy or broken, and wants a token."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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


def certified(folder: Path) -> ssl.SSLContext:
    """What a server on this machine shows; who trusts it is told the file `ca.pem` in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "crm.example")])
    now = datetime.now(UTC)
    public = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(public, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


@contextmanager
def serving(
    answer: Callable[[str, dict[str, str], dict[str, str]], Answer], tls: ssl.SSLContext | None = None
) -> Iterator[Crm]:
    """A server that answers with `answer(path, query, headers)`, until the end of the block.

    `query` are the parameters of the address, or the fields of a form; a body in JSON is its field `json`.
    """
    crm = Crm(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            crm.asked.append(self.path)
            self.give(urlsplit(self.path).query)

        def do_POST(self) -> None:
            crm.asked.append(f"POST {self.path}")
            said = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = self.headers.get_content_type() != "application/json"
            self.give(said if form else urlencode({"json": said}))

        def give(self, said: str) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(said).items()}
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
