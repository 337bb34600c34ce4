"""The public keys of an OpenID Connect provider: fetched where its discovery document says, kept, renewed.

These are the only requests that the service makes to other machines, and their addresses come from the
settings and from the provider itself, never from a token.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from kgservice.errors import StoreFailed
from kgservice.settings import is_secure_address

FRESH = 3600.0  # seconds after which the keys are fetched again
OLDEST = 24 * 3600.0  # seconds after which keys that cannot be fetched again are trusted no more
PAUSE = 30.0  # seconds between two fetches, whatever tokens come in
TIMEOUT = httpx.Timeout(5.0)
LARGEST = 1024 * 1024  # bytes of a document
SMALLEST_RSA = 2048  # bits, in Base64 at least:
_SHORTEST_MODULUS = 342  # characters

PublicKey = RSAKey | ECKey | OKPKey

_TYPE = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_CURVE = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "Ed25519": "Ed25519"}
_log = logging.getLogger("kgservice.oidc")


class ProviderKeys:
    """The signing keys of one provider."""

    def __init__(self, issuer: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._monotonic = monotonic
        self._keys: list[tuple[dict[str, Any], PublicKey]] = []
        self._fetched = self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """The key with this id that fits the algorithm; without an id the only key that fits.

        An unknown id makes the keys be fetched anew, but not more often than every `PAUSE` seconds. Raises
        `StoreFailed` when there are no keys because the provider does not answer.
        """
        key = self._known(kid, algorithm)
        if key is None or self._monotonic() - self._fetched > FRESH:
            await self._renew()
            key = self._known(kid, algorithm)
        if self._monotonic() - self._fetched > OLDEST:
            raise StoreFailed("The keys of the identity provider cannot be fetched; try again later")
        return key

    def _known(self, kid: str | None, algorithm: str) -> PublicKey | None:
        fitting = [key for data, key in self._keys if _fits(data, key, algorithm)]
        if kid is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.kid == kid), None)

    async def _renew(self) -> None:
        if self._monotonic() - self._tried < PAUSE:
            return
        async with self._lock:
            if self._monotonic() - self._tried < PAUSE:  # somebody else did it meanwhile
                return
            self._tried = self._monotonic()
            try:
                self._keys = await _fetch(self._issuer)
                self._fetched = self._monotonic()
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
                _log.warning("The keys of %s cannot be fetched: %s", self._issuer, error)


async def _fetch(issuer: str) -> list[tuple[dict[str, Any], PublicKey]]:
    """The public keys that can sign. Raises `ValueError` for documents that are not as they should be."""
    own_machine = urlsplit(issuer).scheme == "http"
    async with httpx.AsyncClient(
        timeout=TIMEOUT, trust_env=not own_machine, follow_redirects=False
    ) as client:
        about = await _document(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != issuer:
            raise ValueError(f"its discovery document is of {str(about.get('issuer'))[:200]!r}")
        address = about.get("jwks_uri")
        if not isinstance(address, str) or not is_secure_address(address, loopback=own_machine):
            raise ValueError("its discovery document names no safe address of keys")
        listed = (await _document(client, address)).get("keys")
    found = []
    for data in listed if isinstance(listed, list) else []:
        key = _imported(data)
        if key is not None:
            found.append((data, key))
    return found


async def _document(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    async with client.stream("GET", address, headers={"Accept": "application/json"}) as response:
        if response.status_code != 200:
            raise ValueError(f"{address} answers {response.status_code}")
        body = b""
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > LARGEST:
                raise ValueError(f"{address} is larger than {LARGEST} bytes")
    found = httpx.Response(200, content=body).json()
    if not isinstance(found, dict):
        raise ValueError(f"{address} is no JSON object")  # noqa: TRY004
    return found


def _imported(data: Any) -> PublicKey | None:
    """A key that can be used, or None for one of another kind, for another use, too short or malformed."""
    if not isinstance(data, dict) or data.get("use", "sig") != "sig":
        return None
    if data.get("kty") not in _TYPE.values():  # a shared secret, for one, has no place here
        return None
    if data["kty"] == "RSA" and len(str(data.get("n"))) < _SHORTEST_MODULUS:
        return None
    try:
        key = JWKRegistry.import_key(data)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAKey) and key.public_key.key_size < SMALLEST_RSA:
        return None
    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None


def _fits(data: dict[str, Any], key: PublicKey, algorithm: str) -> bool:
    """Whether a key is for signatures by the algorithm."""
    if key.key_type != _TYPE[algorithm[:2]] or data.get("alg", algorithm) != algorithm:
        return False
    return algorithm not in _CURVE or data.get("crv") == _CURVE[algorithm]
