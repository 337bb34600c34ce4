"""Triple patterns of a query as tokens, read strictly: what has another form is left as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kgservice.domain.sparql_scan import Piece, Token, closing

NODES = (Token.VARIABLE, Token.IRI, Token.NAME)
_MODIFIERS = ("*", "+", "?")
# What may follow patterns in a group.
_OTHERS = ("FILTER", "OPTIONAL", "MINUS", "BIND", "VALUES", "GRAPH")


class Left(Exception):
    """Something else stands there than what is read here; the query is to be left as it is."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A triple pattern as tokens: its subject, its path, its object (with a language or datatype)."""

    subject: str
    path: str
    object: str

    def __str__(self) -> str:
        return f"{self.subject} {self.path} {self.object}"

    @property
    def variables(self) -> set[str]:
        """Its variables at the ends, without the mark."""
        return {term[1:] for term in (self.subject, self.object) if is_variable(term)}


def is_variable(term: str) -> bool:
    """Whether the token is a variable."""
    return term[0] in "?$"


class Patterns:
    """Reads patterns and filters of a text, so that nothing malformed comes out as something well-formed."""

    def __init__(self, text: str, pieces: list[Piece]) -> None:
        self.text, self.pieces = text, pieces
        self._made = 0

    def as_is(self, first: int, last: int) -> str:
        """The text of the tokens from `first` to before `last`."""
        return self.text[self.pieces[first].start : self.pieces[last - 1].end]

    def constraint(self, i: int, end: int) -> int:
        """The index after the constraint of a filter. Raises `Left`."""
        while i < end and not (self.pieces[i].is_mark("(") or self.pieces[i].is_mark("{")):
            i += 1
        if i >= end:
            raise Left
        return (closing(self.pieces, i) if self.pieces[i].is_mark("{") else self.matching(i, end)) + 1

    def matching(self, i: int, end: int) -> int:
        """The index of the `)` of a `(`. Raises `Left`."""
        depth = 0
        for at in range(i, end):
            depth += self.pieces[at].is_mark("(") - self.pieces[at].is_mark(")")
            if depth == 0:
                return at
        raise Left

    def triples(self, i: int, end: int, patterns: list[Pattern]) -> int:
        """Read a subject with what is said of it; the index after it. Raises `Left`."""
        subject, i = self._node(i, end), i + 1
        while True:
            steps, i = self._path(i, end)
            while True:
                object_, i = self._object(i, end)
                patterns += self._steps(subject, steps, object_)
                if i >= end or not self.pieces[i].is_mark(","):
                    break
                i += 1
            if i >= end or self.pieces[i].is_mark(".") or self._ends(i):
                return i
            if not self.pieces[i].is_mark(";"):
                raise Left
            while i < end and self.pieces[i].is_mark(";"):
                i += 1
            if i >= end or self.pieces[i].is_mark("."):
                return i

    def _ends(self, i: int) -> bool:
        """Whether something else than a pattern begins."""
        return self.pieces[i].is_mark("{") or self.pieces[i].is_word(*_OTHERS)

    def _node(self, i: int, end: int) -> str:
        if i < end and self.pieces[i].token in NODES:
            return self.pieces[i].text
        raise Left

    def _object(self, i: int, end: int) -> tuple[str, int]:
        if i >= end:
            raise Left
        piece = self.pieces[i]
        if piece.token in NODES or piece.token is Token.NUMBER or piece.is_word("TRUE", "FALSE"):
            return piece.text, i + 1
        if piece.token is not Token.STRING:
            raise Left
        length = 1
        if i + 1 < end and self.pieces[i + 1].token is Token.LANGUAGE:
            length = 2
        elif i + 2 < end and self.pieces[i + 1].is_mark("^^"):
            length = 3
        return self.as_is(i, i + length), i + length

    def _path(self, i: int, end: int) -> tuple[list[str], int]:
        """The steps of a sequence path, or one path of another kind; the index after it."""
        if i < end and self.pieces[i].token is Token.VARIABLE:  # never a step of a path
            return [self.pieces[i].text], i + 1
        first, steps, is_sequence = i, list[str](), True
        while True:
            start = i
            while i < end and (self.pieces[i].is_mark("^") or self.pieces[i].is_mark("!")):
                i += 1
            if i < end and self.pieces[i].is_mark("("):
                i = self.matching(i, end)
            elif i >= end or not (
                self.pieces[i].token in (Token.IRI, Token.NAME) or self.pieces[i].is_word("A")
            ):
                raise Left
            i += 1
            if i < end and any(self.pieces[i].is_mark(mark) for mark in _MODIFIERS):
                i += 1
            steps.append(self.as_is(start, i))
            if i < end and (self.pieces[i].is_mark("/") or self.pieces[i].is_mark("|")):
                is_sequence &= self.pieces[i].is_mark("/")
                i += 1
            else:
                break
        return (steps if is_sequence else [self.as_is(first, i)]), i

    def _steps(self, subject: str, steps: list[str], object_: str) -> Iterator[Pattern]:
        """The patterns of a sequence, with variables of their own between them."""
        for step in steps[:-1]:
            between = self._new()
            yield Pattern(subject, step, between)
            subject = between
        yield Pattern(subject, steps[-1], object_)

    def _new(self) -> str:
        """A variable that the query does not have."""
        while True:
            self._made += 1
            if f"between{self._made}" not in self.text:
                return f"?between{self._made}"
