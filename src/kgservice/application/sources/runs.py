"""Runs of sources and of the matching: one at a time, told how far it is, stopped when somebody asks."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kgservice.application.background.started import Progress, Started, Stopped
from kgservice.application.sources.run_journal import RunJournal
from kgservice.domain.clock import Clock
from kgservice.domain.crm_run import CrmRun, RunState, Work
from kgservice.errors import Conflict, KgError, NotFound
from kgservice.phrases import Bilingual, Phrase

Doing = Callable[[Progress], tuple[dict[str, Any], Mapping[str, Any]]]
"""What a run does: told how to tell its progress, it gives its result, and the counts of it that are kept."""
_LONGEST = 500  # characters of what is kept of an error


class Runs:
    """The runs in one folder of sources."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._journal = RunJournal(folder)
        self._clock = clock
        self._changed = threading.Condition()
        self._current: Started[CrmRun] | None = None
        self._pool: ThreadPoolExecutor | None = None

    def do(self, work: Work, source: str, by: str, doing: Doing, heard: Progress) -> dict[str, Any]:
        """Run in this thread; `heard` hears the progress, too. Raises `Conflict` while another run is."""
        with ExitStack() as alone:
            started = self._begun(alone, work, source, by)

            def told(name: str, done: int, total: int) -> None:
                heard(name, done, total)
                started.tell(name, done, total)

            return self._run(started, doing, told)

    def start(self, work: Work, source: str, by: str, doing: Doing) -> Started[CrmRun]:
        """Run in a thread of its own. Raises `Conflict` while another run is at work."""
        with ExitStack() as alone:
            started = self._begun(alone, work, source, by)
            held = alone.pop_all()

            def run() -> dict[str, Any]:
                with held:
                    return self._run(started, doing, started.tell)

            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="kgservice-run")
            started.begin(self._pool, run)
        return started

    def _begun(self, alone: ExitStack, work: Work, source: str, by: str) -> Started[CrmRun]:
        alone.enter_context(self._journal.alone())
        run = CrmRun(str(uuid.uuid4()), work, source, by, self._clock())
        self._journal.write(run)
        started = Started(run, self._changed)
        self._current = started
        return started

    def _run(self, started: Started[CrmRun], doing: Doing, told: Progress) -> dict[str, Any]:
        run, state = started.run, RunState.FAILED
        problem: str = Phrase("an error of the program: see its log")
        counts: Mapping[str, Any] = {}
        try:
            result, counts = doing(told)
        except Stopped:
            state, problem = RunState.STOPPED, ""
            raise
        except KgError as error:
            problem = _why(error)
            raise
        except KeyboardInterrupt:
            state, problem = RunState.STOPPED, ""
            raise
        else:
            state, problem = RunState.DONE, ""
            return result
        finally:
            with self._changed:
                run.state, run.counts, run.problem, run.ended = state, counts, problem, self._clock()
                self._changed.notify_all()
            self._journal.write(run)

    def listed(self, *, source: str | None = None, work: Work | None = None, limit: int = 20) -> list[CrmRun]:
        """The last runs that fit, the newest first."""
        fitting = [
            run
            for run in self._all()
            if (source is None or run.source == source) and (work is None or run.work is work)
        ]
        return fitting[: -limit - 1 : -1]

    def one(self, key: str, *, source: str) -> CrmRun:
        """The run with this id, of this source (empty: of the matching). Raises `NotFound`."""
        for run in self._all():
            if run.id == key and run.source == source:
                return run
        raise NotFound("there is no run {key!r} here", key=key[:80])

    def _all(self) -> list[CrmRun]:
        current = self._current
        known = self._journal.runs()
        return [current.run if current is not None and run.id == current.run.id else run for run in known]

    def stop(self, key: str, *, source: str) -> CrmRun:
        """Ask that a run be stopped; it ends at its next step.

        Raises `NotFound`, and `Conflict` for one that has ended or is none of this process.
        """
        run, current = self.one(key, source=source), self._current
        if run.state is not RunState.RUNNING:
            raise Conflict("The run has ended: {state}", state=Phrase(run.state.value))
        if current is None or current.run.id != key:
            raise Conflict("The run is one of another process; stop it there")
        current.stopping = True
        return run

    def close(self) -> None:
        """Stop the run that is at work, and wait until it has ended."""
        if self._current is not None:
            self._current.stopping = True
        if self._pool is not None:
            self._pool.shutdown()


def _why(error: KgError) -> str:
    """What a run keeps of an error: what `str` says of it, as a phrase if it is not too long for one."""
    said = error.detail if isinstance(error.detail, Phrase | Bilingual) else Phrase(error.detail)
    told: str = said
    if error.line is not None and error.source:
        told = Phrase("{source}, line {line}: {problem}", source=error.source, line=error.line, problem=said)
    elif error.source:
        told = Phrase("{source}: {problem}", source=error.source, problem=said)
    whole = str(error)
    return told if told == whole and len(whole) <= _LONGEST else whole[:_LONGEST]
