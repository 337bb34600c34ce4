"""What a client prefers of an answer: `Prefer` (RFC 7240), for work that takes its time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import Headers

LONGEST = 24 * 60 * 60
"""Seconds: who wants to wait for longer waits for so long."""
_PREFERENCE = re.compile(r'([A-Za-z0-9!#$%&\'*+.^_`|~-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?')
_BETWEEN = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client waits (seconds; None: until the end), and the preferences that this obeys."""

    seconds: float | None
    applied: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What tells it."""
        return {"Preference-Applied": self.applied} if self.applied else {}


def patience(headers: Headers, otherwise: float | None) -> Patience:
    """How long the client waits by `Prefer: wait=…` and `respond-async`; `otherwise`, if it does not say.

    What is no preference, or none that is known, does not count; of one that is stated twice the first does.

    >>> patience(Headers({"prefer": "respond-async, wait=10"}), None)
    Patience(seconds=10, applied='respond-async, wait=10')
    >>> patience(Headers({"prefer": 'WAIT="5"; x=y, wait=7'}), 0)
    Patience(seconds=5, applied='wait=5')
    >>> patience(Headers({"prefer": "wait=soon, return=minimal"}), None)
    Patience(seconds=None, applied='')
    """
    stated: dict[str, str] = {}
    for part in _BETWEEN.split(", ".join(headers.getlist("prefer"))):
        if found := _PREFERENCE.match(part.strip()):
            stated.setdefault(found[1].lower(), (found[2] or "").strip('"'))
    applied, seconds = [], otherwise
    if "respond-async" in stated:
        applied, seconds = ["respond-async"], 0
    wait = stated.get("wait", "")
    if wait.isascii() and wait.isdigit():
        seconds = min(int(wait[:10]), LONGEST)
        applied.append(f"wait={seconds}")
    return Patience(seconds, ", ".join(applied))
