"""Cells of tables for spreadsheets, which must not take a text for a formula."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: object) -> object:
    """A value as a cell; a text that a spreadsheet would calculate gets an apostrophe before it.

    >>> cell("=1+1"), cell("K-101"), cell(-1)
    ("'=1+1", 'K-101', -1)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
