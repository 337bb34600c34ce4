"""Headings of columns: when two of them mean the same."""

from __future__ import annotations

import re


def plain(heading: str) -> str:
    """A heading without case, spaces and punctuation: `ZIP code` and `zip_code` are the same.

    >>> plain("ZIP code") == plain("zip_code")
    True
    """
    return re.sub(r"[\W_]+", "", heading).lower()
