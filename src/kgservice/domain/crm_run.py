"""A run over a source of customers, or of the matching: what it does, how far it is, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from kgservice import phrases


class Work(StrEnum):
    """What a run does."""

    SYNC = "sync"  # reads what has changed in a source
    MATCH = "match"  # matches what the sources hold with the graph, and takes it over


class RunState(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # somebody asked for it
    BROKEN = "broken-off"  # its process ended before it did


@dataclass(slots=True)
class CrmRun:
    """A run. `source` is empty for the matching, `by` who asked for it.

    `progress`: how much is done of each thing, and how much there is (0: not known). `counts`: what it did,
    in numbers and without data of anybody; `problem`: why it failed, as a phrase.
    """

    id: str
    work: Work
    source: str
    by: str
    started: datetime
    ended: datetime | None = None
    state: RunState = RunState.RUNNING
    progress: dict[str, tuple[int, int]] = field(default_factory=dict)
    counts: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "id": self.id,
            "work": self.work.value,
            "source": self.source or None,
            "by": self.by,
            "state": self.state.value,
            "startedAt": self.started.isoformat(timespec="seconds"),
            "endedAt": self.ended.isoformat(timespec="seconds") if self.ended else None,
            "progress": [
                {"name": name, "done": done, "total": total} for name, (done, total) in self.progress.items()
            ],
            "counts": self.counts,
            "problem": self.problem or None,
        }

    def kept(self) -> dict[str, Any]:
        """The same, with the problem in a form that can be told in the language of who reads it."""
        return self.to_json() | {"said": phrases.written(self.problem)}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> CrmRun:
        """What `to_json` or `kept` gave.

        Raises `KeyError`, `TypeError` or `ValueError` for anything else.
        """
        return cls(
            str(said["id"]),
            Work(said["work"]),
            str(said["source"] or ""),
            str(said["by"]),
            datetime.fromisoformat(said["startedAt"]),
            datetime.fromisoformat(said["endedAt"]) if said["endedAt"] else None,
            RunState(said["state"]),
            {str(one["name"]): (int(one["done"]), int(one["total"])) for one in said["progress"]},
            dict(said["counts"]),
            phrases.read(said["said"]) if said.get("said") else str(said["problem"] or ""),
        )
