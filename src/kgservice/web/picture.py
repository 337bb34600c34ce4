"""A chain as a picture: boxes in columns and lines between them. Only layout; a template writes the SVG."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

BOX_WIDTH = 216
GAP_X = 56
GAP_Y = 18
LINE = 17
PADDING = 12
HEADER = 34
CHARACTERS = 23
"""Characters that fit into a line of a box, at the size of the style sheet, in a wide font."""

MOST_LINES = 5
FITTING = 5
"""Columns that can still be read when they are made to fit a page."""
LANE = 2
"""Height of the room that a column leaves for lines that pass it."""
BULGE = 40
"""How far to the right the line between two boxes of one column is drawn, at most."""


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

    @property
    def is_wide(self) -> bool:
        """Whether its text could not be read where the picture is made as narrow as a page."""
        return len(self.headings) > FITTING


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place in a column: of an item with its lines of text, or without one: room for lines that pass."""

    key: str
    height: int
    item: Item | None = None
    lines: tuple[tuple[str, bool], ...] = ()


def draw(columns: Sequence[Column], links: Sequence[tuple[str, str]]) -> Picture:
    """Lay out the columns from left to right, each centred; `links` are pairs of item keys.

    A link to an item that is not drawn is left out. Columns without items take no room. What a link passes
    leaves room for it, one for all links to the same item: no line is hidden behind a box.

    >>> p = draw([Column("A", (Item("a", "x", "one"),)), Column("B", (Item("b", "x", "two"),))], [("a", "b")])
    >>> p.width, len(p.boxes), p.paths
    (512, 2, ('M228 65.5 C 256 65.5 256 65.5 284 65.5',))
    """
    columns = [column for column in columns if column.items]
    stacks = [[_slot(item) for item in column.items] for column in columns]
    column_of = {slot.key: number for number, stack in enumerate(stacks) for slot in stack}
    links = [(a, b) for a, b in links if a in column_of and b in column_of]
    stacks = _with_lanes(stacks, column_of, links)
    tops = _tops(stacks)
    boxes: dict[str, Box] = {}
    for number, stack in enumerate(stacks):
        x = PADDING + number * (BOX_WIDTH + GAP_X)
        boxes |= {s.key: _box(s.item, x, tops[number, s.key], s.lines) for s in stack if s.item is not None}
    width = 2 * PADDING + max(len(columns) * (BOX_WIDTH + GAP_X) - GAP_X, 0)
    paths = []
    for a, b in links:
        passed = range(column_of[a] + 1, column_of[b])
        lanes = [(PADDING + n * (BOX_WIDTH + GAP_X), tops[n, b] + LANE / 2) for n in passed]
        paths.append(_path(boxes[a], boxes[b], lanes))
    headings = tuple((PADDING + n * (BOX_WIDTH + GAP_X), c.heading) for n, c in enumerate(columns))
    height = HEADER + 2 * PADDING + max(map(_tall, stacks), default=0)
    return Picture(width, height, tuple(boxes.values()), tuple(paths), headings)


def _slot(item: Item) -> _Slot:
    lines = tuple(_lines(item))
    return _Slot(item.key, _height(lines), item, lines)


def _tall(stack: Sequence[_Slot]) -> int:
    return sum(slot.height + GAP_Y for slot in stack) - GAP_Y


def _tops(stacks: Sequence[Sequence[_Slot]]) -> dict[tuple[int, str], int]:
    """Where each slot begins, by the number of its column and its key: columns are centred."""
    found = {}
    tallest = max(map(_tall, stacks), default=0)
    for number, stack in enumerate(stacks):
        y = HEADER + PADDING + (tallest - _tall(stack)) // 2
        for slot in stack:
            found[number, slot.key] = y
            y += slot.height + GAP_Y
    return found


def _with_lanes(
    stacks: Sequence[Sequence[_Slot]], column_of: Mapping[str, int], links: Sequence[tuple[str, str]]
) -> list[list[_Slot]]:
    """The columns with room for the lines that pass them, where a straight line would, by their target."""
    tops = _tops(stacks)
    middle = {
        slot.key: tops[n, slot.key] + slot.height / 2 for n, stack in enumerate(stacks) for slot in stack
    }
    passing: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for a, b in links:
        first, last = column_of[a], column_of[b]
        for number in range(first + 1, last):
            way = (number - first) / (last - first)
            passing[number][b].append(middle[a] + way * (middle[b] - middle[a]))
    found = []
    for number, stack in enumerate(stacks):
        placed = [(middle[slot.key], slot) for slot in stack]
        placed += [(fmean(ys), _Slot(b, LANE)) for b, ys in passing[number].items()]
        found.append([slot for _, slot in sorted(placed, key=lambda one: one[0])])
    return found


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


def _path(start: Box, end: Box, lanes: Sequence[tuple[int, float]]) -> str:
    """The way from one box to another, through the `lanes` (x, y) of the columns between them."""
    if start.x == end.x:
        return _beside(start, end)
    forth = start.x < end.x
    x, y = (start.x + BOX_WIDTH if forth else start.x), start.y + start.height / 2
    path = f"M{x} {y:g}"
    last = (end.x if forth else end.x + BOX_WIDTH), end.y + end.height / 2
    for number, (to_x, to_y) in enumerate((*lanes, last)):
        middle = (x + to_x) // 2
        path += f" C {middle} {y:g} {middle} {to_y:g} {to_x} {to_y:g}"
        x, y = to_x, to_y
        if number < len(lanes):
            x += BOX_WIDTH
            path += f" H {x}"
    return path


def _beside(start: Box, end: Box) -> str:
    """The way between two boxes of a column: down to the next one, or round others on the right."""
    if 0 < end.y - start.y - start.height <= GAP_Y:
        x = start.x + BOX_WIDTH // 2
        return f"M{x} {start.y + start.height} L {x} {end.y}"
    down = 1 if start.y < end.y else -1
    x, y1 = start.x + BOX_WIDTH, start.y + start.height / 2 + down * start.height / 4
    y2 = end.y + end.height / 2 - down * end.height / 4
    return f"M{x} {y1:g} C {x + BULGE} {y1:g} {x + BULGE} {y2:g} {x} {y2:g}"
