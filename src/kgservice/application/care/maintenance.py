"""Maintenance that takes its time, in a thread of its own: one at a time, told how far it is, and stopped."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from kgservice.application.background.started import Progress, Result, Started, Stopped
from kgservice.application.care import check
from kgservice.application.care.backups import Backups, faults_of
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.maintenance import Job, JobState, Work
from kgservice.errors import Conflict, KgError, NotFound
from kgservice.phrases import Phrase

KEPT = 20
"""Jobs that have ended and are remembered; none outlives the process."""

Doing = Callable[[Job, Progress], Result]
"""What a job does: told how to tell its progress, it gives its result."""


class Maintenance:
    """What is done, and was, to the store of an open graph and to its backups."""

    def __init__(self, kg: KnowledgeGraph, backups: Backups) -> None:
        self._kg = kg
        self._backups = backups
        self._changed = threading.Condition()
        self._jobs: list[Started[Job]] = []
        self._pool: ThreadPoolExecutor | None = None

    def backup(self) -> Started[Job]:
        """Make a backup; its result is that of `Backup.to_json`. Raises `Conflict` while a job is at work."""

        def doing(job: Job, told: Progress) -> Result:
            made = self._backups.make(told)
            job.about, job.backup = made.folder.name, made.to_json()
            return dict(job.backup)

        return self._start(Work.BACKUP, "", doing)

    def verify(self, name: str) -> Started[Job]:
        """Read a backup through; its result has `faults`. Raises `NotFound`, `Conflict` as `backup` does."""
        folders = {backup.folder.name: backup.folder for backup in self._backups.all()}
        if name not in folders:
            raise NotFound("There is no backup {name!r}", name=name[:80])
        return self._start(Work.VERIFY, name, lambda job, told: _found(job, faults_of(folders[name], told)))

    def check(self) -> Started[Job]:
        """Check the store; its result has `faults`. Raises `Conflict` while a job is at work."""
        return self._start(Work.CHECK, "", lambda job, told: _found(job, check.check(self._kg, told)))

    def listed(self, *works: Work) -> list[Job]:
        """Those of these kinds, the newest first, as they stand."""
        with self._changed:
            found = [one.now() for one in reversed(self._jobs)]
        return [job for job in found if not works or job.work in works]

    def one(self, key: str) -> Started[Job]:
        """A job. Raises `NotFound`."""
        for one in reversed(self._jobs):
            if one.run.id == key:
                return one
        raise NotFound("There is no job {key!r}", key=key[:80])

    def stop(self, key: str) -> Job:
        """Ask that a job stops: it does at its next step. Raises `NotFound`, `Conflict` if it has ended."""
        one = self.one(key)
        with self._changed:
            if one.run.state is not JobState.RUNNING:
                raise Conflict("The job has ended: {state}", state=Phrase(one.run.state.value))
            one.stopping = True
        return one.now()

    def close(self) -> None:
        """Stop what is at work, and wait until it has ended."""
        with self._changed:
            for one in self._jobs:
                one.stopping = True
            pool = self._pool
        if pool is not None:
            pool.shutdown()

    def _start(self, work: Work, about: str, doing: Doing) -> Started[Job]:
        started = Started(Job(str(uuid.uuid4()), work, about, self._kg.clock()), self._changed)
        with self._changed:
            if self._jobs and self._jobs[-1].run.state is JobState.RUNNING:
                at_work = self._jobs[-1].run
                raise Conflict(
                    "Something else is at work: {work}, {id}; wait, or stop it",
                    work=Phrase(at_work.work.value),
                    id=at_work.id,
                )
            self._jobs = [*self._jobs[-KEPT:], started]
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="kgservice-maintenance")
            started.begin(self._pool, lambda: self._run(started, doing))
        return started

    def _run(self, started: Started[Job], doing: Doing) -> Result:
        job, state, problem = started.run, JobState.FAILED, "an error of the program: see its log"
        try:
            result = doing(job, started.tell)
        except Stopped:
            state, problem = JobState.STOPPED, ""
            raise
        except KgError as error:
            problem = str(error)[:500]
            raise
        else:
            state, problem = JobState.DONE, ""
            return result
        finally:
            with self._changed:
                job.state, job.problem, job.ended = state, problem, self._kg.clock()
                self._changed.notify_all()


def _found(job: Job, faults: list[str]) -> Result:
    """The result of a job that looks for faults."""
    job.faults = tuple(faults)
    return {"faults": faults}
