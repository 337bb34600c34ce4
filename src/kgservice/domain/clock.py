"""The clock: "now" is always asked for, never read, so that every result can be reproduced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
