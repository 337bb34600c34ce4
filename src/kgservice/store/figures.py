"""What an engine is doing and has done: numbers for those who run the service, which name nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgservice.domain.durations import Durations


@dataclass(frozen=True, slots=True)
class Staffing:
    """The processes of one nursery: whether that is `well`, how many there are, and how many began in all."""

    well: bool
    living: int
    started: int


@dataclass(frozen=True, slots=True)
class Figures:
    """`queries` that there are, by the room; `stopped` since the start, by the reason; processes by nursery.

    `seconds`: how long queries were inside, without the wait for their turn.
    """

    queries: Mapping[str, int]
    stopped: Mapping[str, int]
    staffs: Mapping[str, Staffing]
    seconds: Durations
