"""The audit log in use: records what happens without making it wait, and refuses when that cannot be."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from kgservice.domain import query_shape
from kgservice.domain.audit import Action, Draft, Head, Line, Verification, verify
from kgservice.domain.clock import Clock, system_clock
from kgservice.domain.principal import Principal
from kgservice.domain.tally import Tally
from kgservice.errors import AuditFailed
from kgservice.settings import Settings
from kgservice.store.audit_file import EVERY, AuditFile, Filter, beside

GATHER = 0.02  # seconds that entries nobody waits for are gathered, to be written together
RETRY = 1.0  # seconds until it is tried again when writing failed, or looked whether a minute is over
MOST = 50_000  # what may wait to be written
TAIL = 1000  # entries that are verified when the log is opened


class Queries(StrEnum):
    """What is kept of a query."""

    NONE = "none"
    SHAPE = "shape"
    TEXT = "text"


class AuditLog:
    """Records what principals do. One thread writes; `record` and `secure` may be called by any.

    Once an entry could not be written, both raise `AuditFailed` until the log works again, and so does
    `check`: who cannot record must not answer. What had been recorded meanwhile is not lost.
    """

    def __init__(self, file: AuditFile, clock: Clock = system_clock, queries: str = Queries.SHAPE) -> None:
        self._file = file
        self._clock = clock
        self._queries = Queries(queries)
        self._tally = Tally()
        self._given: deque[tuple[Draft, Future[None] | None]] = deque()
        self._unwritten: list[Draft] = []
        self._wake, self._hurry = threading.Event(), threading.Event()
        self._fault: str | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise `AuditFailed` while nothing can be recorded."""
        if self._closing:
            raise AuditFailed("The audit log is closed")
        if self._fault is not None:
            raise AuditFailed(self._fault)

    def draft(
        self,
        action: Action,
        principal: Principal,
        resource: str,
        *,
        view: str | None = None,
        purpose: str | None = None,
        query: str | None = None,
        outcome: int | None = None,
        ticket: str | None = None,
        person: str | None = None,
    ) -> Draft:
        """What is to be recorded: this, now."""
        roles = tuple(sorted(principal.roles))
        return Draft(
            self._clock(),
            action,
            principal.name,
            resource,
            roles,
            view=view,
            purpose=purpose,
            query=query,
            outcome=outcome,
            ticket=ticket,
            person=person,
        )

    def record(self, draft: Draft) -> None:
        """Have an entry written soon; reads of the same kind are counted. Raises `AuditFailed`."""
        self.check()
        if len(self._given) >= MOST:
            raise AuditFailed("The audit log does not follow what happens")
        self._given.append((draft, None))
        if not self._wake.is_set():
            self._wake.set()

    def secure(self, draft: Draft) -> Future[None]:
        """Have an entry written at once; done when it is on the disk. Raises `AuditFailed`, as its result."""
        written: Future[None] = Future()
        try:
            self.check()
        except AuditFailed as error:
            written.set_exception(error)
            return written
        self._given.append((draft, written))
        self._wake.set()
        self._hurry.set()
        return written

    def write(self, draft: Draft) -> None:
        """Write an entry, and wait until it is on the disk. Raises `AuditFailed`."""
        self.secure(draft).result()

    def entries(self, wanted: Filter = EVERY, limit: int = -1) -> list[Line]:
        """Entries, the newest first, at most `limit`."""
        return self._file.newest(wanted, limit)

    def export(self, wanted: Filter = EVERY) -> Iterator[Line]:
        """Entries in their order."""
        return self._file.lines(wanted)

    def head(self) -> Head:
        """The last entry that is written."""
        return self._file.ends()[1]

    def verify(self, known: Head | None = None) -> Verification:
        """Whether the log holds what was written. `known` is a head that was noted earlier."""
        return verified(self._file, known)

    def close(self) -> None:
        """Write what is counted and what waits. Raises `AuditFailed` when that cannot be."""
        self._closing = True
        self._wake.set()
        self._hurry.set()
        self._thread.join()
        self._turn(closing=True)  # what came in at the last moment
        self._file.close()
        if self._unwritten:
            raise AuditFailed(
                "{count:entry|entries} could not be written: {fault}",
                count=len(self._unwritten),
                fault=self._fault,
            )

    def _run(self) -> None:
        while True:
            waits = self._tally.counting or self._unwritten or self._fault is not None
            self._wake.wait(RETRY if waits else None)
            if self._fault is None:
                self._hurry.wait(GATHER)
            self._wake.clear()
            self._hurry.clear()
            closing = self._closing
            self._turn(closing=closing)
            if closing:
                return

    def _turn(self, *, closing: bool) -> None:
        """Write what came in since the last turn."""
        waiting: list[Future[None]] = []
        error: AuditFailed | None = None
        try:
            while self._given:
                draft, future = self._given.popleft()
                if future is not None:
                    waiting.append(future)
                self._unwritten += self._tally.add(self._kept(draft))
            self._unwritten += self._tally.close() if closing else self._tally.due(self._clock())
            if self._unwritten or self._fault is not None:
                self._file.append(self._unwritten)
        except AuditFailed as failed:
            error = failed
        except Exception as failed:
            # Whatever it is, the thread must live, and nothing be answered.
            logging.getLogger(__name__).exception("The audit log failed")
            error = AuditFailed("The audit log failed: {kind}", kind=type(failed).__name__)
        else:
            self._unwritten = []
        self._fault = None if error is None else error.detail
        for future in waiting:
            if not future.set_running_or_notify_cancel():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

    def _kept(self, draft: Draft) -> Draft:
        """The draft with what is kept of its query."""
        if draft.query is None or self._queries is Queries.TEXT:
            return draft if draft.query is None else replace(draft, query=query_shape.text(draft.query))
        if self._queries is Queries.NONE:
            return replace(draft, query=None)
        return replace(draft, query=query_shape.shape(draft.query))


