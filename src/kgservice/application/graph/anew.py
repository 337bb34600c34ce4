"""All findings anew, while others write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.record_texts import Progress
from kgservice.application.guard import findings, validation
from kgservice.application.guard.findings import Counts

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph


def entered(kg: KnowledgeGraph, told: Progress, write: Callable[[Effect], None]) -> Counts:
    """Validate everything, and `write` under the lock of those who write what that does to the findings.

    Commits go on meanwhile. What they have changed the guard has entered already; so where there were any,
    the nodes about which the validation tells another story are looked at once more, while commits wait.
    Only if something was written past the guard, all is. `told` hears how far it is.
    """
    with kg.writing:
        shapes, head, unseen = kg.guard.shapes, kg.head, kg.guard.unseen
    found = validation.validate(kg, shapes=shapes, told=told).findings
    with kg.writing:
        planner, now = kg.planner(), kg.clock()
        if kg.guard.unseen != unseen:
            found = validation.validate(kg, shapes=shapes, told=told).findings
        elif kg.head != head:
            doubtful = findings.disputed(planner, found, now)
            settled = (finding for finding in found if finding.focus not in doubtful)
            found = (*settled, *kg.guard.of(planner, doubtful, now))
        change, counts = findings.reconciled(planner, found, now)
        write(planner.effect(change))
        return counts
