"""EXISTS of several patterns as EXISTS of one pattern in another, which Oxigraph looks up one by one.

Oxigraph joins the patterns of an EXISTS as if nothing were known from outside, all with all, and does so
again for each solution that is asked: with 10,000 customers on disk an EXISTS of `?c ci:hasEvent ?e . ?e
ci:eventTime ?t` takes 20 ms for each ?c. Nested, each pattern is looked up from what is known: 50 µs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kgservice.domain.sparql_scan import Piece, Token, closing, scan
from kgservice.errors import BadQuery

LONGEST = 20_000  # characters; longer text is left as it is
DEEPEST = 20  # EXISTS in one another, and patterns of one; what is deeper, or more, is left as it is
_LEFT_ALONE = ("SERVICE", "INSERT", "DELETE")
_NODES = (Token.VARIABLE, Token.IRI, Token.NAME)
_MODIFIERS = ("*", "+", "?")
# How well a pattern is looked up from a term: what is known leads to little, a constant object to more.
_KNOWN, _VALUE, _CLASS = 4, 2, 1


class _Left(Exception):
    """The group holds something else than patterns and filters, or nothing leads from one to the other."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A triple pattern as tokens: its subject, its path, its object (with a language or datatype)."""

    subject: str
    path: str
    object: str

    def __str__(self) -> str:
        return f"{self.subject} {self.path} {self.object}"

    @property
    def variables(self) -> set[str]:
        """Its variables at the ends, without the mark."""
        return {term[1:] for term in (self.subject, self.object) if term[0] in "?$"}

    def known(self, variables: set[str]) -> int:
        """How well it is looked up when these have values; less than `_KNOWN` where not by an end."""
        found = 0
        if self.subject[0] not in "?$" or self.subject[1:] in variables:
            found += _KNOWN
        if self.object[0] in "?$":
            found += _KNOWN * (self.object[1:] in variables)
        else:
            found += _CLASS if self.path == "a" else _VALUE
        return found


def nested(text: str) -> str:
    """The query with each EXISTS of several patterns nested; or as it is.

    >>> nested("SELECT ?a { ?a a <urn:T> FILTER EXISTS { ?b <urn:q> ?c . ?a <urn:p> ?b } }")
    'SELECT ?a { ?a a <urn:T> FILTER EXISTS { ?a <urn:p> ?b FILTER EXISTS { ?b <urn:q> ?c } } }'
    """
    if len(text) > LONGEST or "EXISTS" not in text.upper():
        return text
    try:
        pieces = scan(text)
        if not pieces or any(piece.is_word(*_LEFT_ALONE) for piece in pieces):
            return text
        return _Query(text, pieces).written()
    except BadQuery:
        return text


