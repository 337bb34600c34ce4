"""Answers that were given before, while what they were read from is the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import BinaryIO

from kgservice.store.base import Kind
from kgservice.store.results import Sink

_PART = 16  # an answer may take so little of the whole cache: 1/16


@dataclass(frozen=True, slots=True)
class Answer:
    """The kind of an answer, and its bytes in one format."""

    kind: Kind
    body: bytes


class Cache:
    """The answers that were asked for last, `size` bytes in all; 0: none are kept.

    Each belongs to a view in one state: as soon as there is one of another state of the view, all of the
    former are gone.
    """

    def __init__(self, size: int) -> None:
        self.largest = size // _PART
        self._size = self._left = size
        self.cleared = self.hits = self.misses = 0  # times
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[Hashable, Hashable], Answer] = OrderedDict()
        self._states: dict[Hashable, str] = {}

    def get(self, view: Hashable, state: str, asked: Hashable) -> Answer | None:
        """What was answered in this state of the view; who finds nothing here works it out."""
        found = self.small(view, state, asked, self.largest)
        if found is None:
            with self._lock:
                self.misses += 1
        return found

    def small(self, view: Hashable, state: str, asked: Hashable, most: int) -> Answer | None:
        """The same, if it has at most so many bytes; who finds nothing here asks `get` afterwards."""
        with self._lock:
            found = self._answers.get((view, asked)) if self._states.get(view) == state else None
            if found is None or len(found.body) > most:
                return None
            self.hits += 1
            self._answers.move_to_end((view, asked))
            return found

    def put(
        self, view: Hashable, state: str, asked: Hashable, answer: Answer, since: int | None = None
    ) -> None:
        """Keep an answer, unless it is too large, or began to be made before the last clearing (`since`)."""
        if len(answer.body) > self.largest:
            return
        with self._lock:
            if since is not None and since != self.cleared:
                return
            if self._states.get(view) != state:
                self._states[view] = state
                for key in [key for key in self._answers if key[0] == view]:
                    self._left += len(self._answers.pop(key).body)
            before = self._answers.pop((view, asked), None)
            self._left += len(before.body) if before is not None else 0
            self._answers[view, asked] = answer
            self._left -= len(answer.body)
            while self._left < 0:
                self._left += len(self._answers.popitem(last=False)[1].body)

    @property
    def used(self) -> int:
        """The bytes that are kept."""
        return self._size - self._left

    def clear(self) -> None:
        """Keep nothing of what there is."""
        with self._lock:
            self.cleared += 1
            self._answers.clear()
            self._states.clear()
            self._left = self._size


class Kept(Sink):
    """A stream that keeps what is written to another one, up to `most` bytes."""

    def __init__(self, out: BinaryIO, most: int) -> None:
        self._out = out
        self._most = most
        self._body: bytearray | None = bytearray()

    def write(self, data: bytes) -> int:
        """Write it, and keep it."""
        if self._body is not None:
            self._body += data
            if len(self._body) > self._most:
                self._body = None
        return self._out.write(data)

    def flush(self) -> None:
        """Flush the other stream."""
        self._out.flush()

    @property
    def body(self) -> bytes | None:
        """All that was written; None if that was too much."""
        return None if self._body is None else bytes(self._body)
