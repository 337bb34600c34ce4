"""Waivers: which findings may be accepted for a time, and how a finding stands at a moment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

OPEN, WAIVED, MENDED = "open", "waived", "mended"
STATUSES = (OPEN, WAIVED, MENDED)
LAW = range(20, 40)  # the numbers of the rules about consent and the rights of persons

_NUMBER = re.compile(r"R([0-9]{2})(?![0-9])")


def may_be_waived(severity: str, names: Iterable[str]) -> bool:
    """Whether a finding of this severity may be accepted; `names`: the number of its rule, or its shape.

    A violation of consent or of the rights of a person never may: not one of those who keep the data can
    decide that.

    >>> may_be_waived("Violation", ["R25"]), may_be_waived("Warning", ["R22"])
    (False, True)
    """
    if severity in {"Warning", "Info"}:
        return True
    found = (_NUMBER.match(name) for name in names)
    return not any(number and int(number[1]) in LAW for number in found)


def standing(stored: str, until: datetime | None, now: datetime, *, allowed: bool) -> str:
    """How a finding stands now: what is `stored`, but a waiver that does not hold leaves it open.

    A waiver holds before its end (`until`), and only where one is `allowed`.

    >>> from datetime import UTC
    >>> standing("waived", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), allowed=True)
    'open'
    """
    if stored != WAIVED:
        return stored
    return WAIVED if allowed and until is not None and now < until else OPEN
