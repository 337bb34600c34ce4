"""Which of many like happenings become entries of the audit log, and which are only counted."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime

from kgservice.domain.audit import COUNTED, Action, Draft

DENIALS = 100  # entries in a minute, one for each; what denies more often than that is a flood


@dataclass(slots=True)
class _Count:
    """How many there were like `last` since the first one of the minute."""

    since: datetime
    last: Draft
    number: int = 1


class Tally:
    """Counts by minute.

    The first read of its kind (who, what, for which purpose, with which query and outcome) in a minute is an
    entry at once; the others of the minute are one entry at its end, with their count. Denials are an entry
    each, until there are `denials` in the minute. All else is always an entry.
    """

    def __init__(self, denials: int = DENIALS) -> None:
        self._most = denials
        self._minute: datetime | None = None
        self._seen: set[Hashable] = set()
        self._counts: dict[Hashable, _Count] = {}
        self._denials = 0

    @property
    def counting(self) -> bool:
        """Whether something is counted that is no entry yet."""
        return bool(self._counts)

    def add(self, draft: Draft) -> list[Draft]:
        """What is to be written now that this has happened: counts of a minute that is over, and this."""
        over = self.due(draft.moment)
        if not self._is_counted(draft):
            return [*over, draft]
        key = _kind(draft)
        count = self._counts.get(key)
        if count is None:
            self._counts[key] = _Count(draft.moment, draft)
        else:
            count.number += 1
            count.last = draft
        return over

    def due(self, now: datetime) -> list[Draft]:
        """The counts, if their minute is over."""
        minute = now.replace(second=0, microsecond=0)
        if self._minute is not None and minute <= self._minute:
            return []
        self._minute = minute
        return self.close()

    def close(self) -> list[Draft]:
        """The counts, although the minute goes on; then counting begins anew."""
        found = [replace(c.last, count=c.number, since=c.since) for c in self._counts.values()]
        self._seen.clear()
        self._counts.clear()
        self._denials = 0
        return found

    def _is_counted(self, draft: Draft) -> bool:
        if draft.action is Action.DENIED:
            self._denials += 1
            return self._denials > self._most
        if draft.action not in COUNTED:
            return False
        key = _kind(draft)
        if key in self._seen:
            return True
        self._seen.add(key)
        return False


def _kind(draft: Draft) -> Hashable:
    return (
        draft.action,
        draft.principal,
        draft.roles,
        draft.view,
        draft.purpose,
        draft.resource,
        draft.query,
        draft.outcome,
    )
