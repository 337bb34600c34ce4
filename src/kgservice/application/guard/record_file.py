"""Record statements in a file of their own, where full validation finds those about a node.

A store looks up each term of each statement that it gives back, which takes it five times as long.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyoxigraph
from pyoxigraph import NamedNode
from rdflib.term import Literal, Node, URIRef

from kgservice.application.changes.record_texts import Progress, silent, step
from kgservice.application.guard.ahead import ahead
from kgservice.errors import StoreFailed
from kgservice.shacl.reach import Triple
from kgservice.shacl.terms import from_rdflib, from_text, to_rdflib, to_text
from kgservice.store.base import Store
from kgservice.store.formats import N_TRIPLES

# Subjects and objects as N-Triples without escapes; predicates by their number.
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA page_size = 8192;
PRAGMA cache_size = -200000;
CREATE TABLE predicate (number INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE statement (
    id INTEGER PRIMARY KEY, subject TEXT NOT NULL, predicate INTEGER NOT NULL, object TEXT NOT NULL
);
BEGIN;
"""
_INDEXES = """
CREATE INDEX by_subject ON statement (subject, predicate);
CREATE INDEX by_object ON statement (object, predicate);
"""
_ADD = "INSERT INTO statement (subject, predicate, object) VALUES (?, ?, ?)"
_ALL = "SELECT id, subject, predicate, object FROM statement"
_OF = "SELECT predicate, object FROM statement WHERE subject = ?"
_TO = "SELECT predicate, object, subject FROM statement WHERE object = ?"
_ONE_PREDICATE = " AND predicate = ?"
_EARLIER_SUBJECT = "SELECT 1 FROM statement WHERE subject = ? AND id < ? LIMIT 1"
_EARLIER_VALUE = "SELECT 1 FROM statement WHERE object = ? AND predicate = ? AND id < ? LIMIT 1"

_READERS = 2  # threads that read graphs
_GRAPHS = 200  # read together
_IN_MEMORY = 16 * 1024 * 1024  # bytes of their text
_TOLD = 10_000  # statements from one word to the next

_ANY = NamedNode("urn:kgservice:any")
_Row = tuple[str, int, str]


class RecordFile:
    """The statements, in the order of the graphs that they were in. One thread at a time."""

    def __init__(self, path: Path) -> None:
        with _as_ours():
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)
            self._db.execute("PRAGMA cache_size = -32000")
            found = self._db.execute("SELECT number, text FROM predicate").fetchall()
        self._predicates = {number: from_text(text) for number, text in found}
        self._numbers = {predicate: number for number, predicate in self._predicates.items()}

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def of(self, subject: Node, predicate: Node | None) -> Iterator[Triple]:
        """The statements about a node, as often as graphs hold them; None: with any predicate."""
        if not isinstance(subject, Literal):
            for number, value in self._found(_OF, to_text(subject), predicate):
                yield subject, self._predicates[number], from_text(value)

    def to(self, value: Node, predicate: Node | None) -> Iterator[Triple]:
        """Those whose object is a value, with the value as the store writes it."""
        for number, found, subject in self._found(_TO, to_text(_normalised(value)), predicate):
            yield from_text(subject), self._predicates[number], from_text(found)

    def all(self) -> Iterator[Triple]:
        """Every statement, as often as graphs hold it."""
        with _as_ours():
            for _, subject, number, value in self._db.execute(_ALL):
                yield from_text(subject), self._predicates[number], from_text(value)

    def candidates(self, ways: Collection[URIRef], told: Progress) -> Iterator[tuple[Node, URIRef | None]]:
        """Each subject once, and each object of the properties `ways` once for each of them."""
        asked = {self._numbers[way]: way for way in ways if way in self._numbers}
        last = ""
        with _as_ours():
            every = self._db.execute("SELECT max(id) FROM statement").fetchone()[0] or 0
            for place, subject, number, value in self._db.execute(_ALL + " ORDER BY id"):
                if place % _TOLD == 1:
                    told("Validating", place - 1, every)
                if subject != last and not self._any(_EARLIER_SUBJECT, subject, place):
                    yield from_text(subject), None
                last = subject
                if number in asked and not self._any(_EARLIER_VALUE, value, number, place):
                    yield from_text(value), asked[number]
        told("Validating", every, every)

    def _any(self, query: str, *values: str | int) -> bool:
        return self._db.execute(query, values).fetchone() is not None

    def _found(self, query: str, text: str, predicate: Node | None) -> Iterator[Any]:
        asked: tuple[str | int, ...] = (text,)
        if predicate is not None:
            query, asked = query + _ONE_PREDICATE, (text, self._numbers.get(predicate, -1))
        try:  # entering `_as_ours` for each of many calls costs as much as what they do
            yield from self._db.execute(query, asked)
        except sqlite3.Error as error:
            raise _failed(error) from error


