"""The sessions of browsers that signed in with an API key: random, kept here, with an end."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from kgservice.domain.clock import Clock

MOST_OF_ONE = 50  # sessions of one key; one more ends the oldest


@dataclass(frozen=True, slots=True)
class _Session:
    prefix: str
    ends: datetime


class Sessions:
    """The sessions, each known by the hash of the id that the browser has in its cookie.

    A session says only which key it was opened with; whether that is still valid is asked at each request.
    The service never takes over an id that it did not make itself.
    """

    def __init__(self, clock: Clock, hours: int) -> None:
        self._clock = clock
        self._lasts = timedelta(hours=hours)
        self._known: OrderedDict[bytes, _Session] = OrderedDict()  # by when they end

    @property
    def seconds(self) -> int:
        """How long a session lasts."""
        return int(self._lasts.total_seconds())

    def open(self, prefix: str) -> str:
        """Begin a session for the key with this prefix; its id, for the cookie."""
        now = self._clock()
        while self._known and next(iter(self._known.values())).ends <= now:
            self._known.popitem(last=False)
        own = [digest for digest, session in self._known.items() if session.prefix == prefix]
        for digest in own[: max(0, len(own) + 1 - MOST_OF_ONE)]:
            del self._known[digest]
        session_id = secrets.token_urlsafe(32)
        self._known[_digest(session_id)] = _Session(prefix, now + self._lasts)
        return session_id

    def find(self, session_id: str) -> str | None:
        """The prefix of the key that the session was opened with, or None when there is no such session."""
        session = self._known.get(_digest(session_id))
        return session.prefix if session and self._clock() < session.ends else None

    def close(self, session_id: str) -> None:
        """End a session."""
        self._known.pop(_digest(session_id), None)


def _digest(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode(errors="replace")).digest()
