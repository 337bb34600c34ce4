"""Maintenance that takes its time, in a thread of its own: one at a time, told how far it is, and stopped."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from kgservice.application.care import check
from kgservice.application.care.backups import Backups, faults_of
from kgservice.application.changes.record_texts import Progress
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.maintenance import Job, JobState, Work
from kgservice.errors import Conflict, KgError, NotFound
from kgservice.phrases import Phrase

LOG = logging.getLogger("kgservice.maintenance")
KEPT = 20
"""Jobs that have ended and are remembered; none outlives the process."""
PATIENCE = 0.3
"""Seconds that the start of a job waits: what has ended by then needs no word of how far it is."""

Doing = Callable[[Job, Progress], tuple[str, ...]]
"""What a job does: told how to tell its progress, it gives the faults that it found."""


class _Stopped(Conflict):
    """Somebody asked that the job be stopped."""


class Maintenance:
    """What is done, and was, to the store of an open graph and to its backups."""

    def __init__(self, kg: KnowledgeGraph, backups: Backups) -> None:
        self._kg = kg
        self._backups = backups
        self._lock = threading.Lock()
        self._jobs: list[Job] = []
        self._stopping = False
        self._pool: ThreadPoolExecutor | None = None

    def backup(self) -> Job:
        """Make a backup. Raises `Conflict` while another job is at work."""

        def doing(job: Job, told: Progress) -> tuple[str, ...]:
            job.about = self._backups.make(told).folder.name
            return ()

        return self._start(Work.BACKUP, "", doing)

    def verify(self, name: str) -> Job:
        """Read a backup through. Raises `NotFound`, and `Conflict` while another job is at work."""
        folders = {backup.folder.name: backup.folder for backup in self._backups.all()}
        if name not in folders:
            raise NotFound("There is no backup {name!r}", name=name[:80])
        return self._start(Work.VERIFY, name, lambda _, told: tuple(faults_of(folders[name], told)))

    def check(self) -> Job:
        """Check the store. Raises `Conflict` while another job is at work."""
        return self._start(Work.CHECK, "", lambda _, told: tuple(check.check(self._kg, told)))

    def listed(self, *works: Work) -> list[Job]:
        """Those of these kinds, the newest first, as they stand."""
        with self._lock:
            found = [job for job in reversed(self._jobs) if not works or job.work in works]
            return [replace(job, progress=dict(job.progress)) for job in found]

    def one(self, key: str) -> Job:
        """How a job stands. Raises `NotFound`."""
        for job in self.listed():
            if job.id == key:
                return job
        raise NotFound("There is no job {key!r}", key=key[:80])

    def stop(self, key: str) -> None:
        """Ask that a job stops: it does at its next step. Raises `NotFound`, `Conflict` if it has ended."""
        job = self.one(key)
        with self._lock:
            if self._jobs[-1].id != key or self._jobs[-1].state is not JobState.RUNNING:
                raise Conflict("The job has ended: {state}", state=Phrase(job.state.value))
            self._stopping = True

    def close(self) -> None:
        """Stop what is at work, and wait until it has ended."""
        with self._lock:
            self._stopping, pool = True, self._pool
        if pool is not None:
            pool.shutdown()

    def _start(self, work: Work, about: str, doing: Doing) -> Job:
        job = Job(str(uuid.uuid4()), work, about, self._kg.clock())
        with self._lock:
            if self._jobs and self._jobs[-1].state is JobState.RUNNING:
                raise Conflict(
                    "Something else is at work: {work}; wait, or stop it",
                    work=Phrase(self._jobs[-1].work.value),
                )
            self._jobs = [*self._jobs[-KEPT:], job]
            self._stopping = False
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="kgservice-maintenance")
            running: Future[None] = self._pool.submit(self._run, job, doing)
        ended = threading.Event()

        def noticed(run: Future[None]) -> None:
            if (error := run.exception()) is not None:
                LOG.error("Maintenance failed: %s", work.value, exc_info=error)
            ended.set()

        running.add_done_callback(noticed)
        ended.wait(PATIENCE)
        return self.one(job.id)

    def _run(self, job: Job, doing: Doing) -> None:
        state, faults, problem = JobState.FAILED, tuple[str, ...](), "an error of the program: see its log"

        def told(name: str, done: int, total: int) -> None:
            with self._lock:
                if self._stopping:
                    raise _Stopped("It was stopped")
                job.progress[name] = (done, total)

        try:
            faults = doing(job, told)
            state, problem = JobState.DONE, ""
        except _Stopped:
            state, problem = JobState.STOPPED, ""
        except KgError as error:
            problem = str(error)[:500]
        finally:
            with self._lock:
                job.state, job.faults, job.problem, job.ended = state, faults, problem, self._kg.clock()
