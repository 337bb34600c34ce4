"""Findings that follow from a commit for many records, or from a lawful one: entered at once after it.

They come in a commit of their own. What is still to be looked at is noted with the commit itself, so that
whoever opens the store after an end in between knows it, too.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from kgservice.application.changes.effect import Asked, Effect
from kgservice.application.changes.record_texts import Progress, silent
from kgservice.application.graph.writing import Writing
from kgservice.application.guard.later import Later, everything, noted, notes
from kgservice.domain.change import Origin
from kgservice.domain.quads import Quads
from kgservice.errors import KgError, StoreFailed, Undecided

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph
    from kgservice.application.guard.findings import Counts
    from kgservice.application.guard.guard import Guard

_ORIGIN = Origin(agent="kgservice", reason="findings that follow from the commit before")
_ALL = Origin(agent="kgservice", reason="full validation")

_log = logging.getLogger(__name__)


class Following:
    """What is left to be looked at in a graph.

    What a lawful change of a process before did is not known: whoever reads waits until everything has been
    validated (`make_known`), while others write. Until that has been entered, the store says that it is left.
    """

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg = kg
        self._every = everything(kg.addresses)
        self._later: Later = {}
        self._failed = self._entering = False
        self._unknown = self._in_vain = self._stopped = False
        self._validating = Writing()
        self.recall(None)

    def begin(self, later: Later) -> None:
        """Look at it, now that the commit has been made, in a thread of its own."""
        for shape, nodes in later.items():
            self._later.setdefault(shape, set()).update(nodes)
        if self._left:
            self._in_vain = False
        if later:
            with suppress(RuntimeError):  # the system has no more threads: who asks next does it
                threading.Thread(target=self.finish, name="kgservice-following").start()

    def recall(self, guard: Guard | None) -> None:
        """Take note of what the store says is left: a commit was not known to be made, or much was loaded.

        `guard`: the one that has been at work, if one has.
        """
        self._later = noted(self._kg.store, self._kg.addresses)
        self._failed = self._in_vain = False
        if not self._left:
            self._unknown = False
            if guard is not None:
                guard.settled()
        elif guard is None or not guard.knows:
            self._unknown = True
            self._without_all()

    # What this process knows

    def finish(self, *, again: bool = False) -> None:
        """Enter what has been left; if that fails it is left until asked `again`, and the log says so."""
        if not self._later or not self._kg.guarded or (self._failed and not again):
            return
        with self._kg.writing:
            if self._entering or not self._later or (self._failed and not again):
                return
            self._entering = True
            try:
                self._enter()
                self._failed = False
            except Exception as error:  # whatever it is: what has been committed can be read, and goes on
                if not self._failed:
                    _log.error("what follows from the last commit cannot be entered yet: %s", _told(error))
                self._failed = True
            finally:
                self._entering = False

    @property
    def _left(self) -> bool:
        """Whether what a lawful change did is left."""
        return self._every.keys() <= self._later.keys()

    def _without_all(self) -> None:
        for key in self._every:
            self._later.pop(key, None)

    def _enter(self) -> None:
        kg = self._kg
        if self._left:
            effect = kg.guard.made_up(kg.planner(), kg.clock())
            self._write(effect, {} if self._unknown else self._every, _ORIGIN)
            self._without_all()
            kg.guard.settled()
        if self._later:
            later = dict(self._later)
            self._write(kg.guard.follow_up(kg.planner(), later, kg.clock()), later, _ORIGIN)
            self._later = {}

    def _write(self, effect: Effect, done: Later, origin: Origin) -> None:
        """Write it, and that no more is left of what is `done`."""
        marks = Quads(notes(self._kg.addresses, done))
        if effect:
            effect.remove |= marks
            self._kg.write(effect, origin, trusted=True)
        elif marks:
            self._unmark(Effect(remove=marks))

    def _unmark(self, effect: Effect) -> None:
        # Nothing follows: no commit that anybody has to read of.
        try:
            effect.apply(self._kg.store)
        except Undecided:
            self._kg.unfinished = Asked(effect, self._kg.head)
            raise

    # What nobody knows

    def make_known(self) -> None:
        """Wait until what a process before has left is entered; who holds the lock of commits need not.

        If that fails, the log says so; it takes long, and is not tried again before the next lawful change.
        """
        if not self._is_to_be_made_known() or self._kg.writing.held or self._validating.held:
            return
        with self._validating:
            if not self._is_to_be_made_known():
                return
            _log.warning("a process has ended before it entered what a change did: everything is validated")
            try:
                self._anew(_ALL, silent)
            except Exception as error:  # whatever it is: what has been committed can be read, and goes on
                if not self._stopped:
                    _log.error("what a process before did to the findings is not known: %s", _told(error))
                self._in_vain = True

    def _is_to_be_made_known(self) -> bool:
        return self._unknown and self._kg.guarded and not (self._in_vain or self._stopped)

    def anew(self, origin: Origin, told: Progress) -> Counts:
        """Validate everything: see `anew.entered`. Then nothing is unknown. Not under the lock of commits."""
        with self._validating:
            return self._anew(origin, told)

    def _anew(self, origin: Origin, told: Progress) -> Counts:
        from kgservice.application.graph.anew import entered  # noqa: PLC0415 - it costs time to import

        def tell(name: str, done: int, of: int) -> None:
            if self._stopped:
                raise StoreFailed("the store is being closed")
            told(name, done, of)

        def write(effect: Effect) -> None:
            # What this process has left yet, it knows by itself.
            self._write(effect, self._every if self._unknown and not self._left else {}, origin)
            self._unknown = False

        return entered(self._kg, tell, write)

    def stop(self) -> None:
        """Have a validation that is going on end; the store goes on saying that it is left."""
        self._stopped = True
        with self._validating:
            pass


def _told(error: Exception) -> object:
    return error if isinstance(error, KgError) else type(error).__name__
