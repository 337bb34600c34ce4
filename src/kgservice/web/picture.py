"""A chain as a picture: boxes in columns and lines between them. Only layout; a template writes the SVG."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

BOX_WIDTH = 216
GAP_X = 56
GAP_Y = 18
LINE = 17
PADDING = 12
HEADER = 34
CHARACTERS = 23
"""Characters that fit into a line of a box, at the size of the style sheet, in a wide font."""

MOST_LINES = 5


@dataclass(frozen=True, slots=True)
class Item:
    """Something in the chain: `key` unique in it, `kind` its style, `link` where it leads or empty."""

    key: str
    kind: str
    title: str
    note: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """Items that stand below one another, under a heading."""

    heading: str
    items: tuple[Item, ...]

    def __str__(self) -> str:
        return f"{self.heading}: {', '.join(item.title for item in self.items)}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text in a box, at (x, y) in pixels; `note`: smaller, for details."""

    x: int
    y: int
    text: str
    note: bool


@dataclass(frozen=True, slots=True)
class Box:
    """An item with its place and its lines of text."""

    item: Item
    x: int
    y: int
    height: int
    lines: tuple[Line, ...]

    @property
    def name(self) -> str:
        """What a screen reader says."""
        return f"{self.item.title}. {self.item.note}" if self.item.note else self.item.title


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes, paths (SVG path data) and headings (x, text) in a drawing of `width` × `height` pixels."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    paths: tuple[str, ...]
    headings: tuple[tuple[int, str], ...]
    box_width: int = BOX_WIDTH


def draw(columns: Sequence[Column], links: Sequence[tuple[str, str]]) -> Picture:
    """Lay out the columns from left to right, each centred; `links` are pairs of item keys.

    A link to an item that is not drawn is left out. Columns without items take no room.

    >>> p = draw([Column("A", (Item("a", "x", "one"),)), Column("B", (Item("b", "x", "two"),))], [("a", "b")])
    >>> p.width, len(p.boxes), p.paths
    (512, 2, ('M228 65.5 C 256 65.5 256 65.5 284 65.5',))
    """
    columns = [column for column in columns if column.items]
    stacks = [[(item, _lines(item)) for item in column.items] for column in columns]
    heights = [sum(_height(lines) + GAP_Y for _, lines in stack) - GAP_Y for stack in stacks]
    tallest = max(heights, default=0)
    boxes: dict[str, Box] = {}
    for number, (stack, height) in enumerate(zip(stacks, heights, strict=True)):
        x = PADDING + number * (BOX_WIDTH + GAP_X)
        y = HEADER + PADDING + (tallest - height) // 2
        for item, lines in stack:
            boxes[item.key] = _box(item, x, y, lines)
            y += _height(lines) + GAP_Y
    width = 2 * PADDING + max(len(columns) * (BOX_WIDTH + GAP_X) - GAP_X, 0)
    paths = tuple(_path(boxes[a], boxes[b]) for a, b in links if a in boxes and b in boxes)
    headings = tuple((PADDING + n * (BOX_WIDTH + GAP_X), c.heading) for n, c in enumerate(columns))
    return Picture(width, HEADER + 2 * PADDING + tallest, tuple(boxes.values()), paths, headings)


def _lines(item: Item) -> list[tuple[str, bool]]:
    return [(line, False) for line in _wrapped(item.title)] + [(line, True) for line in _wrapped(item.note)]


def _wrapped(text: str) -> list[str]:
    """The text in lines that fit; what is too long ends in an ellipsis (the full text is the box's title)."""
    return textwrap.wrap(text, CHARACTERS, max_lines=MOST_LINES, placeholder=" …", break_long_words=True)


def _height(lines: Sequence[tuple[str, bool]]) -> int:
    return len(lines) * LINE + 2 * PADDING - 2


def _box(item: Item, x: int, y: int, lines: Sequence[tuple[str, bool]]) -> Box:
    placed = tuple(
        Line(x + PADDING, y + PADDING + LINE * (number + 1) - 5, text, note)
        for number, (text, note) in enumerate(lines)
    )
    return Box(item, x, y, _height(lines), placed)


def _path(start: Box, end: Box) -> str:
    x1, y1 = start.x + BOX_WIDTH, start.y + start.height / 2
    x2, y2 = end.x, end.y + end.height / 2
    middle = (x1 + x2) // 2
    return f"M{x1} {y1:g} C {middle} {y1:g} {middle} {y2:g} {x2} {y2:g}"