class _Query:
    """Reads groups strictly, so that nothing malformed comes out as something else that is well-formed."""

    def __init__(self, text: str, pieces: list[Piece]) -> None:
        self._text, self._pieces = text, pieces
        self._made = self._depth = 0

    def written(self) -> str:
        """The whole text."""
        first, last = self._pieces[0], self._pieces[-1]
        return self._text[: first.start] + self._range(0, len(self._pieces)) + self._text[last.end :]

    def _as_is(self, first: int, last: int) -> str:
        """The text of the tokens from `first` to before `last`."""
        return self._text[self._pieces[first].start : self._pieces[last - 1].end]

    def _range(self, first: int, last: int) -> str:
        """The same, the groups of EXISTS in it nested."""
        if self._depth > DEEPEST:
            return self._as_is(first, last)
        parts, start, i = list[str](), self._pieces[first].start, first
        while i < last:
            if self._pieces[i].is_word("EXISTS") and i + 1 < last and self._pieces[i + 1].is_mark("{"):
                end = closing(self._pieces, i + 1)
                self._depth += 1
                parts += [self._text[start : self._pieces[i + 1].start], self._group(i + 1, end)]
                self._depth -= 1
                start, i = self._pieces[end].end, end
            i += 1
        return "".join((*parts, self._text[start : self._pieces[last - 1].end]))

    def _group(self, opening: int, end: int) -> str:
        """A group, from `{` to `}`."""
        try:
            patterns, filters = self._content(opening + 1, end)
            ordered = list(self._ordered(patterns, opening, end))
        except _Left:
            if end == opening + 1:
                return self._as_is(opening, end + 1)
            before = self._text[self._pieces[opening].start : self._pieces[opening + 1].start]
            after = self._text[self._pieces[end - 1].end : self._pieces[end].end]
            return before + self._range(opening + 1, end) + after
        self._depth += len(ordered)
        inner = " ".join((str(ordered[-1]), *(self._range(*one) for one in filters)))
        self._depth -= len(ordered)
        for pattern in reversed(ordered[:-1]):
            inner = f"{pattern} FILTER EXISTS {{ {inner} }}"
        return f"{{ {inner} }}"

    def _ordered(self, patterns: list[_Pattern], opening: int, end: int) -> Iterator[_Pattern]:
        """The patterns, each of which is looked up from outside or from those before."""
        outside = (*self._pieces[:opening], *self._pieces[end:])
        known = {piece.text[1:] for piece in outside if piece.token is Token.VARIABLE}
        left = list(patterns)
        while left:
            best = max(left, key=lambda pattern: pattern.known(known))
            if best.known(known) < _KNOWN:
                raise _Left
            left.remove(best)
            known |= best.variables
            yield best

    def _content(self, i: int, end: int) -> tuple[list[_Pattern], list[tuple[int, int]]]:
        """The patterns of a group, at least two, and where its filters stand. Raises `_Left`."""
        patterns, filters = list[_Pattern](), list[tuple[int, int]]()
        while i < end:
            if self._pieces[i].is_word("FILTER"):
                after = self._constraint(i + 1, end)
                filters.append((i, after))
                i = after
            else:
                i = self._triples(i, end, patterns)
            i += i < end and self._pieces[i].is_mark(".")
            if len(patterns) > DEEPEST:
                raise _Left
        if len(patterns) < 2:
            raise _Left
        return patterns, filters

    def _constraint(self, i: int, end: int) -> int:
        """The index after the constraint of a filter."""
        while i < end and not (self._pieces[i].is_mark("(") or self._pieces[i].is_mark("{")):
            i += 1
        if i >= end:
            raise _Left
        return (closing(self._pieces, i) if self._pieces[i].is_mark("{") else self._matching(i, end)) + 1

    def _matching(self, i: int, end: int) -> int:
        """The index of the `)` of a `(`."""
        depth = 0
        for at in range(i, end):
            depth += self._pieces[at].is_mark("(") - self._pieces[at].is_mark(")")
            if depth == 0:
                return at
        raise _Left

    def _triples(self, i: int, end: int, patterns: list[_Pattern]) -> int:
        """Read a subject with what is said of it; the index after it."""
        subject, i = self._node(i, end), i + 1
        while True:
            steps, i = self._path(i, end)
            while True:
                object_, i = self._object(i, end)
                patterns += self._steps(subject, steps, object_)
                if i >= end or not self._pieces[i].is_mark(","):
                    break
                i += 1
            if i >= end or self._pieces[i].is_mark(".") or self._pieces[i].is_word("FILTER"):
                return i
            if not self._pieces[i].is_mark(";"):
                raise _Left
            while i < end and self._pieces[i].is_mark(";"):
                i += 1
            if i >= end or self._pieces[i].is_mark("."):
                return i

    def _node(self, i: int, end: int) -> str:
        if i < end and self._pieces[i].token in _NODES:
            return self._pieces[i].text
        raise _Left

    def _object(self, i: int, end: int) -> tuple[str, int]:
        if i >= end:
            raise _Left
        piece = self._pieces[i]
        if piece.token in _NODES or piece.token is Token.NUMBER or piece.is_word("TRUE", "FALSE"):
            return piece.text, i + 1
        if piece.token is not Token.STRING:
            raise _Left
        length = 1
        if i + 1 < end and self._pieces[i + 1].token is Token.LANGUAGE:
            length = 2
        elif i + 2 < end and self._pieces[i + 1].is_mark("^^"):
            length = 3
        return self._as_is(i, i + length), i + length

    def _path(self, i: int, end: int) -> tuple[list[str], int]:
        """The steps of a sequence path, or one path of another kind; the index after it."""
        if i < end and self._pieces[i].token is Token.VARIABLE:  # never a step of a path
            return [self._pieces[i].text], i + 1
        first, steps, is_sequence = i, list[str](), True
        while True:
            start = i
            while i < end and (self._pieces[i].is_mark("^") or self._pieces[i].is_mark("!")):
                i += 1
            if i < end and self._pieces[i].is_mark("("):
                i = self._matching(i, end)
            elif i >= end or not (
                self._pieces[i].token in (Token.IRI, Token.NAME) or self._pieces[i].is_word("A")
            ):
                raise _Left
            i += 1
            if i < end and any(self._pieces[i].is_mark(mark) for mark in _MODIFIERS):
                i += 1
            steps.append(self._as_is(start, i))
            if i < end and (self._pieces[i].is_mark("/") or self._pieces[i].is_mark("|")):
                is_sequence &= self._pieces[i].is_mark("/")
                i += 1
            else:
                break
        return (steps if is_sequence else [self._as_is(first, i)]), i

    def _steps(self, subject: str, steps: list[str], object_: str) -> Iterator[_Pattern]:
        """The patterns of a sequence, with variables of their own between them."""
        for step in steps[:-1]:
            between = self._new()
            yield _Pattern(subject, step, between)
            subject = between
        yield _Pattern(subject, steps[-1], object_)

    def _new(self) -> str:
        """A variable that the query does not have."""
        while True:
            self._made += 1
            if f"between{self._made}" not in self._text:
                return f"?between{self._made}"
