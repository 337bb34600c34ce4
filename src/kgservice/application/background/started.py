"""A run that was started: told how far it is, waited for, followed, and stopped; whatever it is that runs."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from dataclasses import Field, replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from kgservice.errors import Conflict, KgError

LOG = logging.getLogger("kgservice.runs")
Result = dict[str, Any]
Progress = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is, and how much there is (0: not known); may raise to end it."""
_PAUSE = 0.2  # seconds between two events of one who follows
_FOLLOWED = 10  # seconds without one after which the same is told again, so that who left is noticed


class Told(Protocol):
    """What is told of a run: a dataclass with its progress, its id, and a form as JSON."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    id: str
    progress: dict[str, tuple[int, int]]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""


Run = TypeVar("Run", bound=Told)


class Stopped(Conflict):
    """Somebody asked that the run be stopped."""


class Started(Generic[Run]):
    """A run of this process: how it stands, and its result at the end.

    `changed` is the lock under which what is told of it changes, and wakes those who follow.
    """

    def __init__(self, run: Run, changed: threading.Condition) -> None:
        self.run = run
        self.future: Future[Result] = Future()
        self.stopping = False
        self._changed = changed

    def begin(self, pool: Executor, doing: Callable[[], Result]) -> None:
        """Do it in a thread of the pool; what is no `KgError` goes into the log, whoever waits for it."""

        def done() -> Result:
            try:
                return doing()
            except BaseException as error:
                forget_frames(error)
                raise

        self.future = pool.submit(done)
        self.future.add_done_callback(self._ended)

    def tell(self, name: str, done: int, total: int) -> None:
        """Note its progress. Raises `Stopped` once it is to stop."""
        if self.stopping:
            raise Stopped("The run was stopped; nothing of what was not written yet will be")
        with self._changed:
            self.run.progress[name] = (done, total)
            self._changed.notify_all()

    def _ended(self, future: Future[Result]) -> None:
        error = future.exception()
        if error is not None and not isinstance(error, KgError):
            LOG.error("A run failed: %s", self.run.id, exc_info=error)
        with self._changed:
            self._changed.notify_all()

    def now(self) -> Run:
        """How it stands: a copy that stays as it is."""
        with self._changed:
            return replace(self.run, progress=dict(self.run.progress))

    def follow(self) -> Iterator[Run]:
        """How it stands, whenever that has changed, until it ends."""
        while not self.future.done():
            with self._changed:
                yield self.now()
                if not self.future.done():
                    self._changed.wait(_FOLLOWED)
            wait([self.future], _PAUSE)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, for so long at most."""
        wait([self.future], seconds)

    def result(self) -> Result:
        """What it gave, when it has ended. Raises what it raised."""
        return self.future.result()


def forget_frames(error: BaseException) -> None:
    """Let go of what the frames of an error hold that goes to another thread, or is kept.

    Errors may be each other's causes, in a circle.
    """
    waiting: list[BaseException | None] = [error]
    seen: list[BaseException] = []
    while waiting:
        one = waiting.pop()
        if one is not None and not any(one is other for other in seen):
            seen.append(one)
            traceback.clear_frames(one.__traceback__)
            waiting += (one.__cause__, one.__context__)
