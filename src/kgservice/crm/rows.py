"""Rows as they leave a source: known columns only, each cell a text or nothing, on their way to Arrow."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from kgservice.crm.settings import Column, Table
from kgservice.errors import BadInput
from kgservice.phrases import Phrase
from kgservice.tabular.headings import plain

# ="00123" is how spreadsheets are told, in CSV, to leave a text alone.
_TEXT_FORMULA = re.compile(r'="([^"]*)"')
_YEAR_FIRST = re.compile(r"\d{4}-?\d{2}")
# What Python makes of bytes that are not in an encoding (`surrogateescape`): 0x80 to 0xFF.
_NOT_DECODED = range(0xDC80, 0xDD00)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: where it stands (1-based: physical line, or number), its cells, or why it cannot be read."""

    line: int
    cells: Sequence[str | None] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table that were found in the source, each with its heading there; and what is ignored.

    `whole`: all that the source has are known, whichever rows were read. Else a record may leave out what is
    empty, and `empty` are the columns found in which no record had anything.
    """

    found: Mapping[str, str]
    ignored: tuple[str, ...]
    whole: bool = True
    empty: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Since:
    """What was read before of a table of which only changes are: the last cursor, and the keys taken."""

    cursor: str
    taken: Set[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """How one table is read; nothing is, before the rows are gone through.

    `complete`: the source is read as a whole, so that what is not among it is gone. `present` gives, where
    it is not and the source can tell, the keys of all that is there. `columns` says what was found so far.
    """

    rows: Generator[Row, None, None]
    columns: Callable[[], Columns]
    complete: bool = True
    present: Callable[[], set[str]] | None = None


@dataclass(frozen=True, slots=True)
class Headings:
    """Which columns of a source are those of a table, by the position of each; and which are ignored."""

    positions: Mapping[str, int]
    ignored: tuple[str, ...]
    titles: Mapping[str, str] = field(default_factory=dict)

    def columns(self) -> Columns:
        """What was found."""
        return Columns(self.titles, self.ignored)

    def cells(self, table: Table, values: Sequence[object]) -> list[str | None]:
        """The cells of the table's columns, in their order."""
        return [
            text_of(values[self.positions[c.name]]) if c.name in self.positions else None
            for c in table.columns
        ]


def recognised(table: Table, headings: Sequence[str], source: str) -> Headings:
    """Find the columns of a table by their headings, compared without case, spaces and punctuation.

    Raises `BadInput` that names what is missing or stands there twice, and what stands there instead.
    """
    known = {plain(title): c.name for c in table.columns for title in c.titles}
    positions: dict[str, int] = {}
    ignored = []
    for position, heading in enumerate(headings):
        name = known.get(plain(heading))
        if name is None:
            ignored.append(heading)
        elif name in positions:
            raise BadInput(
                "the columns {one!r} and {other!r} mean the same",
                one=headings[positions[name]],
                other=heading,
                source=source,
            )
        else:
            positions[name] = position
    check_missing(table, positions, ignored, source)
    titles = {name: headings[position] for name, position in positions.items()}
    return Headings(positions, tuple(ignored), titles)


def check_missing(table: Table, found: Iterable[str], ignored: Sequence[str], source: str) -> None:
    """Raise `BadInput` if a column is missing that must be there."""
    there = set(found)
    missing = [c.titles[0] for c in table.columns if c.required and c.name not in there]
    if missing:
        raise BadInput(
            "columns are missing: {names}{instead}",
            names=", ".join(missing),
            instead=unknown(ignored),
            source=source,
        )


def unknown(ignored: Iterable[str]) -> str:
    """What to add to an error about missing columns: those that stand there and are not known."""
    names = ", ".join(sorted(ignored)[:20])
    return Phrase("; not known are: {names}", names=names) if names else ""


def check_cursor(table: Table, value: object, source: str) -> None:
    """Raise `BadInput` for a cursor that is a text whose order is not that of time.

    Texts are compared as texts, here and in databases: the year comes first in them.
    """
    if isinstance(value, str) and value.strip() and not _YEAR_FIRST.match(value.strip()):
        raise BadInput(
            "the cursor {name} holds texts whose order is not that of time, as with 31.01.2026; leave it out,"
            " or name a column of moments",
            name=table.cursor,
            source=source,
        )


