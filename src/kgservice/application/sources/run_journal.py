"""The runs that there were, in a file beside the canonical tables; and the lock: one run at a time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kgservice.domain.crm_run import CrmRun, RunState
from kgservice.errors import Conflict, StoreFailed
from kgservice.phrases import Phrase

FILE, LOCK = "runs.jsonl", "runs.lock"
_PATIENCE = 1.0  # seconds; who only looks whether somebody holds the lock has it for a moment
_KEPT = 500  # runs that stay in the file when it is written anew
_MOST = 4 * _KEPT  # lines of the file


class RunJournal:
    """The journal in a folder: a run is written when it begins and when it ends, and its last line counts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one who runs, also of all processes, until the end of the block. Raises `Conflict`.

        The lock goes with the process that holds it, however that ends.
        """
        lock = self._lock(_PATIENCE)
        try:
            yield
        finally:
            lock.close()

    def _lock(self, patience: float) -> sqlite3.Connection:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = sqlite3.connect(
            self._folder / LOCK, timeout=patience, isolation_level=None, check_same_thread=False
        )
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            lock.close()
            raise Conflict("{busy}; try again when that is done, or stop it", busy=self._busy()) from None
        return lock

    def _busy(self) -> str:
        running = [run for run in self._read() if run.state is RunState.RUNNING]
        if not running:
            return Phrase("Another run is at work")
        last = running[-1]
        of = Phrase(" of {name}", name=last.source) if last.source else ""
        return Phrase(
            "Another run is at work: {work}{of}, {id}", work=Phrase(last.work.value), of=of, id=last.id
        )

    def write(self, run: CrmRun) -> None:
        """Note how a run stands; only who is `alone` may."""
        known = self._read()
        path = self._folder / FILE
        line = json.dumps(run.kept()) + "\n"
        try:
            if self._lines > _MOST:
                part = path.with_name(f"{FILE}.part")
                kept = [json.dumps(one.kept()) + "\n" for one in known[-_KEPT:]]
                part.write_text("".join((*kept, line)), encoding="utf-8")
                part.replace(path)
            else:
                with path.open("a", encoding="utf-8") as file:
                    file.write(line if self._whole else f"\n{line}")
        except OSError as error:
            raise StoreFailed("the journal of runs cannot be written: {error}", error=error) from error

    def runs(self) -> list[CrmRun]:
        """The runs, the oldest first; one that has no end and that nobody runs any more is `BROKEN`."""
        found = self._read()
        open_ = [run for run in found if run.state is RunState.RUNNING]
        if open_ and (self._is_held() and open_[-1] is found[-1]):
            open_.pop()
        for run in open_:
            run.state = RunState.BROKEN
        return found

    def _is_held(self) -> bool:
        try:
            self._lock(0).close()
        except Conflict:
            return True
        return False

    def _read(self) -> list[CrmRun]:
        """The runs as the file has them; what is no whole line is left out."""
        path = self._folder / FILE
        try:
            text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        except OSError as error:
            raise StoreFailed("the journal of runs cannot be read: {error}", error=error) from error
        found: dict[str, CrmRun] = {}
        lines = text.splitlines()
        self._lines, self._whole = len(lines), not text or text.endswith("\n")
        for line in lines:
            try:
                run = CrmRun.of_json(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # broken off while it was written
            found[run.id] = run
        return list(found.values())

    _lines = 0
    _whole = True
