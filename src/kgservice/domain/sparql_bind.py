"""Fix variables of a query to terms, as if the query had been written with the terms."""

from __future__ import annotations

from collections.abc import Mapping

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kgservice.domain.sparql_scan import Piece, Token, scan
from kgservice.errors import BadQuery

Term = NamedNode | BlankNode | Literal | Triple

_ENDS_PROJECTION = ("WHERE", "FROM")
_CLAUSES = ("GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "VALUES")


def bound(text: str, bindings: Mapping[str, Term]) -> str:
    """`text` with each variable in `bindings` replaced by its term, outside of strings, IRIs and comments.

    A bound variable that SELECT projects stays a column that holds the term (an inner SELECT
    renames it). Terms are written by pyoxigraph, so nothing in them can become syntax. Raises `BadQuery`
    where a bound variable is given another value by AS or VALUES, and for blank nodes, which a query cannot
    name.

    >>> bound("SELECT ?s ?o { ?s <urn:p> ?o }", {"o": Literal("}")})
    'SELECT ?s ("}" AS ?o) { ?s <urn:p> "}" }'
    """
    for name, term in bindings.items():
        if isinstance(term, BlankNode):
            raise BadQuery(f"a blank node cannot be bound to ?{name}")
    pieces = scan(text)
    replaced: list[tuple[Piece, str]] = []
    walk = _Walk(bindings)
    for i, piece in enumerate(pieces):
        new = walk.step(pieces, i, piece)
        if new is not None:
            replaced.append((piece, new))
    parts, at = [], 0
    for piece, new in replaced:
        parts += [text[at : piece.start], new]
        at = piece.end
    return "".join([*parts, text[at:]])


class _Walk:
    """Where in the query the tokens stand: the depth of braces and brackets, and the clause."""

    def __init__(self, bindings: Mapping[str, Term]) -> None:
        self._bindings = bindings
        self._braces = 0
        self._brackets = 0
        # (depth of braces, depth of brackets, clause); the innermost last.
        self._clause: list[tuple[int, int, str]] = []

    def step(self, pieces: list[Piece], i: int, piece: Piece) -> str | None:
        """What to write instead of the token, or None to leave it."""
        if piece.token is Token.PUNCTUATION:
            self._nest(piece)
        elif piece.token is Token.WORD:
            self._enter(piece)
            if _is_bound_call(pieces, i) and pieces[i + 2].text[1:] in self._bindings:
                return ""
        elif piece.token is Token.VARIABLE and piece.text[1:] in self._bindings:
            return self._replace(pieces, i, piece)
        return None

    def _nest(self, piece: Piece) -> None:
        if piece.text == "{":
            if self._here() in ("SELECT", "DESCRIBE", "GROUP", "ORDER", "HAVING"):
                self._clause.pop()
            self._braces += 1
        elif piece.text == "}":
            self._braces -= 1
            while self._clause and self._clause[-1][0] > self._braces:
                self._clause.pop()
            if self._here() == "VALUES":
                self._clause.pop()
        elif piece.text == "(":
            self._brackets += 1
        elif piece.text == ")":
            self._brackets -= 1

    def _here(self) -> str:
        return self._clause[-1][2] if self._clause and self._clause[-1][0] == self._braces else ""

    def _enter(self, piece: Piece) -> None:
        word = piece.text.upper()
        if word in ("SELECT", "DESCRIBE", *_CLAUSES, *_ENDS_PROJECTION):
            while self._clause and self._clause[-1][0] == self._braces:
                self._clause.pop()
            if word not in _ENDS_PROJECTION:
                self._clause.append((self._braces, self._brackets, word))

    def _replace(self, pieces: list[Piece], i: int, piece: Piece) -> str:
        name = piece.text[1:]
        term = str(self._bindings[name])
        before = pieces[i - 1] if i else None
        if before is not None and before.is_word("AS"):
            raise BadQuery(f"?{name} is a parameter and cannot be assigned with AS")
        if i >= 2 and _is_bound_call(pieces, i - 2):
            return "true"
        clause = self._here()
        outside = bool(self._clause) and self._brackets == self._clause[-1][1]
        if clause == "VALUES":
            raise BadQuery(f"?{name} is a parameter and cannot be given by VALUES")
        if clause == "SELECT" and outside:
            return f"({term} AS ?{name})" if self._braces == 0 else f"({term} AS ?kgservice_{name})"
        if clause in ("GROUP", "ORDER", "HAVING") and outside:
            return f"({term})"
        return term


def _is_bound_call(pieces: list[Piece], i: int) -> bool:
    """Whether `BOUND ( ?variable )` starts at index `i`."""
    return (
        pieces[i].is_word("BOUND")
        and len(pieces) > i + 2
        and pieces[i + 1].is_mark("(")
        and pieces[i + 2].token is Token.VARIABLE
    )