@contextmanager
def opened(settings: Settings, clock: Clock = system_clock) -> Iterator[AuditLog]:
    """The log of the store of these settings, for the length of the block.

    Raises `AuditFailed` when it cannot be opened, or its last entries are not those that were written.
    """
    settings.store.parent.mkdir(parents=True, exist_ok=True)
    file = AuditFile(beside(settings.store))
    try:
        check_tail(file)
    except AuditFailed:
        file.close()
        raise
    log = AuditLog(file, clock, settings.audit_queries)
    try:
        yield log
    finally:
        log.close()


def check_tail(file: AuditFile) -> None:
    """Verify the last entries; all of them can take long. Raises `AuditFailed` with the first fault."""
    lines = file.newest(limit=TAIL)[::-1]
    found = verify(lines, start=None)
    if found.faults:
        raise AuditFailed(
            "The audit log {file} was tampered with: {fault}. To go on with a new one, move it "
            "away, and keep it as evidence",
            file=file.path,
            fault=found.faults[0],
        )


def verified(file: AuditFile, known: Head | None = None) -> Verification:
    """Whether the whole log holds what was written."""
    found: list[Verification] = []

    def look(anchor: Head, lines: Iterable[Line]) -> None:
        found.append(verify(lines, anchor, known))

    file.reading(look)
    return found[0]


def before(file: AuditFile, moment: datetime) -> Filter:
    """The entries from the first one on, as long as they are older than a moment.

    Raises `AuditFailed` when the log is not valid: what is wrong must not be put away.
    """
    found = verified(file)
    if found.faults:
        raise AuditFailed(
            "The audit log is not valid, so nothing is archived: {fault}", fault=found.faults[0]
        )
    first = next(file.lines(Filter(since=moment)), None)
    return Filter(before=found.end.number + 1 if first is None else first.number)


def archive(file: AuditFile, last: Line, count: int, moment: datetime, principal: Principal) -> Head:
    """Take the `count` entries up to `last`, which are kept elsewhere, out of the log.

    The head after which it begins then; an entry tells it.
    """
    roles, what = tuple(sorted(principal.roles)), "kgservice audit archive"
    told = Draft(moment, Action.ARCHIVE, principal.name, what, roles, count=count, anchor=str(last.head))
    file.archive(last.head, told)
    return last.head
