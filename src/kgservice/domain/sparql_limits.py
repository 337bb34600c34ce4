"""How deep and how long SPARQL text may be, so that no parser or evaluator runs out of stack on it.

Oxigraph descends once for each level of nesting, and once more for each member of a chain (`a || b || c`,
OPTIONAL after OPTIONAL); on an exhausted stack the process dies. Both are counted here, before it reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from kgservice.domain.sparql_scan import Piece, Token, place
from kgservice.errors import BadQuery
from kgservice.phrases import Phrase

# Measured with pyoxigraph 0.5 in threads with 8 MiB of stack. Nothing crashes below these numbers:
#   nested     `FILTER EXISTS {` 800, `STR(` and `SUM(` 800, `{ SELECT * {` 1175, `{` 2150, `(` 3200, `!` 6400
#   in a row   BIND, MINUS {}, sub-SELECT, `(1 AS ?x)` 2600, UNION {}, OPTIONAL {} 3200, `||`, `+`, `|` 6400
#   shortest   2150 characters: `{{{…`
# The limits together take at most 1 MiB for nesting and 3 MiB for chains.
UNCHECKED = 1000  # characters; shorter text cannot crash, however it is written
DEEPEST = 100  # brackets of any kind, open at the same time
LONGEST = 1000  # operators and opened brackets in one query or operation, less those in data blocks

_OPENING = frozenset("([{") | {"<<(", "{|"}
_CLOSING = frozenset(")]}") | {")>>", "|}"}
_OPERATORS = frozenset(("||", "&&", "|", "/", "*", "^", "!", "<<"))
_SIGNS = frozenset("+-")
_OPERANDS = frozenset((Token.IRI, Token.STRING, Token.VARIABLE, Token.NAME, Token.NUMBER, Token.LANGUAGE))


def check_limits(text: str, pieces: Sequence[Piece]) -> None:
    """Raise `BadQuery` with line and column where `text`, whose tokens are `pieces`, is too deep or too long.

    Blocks of data (VALUES, INSERT DATA, DELETE DATA) may have any length, but not any depth.

    >>> from kgservice.domain.sparql_scan import scan
    >>> query = "ASK { FILTER(" + "(" * 99 + "1" + ")" * 99 + ") }"
    >>> check_limits(query, scan(query))
    Traceback (most recent call last):
    kgservice.errors.BadQuery: line 1, column 112: more than 100 brackets are open here
    """
    opened: list[str] = []
    data = 0  # how many brackets are open outside the data block that is being read; 0 outside of one
    steps = 0
    for i, piece in enumerate(pieces):
        mark = piece.text
        if piece.token is Token.IRI:
            if not data and opened and opened[-1] == "(" and i and _is_operand(pieces[i - 1]):
                _check_comparison(text, piece)
            continue
        if piece.token is not Token.PUNCTUATION:
            continue
        if mark in _OPENING:
            if mark == "{" and not data and _starts_data(pieces, i):
                data = len(opened) + 1
            opened.append(mark[-1])
            if len(opened) > DEEPEST:
                raise _refused(text, piece, Phrase("more than {most} brackets are open here", most=DEEPEST))
        elif mark in _CLOSING:
            if opened:
                opened.pop()
            if len(opened) < data:
                data = 0
            continue
        elif mark not in _OPERATORS and not (mark in _SIGNS and opened and opened[-1] == "("):
            continue
        steps += not data
        if steps > LONGEST:
            raise _refused(
                text, piece, Phrase("there are more than {most} operators, groups and calls", most=LONGEST)
            )


def _is_operand(piece: Piece) -> bool:
    return piece.token in _OPERANDS or piece.is_mark(")") or piece.is_word("TRUE", "FALSE")


def _starts_data(pieces: Sequence[Piece], opening: int) -> bool:
    """Whether the `{` at index `opening` starts a block of data."""
    i = opening - 1
    if i >= 1 and pieces[i].is_word("DATA"):
        return pieces[i - 1].is_word("INSERT", "DELETE")
    if i >= 1 and pieces[i].token is Token.VARIABLE:
        return pieces[i - 1].is_word("VALUES")
    if i < 1 or not pieces[i].is_mark(")"):
        return False
    while i > 0 and (pieces[i - 1].token is Token.VARIABLE):
        i -= 1
    return i >= 2 and pieces[i - 1].is_mark("(") and pieces[i - 2].is_word("VALUES")


def _check_comparison(text: str, piece: Piece) -> None:
    """Refuse what is an IRI here and `<` with an expression to the parser, where that hides something.

    In an expression no IRI follows an operand, so the parser takes `<` for "less than": `?a<(?b>` opens a
    bracket, `'` starts a string, and `#` a comment that can hold the start of a long string.
    """
    end = text.find("\n", piece.end)
    line = text[piece.end : end if end >= 0 else len(text)]
    hides = "'" in piece.text or piece.text.count("(") != piece.text.count(")")
    many = sum(map(piece.text.count, "(!+-*/")) > DEEPEST
    if hides or many or ("#" in piece.text and ("'''" in line or '"""' in line)):
        raise _refused(text, piece, Phrase("put a space after '<', so that this is no IRI"))


def _refused(text: str, piece: Piece, words: Phrase) -> BadQuery:
    line, column = place(text, piece.start)
    return BadQuery(words, line=line, column=column)