def unreadable(cells: Iterable[str | None]) -> str | None:
    """Why cells are no texts that can be kept; None if they are.

    >>> unreadable(["Jürgen", None]), unreadable(["a\\0"]), unreadable(["\\ud800"]), unreadable(["\\udcff"])
    (None, 'a zero byte', 'U+D800 is no character', 'byte 0xFF is not utf-8')
    """
    for cell in cells:
        if cell is None:
            continue
        if "\0" in cell:
            return "a zero byte"
        try:
            cell.encode()
        except UnicodeEncodeError as error:
            code = ord(cell[error.start])
            if code in _NOT_DECODED:
                return f"byte 0x{code - _NOT_DECODED.start + 0x80:02X} is not utf-8"
            return f"U+{code:04X} is no character"
    return None


def text_of(value: object) -> str | None:  # noqa: PLR0911  (a table of types)
    """A value of any source as text, without space around it; None if it is empty.

    >>> text_of(" x "), text_of(1.0), text_of(True), text_of(""), text_of('="007"')
    ('x', '1', 'true', None, '007')
    """
    match value:
        case None:
            return None
        case str():
            text = value.strip()
            wrapped = _TEXT_FORMULA.fullmatch(text) if text.startswith("=") else None
            return (wrapped[1].strip() if wrapped else text) or None
        case bool():
            return "true" if value else "false"
        case float():
            return format(Decimal(repr(value)), "f").removesuffix(".0") if value == value else None  # noqa: PLR0124
        case Decimal():
            return format(value, "f")
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case bytes():
            return value.decode("utf-8", "surrogateescape").strip() or None
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=str) if value else None
        case _:
            return str(value)


def flat(item: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, object]]:
    """The values of a record of an API by their dotted paths; lists of plain values are joined by `;`."""
    for name, value in item.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and value:
            yield from flat(value, f"{path}.")
        elif isinstance(value, list) and value and all(isinstance(x, str | int | float) for x in value):
            yield path, ";".join(text_of(x) or "" for x in value)
        elif isinstance(value, list) and value and all(isinstance(x, dict) for x in value):
            yield from flat({str(i): x for i, x in enumerate(value)}, f"{path}.")
        else:
            yield path, value


class Picker:
    """Picks the columns of a table out of records of an API, whose fields may differ from one to the next."""

    def __init__(self, table: Table) -> None:
        self._known = {
            plain(title): (c.name, rank) for c in table.columns for rank, title in enumerate(c.titles)
        }
        self._table = table
        self._ranked: dict[str, tuple[int, str]] = {}
        self._filled: set[str] = set()
        self._whole = False
        self.ignored: set[str] = set()

    def know(self, paths: Iterable[str]) -> None:
        """Tell that the records have these fields, and no others, whatever is in them."""
        self._whole = True
        for path in paths:
            self._find(path)

    def cells(self, item: Mapping[str, Any]) -> list[str | None]:
        """The cells of one record. Of several fields of the same meaning, the first title that is filled."""
        best: dict[str, tuple[int, str]] = {}
        for path, value in flat(item):
            name, rank = self._find(path)
            text = text_of(value) if name else None
            if text is not None and (name not in best or rank < best[name][0]):
                best[name] = (rank, text)
        self._filled.update(best)
        return [best[c.name][1] if c.name in best else None for c in self._table.columns]

    def _find(self, path: str) -> tuple[str, int]:
        """The column that a field is, or "", and the place of its title; both are noted."""
        name, rank = self._known.get(plain(path), ("", 0))
        if not name:
            self.ignored.add(path)
        elif name not in self._ranked or rank < self._ranked[name][0]:
            self._ranked[name] = (rank, path)
        return name, rank

    def columns(self) -> Columns:
        """What was found so far."""
        found = {name: path for name, (_, path) in sorted(self._ranked.items())}
        empty = found.keys() - self._filled
        return Columns(found, tuple(sorted(self.ignored)), self._whole, frozenset(empty))

    def finish(self, source: str) -> None:
        """Raise `BadInput` if the records had not all fields that must be there."""
        if self._ranked or self.ignored:
            check_missing(self._table, self._ranked, sorted(self.ignored), source)


def column_names(columns: Sequence[Column]) -> list[str]:
    """The names of columns."""
    return [c.name for c in columns]
