"""The note that a running service leaves beside its store, so that other commands find it.

The embedded store has one owner at a time. While `serve` owns it, the file `<store>.service.json`
(readable by its owner only) holds the address and the token; the other commands read it and ask the service
instead.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

# What a service writes into its note; anything else was not written by one.
_ADDRESS = re.compile(r"http://(?:localhost|127\.0\.0\.1|\[::1\]):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Running:
    """A running service: its address, its token and the process that runs it."""

    url: str
    token: str
    pid: int


def note_of(store: Path) -> Path:
    """Where the note of the service that owns `store` is: beside the store.

    >>> note_of(Path("data/store")).as_posix()
    'data/store.service.json'
    """
    return store.with_name(f"{store.name}.service.json")


def local_url(host: str, url: str) -> str | None:
    """How commands on this machine reach a service that listens on `host`; None when they cannot by loopback.

    >>> local_url("0.0.0.0", "http://0.0.0.0:8000"), local_url("192.0.2.7", "http://192.0.2.7:8000")
    ('http://127.0.0.1:8000', None)
    """
    own = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
    if host in own:
        return f"http://{own[host]}:{url.rpartition(':')[2]}"
    return url if _ADDRESS.fullmatch(url) else None


@contextmanager
def announced(store: Path, running: Running) -> Iterator[None]:
    """Leave the note while the service runs, and take it away at the end."""
    note = note_of(store)
    note.unlink(missing_ok=True)
    with os.fdopen(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump(asdict(running), out)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def find(store: Path) -> Running | None:
    """The service that the note beside `store` names, or None. It may have ended since.

    A note that no service can have written is ignored.
    """
    try:
        running = Running(**json.loads(note_of(store).read_text(encoding="utf-8")))
        address = _ADDRESS.fullmatch(running.url)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    known = address is not None and int(address[1]) <= 65535 and isinstance(running.token, str)
    return running if known else None
