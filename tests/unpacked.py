"""What files really hold, for tests that search them: tables of RocksDB, DuckDB and Parquet unpacked.

RocksDB packs the deeper levels of a store with LZ4 and leaves out of a key what it shares with the one before;
DuckDB and Parquet pack columns of texts. A search of the bytes alone finds little in them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow

Block = tuple[int, int]
"""Where a block of an SST file begins, and its length without its trailer."""

_TRAILER = 5  # the kind of compression, a checksum
_PLAIN, _LZ4 = 0, 4
_MAGIC = bytes.fromhex("f7cff485b741e288")
_FOOTER = 53
_PAGE = 32 * 1024  # of a log: records are cut there
_LAST = {1, 4, 5, 8}  # kinds of pieces that end a record


def files_with(folder: Path, texts: set[str]) -> dict[str, set[str]]:
    """The files below a folder that hold one of the texts as UTF-8, packed or not, with these."""
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            contents = list(unpacked(path))
            held = {text for text in texts if any(text.encode() in content for content in contents)}
            if held:
                found[str(path.relative_to(folder))] = held
    return found


def unpacked(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and if it packs them what comes out. Raises `ValueError` for what this cannot read."""
    data = path.read_bytes()
    if path.suffix == ".sst":
        yield from _table(data)
        return
    yield data
    match path.suffix:
        case ".log":
            yield b"\0".join(_records(data))
        case ".duckdb":
            with duckdb.connect(str(path), read_only=True) as base:
                tables = base.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
                for schema, name in tables:
                    yield _rows(base.table(f'"{schema}"."{name}"'))
        case ".parquet":
            with duckdb.connect() as base:
                yield _rows(base.read_parquet(str(path)))


def _rows(table: duckdb.DuckDBPyRelation) -> bytes:
    return json.dumps(table.fetchall(), ensure_ascii=False, default=str).encode()


def _table(data: bytes) -> Iterator[bytes]:
    """What an SST file holds beside its blocks, and the keys and values, also those that a later one hides.

    Packed bytes are not searched as they are: what LZ4 says of a place may end a text as if it were a letter.
    """
    if data[-8:] != _MAGIC:
        raise ValueError("no SST file")
    footer = data[-_FOOTER:]
    if int.from_bytes(footer[-12:-8], "little") < 6:
        at, _ = _handle(footer, 1)
        _, index = _handle(footer, at)
    else:  # the index is named in a block of its own, which ends before the footer
        size = int.from_bytes(footer[13:17], "little")
        named = dict(_entries(_block(data, (len(data) - _FOOTER - _TRAILER - size, size))))
        _, index = _handle(named[b"rocksdb.index"], 0)
    beside, held, at = list[bytes](), list[bytes](), 0
    for key, place in _indexed(_block(data, index)):
        begin, size = place
        beside.append(data[at:begin])
        at = begin + size
        held.append(key)
        for key_and_value in _entries(_block(data, place)):
            held += key_and_value
    yield b"\0".join((*beside, data[at:]))
    yield b"\0".join(held)


def _block(data: bytes, place: Block) -> bytes:
    begin, size = place
    raw, kind = data[begin : begin + size], data[begin + size]
    if kind == _PLAIN:
        return raw
    if kind != _LZ4:
        raise ValueError(f"compression {kind}")
    at, length = _number(raw, 0)
    found: bytes = pyarrow.decompress(raw[at:], length, "lz4_raw", asbytes=True)
    return found


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a block, whose keys leave out what they begin with as the one before."""
    at, end, key = 0, _end(block), b""
    while at < end:
        shared, own, size = block[at : at + 3]
        if shared < 128 and own < 128 and size < 128:  # nearly always
            at += 3
        else:
            at, shared = _number(block, at)
            at, own = _number(block, at)
            at, size = _number(block, at)
        key = key[:shared] + block[at : at + own]
        at += own
        yield key, block[at : at + size]
        at += size


def _indexed(block: bytes) -> Iterator[tuple[bytes, Block]]:
    """The keys and places of an index, whose places leave out what follows from the one before."""
    at, end, key, place = 0, _end(block), b"", (0, 0)
    while at < end:
        at, shared = _number(block, at)
        at, own = _number(block, at)
        key = key[:shared] + block[at : at + own]
        at += own
        if shared == 0:
            at, place = _handle(block, at)
        else:
            at, turned = _number(block, at)
            place = sum(place) + _TRAILER, place[1] + (turned >> 1 ^ -(turned & 1))
        yield key, place


def _end(block: bytes) -> int:
    """Where the entries of a block end: behind them stand the places of whole keys, and perhaps of hashes."""
    packed = int.from_bytes(block[-4:], "little")
    end = len(block) - 4
    if packed >> 31:
        end -= 2 + int.from_bytes(block[-6:-4], "little")
    return end - 4 * (packed & 0x7FFFFFFF)


def _records(data: bytes) -> Iterator[bytes]:
    """The records of a log, whose pages cut them into pieces."""
    record = b""
    for begin in range(0, len(data), _PAGE):
        page, at = data[begin : begin + _PAGE], 0
        while at + 7 <= len(page):
            size, kind = int.from_bytes(page[at + 4 : at + 6], "little"), page[at + 6]
            at += 7 if kind < 5 else 11
            record += page[at : at + size]
            at += size
            if kind in _LAST:
                yield record
                record = b""
    yield record


def _handle(data: bytes, at: int) -> tuple[int, Block]:
    at, begin = _number(data, at)
    at, size = _number(data, at)
    return at, (begin, size)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte: where it ends, and what it is."""
    found = shift = 0
    while True:
        byte = data[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return at, found
        shift += 7
