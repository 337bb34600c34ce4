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
_WIDE = ("utf-16", "utf-32")
# What Python calls encodings and no file is written in.
_NO_ENCODINGS = {"charmap", "idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
_LINE_ENDS = "\r\n"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written down, in the terms of CSVW: one character each for `delimiter` and `quote`.

    Raises `BadTable` for values that no file is written with.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        """Check the values, which come from outside."""
        for name, mark in (("delimiter", self.delimiter), ("quoteChar", self.quote)):
            if not isinstance(mark, str) or len(mark) != 1 or mark in f"\0{_LINE_ENDS}":
                raise BadTable("{name} is one character, not {mark!r}", name=name, mark=mark)
        if self.delimiter == self.quote:
            raise BadTable("delimiter and quoteChar are both {quote!r}", quote=self.quote)
        if not _is_encoding(self.encoding):
            raise BadTable("the encoding {encoding!r} is not known", encoding=self.encoding)
        try:
            (self.delimiter + self.quote).encode(self.encoding)
        except UnicodeError:
            raise BadTable(
                "delimiter and quoteChar are not both in {encoding}", encoding=self.encoding
            ) from None


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

    Raises `BadTable` for a file with so many zero bytes that it must be UTF-16 without a mark, or no text.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise BadTable("cannot be read: {error}", error=error.strerror, source=path.name) from None
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    # Half of the bytes of Latin text in UTF-16 are zero; single ones are faults of their rows.
    if head.count(0) * 4 > len(head) and not is_wide(declared):
        raise BadTable(
            "holds zero bytes: UTF-16 without byte order mark, or no text; save it as UTF-8", source=path.name
        )
    return declared


def is_wide(encoding: str) -> bool:
    """Whether the encoding has units of several bytes: UTF-16 and UTF-32."""
    return codecs.lookup(encoding).name.startswith(_WIDE)


def _is_encoding(name: object) -> bool:
    """Whether Python knows an encoding of text by this name."""
    try:
        return isinstance(name, str) and bool("a".encode(name)) and _canonical(name) not in _NO_ENCODINGS
    except (LookupError, ValueError):  # a zero byte in the name is a ValueError, UnicodeError is one too
        return False


def _canonical(name: str) -> str:
    return codecs.lookup(name).name.replace("_", "-")


def records(path: Path, dialect: Dialect) -> Iterator[Record]:
    """The records of a file, the header first; empty lines are left out.

    A record that cannot be read has a `fault`, and reading goes on with the next physical line, so that a
    quote that is never closed costs its line and not the rest of the file. Raises `BadTable` when the whole
    file is in another encoding.
    """
    encoding = encoding_of(path, dialect.encoding)
    # Wide encodings have no byte-wise recovery; in the others an undecodable byte marks its record only.
    errors = "strict" if is_wide(encoding) else "surrogateescape"
    with path.open("r", encoding=encoding, errors=errors, newline="") as text:
        try:
            yield from _parse(_Lines(text), dialect, encoding)
        except UnicodeDecodeError as error:
            raise BadTable(
                "is not {encoding}: {reason}", encoding=encoding, reason=error.reason, source=path.name
            ) from None
        except UnicodeError as error:  # UTF-16 by declaration, without a mark
            raise BadTable(
                "is not {encoding}: {error}", encoding=encoding, error=error, source=path.name
            ) from None


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
            bad = next((c for c in raw if "\ud800" <= c <= "\udfff"), None)
            if bad is not None:
                escaped = "\udc80" <= bad <= "\udcff"
                what = f"byte 0x{ord(bad) - 0xDC00:02X}" if escaped else "half a character"
                fault = f"{what} is not {encoding}"
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
