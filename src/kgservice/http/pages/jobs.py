"""What pages show of maintenance: what is at work now, and how the last of it ended."""

from __future__ import annotations

from typing import Any

from kgservice.application.background.started import Started
from kgservice.application.care.maintenance import Maintenance
from kgservice.domain.maintenance import Job, JobState, Work

_PATIENCE = 0.3
"""Seconds that the start of a job waits: what has ended by then needs no word of how far it is."""


def begun(job: Started[Job]) -> None:
    """Wait a moment for a job that was begun."""
    job.wait(_PATIENCE)


def running(jobs: Maintenance) -> dict[str, Any] | None:
    """The job that is at work: there is one at a time."""
    return next((_shown(job) for job in jobs.listed() if job.state is JobState.RUNNING), None)


def finished(jobs: Maintenance, *works: Work) -> dict[str, Any] | None:
    """The last job of these kinds, if it has ended."""
    last = next(iter(jobs.listed(*works)), None)
    return None if last is None or last.state is JobState.RUNNING else _shown(last)


def _shown(job: Job) -> dict[str, Any]:
    told = job.to_json()
    return {
        **told,
        "address": f"/maintenance/{job.id}",
        "faults": job.faults,
    }
