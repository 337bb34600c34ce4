"""From one store to another, graph by graph; it goes on where it was interrupted, and all is compared."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, cast

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.errors import Conflict, StoreFailed
from kgservice.namespaces import NOTES, XSD
from kgservice.store.base import Store
from kgservice.store.disk import sync
from kgservice.store.formats import N_TRIPLES

_MARK = "MIGRATING"  # RocksDB leaves alone what is none of its own files
_STATEMENT = Quad(
    NamedNode(f"{NOTES}store"), NamedNode(f"{NOTES}migrating"), Literal("true"), NamedNode(f"{NOTES}graphs")
)
_MANY = 3  # graphs that a message names
# Stores write these numbers in different ways.
_NUMBER = re.compile(rb'"([-+0-9.eE]+)"(\^\^<' + XSD.encode() + rb"(?:decimal|double|float)>)")


@dataclass(frozen=True, slots=True)
class Migrated:
    """How many graphs there are, how many of them were the same before, and the statements of all."""

    graphs: int
    same: int
    statements: int


class Mark:
    """The file that says that a directory is the target of a migration which has not ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / _MARK

    def set(self) -> None:
        """From now on the directory holds a part."""
        self._file.touch()
        sync(self._folder)

    def clear(self) -> None:
        """It holds all, and that is on the disk."""
        self._file.unlink()

    def refuse(self) -> None:
        """Raise `StoreFailed` for a directory that holds a part."""
        if self._file.exists():
            raise _in_part(self._folder)


class ServerMark:
    """The statement that says the same of a server, in the graph that a store there keeps for itself."""

    def __init__(self, store: Store, place: str) -> None:
        """`place`: the addresses of the server, as `kgservice migrate` takes them."""
        self._store = store
        self._place = place

    def set(self) -> None:
        """From now on the server holds a part."""
        self._store.apply(add=[_STATEMENT])

    def clear(self) -> None:
        """It holds all."""
        self._store.apply(remove=[_STATEMENT])

    def refuse(self) -> None:
        """Raise `StoreFailed` for a server that holds a part."""
        subject, predicate, _, graph = _STATEMENT
        if any(self._store.match([(subject, predicate, None)], cast(NamedNode, graph))):
            raise _in_part(self._place)


def _in_part(store: Path | str) -> StoreFailed:
    return StoreFailed(
        "the store {store} holds a part of another one, since a migration into it has not ended: "
        "repeat `kgservice migrate SOURCE {store}`, which goes on, until it says that it is done",
        store=store,
    )


def migrate(
    source: Store, target: Store, told: Callable[[str, int, int], None], begin: Callable[[], None]
) -> Migrated:
    """Make the target say what the source says; `told` hears how far it is, `begin` that it will write.

    Graphs that are the same already, by the number of their statements and a checksum, are left as they are.
    Raises `Conflict` for a target that holds something else, and `StoreFailed` for a graph that does not
    arrive as it was.
    """
    graphs = source.graphs()
    others = sorted(graph.value for graph in set(target.graphs()) - set(graphs))
    if others:
        more = ", …" if len(others) > _MANY else ""
        raise Conflict(f"the target holds graphs that the source has not: {', '.join(others[:_MANY])}{more}")
    begin()
    same = statements = 0
    for number, graph in enumerate(graphs):
        told("graphs", number, len(graphs))
        with tempfile.TemporaryFile() as file:
            expected = _written(source, graph, cast(BinaryIO, file))
            statements += expected[0]
            is_there = target.has_graph(graph)
            if is_there and summed(target, graph) == expected:
                same += 1
                continue
            if is_there or not file.tell():
                target.apply(drop=[graph], create=[graph])
            if file.tell():
                file.seek(0)
                target.load(cast(BinaryIO, file), N_TRIPLES, graph=graph)
        if summed(target, graph) != expected:
            raise StoreFailed(f"the graph {graph.value} does not arrive as it was: the target changes values")
    told("graphs", len(graphs), len(graphs))
    return Migrated(len(graphs), same, statements)


def summed(store: Store, graph: NamedNode) -> tuple[int, int]:
    """The number of statements of a graph, and a checksum that does not depend on their order."""
    return _written(store, graph, None)


def _written(store: Store, graph: NamedNode, file: BinaryIO | None) -> tuple[int, int]:
    """The same, while its statements are written to the file as N-Triples."""
    found = _Sum(file)
    store.dump(cast(BinaryIO, found), N_TRIPLES, graph=graph)
    return found.count, found.sum


class _Sum:
    """A file that takes N-Triples, adds up the hashes of the lines, and passes them on."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file
        self.count = 0
        self.sum = 0
        self._begun = b""

    def write(self, data: bytes) -> int:
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            said = _NUMBER.sub(_plain, line)
            self.count += 1
            self.sum += int.from_bytes(hashlib.blake2b(said, digest_size=16).digest())
            self.sum &= (1 << 128) - 1
        if self._file is not None:
            self._file.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing: a line that has no end is none."""


def _plain(number: re.Match[bytes]) -> bytes:
    return b'"%s"%s' % (str(Decimal(number[1].decode()).normalize()).encode(), number[2])
