"""Files that somebody uploaded and has not decided on yet: kept in memory for a while, for nobody else."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kgservice.application.forms.sheets import Judged, Line
from kgservice.domain.clock import Clock
from kgservice.errors import NotFound

MOST = 10
"""Files that are kept at once; the oldest goes first."""
_WHILE = timedelta(hours=1)


@dataclass(slots=True)
class Upload:
    """A sheet for records of a class: its rows, whose it is, and what became of it (`taken`)."""

    of: str
    file: str
    lines: list[Line] = field(repr=False)
    owner: str
    at: datetime
    taken: list[Judged] | None = field(default=None, repr=False)


class Uploads:
    """The uploads of one service."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Upload] = OrderedDict()

    def keep(self, of: str, file: str, lines: list[Line], owner: str) -> str:
        """Keep a file; the key to it."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[key] = Upload(of, file, lines, owner, self._clock())
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return key

    def get(self, key: str, of: str, owner: str) -> Upload:
        """The upload. Raises `NotFound` where there is none, none any more, or another's."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None and self._clock() - found.at > _WHILE:
                found = self._kept.pop(key) and None
        if found is None or (found.of, found.owner) != (of, owner):
            raise NotFound("this file is not kept any more; upload it again")
        return found
