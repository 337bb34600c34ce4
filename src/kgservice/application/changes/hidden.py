"""Who is to know when something may be told to nobody any more: who keeps answers, and who sends some."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from kgservice.store.base import Engine


class Hearers:
    """What is called when something is hidden, and what breaks off the answers that are being sent."""

    def __init__(self) -> None:
        self._forget: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._sending: dict[object, tuple[object, Callable[[], None]]] = {}

    def append(self, forget: Callable[[], None]) -> None:
        """Call this whenever something is hidden."""
        self._forget.append(forget)

    @contextmanager
    def sending(self, graph: object, stop: Callable[[], None]) -> Iterator[None]:
        """Within the block an answer is sent that tells of the graph: `stop` breaks it off, in any thread."""
        key = object()
        with self._lock:
            self._sending[key] = graph, stop
        try:
            yield
        finally:
            with self._lock:
                del self._sending[key]

    def tell(self, hidden: Collection[object], engine: Engine | None) -> None:
        """Nothing of what these graphs held before now may be told any more, by nobody."""
        for forget in self._forget:
            forget()
        with self._lock:
            stops = [stop for graph, stop in self._sending.values() if graph in hidden]
        for stop in stops:
            stop()
        if engine is not None:
            engine.stop(hidden)
