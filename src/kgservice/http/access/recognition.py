"""Whose credentials these are: the token of this start, an API key, or the token of an identity provider."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable

from kgservice.domain.clock import Clock
from kgservice.domain.keys import NO_KEY, ApiKey, matches, prefix_of
from kgservice.domain.principal import Principal, Role
from kgservice.errors import TooMany, Unauthorised
from kgservice.http.access.limits import Attempts
from kgservice.http.access.oidc import Oidc, looks_like_token
from kgservice.settings import Settings
from kgservice.store.keys import KeyFile

KNOWN_FOR = 60.0  # seconds that a key which was verified needs no password hash
MOST_KNOWN = 1000  # keys that are remembered as verified
MOST_WAITING = 20  # keys that may wait to be hashed

_WRONG = "The credentials are not valid"


class Recogniser:
    """Who may come in, and as whom.

    `token` is the one of this start. It stands for whoever runs the service, with all roles and all active
    purposes.
    """

    def __init__(
        self,
        settings: Settings,
        token: str,
        keys: KeyFile,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not token:
            raise ValueError("the token must not be empty")
        purposes = frozenset(settings.active_purposes)
        self.local = Principal("local", frozenset({Role.ADMINISTRATOR}), purposes)
        self.attempts = Attempts(settings.sign_ins, monotonic)
        self._token = token.encode()
        self._keys = keys
        self._clock = clock
        self._monotonic = monotonic
        self._oidc = Oidc(settings, clock) if settings.oidc_issuer else None
        self._verified: dict[bytes, tuple[str, float]] = {}
        self._right: dict[bytes, None] = {}  # hashes of tokens whose signature was right, the latest last
        self._hashing = asyncio.Semaphore(1)  # memory and processor for one at a time
        self._waiting: dict[bytes, asyncio.Task[bool]] = {}

    def is_token(self, given: bytes) -> bool:
        """Whether this is the token of this start; takes as long for one that is nearly right."""
        return hmac.compare_digest(given, self._token)

    async def of_header(self, authorization: str, address: str) -> Principal:
        """Whom `Authorization` is of. Raises `Unauthorised`, `TooMany` after many failures from `address`.

        The token of this start, and what was right before, get in from there all the same.
        """
        given = _credentials(authorization)
        if self.is_token(given):
            return self.local
        text = given.decode("latin-1")
        if prefix_of(text) is not None:
            return await self.of_key(text, address)
        if self._oidc is not None and looks_like_token(text):
            return await self._of_token(self._oidc, text, address)
        self.attempts.begin(address)
        raise Unauthorised(_WRONG)

    async def _of_token(self, oidc: Oidc, token: str, address: str) -> Principal:
        """Whose token of the provider this is. One that is over, or not for here, is no wrong attempt."""
        digest = hashlib.sha256(token.encode("latin-1")).digest()
        if digest not in self._right and (refusal := self.attempts.spent(address)) is not None:
            raise refusal
        try:
            claims = await oidc.signed(token)
        except Unauthorised:
            self.attempts.failed(address)
            raise
        self._right.pop(digest, None)
        self._right[digest] = None
        if len(self._right) > MOST_KNOWN:
            del self._right[next(iter(self._right))]
        return oidc.principal(claims)

    async def of_key(self, key: str, address: str) -> Principal:
        """Whose key this is; it is hashed at most once in `KNOWN_FOR` seconds.

        Raises `Unauthorised`, `TooMany` after many failures from `address`. Who has a valid key gets in from
        there all the same: then only keys with the beginning of one that there is are hashed, as often for
        each as for an address, and a wrong one gets the same answer as one that there is not.
        """
        prefix = prefix_of(key)
        if prefix is None:
            self.attempts.begin(address)
            raise Unauthorised(_WRONG)
        found = self._keys.find(prefix)
        kept = found[1] if found else NO_KEY
        digest = hashlib.sha256(key.encode()).digest()
        known = self._verified.get(digest)
        if known is None or known[0] != kept or self._monotonic() > known[1]:
            counted, refusal = address, self.attempts.spent(address)
            if refusal is not None:
                if found is None or found[0].state(self._clock()) != "valid":
                    raise refusal
                counted = f"key {prefix}"
            if not await self._verify(key, digest, kept, counted):
                raise refusal or Unauthorised(_WRONG)
            return self.of_prefix(prefix)  # it may have been revoked meanwhile
        return self._valid(found and found[0])

    def of_prefix(self, prefix: str) -> Principal:
        """Who has the key with this prefix. Raises `Unauthorised` for one that is not valid any more."""
        found = self._keys.find(prefix)
        return self._valid(found and found[0])

    def _valid(self, key: ApiKey | None) -> Principal:
        if key is None or key.state(self._clock()) != "valid":
            raise Unauthorised("This API key is expired or revoked")
        return key.principal

    async def _verify(self, key: str, digest: bytes, kept: str, counted: str) -> bool:
        """Compare the key with its hash, in a thread; requests with the same key wait for one comparison.

        It counts as one failed attempt of `counted` until it is known to be right.
        """
        task = self._waiting.get(digest)
        if task is None:
            if len(self._waiting) >= MOST_WAITING:
                raise TooMany("Too many keys are being checked; try again", after=2)
            self.attempts.begin(counted)
            task = self._waiting[digest] = asyncio.create_task(self._compare(key, digest, kept, counted))
            task.add_done_callback(lambda _: self._waiting.pop(digest, None))
        return await asyncio.shield(task)

    async def _compare(self, key: str, digest: bytes, kept: str, counted: str) -> bool:
        async with self._hashing:
            right = await asyncio.to_thread(matches, key, kept)
        if right:
            self.attempts.succeeded(counted)
            if len(self._verified) >= MOST_KNOWN:
                self._verified.clear()
            self._verified[digest] = kept, self._monotonic() + KNOWN_FOR
        return right


def _credentials(authorization: str) -> bytes:
    """The secret in `Authorization`: what follows Bearer, or the password of Basic with any user."""
    scheme, _, value = authorization.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value.encode("latin-1")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            raise Unauthorised("The Basic credentials are not valid Base64") from None
    raise Unauthorised("Authorization must be Bearer or Basic")
