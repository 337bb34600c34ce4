"""EXISTS of several patterns as EXISTS of one pattern in another, which Oxigraph looks up one by one.

Oxigraph joins the patterns of an EXISTS as if nothing were known from outside, all with all, and does so
again for each solution that is asked: with 10,000 customers on disk an EXISTS of `?c ci:hasEvent ?e . ?e
ci:eventTime ?t` takes 20 ms for each ?c. Nested, each pattern is looked up from what is known: 50 µs.
"""

from __future__ import annotations

from collections.abc import Iterator

from kgservice.domain.query_patterns import Left, Pattern, Patterns, is_variable
from kgservice.domain.sparql_scan import Piece, Token, closing, scan
from kgservice.errors import BadQuery

LONGEST = 20_000  # characters; longer text is left as it is
DEEPEST = 20  # EXISTS in one another, and patterns of one; what is deeper, or more, is left as it is
_LEFT_ALONE = ("SERVICE", "INSERT", "DELETE")
# How well a pattern is looked up from a term: what is known leads to little, a constant object to more.
_KNOWN, _VALUE, _CLASS = 4, 2, 1


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


class _Query(Patterns):
    """A query whose groups in EXISTS are written anew."""

    def __init__(self, text: str, pieces: list[Piece]) -> None:
        super().__init__(text, pieces)
        self._depth = 0

    def written(self) -> str:
        """The whole text."""
        first, last = self.pieces[0], self.pieces[-1]
        return self.text[: first.start] + self._range(0, len(self.pieces)) + self.text[last.end :]

    def _range(self, first: int, last: int) -> str:
        """The same, the groups of EXISTS in it nested."""
        if self._depth > DEEPEST:
            return self.as_is(first, last)
        parts, start, i = list[str](), self.pieces[first].start, first
        while i < last:
            if self.pieces[i].is_word("EXISTS") and i + 1 < last and self.pieces[i + 1].is_mark("{"):
                end = closing(self.pieces, i + 1)
                self._depth += 1
                parts += [self.text[start : self.pieces[i + 1].start], self._group(i + 1, end)]
                self._depth -= 1
                start, i = self.pieces[end].end, end
            i += 1
        return "".join((*parts, self.text[start : self.pieces[last - 1].end]))

    def _group(self, opening: int, end: int) -> str:
        """A group, from `{` to `}`."""
        try:
            patterns, filters = self._content(opening + 1, end)
            ordered = list(self._ordered(patterns, opening, end))
        except Left:
            if end == opening + 1:
                return self.as_is(opening, end + 1)
            before = self.text[self.pieces[opening].start : self.pieces[opening + 1].start]
            after = self.text[self.pieces[end - 1].end : self.pieces[end].end]
            return before + self._range(opening + 1, end) + after
        self._depth += len(ordered)
        inner = " ".join((str(ordered[-1]), *(self._range(*one) for one in filters)))
        self._depth -= len(ordered)
        for pattern in reversed(ordered[:-1]):
            inner = f"{pattern} FILTER EXISTS {{ {inner} }}"
        return f"{{ {inner} }}"

    def _ordered(self, patterns: list[Pattern], opening: int, end: int) -> Iterator[Pattern]:
        """The patterns, each of which is looked up from outside or from those before."""
        outside = (*self.pieces[:opening], *self.pieces[end:])
        known = {piece.text[1:] for piece in outside if piece.token is Token.VARIABLE}
        left = list(patterns)
        while left:
            best = max(left, key=lambda pattern: _known(pattern, known))
            if _known(best, known) < _KNOWN:
                raise Left
            left.remove(best)
            known |= best.variables
            yield best

    def _content(self, i: int, end: int) -> tuple[list[Pattern], list[tuple[int, int]]]:
        """The patterns of a group, at least two, and where its filters stand. Raises `Left`."""
        patterns, filters = list[Pattern](), list[tuple[int, int]]()
        while i < end:
            if self.pieces[i].is_word("FILTER"):
                after = self.constraint(i + 1, end)
                filters.append((i, after))
                i = after
            else:
                i = self.triples(i, end, patterns)
            i += i < end and self.pieces[i].is_mark(".")
            if len(patterns) > DEEPEST:
                raise Left
        if len(patterns) < 2:
            raise Left
        return patterns, filters


def _known(pattern: Pattern, variables: set[str]) -> int:
    """How well it is looked up when these have values; less than `_KNOWN` where not by an end."""
    found = 0
    if not is_variable(pattern.subject) or pattern.subject[1:] in variables:
        found += _KNOWN
    if is_variable(pattern.object):
        found += _KNOWN * (pattern.object[1:] in variables)
    else:
        found += _CLASS if pattern.path == "a" else _VALUE
    return found
