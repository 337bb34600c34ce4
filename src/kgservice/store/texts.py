"""The texts of one view in an index in memory, by their words; a text that goes is overwritten at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from math import inf
from threading import Lock
from typing import Any, BinaryIO

import apsw
import pyoxigraph
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.domain.search_words import Asked, Stems, plain, words_of
from kgservice.errors import DeadlineExceeded, StoreFailed, TooLarge
from kgservice.namespaces import RDF, XSD
from kgservice.store.formats import Format

LONGEST = 2.0  # seconds that one search may take
_TEXTS = frozenset({f"{XSD}string", f"{RDF}langString"})
_PIECE = 1000  # texts that are taken in at once
_STEPS = 10_000  # of the database, between two looks at the clock
_TABLES = (
    "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten with zeros
    "CREATE TABLE text (id INTEGER PRIMARY KEY, hash INTEGER, value TEXT, language TEXT, length INTEGER)",
    "CREATE INDEX by_hash ON text (hash)",
    "CREATE VIRTUAL TABLE word USING fts5(words, german, english,"
    " content = '', columnsize = 0, tokenize = \"unicode61 remove_diacritics 0\")",
    "INSERT INTO word (word, rank) VALUES ('secure-delete', 1)",  # the same for the words
)
_NEW_WORDS = "INSERT INTO word (rowid, words, german, english) VALUES (?, ?, ?, ?)"
_NO_WORDS = "INSERT INTO word (word, rowid, words, german, english) VALUES ('delete', ?, ?, ?, ?)"
_BEST = """SELECT value, language, length FROM word JOIN text ON text.id = word.rowid
WHERE word MATCH ? ORDER BY length, value, language LIMIT ?"""
_TOTAL = "SELECT COUNT(*) FROM word WHERE word MATCH ?"


@dataclass(frozen=True, slots=True)
class Hit:
    """A text that was found. `score`: how much of its words was asked for, 1 for all."""

    text: Literal
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """The best hits, best first, and how many there are altogether."""

    hits: tuple[Hit, ...]
    total: int


class Texts:
    """The texts of a view (`xsd:string`, `rdf:langString`): a `Memory` that a replica fills and changes.

    `said` tells whether the view says a text (still). `take` is asked for so many more bytes of memory,
    fewer if negative. It is filled within `turn`. Any number of threads may search.
    """

    def __init__(
        self,
        said: Callable[[Literal], bool],
        take: Callable[[int], bool],
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        self._said = said
        self._take = take
        self._turn = turn or nullcontext()
        self._stems = Stems()
        self._lock = Lock()
        self._until = inf
        self._size = 0
        self._open = True
        self._db = apsw.Connection(":memory:")
        for statement in _TABLES:
            self._db.execute(statement).fetchall()
        self._db.set_progress_handler(self._is_late, _STEPS)

    # Filling and following

    def load(self, source: BinaryIO, fmt: Format) -> None:
        """See `Memory.load`. Raises `TooLarge` when there is no more memory for it."""
        texts = _texts(pyoxigraph.parse(source, format=fmt.rdf))
        with self._turn:
            while piece := list(islice(texts, _PIECE)):
                with self._changing():
                    for text in piece:
                        self._add(text)

    def apply(
        self,
        *,
        add: Iterable[Quad] = (),
        remove: Iterable[Quad] = (),
        create: Iterable[NamedNode] = (),  # noqa: ARG002 - a graph without statements has no texts
        drop: Iterable[NamedNode] = (),
    ) -> None:
        """See `Memory.apply`. Raises `TooLarge` when there is no more memory for it."""
        new = set(_texts(add))
        lost = {text for text in set(_texts(remove)) - new if not self._said(text)}
        dropped = bool(list(drop))
        if not (lost or new or dropped):
            return
        with self._changing():
            if dropped:
                self._db.execute("DELETE FROM text")
                self._db.execute("INSERT INTO word (word) VALUES ('delete-all')")
            for text in lost:
                self._remove(text)
            for text in new:
                self._add(text)

    def close(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            if self._open:
                self._open = False
                self._db.close()
                self._take(-self._size)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A transaction; afterwards the memory that it took is accounted for."""
        with self._reading(), self._db:
            yield
            pages, size = self._number("PRAGMA page_count"), self._number("PRAGMA page_size")
            more = pages * size - self._size
            if not self._take(more):
                raise TooLarge("there are more texts than fit into the memory for search")
            self._size += more

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock:
            if not self._open:
                raise StoreFailed("The texts of the view are not held for search any more")
            self._until = inf
            yield

    def _add(self, text: Literal) -> None:
        if self._id(text) is None:
            words = words_of(text.value)
            self._db.execute(
                "INSERT INTO text (hash, value, language, length) VALUES (?, ?, ?, ?)",
                (hash(text), text.value, text.language or "", len(words)),
            )
            self._db.execute(_NEW_WORDS, (self._db.last_insert_rowid(), *self._columns(text, words)))

    def _remove(self, text: Literal) -> None:
        number = self._id(text)
        if number is not None:
            self._db.execute(_NO_WORDS, (number, *self._columns(text, words_of(text.value))))
            self._db.execute("DELETE FROM text WHERE id = ?", (number,))

    def _id(self, text: Literal) -> int | None:
        found: int | None = self._db.execute(
            "SELECT id FROM text WHERE hash = ? AND value = ? AND language = ?",
            (hash(text), text.value, text.language or ""),
        ).get
        return found

    def _columns(self, text: Literal, words: Sequence[str]) -> tuple[str, ...]:
        """The words for each column: stems in the language of the text, in both where that is another one."""
        language = (text.language or "").partition("-")[0]
        german = () if language == "en" else self._stems.german(words)
        english = () if language == "de" else self._stems.english(words)
        return " ".join(plain(words)), " ".join(german), " ".join(english)

    def _number(self, statement: str, *values: str) -> int:
        return int(self._db.execute(statement, values).get)

    # Searching

    def search(self, asked: Sequence[Asked], most: int) -> Found:
        """The texts that hold all that is asked for, in any form of the words; the best `most` of them.

        What has the fewest other words is best. Raises `DeadlineExceeded` if that takes long, `StoreFailed`.
        """
        if not asked:
            return Found((), 0)
        words = sum(len(one.words) for one in asked)
        with self._reading():
            self._until = time.monotonic() + LONGEST
            match = " AND ".join(map(self._match, asked))
            try:
                rows: list[Any] = self._db.execute(_BEST, (match, most)).fetchall()
                total = len(rows) if len(rows) < most else self._number(_TOTAL, match)
            except apsw.InterruptError:
                raise DeadlineExceeded("The search takes too long; give it more letters or words") from None
        hits = (Hit(_literal(value, language), min(1.0, words / length)) for value, language, length in rows)
        return Found(tuple(hits), total)

    def _match(self, asked: Asked) -> str:
        """What the index is asked: columns and words, which are nothing but letters and digits."""
        if asked.prefix:
            return f'words : "{" ".join(plain(asked.words))}" *'
        german, english = (" ".join(stem(asked.words)) for stem in (self._stems.german, self._stems.english))
        return f'(german : "{german}" OR english : "{english}")'

    def _is_late(self) -> bool:
        return time.monotonic() > self._until

    def __len__(self) -> int:
        """How many texts are held."""
        with self._reading():
            return self._number("SELECT COUNT(*) FROM text")


def _texts(quads: Iterable[Quad]) -> Iterator[Literal]:
    """The texts that something says, as often as it does."""
    for quad in quads:
        if isinstance(quad.object, Literal) and quad.object.datatype.value in _TEXTS:
            yield quad.object


def _literal(value: str, language: str) -> Literal:
    return Literal(value, language=language) if language else Literal(value)
