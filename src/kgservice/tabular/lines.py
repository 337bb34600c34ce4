"""What a workbook to fill in consists of, apart from what reads and writes it: columns, lines of cells."""

from __future__ import annotations

from dataclasses import dataclass

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 2000
"""Rows that a sheet may have."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name for programs, its heading and a note for people, and what may be picked in it.

    `free`: other values than those to pick may be typed, too, such as several of them.
    """

    name: str
    heading: str
    note: str = ""
    options: tuple[str, ...] = ()
    free: bool = True
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it stands: its line (1-based) and the texts of its cells by the names of their columns."""

    line: int
    cells: dict[str, str]