@contextmanager
def copied(store: Store, kept: Callable[[NamedNode], bool], told: Progress = silent) -> Iterator[Path]:
    """The file of the graphs of a store that are `kept`, as they are now; gone after the block."""
    with store.still() as (copy, folder):
        _write(copy, folder / "records", sorted(filter(kept, copy.graphs()), key=_by_key), told)
        yield folder / "records"


def _by_key(name: NamedNode) -> tuple[str, str]:
    """Graphs of one person side by side: their names end alike."""
    kind, _, key = name.value.rpartition("/")
    return (key, kind)


def _write(store: Store, path: Path, graphs: Sequence[NamedNode], told: Progress) -> None:
    """Write the file: all statements first, since to sort them once is faster than to keep them sorted."""
    numbers: dict[str, int] = {}

    def rows(file: BinaryIO) -> Iterator[_Row]:
        for line in file:
            for subject, predicate, value in _split(line):
                yield subject, numbers.setdefault(predicate, len(numbers)), value

    with _as_ours(), closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(_TABLES)
        for text in _texts(store, graphs, told):
            db.executemany(_ADD, rows(text))
        db.executemany("INSERT INTO predicate (text, number) VALUES (?, ?)", numbers.items())
        db.execute("COMMIT")
        with step("Sorting records", told):
            db.executescript(_INDEXES)


def _texts(store: Store, graphs: Sequence[NamedNode], told: Progress) -> Iterator[BinaryIO]:
    """The graphs as N-Triples, some at a time in their order; threads read what comes next."""
    opened = ExitStack()

    def read(first: int) -> BinaryIO:
        file = cast(BinaryIO, opened.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY)))  # noqa: SIM115
        for graph in graphs[first : first + _GRAPHS]:
            store.dump(file, N_TRIPLES, graph=graph)
        file.seek(0)
        return file

    firsts = range(0, len(graphs), _GRAPHS)
    with opened, closing(ahead(ThreadPoolExecutor(_READERS), read, firsts, 2 * _READERS)) as texts:
        for first, text in zip(firsts, texts, strict=True):
            told("Reading records", first, len(graphs))
            with text:
                yield text
    told("Reading records", len(graphs), len(graphs))


def _split(line: bytes) -> list[tuple[str, str, str]]:
    """What a line of N-Triples states."""
    if b"\\" not in line:
        subject, predicate, rest = line.decode().split(" ", 2)
        return [(subject, predicate, rest[:-3])]
    quads = pyoxigraph.parse(line, format=pyoxigraph.RdfFormat.N_TRIPLES)
    terms = ((q.subject, q.predicate, q.object) for q in quads)
    return [(to_text(to_rdflib(s)), to_text(to_rdflib(p)), to_text(to_rdflib(o))) for s, p, o in terms]


def _normalised(value: Node) -> Node:
    """A literal as an embedded store writes it."""
    if not isinstance(value, Literal):
        return value
    store = pyoxigraph.Store()
    store.add(pyoxigraph.Quad(_ANY, _ANY, from_rdflib(value)))
    return to_rdflib(next(iter(store)).object)


@contextmanager
def _as_ours() -> Iterator[None]:
    """Errors of SQLite as those of a store."""
    try:
        yield
    except sqlite3.Error as error:
        raise _failed(error) from error


def _failed(error: sqlite3.Error) -> StoreFailed:
    return StoreFailed("the copy of the records cannot be used: {error}", error=error)
