"""Patterns of a property that few statements have, in a sub-select of their own: they are looked up once.

Oxigraph looks up the property of a node that others have led to for each solution anew: in memory by going
through all that is said of the node, or all that have the property. Where thousands lead to a touchpoint of
which hundreds of things are said, `?pass ci:atTouchpoint ?t . ?t ci:phase ?phase` takes three to five times
as long as with the phases of all touchpoints in a sub-select, which are joined by a hash.

Only where a query, or a sub-select, begins: what stands in OPTIONAL or EXISTS is looked up from outside.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kgservice.domain.query_patterns import NODES, Left, Pattern, Patterns, is_variable
from kgservice.domain.sparql_scan import Piece, Token, closing, scan
from kgservice.errors import BadQuery

LONGEST = 5_000  # characters; longer text is left as it is: to read it would take milliseconds
DEEPEST = 20  # groups in one another; what is deeper is left as it is
_ABSOLUTE = re.compile(r"<[^:>\\]+:[^>\\]*>")
_NO_NAME = re.compile(r"[^\w-]")  # a mark of a path, or an escape
_UPDATES = ("INSERT", "DELETE")

Few = Callable[[str], bool]
"""Whether few statements have the property with this IRI."""


def apart(text: str, few: Few) -> str:
    """The query with each such pattern in a sub-select, if another leads to its node; or as it is.

    >>> apart("SELECT ?b { ?a <urn:at> ?t . ?t <urn:phase> ?b }", lambda iri: iri == "urn:phase")
    'SELECT ?b { ?a <urn:at> ?t . { SELECT * { ?t <urn:phase> ?b } } }'
    """
    if len(text) > LONGEST:
        return text
    try:
        pieces = scan(text)
        if not pieces or any(map(_says_all, pieces, pieces[1:])) or any(p.is_word(*_UPDATES) for p in pieces):
            return text
        query = _Query(text, pieces, few)
        written = query.of(0, len(pieces))
    except (BadQuery, Left):
        return text
    return text[: pieces[0].start] + written + text[pieces[-1].end :] if query.changed else text


def _says_all(word: Piece, mark: Piece) -> bool:
    """Whether all variables are told, among them those that would be made here."""
    return mark.is_mark("*") and word.is_word("SELECT", "DISTINCT", "REDUCED", "DESCRIBE")


class _Query(Patterns):
    """A query whose groups are written anew."""

    def __init__(self, text: str, pieces: list[Piece], few: Few) -> None:
        super().__init__(text, pieces)
        self.changed = False
        self._few, self._depth = few, 0
        self._prefixes = {
            name.text: iri.text[1:-1]
            for word, name, iri in zip(pieces, pieces[1:], pieces[2:], strict=False)
            if word.is_word("PREFIX") and name.token is Token.NAME
        }

    def of(self, first: int, last: int) -> str:
        """The text of a query, or of a sub-select, with its group written anew."""
        i = first
        while i < last and not self.pieces[i].is_mark("{"):
            i = self.matching(i, last) if self.pieces[i].is_mark("(") else i
            if self.pieces[i].is_word("CONSTRUCT"):  # its template, or a group that is a template, too
                i = closing(self.pieces, i + 1) if self.pieces[i + 1].is_mark("{") else last
            i += 1
        if i >= last:
            return self.as_is(first, last)
        end = closing(self.pieces, i)
        before, after = self.text[self.pieces[first].start : self.pieces[i].start], ""
        if end + 1 < last:
            after = self.text[self.pieces[end].end : self.pieces[last - 1].end]
        return before + self._group(i, end, first=True) + after

    def _group(self, opening: int, end: int, *, first: bool = False) -> str:
        """A group, from `{` to `}`; the `first` of a query, or one that is joined to others."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise Left
        i, parts = opening + 1, list[str]()
        if i < end and self.pieces[i].is_word("SELECT"):
            parts.append(self.of(i, end))
            i = end
        while i < end:
            part, i = self._run(i, end, first) if self.pieces[i].token in NODES else self._element(i, end)
            parts.append(part)
        self._depth -= 1
        return " ".join(("{", *parts, "}"))

    def _element(self, i: int, end: int) -> tuple[str, int]:
        """What is no pattern, and the index after it. Raises `Left`."""
        piece = self.pieces[i]
        if piece.is_mark("{"):
            after = closing(self.pieces, i)
            return self._group(i, after), after + 1
        if piece.is_word("OPTIONAL", "MINUS") and self.pieces[i + 1].is_mark("{"):
            after = closing(self.pieces, i + 1)
            return f"{piece.text} {self._group(i + 1, after)}", after + 1
        if piece.is_word("UNION") or piece.is_mark("."):
            return piece.text, i + 1
        if piece.is_word("FILTER", "BIND"):
            after = self.constraint(i + 1, end)
        elif piece.is_word("VALUES", "GRAPH"):
            after = i + 1
            while after < end and not self.pieces[after].is_mark("{"):
                after += 1
            after = closing(self.pieces, after) + 1
        else:
            raise Left
        return self.as_is(i, after), after

    def _run(self, start: int, end: int, first: bool) -> tuple[str, int]:
        """Patterns that follow one another, and the index after them. Raises `Left`."""
        patterns, i = list[Pattern](), start
        while i < end and self.pieces[i].token in NODES:
            i = self.triples(i, end, patterns)
            if i < end and self.pieces[i].is_mark("."):
                i += 1
        looked_up = self._looked_up(patterns) if first else []
        if not looked_up:
            return self.as_is(start, i), i
        self.changed = True
        written = (f"{{ SELECT * {{ {one} }} }}" if one in looked_up else str(one) for one in patterns)
        return " . ".join(written) + (" ." if self.pieces[i - 1].is_mark(".") else ""), i

    def _looked_up(self, patterns: list[Pattern]) -> list[Pattern]:
        """Those of a property that few have, whose node others lead to, and whose value leads nowhere."""
        named = [name for pattern in patterns for name in pattern.variables]
        ends = [
            pattern
            for pattern in patterns
            if is_variable(pattern.subject)
            and is_variable(pattern.object)
            and pattern.subject[1:] != pattern.object[1:]
            and named.count(pattern.object[1:]) == 1
            and (iri := self._iri(pattern.path)) is not None
            and self._few(iri)
        ]
        others = {name for pattern in patterns if pattern not in ends for name in pattern.variables}
        return [pattern for pattern in ends if pattern.subject[1:] in others]

    def _iri(self, path: str) -> str | None:
        """The IRI of a path that is one property and nothing else, written without escapes."""
        if path.startswith("<"):
            return path[1:-1] if _ABSOLUTE.fullmatch(path) else None
        prefix, colon, local = path.partition(":")
        space = self._prefixes.get(prefix + colon)
        return None if space is None or _NO_NAME.search(local) else space + local
