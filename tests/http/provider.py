"""An OpenID Connect provider for tests: discovery and keys on loopback, tokens with real signatures."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from tests.conftest import NOON

AUDIENCE = "kgservice"
NOW = int(NOON.timestamp())

SigningKey = RSAKey | ECKey


def rsa(kid: str, bits: int = 2048) -> RSAKey:
    """A new RSA key; one of few bits, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return RSAKey.generate_key(bits, {"kid": kid})


def ec(kid: str, curve: str = "P-256") -> ECKey:
    """A new key on an elliptic curve."""
    return ECKey.generate_key(curve, {"kid": kid})


class Provider:
    """What the provider publishes; tests change it as they like."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}/realm"
        self.keys: list[SigningKey] = []
        self.extra: list[Any] = []
        self.about: dict[str, Any] = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        self.asked: list[str] = []
        self.works = True

    def answer(self, path: str) -> dict[str, Any] | None:
        self.asked.append(path)
        if not self.works:
            return None
        if path == "/realm/.well-known/openid-configuration":
            return self.about
        if path == "/realm/keys":
            return {"keys": [*self.extra, *(key.as_dict(private=False, use="sig") for key in self.keys)]}
        return None

    def claims(self, **other: Any) -> dict[str, Any]:
        """Claims that are taken; None leaves one out."""
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "anna@example.org",
            "iat": NOW - 10,
            "nbf": NOW - 10,
            "exp": NOW + 300,
            "roles": ["kgservice-reader", "somebody-else's"],
            "purposes": ["dpv:ResearchAndDevelopment", "urn:unknown"],
        }
        return {name: value for name, value in {**claims, **other}.items() if value is not None}

    def token(
        self, key: Any, algorithm: str = "RS256", header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """A signed token."""
        head = {"alg": algorithm, "kid": key.kid, **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        return jwt.encode(head, self.claims(**claims), key, registry=registry, default_type=None)


@contextmanager
def providing() -> Iterator[Provider]:
    """Run a provider for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = provider.answer(self.path)
            body = json.dumps(found).encode()
            self.send_response(200 if found is not None else 500)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
