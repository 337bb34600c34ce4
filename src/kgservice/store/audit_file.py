"""The file of the audit log: SQLite beside the store, to which entries are added and never changed.

It is not in the graph: an erasure must not break the chain, and who reads the graph must not read the log.
SQLite brings what a plain file would need: whole entries after a crash, one writer at a time among several
processes, and old entries taken out in one step.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kgservice.domain.audit import START, Draft, Head, Line, digest_of, sealed, stamp
from kgservice.errors import AuditFailed

WAIT = 5.0  # seconds for another process that writes

_VERSION = 1
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS anchor (number INTEGER NOT NULL, hash TEXT NOT NULL);
INSERT INTO anchor SELECT 0, printf('%064d', 0) WHERE NOT EXISTS (SELECT * FROM anchor);
CREATE TRIGGER IF NOT EXISTS entry_stays BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'entries of the audit log are never changed'); END;
CREATE TRIGGER IF NOT EXISTS entry_follows BEFORE INSERT ON entry
WHEN NEW.number <= (SELECT MAX(number) FROM entry)
BEGIN SELECT RAISE(ABORT, 'entries of the audit log are added at its end'); END;
CREATE TRIGGER IF NOT EXISTS entry_remains BEFORE DELETE ON entry
WHEN OLD.number > (SELECT number FROM anchor)
BEGIN SELECT RAISE(ABORT, 'entries of the audit log are archived, not deleted'); END;
PRAGMA user_version = 1;
COMMIT;
"""
_HEAD = "SELECT number, body, hash FROM entry ORDER BY number DESC LIMIT 1"
_FITS = """
number < :before
AND (:since IS NULL OR CASE WHEN json_valid(body) THEN json_extract(body, '$.moment') END >= :since)
AND (:until IS NULL OR CASE WHEN json_valid(body) THEN json_extract(body, '$.moment') END < :until)
AND (:principal IS NULL OR CASE WHEN json_valid(body) THEN json_extract(body, '$.principal') END = :principal)
AND (:action IS NULL OR CASE WHEN json_valid(body) THEN json_extract(body, '$.action') END = :action)
"""
_NEWEST = f"SELECT number, body, hash FROM entry WHERE {_FITS} ORDER BY number DESC LIMIT :limit"  # noqa: S608
_OLDEST = f"SELECT number, body, hash FROM entry WHERE {_FITS} ORDER BY number LIMIT :limit"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries: from `since` on and before `until`, of whom, of what; with numbers below `before`."""

    since: datetime | None = None
    until: datetime | None = None
    principal: str | None = None
    action: str | None = None
    before: int | None = None

    def values(self, limit: int) -> dict[str, str | int | None]:
        """What is bound in the statement."""
        return {
            "since": None if self.since is None else stamp(self.since),
            "until": None if self.until is None else stamp(self.until),
            "principal": self.principal,
            "action": self.action,
            "before": 2**63 - 1 if self.before is None else self.before,
            "limit": limit,
        }


EVERY = Filter()


def beside(store: Path) -> Path:
    """Where the log of a store is.

    >>> beside(Path("data/store")).as_posix()
    'data/store.audit.sqlite'
    """
    return store.with_name(f"{store.name}.audit.sqlite")


class AuditFile:
    """Adds to a log and reads it; any number of threads and processes may do so at once.

    What was added is on the disk when `append` returns. The file is readable by its owner only. All methods
    raise `AuditFailed` when the file cannot be read or written, or when it is not as it was left.
    """

    def __init__(self, path: Path, *, wait: float = WAIT) -> None:
        self.path = path
        self._wait = wait
        self._lock = threading.Lock()
        self._own = START  # the last entry that was added through this object
        with _told():
            # SQLite would make it readable for all.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
            self._identity = _identity(path)
            self._writer = self._connect()
            found = self._writer.execute("PRAGMA user_version").fetchone()[0]
            if found not in {0, _VERSION}:
                raise AuditFailed(f"{path.name} was written by a newer version of kgservice")
            self._writer.execute("PRAGMA journal_mode=WAL")
            # A commit is then on the disk before it returns.
            self._writer.execute("PRAGMA synchronous=FULL")
            # What is archived shall not remain in free pages.
            self._writer.execute("PRAGMA secure_delete=ON")
            if not found:
                self._writer.executescript(_SCHEMA)

    def close(self) -> None:
        """Give the file free; nothing can be added any more."""
        with self._lock:
            self._writer.close()

    def append(self, drafts: Sequence[Draft]) -> Head:
        """Add entries, all or none; the new head. Without drafts it is checked whether this could be done."""
        with self._lock, self._change() as end:
            last = end
            for draft in drafts:
                last = self._add(draft, last)
        self._own = last
        return last

    def archive(self, anchor: Head, draft: Draft) -> Head:
        """Take the entries up to `anchor` out, and add `draft`, which names the anchor, as an entry."""
        with self._lock:
            with self._change() as end:
                head = self._add(draft, end)
                self._writer.execute("UPDATE anchor SET number = ?, hash = ?", (anchor.number, anchor.digest))
                self._writer.execute("DELETE FROM entry WHERE number <= ?", (anchor.number,))
            self._own = head
            with _told():  # the log beside the file still holds what was deleted
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return head

    def ends(self) -> tuple[Head, Head]:
        """The head after which the log begins, and its last one."""
        with _told(), closing(self._connect()) as connection:
            connection.execute("BEGIN")
            return _anchor(connection), _end(connection)

    def newest(self, wanted: Filter = EVERY, limit: int = -1) -> list[Line]:
        """Entries, the newest first, at most `limit`."""
        return list(self._lines(_NEWEST, wanted, limit))

    def lines(self, wanted: Filter = EVERY) -> Iterator[Line]:
        """Entries in their order, as they are when the first one is taken."""
        return self._lines(_OLDEST, wanted, -1)

    def reading(self, use: Callable[[Head, Iterable[Line]], None]) -> None:
        """Call `use` with the anchor and all entries of the same moment."""
        with _told(), closing(self._connect()) as connection:
            connection.execute("BEGIN")
            rows = connection.execute("SELECT number, body, hash FROM entry ORDER BY number")
            use(_anchor(connection), (Line(*row) for row in rows))

    def _lines(self, statement: str, wanted: Filter, limit: int) -> Iterator[Line]:
        with _told(), closing(self._connect()) as connection:
            for row in connection.execute(statement, wanted.values(limit)):
                yield Line(*row)

    def _connect(self) -> sqlite3.Connection:
        # Never makes a file: one that is gone was taken away.
        address = f"{self.path.absolute().as_uri()}?mode=rw"
        return sqlite3.connect(address, self._wait, isolation_level=None, check_same_thread=False, uri=True)

    @contextmanager
    def _change(self) -> Iterator[Head]:
        """One change of the file, made as a whole or not at all; gives the head that it begins with."""
        with _told():
            if _identity(self.path) != self._identity:
                raise AuditFailed(f"{self.path.name} was replaced while it was in use")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._checked()
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    def _checked(self) -> Head:
        """The head; raises `AuditFailed` where the end of the log is not as it was left."""
        anchor, last = _anchor(self._writer), self._writer.execute(_HEAD).fetchone()
        end = anchor if last is None else Line(*last).head
        own = self._own
        if last is not None and digest_of(last[1]) != last[2]:
            raise AuditFailed(f"entry {end.number} of the audit log was changed")
        if own.number > anchor.number:
            found = self._writer.execute("SELECT hash FROM entry WHERE number = ?", (own.number,)).fetchone()
            if found is None or found[0] != own.digest:
                raise AuditFailed(f"entry {own.number} of the audit log was changed or taken out")
        return end

    def _add(self, draft: Draft, head: Head) -> Head:
        line = sealed(draft, head)
        self._writer.execute("INSERT INTO entry VALUES (?, ?, ?)", (line.number, line.body, line.digest))
        return line.head


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise AuditFailed(f"The audit log cannot be used: {error}") from error
    except OSError as error:
        raise AuditFailed(f"The audit log cannot be used: {os.strerror(error.errno or 0)}") from error


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _anchor(connection: sqlite3.Connection) -> Head:
    row = connection.execute("SELECT number, hash FROM anchor").fetchone()
    if row is None:
        raise AuditFailed("the anchor of the audit log was taken out")
    return Head(*row)


def _end(connection: sqlite3.Connection) -> Head:
    row = connection.execute(_HEAD).fetchone()
    return _anchor(connection) if row is None else Line(*row).head
