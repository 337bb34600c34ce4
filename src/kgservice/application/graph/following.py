"""Findings that follow from a commit for many records: entered at once after it, in one of their own.

Which records are still to be looked at is noted with the commit itself, so that whoever opens the store after
an end in between knows it, too.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from kgservice.application.guard.later import Later, noted, notes
from kgservice.domain.change import Origin
from kgservice.errors import KgError

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
                self._enter(self._later)
                self._later, self._failed = {}, False
            except KgError as error:
                if not self._failed:
                    _log.error("what follows from the last commit cannot be entered yet: %s", error)
                self._failed = True
            finally:
                self._entering = False

    def _enter(self, later: Later) -> None:
        planner = self._kg.planner()
        effect = self._kg.guard.follow_up(planner, later, self._kg.clock())
        effect.remove |= notes(self._kg.addresses, later)
        self._kg.write(effect, _ORIGIN, trusted=True)
