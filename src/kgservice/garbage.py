"""How often Python looks for cycles of objects that nothing uses any more."""

from __future__ import annotations

import gc

# Objects made since the last look, and looks of the younger kind before one of the older. A change makes a
# million small objects that live until it is written; by default (700, 10, 10) Python goes through all of
# them again and again, which took 38 % of the time of loading a table. Nearly all garbage here has no cycles.
_MADE, _YOUNG, _OLD = 20_000, 20, 20


def look_seldom() -> None:
    """Look for garbage less often than Python does: for processes that make many small objects."""
    gc.set_threshold(_MADE, _YOUNG, _OLD)
