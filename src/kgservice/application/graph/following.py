"""Findings that follow from a commit for many records, or from a lawful one: entered at once after it.

They come in a commit of their own. What is still to be looked at is noted with the commit itself, so that
whoever opens the store after an end in between knows it, too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.application.guard.later import Later, everything, noted, notes
from kgservice.domain.change import Origin
from kgservice.domain.quads import Quads
from kgservice.errors import KgError, Undecided

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph

_ORIGIN = Origin(agent="kgservice", reason="findings that follow from the commit before")

_log = logging.getLogger(__name__)


class Following:
    """What is left to be looked at in a graph."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg = kg
        self._later = noted(kg.store, kg.addresses)
        self._failed = self._entering = False

    def begin(self, later: Later) -> None:
        """Look at it, now that the commit has been made, in a thread of its own."""
        for shape, nodes in later.items():
            self._later.setdefault(shape, set()).update(nodes)
        if later:
            with suppress(RuntimeError):  # the system has no more threads: who asks next does it
                threading.Thread(target=self._kg.current, name="kgservice-following").start()

    def recall(self) -> None:
        """Take note of what the store says is left, after a commit that was not known to be made."""
        self._later = noted(self._kg.store, self._kg.addresses)

    def finish(self, *, again: bool = False) -> None:
        """Enter what has been left; if that fails it is left until asked `again`, and the log says so."""
        if not self._later or not self._kg.guarded or (self._failed and not again):
            return
        with self._kg.writing:
            if self._entering or not self._later:
                return
            self._entering = True
            try:
                self._enter()
                self._failed = False
            except KgError as error:
                if not self._failed:
                    _log.error("what follows from the last commit cannot be entered yet: %s", error)
                self._failed = True
            finally:
                self._entering = False

    def _enter(self) -> None:
        every, guard = everything(self._kg.addresses), self._kg.guard
        if every.keys() <= self._later.keys():
            # What is not known here, a process did that has ended before it entered what follows.
            self._write(guard.made_up if guard.knows else self._anew, every)
            guard.settled()
        if self._later:
            later = dict(self._later)
            self._write(lambda planner, now: guard.follow_up(planner, later, now), later)

    def _write(self, told: Callable[[Planner, datetime], Effect], later: Later) -> None:
        effect, marks = told(self._kg.planner(), self._kg.clock()), notes(self._kg.addresses, later)
        if effect:
            effect.remove |= marks
            self._kg.write(effect, _ORIGIN, trusted=True)
        else:
            self._unmark(Effect(remove=Quads(marks)))
        for shape in later:
            del self._later[shape]

    def _unmark(self, effect: Effect) -> None:
        # Nothing follows: no commit that anybody has to read of.
        try:
            effect.apply(self._kg.store)
        except Undecided:
            self._kg.unfinished = effect, self._kg.head, ()
            raise

    def _anew(self, planner: Planner, now: datetime) -> Effect:
        # They cost time to import, and this is seldom.
        from kgservice.application.guard.findings import reconciled  # noqa: PLC0415
        from kgservice.application.guard.validation import validate  # noqa: PLC0415

        found = validate(self._kg, shapes=self._kg.guard.shapes).findings
        change, _ = reconciled(planner, found, now)
        return planner.effect(change)
