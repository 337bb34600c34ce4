"""RDF documents that would exhaust stack, memory or time are refused before the parser sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO

from kgservice.errors import BadRdf
from kgservice.store.formats import JSON_LD, RDF_XML, Format

# Measured with pyoxigraph 0.5 in threads with 8 MiB of stack: nested triple terms end the process between
# 6,400 and 25,600 levels, JSON objects between 1,600 and 6,400; lists of Turtle take no stack.
DEEPEST_TERM = 100  # `<<(` within one another
DEEPEST_JSON = 200  # arrays and objects; the time grows with the square of the depth
DEEPEST_XML = 1000  # elements; the time grows with the square of the depth

_PIECE = 1024 * 1024
_TERM = b"<<("
_TURTLE = re.compile(
    rb'"""(?:[^"\\]|\\.|""?(?!"))*"""'
    rb"|'''(?:[^'\\]|\\.|''?(?!'))*'''"
    rb'|"(?:[^"\\\n\r]|\\.)*"'
    rb"|'(?:[^'\\\n\r]|\\.)*'"
    rb'|<[^<>"{}|^`\x00-\x20]*>|\#[^\n\r]*'
    rb"|(?P<opens><<\()|(?P<closes>\)>>)",
    re.DOTALL,
)
_JSON = re.compile(rb'"(?:[^"\\]|\\.)*"|(?P<opens>[\[{])|(?P<closes>[\]}])', re.DOTALL)
_XML = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|(?P<closes></)"
    rb"""|<[^!?/\s](?:[^"'<>/]|"[^"]*"|'[^']*'|/(?!>))*(?:/>|(?P<opens>>))""",
    re.DOTALL,
)
_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)

Buffer = bytes | mmap


def check_document(source: BinaryIO | bytes | Path, fmt: Format, name: str | None = None) -> None:
    """Raise `BadRdf` with line and column for a document that is nested too deep, or that declares entities.

    `name` is what a document that is no file is called. A stream must be seekable, and is left where it was.
    Large files of the Turtle family are only searched.
    """
    name = source.name if isinstance(source, Path) else name
    if fmt not in (RDF_XML, JSON_LD) and not _holds(source, _TERM):
        return
    with _content(source) as content:
        if fmt is RDF_XML:
            _check_encoding(content, name)
            entity = _ENTITY.search(content)
            if entity is not None:
                raise _refused(
                    content, entity.start(), "a document that declares entities is not taken", name
                )
            _check_depth(content, _XML, DEEPEST_XML, name)
        elif fmt is JSON_LD:
            _check_depth(content, _JSON, DEEPEST_JSON, name)
        else:
            _check_depth(content, _TURTLE, DEEPEST_TERM, name)


def _check_encoding(content: Buffer, name: str | None) -> None:
    start = bytes(content[:64])
    if b"\0" in start or start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadRdf("RDF/XML is taken in UTF-8 only", line=1, column=1, source=name)


def _check_depth(content: Buffer, tokens: re.Pattern[bytes], deepest: int, name: str | None) -> None:
    depth = 0
    for token in tokens.finditer(content):
        if token.lastgroup == "opens":
            depth += 1
            if depth > deepest:
                raise _refused(content, token.start(), f"nested deeper than {deepest} levels", name)
        elif token.lastgroup == "closes":
            depth = max(0, depth - 1)


def _refused(content: Buffer, at: int, words: str, name: str | None) -> BadRdf:
    before = bytes(content[:at])
    column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
    return BadRdf(words, line=before.count(b"\n") + 1, column=column, source=name)


def _holds(source: BinaryIO | bytes | Path, what: bytes) -> bool:
    if isinstance(source, bytes):
        return what in source
    if isinstance(source, Path):
        with source.open("rb") as file:
            return _holds(file, what)
    start, end = source.tell(), b""
    try:
        while piece := source.read(_PIECE):
            if what in end + piece[: len(what)] or what in piece:
                return True
            end = piece[1 - len(what) :]
        return False
    finally:
        source.seek(start)


@contextmanager
def _content(source: BinaryIO | bytes | Path) -> Iterator[Buffer]:
    """All of a document; a file is mapped, not read."""
    if isinstance(source, bytes):
        yield source
    elif not isinstance(source, Path):
        start = source.tell()
        content = source.read()
        source.seek(start)
        yield content
    elif source.stat().st_size == 0:
        yield b""
    else:
        with source.open("rb") as file, closing(mmap(file.fileno(), 0, access=ACCESS_READ)) as mapped:
            yield mapped
