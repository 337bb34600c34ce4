"""The file of the API keys beside the store: written by commands, read by the service at each request."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from kgservice.domain.keys import ApiKey
from kgservice.domain.principal import Role
from kgservice.errors import BadInput, Conflict, NotFound, StoreFailed

_WAIT = 5.0  # seconds that a command waits for another one that writes
_BRIEFLY = 0.2  # seconds that the service waits for a command that writes
_TABLE = """
CREATE TABLE IF NOT EXISTS api_key (
  prefix TEXT PRIMARY KEY, hash TEXT NOT NULL, name TEXT NOT NULL, roles TEXT NOT NULL,
  purposes TEXT NOT NULL, standard TEXT, created TEXT NOT NULL, expires TEXT, revoked TEXT
) WITHOUT ROWID
"""
_COLUMNS = "prefix, hash, name, roles, purposes, standard, created, expires, revoked"


def keys_of(store: Path) -> Path:
    """Where the keys of a store are: beside it.

    >>> keys_of(Path("data/store")).as_posix()
    'data/store.keys.sqlite'
    """
    return store.with_name(f"{store.name}.keys.sqlite")


class KeyFile:
    """The keys in one SQLite file, which only its owner may read. A file that is not there holds none.

    Every method raises `StoreFailed` when the file cannot be read or written. Use one object in one thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        self._last: tuple[Any, Any] = (None, None)

    def add(self, key: ApiKey, kept: str) -> None:
        """Keep a new key with its hash. Raises `Conflict` when there is one with its prefix."""
        row = (
            key.prefix,
            kept,
            key.name,
            json.dumps(sorted(key.roles)),
            json.dumps(key.purposes),
            key.default,
            key.created.isoformat(),
            key.expires and key.expires.isoformat(),
            None,
        )
        with self._writing() as connection:
            try:
                connection.execute(f"INSERT INTO api_key ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)", row)  # noqa: S608
            except sqlite3.IntegrityError:
                raise Conflict("there is a key {prefix} already", prefix=key.prefix) from None

    def revoke(self, prefix: str, now: datetime) -> ApiKey:
        """Let a key be valid no more; one that is revoked stays as it is. Raises `NotFound`."""
        if not self._path.exists():
            raise NotFound("there is no key {prefix!r}", prefix=prefix[:80])
        with self._writing() as connection:
            connection.execute(
                "UPDATE api_key SET revoked = ? WHERE prefix = ? AND revoked IS NULL",
                (now.isoformat(), prefix),
            )
        found = self.find(prefix)
        if found is None:
            raise NotFound("there is no key {prefix!r}", prefix=prefix[:80])
        return found[0]

    def find(self, prefix: str) -> tuple[ApiKey, str] | None:
        """The key with this prefix and its hash, as they are now."""
        rows = self._read(f"SELECT {_COLUMNS} FROM api_key WHERE prefix = ?", (prefix,))  # noqa: S608
        if not rows:
            return None
        if rows[0] != self._last[0]:  # the same key asks again and again
            self._last = rows[0], _key(rows[0])
        return self._last[1], rows[0][1]

    def all(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        return [_key(row) for row in self._read(f"SELECT {_COLUMNS} FROM api_key ORDER BY created, prefix")]  # noqa: S608

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _read(self, query: str, values: tuple[str, ...] = ()) -> list[Any]:
        try:
            connection = self._reading()
            return [] if connection is None else connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(
                "the keys cannot be read: {error}", error=error, source=str(self._path)
            ) from error

    def _reading(self) -> sqlite3.Connection | None:
        """An open connection to the file that is there now, since it may be replaced, or None."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self.close()
            return None
        if self._open is None or self._opened != (found.st_dev, found.st_ino):
            self.close()
            self._open = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BRIEFLY, isolation_level=None
            )
            self._opened = found.st_dev, found.st_ino
        return self._open

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction, to a file that is made if there is none."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            self._path.chmod(0o600)
            with closing(sqlite3.connect(self._path, timeout=_WAIT)) as connection, connection:
                connection.execute(_TABLE)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise StoreFailed(
                "the keys cannot be written: {error}", error=error, source=str(self._path)
            ) from error


def _key(row: Any) -> ApiKey:
    try:
        return ApiKey(
            prefix=row[0],
            name=row[2],
            roles=frozenset(map(Role, json.loads(row[3]))),
            purposes=tuple(json.loads(row[4])),
            default=row[5],
            created=datetime.fromisoformat(row[6]),
            expires=datetime.fromisoformat(row[7]) if row[7] else None,
            revoked=datetime.fromisoformat(row[8]) if row[8] else None,
        )
    except (ValueError, TypeError) as error:
        raise BadInput(
            "the key {prefix} is not kept as it should be: {error}", prefix=row[0], error=error
        ) from error
