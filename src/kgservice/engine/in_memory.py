"""What a replica fills and changes, so that views are held where queries are answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from pyoxigraph import NamedNode, Quad

from kgservice.engine.changes import Changes
from kgservice.engine.nurse import Nurse
from kgservice.errors import StoreFailed
from kgservice.store.formats import N_QUADS, Format
from kgservice.store.updates import update_text


class InMemory:
    """A view in the memory of the processes that answer queries: what a replica fills and changes."""

    def __init__(self, key: str, nurse: Nurse, changes: Changes) -> None:
        self._key = key
        self._nurse = nurse
        self._changes = changes

    def load(self, source: BinaryIO, fmt: Format) -> None:
        """See `Memory.load`; N-Quads."""
        assert fmt is N_QUADS
        self._nurse.load(self._key, source).result()

    def apply(
        self,
        *,
        add: Iterable[Quad] = (),
        remove: Iterable[Quad] = (),
        create: Iterable[NamedNode] = (),
        drop: Iterable[NamedNode] = (),
    ) -> None:
        """See `Memory.apply`. Raises `StoreFailed` once the processes are gone."""
        if not self._nurse.well:
            raise StoreFailed("what holds the view is gone")
        text = update_text(add=add, remove=remove, create=create, drop=drop)
        self._changes.add(self._key, text.encode(), self._nurse.change)

    def close(self) -> None:
        """Hold it no longer."""
        self._nurse.forget(self._key)
