"""Patterns of a property that few statements have, in a sub-select of their own: they are looked up once.

Oxigraph looks up the property of a node that others have led to for each solution anew: in memory by going
through all that is said of the node, or all that have the property. Where thousands lead to a touchpoint of
which hundreds of things are said, `?pass ci:atTouchpoint ?t . ?t ci:phase ?phase` takes three to five times
as long as with the phases of all touchpoints in a sub-select, which are joined by a hash.

Only in a SELECT of patterns and filters alone, and only where the value leads nowhere: from what is put apart
nothing is looked up, and what else is joined with it, Oxigraph may plan for more solutions than there are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from kgservice.domain.query_patterns import NODES, Left, Pattern, Patterns, is_variable
from kgservice.domain.sparql_scan import Piece, Token, closing, scan
from kgservice.errors import BadQuery

LONGEST = 5_000  # characters; longer text is left as it is: to read it would take milliseconds
_LEFT_ALONE = ("SERVICE", "INSERT", "DELETE")
_ABSOLUTE = re.compile(r"<[^:>\\]+:[^>\\]*>")
_NO_NAME = re.compile(r"[^\w-]")  # a mark of a path, or an escape

Few = Callable[[str], bool]
"""Whether some statements have the property with this IRI, and not many."""


def apart(text: str, few: Few) -> str:
    """The query with each such pattern in a sub-select, if another leads to its node; or as it is.

    >>> apart("SELECT ?b { ?a <urn:at> ?t . ?t <urn:phase> ?b }", lambda iri: iri == "urn:phase")
    'SELECT ?b { ?a <urn:at> ?t . { SELECT * { ?t <urn:phase> ?b } } }'
    """
    if len(text) > LONGEST:
        return text
    try:
        pieces = scan(text)
        if any(map(_says_all, pieces, pieces[1:])) or any(piece.is_word(*_LEFT_ALONE) for piece in pieces):
            return text
        query, parts, end = _Query(text, pieces, few), list[str](), 0
        for opening, last in _groups(pieces):
            if pieces[opening].start >= end and (written := query.group(opening, last)) is not None:
                parts += [text[end : pieces[opening].start], written]
                end = pieces[last].end
    except BadQuery:
        return text
    return "".join((*parts, text[end:]))


def _says_all(word: Piece, mark: Piece) -> bool:
    """Whether all variables are told, among them those that would be made here."""
    return mark.is_mark("*") and word.is_word("SELECT", "DISTINCT", "REDUCED")


def _groups(pieces: list[Piece]) -> Iterator[tuple[int, int]]:
    """Where the group of each SELECT begins and ends."""
    depth, opening = 0, False
    for i, piece in enumerate(pieces):
        depth += piece.is_mark("(") - piece.is_mark(")")
        if piece.is_word("SELECT"):
            depth, opening = 0, True
        elif opening and depth == 0 and piece.is_mark("{"):
            opening = False
            yield i, closing(pieces, i)


class _Query(Patterns):
    """A query whose groups are written anew."""

    def __init__(self, text: str, pieces: list[Piece], few: Few) -> None:
        super().__init__(text, pieces)
        self._few = few
        self._prefixes = {
            name.text: iri.text[1:-1]
            for word, name, iri in zip(pieces, pieces[1:], pieces[2:], strict=False)
            if word.is_word("PREFIX") and name.token is Token.NAME
        }

    def group(self, opening: int, end: int) -> str | None:
        """A group, from `{` to `}`; None if it is to be left as it is."""
        parts, patterns, i = list[Pattern | str](), list[Pattern](), opening + 1
        try:
            while i < end:
                if self.pieces[i].token in NODES:
                    found = list[Pattern]()
                    i = self.triples(i, end, found)
                    i += i < end and self.pieces[i].is_mark(".")
                    patterns += found
                    parts += found
                elif self.pieces[i].is_word("FILTER"):
                    after = self.constraint(i + 1, end)
                    parts.append(self.as_is(i, after))
                    i = after + (after < end and self.pieces[after].is_mark("."))
                else:
                    return None
        except Left:
            return None
        variables = (piece.text[1:] for piece in self.pieces[opening:end] if piece.token is Token.VARIABLE)
        looked_up = self._looked_up(patterns, Counter(variables))
        if not looked_up:
            return None
        written = (f"{{ SELECT * {{ {part} }} }}" if part in looked_up else f"{part} ." for part in parts)
        return f"{{ {' '.join(written)} }}"

    def _looked_up(self, patterns: list[Pattern], named: Counter[str]) -> list[Pattern]:
        """Those of a property that few have, whose node another leads to, and whose value leads nowhere."""
        ends = [
            pattern
            for pattern in patterns
            if is_variable(pattern.subject)
            and is_variable(pattern.object)
            and named[pattern.object[1:]] == 1
            and (iri := self._iri(pattern.path)) is not None
            and self._few(iri)
        ]
        led_to = {pattern.object[1:] for pattern in patterns if pattern not in ends}
        return [pattern for pattern in ends if pattern.subject[1:] in led_to]

    def _iri(self, path: str) -> str | None:
        """The IRI of a path that is one property and nothing else, written without escapes."""
        if path.startswith("<"):
            return path[1:-1] if _ABSOLUTE.fullmatch(path) else None
        prefix, colon, local = path.partition(":")
        space = self._prefixes.get(prefix + colon)
        return None if space is None or _NO_NAME.search(local) else space + local
