"""API keys: what one says, how it is made, and how it is kept so that nobody can read it back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kgservice.domain.principal import Principal, Role, default_purpose

# kgs, the prefix by which a key is recognised, and 256 random bits
_KEY = re.compile(r"kgs_([0-9a-f]{8})_[A-Za-z0-9_-]{43}", re.ASCII)
# Cost of scrypt: 2^15 blocks of 8 (32 MiB), once. What is hashed is random, so that guessing fails anyhow.
_COST = (15, 8, 1)
# The hash of no key, to compare keys with that are not there: that takes as long as with those that are.
NO_KEY = f"scrypt$15$8$1${base64.b64encode(bytes(16)).decode()}${base64.b64encode(bytes(32)).decode()}"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: everything but the key itself.

    `prefix` is its beginning, by which it is recognised; `name` says for people what it is for.
    """

    prefix: str
    name: str
    roles: frozenset[Role]
    purposes: tuple[str, ...]
    default: str | None
    created: datetime
    expires: datetime | None
    revoked: datetime | None = None

    def state(self, now: datetime) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "valid"

    @property
    def principal(self) -> Principal:
        """Who asks with this key."""
        default = self.default or default_purpose(self.roles, self.purposes)
        return Principal(f"key:{self.prefix}", self.roles, frozenset(self.purposes), default)

    def to_json(self, now: datetime) -> dict[str, Any]:
        """The key as JSON values, with its state."""
        return {
            "prefix": self.prefix,
            "name": self.name,
            "state": self.state(now),
            "roles": sorted(self.roles),
            "purposes": list(self.purposes),
            "default": self.default,
            "created": self.created.isoformat(),
            "expires": self.expires and self.expires.isoformat(),
            "revoked": self.revoked and self.revoked.isoformat(),
        }


def new_key() -> tuple[str, str]:
    """A new key and its prefix. The key is to be shown once."""
    prefix = secrets.token_hex(4)
    return f"kgs_{prefix}_{secrets.token_urlsafe(32)}", prefix


def prefix_of(key: str) -> str | None:
    """The prefix of a key, or None for what is no key.

    >>> prefix_of("kgs_3f2a91c0_" + 43 * "x"), prefix_of("kgs_3f2a91c0")
    ('3f2a91c0', None)
    """
    found = _KEY.fullmatch(key)
    return found[1] if found else None


def hashed(key: str, cost: tuple[int, int, int] = _COST) -> str:
    """What is kept of a key: a salted scrypt hash, with its `cost` (exponent of two, block size, rounds)."""
    salt = secrets.token_bytes(16)
    found = _scrypt(key, salt, *cost)
    said = "$".join(map(str, cost))
    return f"scrypt${said}${base64.b64encode(salt).decode()}${base64.b64encode(found).decode()}"


def matches(key: str, kept: str) -> bool:
    """Whether `kept` is the hash of the key; takes some tenths of a second, also when it is none."""
    try:
        kind, exponent, size, rounds, salt, digest = kept.split("$")
        if kind != "scrypt":
            return False
        found = _scrypt(key, base64.b64decode(salt), int(exponent), int(size), int(rounds))
        return hmac.compare_digest(found, base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False


def _scrypt(key: str, salt: bytes, exponent: int, size: int, rounds: int) -> bytes:
    return hashlib.scrypt(
        key.encode(),
        salt=salt,
        n=2**exponent,
        r=size,
        p=rounds,
        maxmem=2 * 128 * size * 2**exponent,
        dklen=32,
    )
