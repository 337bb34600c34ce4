"""The secret of a store, with which keyed hashes are made: in a file that only its owner may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kgservice.errors import StoreFailed
from kgservice.store.disk import sync

_BYTES = 32


def secret_of(store: Path) -> Path:
    """Where the secret of a store is: beside it.

    >>> secret_of(Path("data/store")).as_posix()
    'data/store.secret'
    """
    return store.with_name(f"{store.name}.secret")


def read_secret(path: Path, *, create: bool) -> bytes:
    """The secret in a file, which is made if it is not there and `create` says so. Raises `StoreFailed`."""
    try:
        if create and not path.exists():
            part = path.with_name(f"{path.name}.part")
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
                out.write(secrets.token_hex(_BYTES))
                out.flush()
                os.fsync(out.fileno())
            part.replace(path)
            sync(path.parent)
        found = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise StoreFailed(f"the secret of the store cannot be read: {error}") from error
    if len(found) < _BYTES:
        raise StoreFailed(f"{path.name} holds no secret of {_BYTES} bytes")
    return found
