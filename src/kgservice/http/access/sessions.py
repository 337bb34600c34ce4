"""The sessions of browsers that signed in: random, kept here, with an end."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from kgservice.domain.clock import Clock

MOST_OF_ONE = 50  # sessions of one key, or of the local user; one more ends the oldest


@dataclass(frozen=True, slots=True)
class Session:
    """Which key it was opened with (None: as the local user), and when it ends (None: with the service)."""

    prefix: str | None
    ends: datetime | None


class Sessions:
    """The sessions, each known by the hash of the id that the browser has in its cookie.

    A session says only what it was opened with; whether a key is still valid is asked at each request.
    The service never takes over an id that it did not make itself.
    """

    def __init__(self, clock: Clock, hours: int) -> None:
        self._clock = clock
        self._lasts = timedelta(hours=hours)
        self._known: dict[bytes, Session] = {}  # the latest last

    @property
    def seconds(self) -> int:
        """How long a session lasts."""
        return int(self._lasts.total_seconds())

    def open(self, prefix: str | None) -> str:
        """Begin a session for the key with this prefix, or for the local user; its id, for the cookie."""
        self._known = {digest: session for digest, session in self._known.items() if self._lasting(session)}
        own = [digest for digest, session in self._known.items() if session.prefix == prefix]
        for digest in own[: max(0, len(own) + 1 - MOST_OF_ONE)]:
            del self._known[digest]
        session_id = secrets.token_urlsafe(32)
        ends = None if prefix is None else self._clock() + self._lasts
        self._known[_digest(session_id)] = Session(prefix, ends)
        return session_id

    def find(self, session_id: str) -> Session | None:
        """The session with this id, or None when there is none or it has ended."""
        session = self._known.get(_digest(session_id))
        return session if session and self._lasting(session) else None

    def close(self, session_id: str) -> None:
        """End a session."""
        self._known.pop(_digest(session_id), None)

    def _lasting(self, session: Session) -> bool:
        return session.ends is None or self._clock() < session.ends


def _digest(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode(errors="replace")).digest()
