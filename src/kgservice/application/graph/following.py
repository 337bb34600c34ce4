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

from kgservice.application.changes.effect import Asked, Effect
from kgservice.application.changes.planner import Planner
from kgservice.application.guard.later import Later, everything, noted, notes
from kgservice.domain.change import Origin
from kgservice.domain.quads import Quads
from kgservice.errors import KgError, Undecided

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph
    from kgservice.application.guard.guard import Guard

_ORIGIN = Origin(agent="kgservice", reason="findings that follow from the commit before")

_log = logging.getLogger(__name__)


class Following:
    """What is left to be looked at in a graph."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg = kg
        self._later = noted(kg.store, kg.addresses)
        self._every = everything(kg.addresses)
        self._unknown = self._every.keys() <= self._later.keys()
        self._failed = self._entering = False

    def begin(self, later: Later) -> None:
        """Look at it, now that the commit has been made, in a thread of its own."""
        for shape, nodes in later.items():
            self._later.setdefault(shape, set()).update(nodes)
        if later:
            with suppress(RuntimeError):  # the system has no more threads: who asks next does it
                threading.Thread(target=self._kg.current, name="kgservice-following").start()

    def recall(self, guard: Guard | None) -> None:
        """Take note of what the store says is left: a commit was not known to be made, or much was loaded.

        `guard`: the one that has been at work, if one has.
        """
        self._later = noted(self._kg.store, self._kg.addresses)
        self._failed = False
        if self._every.keys() <= self._later.keys():
            self._unknown |= guard is None or not guard.knows
        else:
            self._unknown = False
            if guard is not None:
                guard.settled()

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
                    told = error if isinstance(error, KgError) else type(error).__name__
                    _log.error("what follows from the last commit cannot be entered yet: %s", told)
                self._failed = True
                if self._unknown:  # it takes long: not once more before the next opening
                    self._later = {key: nodes for key, nodes in self._later.items() if key not in self._every}
            finally:
                self._entering = False

    def _enter(self) -> None:
        guard = self._kg.guard
        if self._every.keys() <= self._later.keys():
            self._write(self._anew if self._unknown or not guard.knows else guard.made_up, self._every)
            self._unknown = False
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
            self._later.pop(shape, None)

    def _unmark(self, effect: Effect) -> None:
        # Nothing follows: no commit that anybody has to read of.
        try:
            effect.apply(self._kg.store)
        except Undecided:
            self._kg.unfinished = Asked(effect, self._kg.head)
            raise

    def _anew(self, planner: Planner, now: datetime) -> Effect:
        # These cost time to import, and this is seldom.
        from kgservice.application.guard.findings import reconciled  # noqa: PLC0415
        from kgservice.application.guard.validation import validate  # noqa: PLC0415

        _log.warning("a process has ended before it entered what a change did: everything is validated")
        found = validate(self._kg, shapes=self._kg.guard.shapes).findings
        change, _ = reconciled(planner, found, now)
        return planner.effect(change)
