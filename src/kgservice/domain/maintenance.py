"""A piece of maintenance: what is done to the store, how far it is, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Work(StrEnum):
    """What is done."""

    BACKUP = "backup"  # a backup is made
    VERIFY = "verify"  # a backup is read through
    CHECK = "check"  # the store is compared with what it should be


class JobState(StrEnum):
    """How it stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # somebody asked for it


@dataclass(slots=True)
class Job:
    """One piece. `about`: the name of the backup that is made or verified, empty for the store.

    `progress`: how much is done of each step, and how much there is. `faults`: what was found, one sentence
    each, when it is done; `backup`: what is told of the one that was made; `problem`: why it failed.
    """

    id: str
    work: Work
    about: str
    started: datetime
    ended: datetime | None = None
    state: JobState = JobState.RUNNING
    progress: dict[str, tuple[int, int]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    backup: Mapping[str, Any] | None = None
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "id": self.id,
            "work": self.work.value,
            "about": self.about or None,
            "state": self.state.value,
            "startedAt": self.started.isoformat(timespec="seconds"),
            "endedAt": self.ended.isoformat(timespec="seconds") if self.ended else None,
            "progress": [
                {"name": name, "done": done, "total": total} for name, (done, total) in self.progress.items()
            ],
            "faults": list(self.faults),
            "backup": None if self.backup is None else dict(self.backup),
            "problem": self.problem or None,
        }
