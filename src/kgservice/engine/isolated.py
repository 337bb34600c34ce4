"""Queries of others, each in a process that can be stopped: in memory, where a view is held, else on disk."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.engine.answer import REASONS, Answer, Call, cause, ended
from kgservice.engine.changes import Changes
from kgservice.engine.checkpoints import Checkpoints, Once
from kgservice.engine.constructing import construct, hold, stopped_after
from kgservice.engine.in_memory import InMemory
from kgservice.engine.jobs import Job, Why
from kgservice.engine.nurse import Worker
from kgservice.engine.rooms import Room, Rooms
from kgservice.engine.staff import Staff
from kgservice.engine.wire import Closed, Kind
from kgservice.engine.worker import DISK, Asked
from kgservice.errors import Busy, DeadlineExceeded, KgError, StoreFailed
from kgservice.phrases import Phrase
from kgservice.store.allowance import Allowance
from kgservice.store.base import Choose, Dataset, Store
from kgservice.store.figures import Figures
from kgservice.store.oxigraph import OxigraphStore

_TRIES = 5  # workers that die, one after the other, before the query is given up

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take: bytes of memory, and bytes of its answer."""

    memory: int = 512 * 2**20
    answer: int = 1024 * 2**20


class Isolated:
    """The `Engine` of a service on `store`: `head` gives the number of its last commit.

    `memory` gives what holds a view in memory, which has to follow the commits; queries that see nothing but
    such a view are answered there. All others are answered on disk, on a checkpoint of the store; or by the
    server, if there is one behind the store.
    """

    def __init__(self, store: Store, head: Callable[[], int], limits: Limits, room: Room) -> None:
        self._limits = limits
        self._server = None if isinstance(store, OxigraphStore) else store
        self._checkpoints = Checkpoints(store, head)
        self._changes = Changes()
        self._staffs = {
            True: Staff("memory", room.light),
            False: Staff("disk", room.light, revived=True),
        }
        self.held: set[str] = set()
        self._rooms = Rooms(room)
        self._died: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._watching = threading.Thread(target=self._rooms.watch, name="kgservice-watch", daemon=True)
        self._watching.start()

    def memory(self, view: NamedNode) -> InMemory:
        """What holds a view; it is empty at first."""
        return InMemory(view.value, self._staffs[True].nurse, self._changes)

    def hold(self, view: NamedNode, ready: bool) -> None:
        """Answer queries on the view from memory, since that holds it now; or no longer."""
        (self.held.add if ready else self.held.discard)(view.value)

    def holds(self, view: NamedNode) -> bool:
        """See `Engine.holds`."""
        return view.value in self.held and self._staffs[True].nurse.well

    @property
    def figures(self) -> Figures:
        """See `Engine.figures`."""
        with self._counting:
            stopped = {reason: self._died[reason] for reason in REASONS}
        staffs = {"memory": self._staffs[True].standing, "disk": self._staffs[False].standing}
        return Figures(self._rooms.sizes, stopped, staffs, self._rooms.seconds)

    def close(self) -> None:
        """Stop all queries, and the processes."""
        self._rooms.close()
        self._watching.join()
        for staff in self._staffs.values():
            staff.close()
        self._checkpoints.outdate()

    # Queries

    def query(
        self,
        text: str,
        dataset: Dataset,
        choose: Choose,
        out: BinaryIO,
        *,
        base: str | None,
        state: int,
        allowance: Allowance,
        copy: Store | None = None,
    ) -> None:
        """See `Engine.query`."""
        where = self._where(dataset) if copy is None else DISK
        answer = Answer(choose, out, self._limits.answer)
        asked = Asked.on(where, text, dataset, base, self._limits.memory, likely=answer.likely(text))
        if copy is None:
            if where == DISK and self._server is not None:
                run = partial(self._call, self._server)
            else:
                prepare = partial(self._open, state) if where == DISK else self._tell
                run = partial(self._run, partial(self._ready, where, prepare))
            self._ask(asked, answer, allowance, run)
            return
        assert isinstance(copy, OxigraphStore)
        with copy.checkpoint() as path:
            ready = partial(self._ready, DISK, partial(_reads, Once(path)))
            self._ask(asked, answer, allowance, partial(self._run, ready))

    def construct(
        self,
        queries: Sequence[str],
        quads: Iterable[Quad],
        graphs: Sequence[NamedNode],
        *,
        base: str,
        seconds: float,
        most: int,
    ) -> list[set[Triple]]:
        """See `Engine.construct`: in a process that nobody has had before, nor has afterwards."""
        worker = self._staffs[False].take(new=True)
        try:
            with stopped_after(worker, seconds, self._limits.memory):
                hold(worker, quads)
                return construct(worker, queries, graphs, base=base, memory=self._limits.memory, most=most)
        finally:
            worker.close()

    def _where(self, dataset: Dataset) -> str:
        """The key of what is held in memory, if the query sees nothing else."""
        alone = len(dataset.default) == 1 and dataset.named == () and not dataset.from_clauses
        return dataset.default[0].value if alone and self.holds(dataset.default[0]) else DISK

    def _ask(
        self,
        asked: Asked,
        answer: Answer,
        allowance: Allowance,
        run: Callable[[Job, Asked, Answer], str | None],
    ) -> None:
        until = time.monotonic() + allowance.left
        while True:
            job = self._rooms.job(allowance.who, asked.dataset, until - time.monotonic())
            allowance.then(partial(job.stop, Why.LEFT))
            answer.of(job, allowance.stop)
            try:
                died = run(job, asked, answer)
            finally:
                job.tells(None)
            if died is None:
                return
            with self._counting:
                self._died[cause(job, died)] += 1
            if job.why is not Why.CHANGED or answer.size:
                raise self._stopped(job, died, allowance)

    def _call(self, server: Store, job: Job, asked: Asked, answer: Answer) -> str | None:
        """Pass the query on to the server, and what it answers back; no last words if it was stopped."""
        call = Call(answer)
        self._rooms.enter(job)
        try:
            if job.runs_in(call):
                left = job.until - time.monotonic()
                server.query(
                    asked.text, asked.dataset, answer.choose, call.stream, base=asked.base, seconds=left
                )
        except Closed:
            pass
        finally:
            self._rooms.leave(job)
        return None if job.why is None else ""

    def _run(self, ready: Callable[[], Worker], job: Job, asked: Asked, answer: Answer) -> str | None:
        """Answer the query; else the last words of the process that has died, or nothing if none ran."""
        worker = None
        self._rooms.enter(job)
        try:
            if job.why is None:
                worker = ready()
                if job.runs_in(worker):
                    answer.fetch(worker, asked)
                    return None
        except Closed:
            return "" if worker is None else worker.last_words
        else:
            return ""
        finally:
            self._rooms.leave(job)
            if worker is not None:
                worker.rests &= job.why is None
                self._staffs[asked.key != DISK].give_back(worker)

    def _ready(self, where: str, prepare: Callable[[Worker], bool]) -> Worker:
        """A worker that has seen all that there is to see: `prepare` shows it, unless it is too stale."""
        staff, died = self._staffs[where != DISK], 0
        while died < _TRIES:
            worker = staff.take()
            stale = False
            try:
                if worker.lives:
                    if prepare(worker):
                        return worker
                    stale = True
            except Closed:  # it has died in the meantime
                _log.warning("a process for queries has ended before its query")
                _log.debug("the last words of that process: %s", worker.last_words)
            except BaseException:
                worker.close()
                raise
            worker.close()
            if stale:  # the others that are free have not seen more, as a rule; the next one is new
                staff.dismiss()
            else:
                died += 1
        raise StoreFailed("what queries run in does not answer")

    def _tell(self, worker: Worker) -> bool:
        """Tell it the changes that it has not seen; False when these are too many."""
        missing = self._changes.since(worker.seen)
        if missing is None:
            return False
        worker.seen, changes = missing
        for key, text in changes:
            worker.wire.send(Kind.UPDATE, key.encode() + b"\n" + text)
        return True

    def _open(self, state: int, worker: Worker) -> bool:
        """Let it read a checkpoint that holds the commit `state`."""
        checkpoint = self._checkpoints.take(state)
        if checkpoint is worker.opened:
            checkpoint.release()
        else:
            worker.open(checkpoint)
        return True

    def _stopped(self, job: Job, last_words: str, allowance: Allowance) -> KgError:
        """The error for a query that was stopped, or whose process has died."""
        if job.why is Why.DEADLINE:
            return DeadlineExceeded("The query was stopped after {seconds:g} s", seconds=allowance.seconds)
        if job.why is Why.FULL:
            return Busy("Too many queries that take long are running; try again later", after=5)
        if job.why is Why.CHANGED:
            return StoreFailed("What the query reads may not be read any more since it began; ask again")
        if job.why is not None:
            return StoreFailed("The query was stopped: {why}", why=Phrase(job.why.value))
        return ended(last_words, self._limits.memory)

    # What may not be told any more

    def stop(self, views: Collection[object]) -> None:
        """See `Engine.stop`."""
        self._checkpoints.outdate()
        self._staffs[False].dismiss()
        self._rooms.stop(lambda job: _concerns(job.dataset, views), Why.CHANGED)


def _reads(opened: Once, worker: Worker) -> bool:
    """Let it read one copy, and nothing else before or after."""
    worker.open(opened)
    return True


def _concerns(dataset: Dataset, views: Collection[object]) -> bool:
    if dataset.from_clauses or dataset.named is None:
        return True  # it may see any graph
    return any(graph in views for graph in (*dataset.default, *dataset.named))
