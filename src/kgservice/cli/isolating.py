"""Queries in processes of their own, for a service: sizes from the settings, memory for the views."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from kgservice.application.changes.replica import BYTES_PER_STATEMENT, Budget
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.cli.answers import say
from kgservice.cli.stores import MIB

# Each process that answers comes to hold what it reads (see `Staff`): all together held the views 1.6 times
# when one client had asked much, and can come to hold them once more for each that is kept.
_COPIES = 2


def _possible() -> bool:
    """Whether processes can be forked, told of by handles, and given their standard error in memory."""
    if sys.platform != "linux":
        return False
    try:
        for handle in (os.pidfd_open(os.getpid()), os.memfd_create("kgservice")):
            os.close(handle)
    except OSError:
        return False
    return True


@contextmanager
def isolated(kg: KnowledgeGraph) -> Iterator[None]:
    """Within this, queries run in processes that can be stopped.

    Where the system cannot do that (Linux can, since 5.3) it is said, and they run in this process.
    """
    if not _possible():
        say("Queries run in the process of the service here, and nothing stops one that takes too long.")
        yield
        return
    from kgservice.engine.isolated import Isolated, Limits  # noqa: PLC0415 - it cannot be imported elsewhere
    from kgservice.engine.rooms import Room  # noqa: PLC0415

    settings = kg.settings
    at_once = settings.queries or 2 * (os.cpu_count() or 1)
    limits = Limits(settings.query_memory * MIB, settings.query_answer * MIB)
    engine = Isolated(kg.store, lambda: kg.head, limits, Room(light=at_once, heavy=at_once))
    kg.engine = engine
    try:
        budget = Budget(settings.memory * MIB // 2, each=BYTES_PER_STATEMENT * _COPIES)
        for purpose in (None, *settings.active_purposes) if settings.memory else ():
            view = kg.reader(purpose).view
            kg.copies.keep_elsewhere(view, engine.memory(view), budget, partial(engine.hold, view))
        yield
    finally:
        kg.engine = None
        with kg.writing:
            kg.copies.stop()  # else those that are being filled would miss the processes, and say so
        engine.close()
