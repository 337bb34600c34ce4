"""Reading delimited text record by record, each with its physical line, and going on after a broken one."""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kgservice.errors import BadTable

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written down, in the terms of CSVW: one character each for `delimiter` and `quote`."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the file.

    `line` is the physical line it starts on (1-based), `raw` its text as it stands in the file, without
    the last line end. Either `fields` or `fault` is set.
    """

    line: int
    raw: str
    fields: tuple[str, ...] = ()
    fault: str | None = None


class _Lines:
    """The lines of a text with their ends; lines can be given back, to be read again."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._text)
        self.taken.append(line)
        self.number += 1
        return line

    def start(self) -> None:
        """Begin a record: what was taken so far is done with."""
        self.taken = []

    def give_back(self, keep: int) -> None:
        """Keep the first `keep` lines of the record; the others will be read again."""
        back = self.taken[keep:]
        self._again.extendleft(reversed(back))
        self.taken = self.taken[:keep]
        self.number -= len(back)


def encoding_of(path: Path, declared: str) -> str:
    """The encoding of a file: what its byte order mark says, else the declared one.

    Raises `BadTable` for an unknown encoding and for bytes that no table has (UTF-16 without a mark).
    """
    try:
        codecs.lookup(declared)
    except LookupError:
        raise BadTable(f"the encoding {declared!r} is not known", source=path.name) from None
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise BadTable(f"cannot be read: {error.strerror}", source=path.name) from None
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if b"\0" in head and not declared.lower().replace("_", "-").startswith(("utf-16", "utf-32")):
        raise BadTable(
            "holds zero bytes: UTF-16 without byte order mark, or no text; save it as UTF-8", source=path.name
        )
    return declared


def records(path: Path, dialect: Dialect) -> Iterator[Record]:
    """The records of a file, the header first; empty lines are left out.

    A record that cannot be read has a `fault`, and reading goes on with the next physical line, so that a
    quote that is never closed costs its line and not the rest of the file. Raises `BadTable` when the whole
    file is in another encoding.
    """
    encoding = encoding_of(path, dialect.encoding)
    # Wide encodings have no byte-wise recovery; in the others an undecodable byte marks its record only.
    errors = "strict" if encoding in {"utf-16", "utf-32"} else "surrogateescape"
    with path.open("r", encoding=encoding, errors=errors, newline="") as text:
        try:
            yield from _parse(_Lines(text), dialect, encoding)
        except UnicodeDecodeError as error:
            raise BadTable(f"is not {encoding}: {error.reason}", source=path.name) from None


def _parse(lines: _Lines, dialect: Dialect, encoding: str) -> Iterator[Record]:
    width = 0
    while True:
        lines.start()
        line = lines.number + 1
        fields, fault = _next(lines, dialect)
        if fields is None and fault is None:
            return
        if fields == []:
            continue
        fields = fields or []
        width = width or len(fields)
        if fault is None and len(fields) != width:
            fault = f"{len(fields)} columns instead of {width}"
            if len(lines.taken) > 1 and _next_line_fits(lines, dialect, width):
                fault = "a quote is not closed"
                lines.give_back(1)
        elif fault is not None:
            lines.give_back(1)
        raw = "".join(lines.taken).rstrip("\r\n")
        if not raw.isascii():
            bad = next((c for c in raw if "\udc80" <= c <= "\udcff"), None)
            if bad is not None:
                fault = f"byte 0x{ord(bad) - 0xDC00:02X} is not {encoding}"
        if "\0" in raw:
            fault = "a zero byte"
        yield Record(line, raw, () if fault else tuple(fields), fault)


def _next(lines: _Lines, dialect: Dialect) -> tuple[list[str] | None, str | None]:
    """The fields of the next record, or why there are none; (None, None) at the end."""
    reader = csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
    try:
        return next(reader), None
    except StopIteration:
        return None, None
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            return None, "a quote is not closed"
        if "field larger than" in str(error):
            return (
                None,
                f"a quote is not closed, or a field is longer than {csv.field_size_limit()} characters",
            )
        return None, "a quote is not closed or stands in the wrong place"


def _next_line_fits(lines: _Lines, dialect: Dialect, width: int) -> bool:
    """Whether the second line of the record taken is a whole record by itself, without a stray quote."""
    reader = csv.reader([lines.taken[1]], delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
    try:
        fields = next(reader)
    except (csv.Error, StopIteration):
        return False
    return len(fields) == width and not any(dialect.quote in field for field in fields)
