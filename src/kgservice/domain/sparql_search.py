"""The property `kg:matches` in a query: where full-text search is asked for, and its answer in that place."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyoxigraph import Literal

from kgservice.domain.sparql_scan import Piece, Token, place, scan, uses
from kgservice.errors import BadQuery
from kgservice.namespaces import KG
from kgservice.phrases import Phrase

MATCHES = f"{KG}matches"
_HOW = Phrase('write ?thing kg:matches "words" or (?thing ?score ?literal ?total) kg:matches "words"')
_MOST_VARIABLES = 4
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_SIGNS = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}

Row = tuple[Literal, Literal, Literal]
"""A score, the text that it is for, and how many texts there are."""


@dataclass(frozen=True, slots=True)
class Search:
    """One place where `text` is searched for: the tokens `start` to `end` (not included).

    `variables`: for the thing, perhaps for the score, the text and the total; as they are written.
    """

    start: int
    end: int
    variables: tuple[str, ...]
    text: str

    def answer(self, rows: Sequence[Row]) -> str:
        """What stands in its place: the things that say one of the texts in `rows`, each once.

        >>> one = Literal("1")
        >>> Search(0, 3, ("?s", "?n"), "a").answer([(one, Literal("a b"), one)])
        '{ SELECT DISTINCT ?s ?n { VALUES (?n ?snLiteral ?snTotal) { ("1" "a b" "1") } ?s \
!<https://w3id.org/kgservice/kg#matches> ?snLiteral } }'
        """
        names = "".join(variable[1:] for variable in self.variables)  # longer than each of them
        spare = (f"?{names}Thing", f"?{names}Score", f"?{names}Literal", f"?{names}Total")
        thing, *others = (*self.variables, *spare[len(self.variables) :])
        values = " ".join(f"({' '.join(map(str, row))})" for row in rows)
        return (
            f"{{ SELECT DISTINCT {' '.join(self.variables)} {{ VALUES ({' '.join(others)}) {{ {values} }} "
            f"{thing} !<{MATCHES}> {others[1]} }} }}"
        )


def searches(text: str) -> bool:
    """Whether a query may search; a look that costs nothing."""
    return KG in text


def with_hits(text: str, find: Callable[[str], Sequence[Row]]) -> str:
    """The query with the answer of each search in its place; `find` gives it.

    Raises `BadQuery` where `kg:matches` stands so that it cannot be answered, and what `find` raises.
    """
    pieces = scan(text)
    found = _found(text, pieces)
    other = uses(pieces, "FROM", "GRAPH", "SERVICE") if found else None
    if other is not None:
        raise _refused(
            text, other, Phrase("kg:matches searches the view that a query reads, so name no other graph")
        )
    for search in reversed(found):
        answer, end = search.answer(find(search.text)), search.end
        while end < len(pieces) and pieces[end].is_mark(";"):
            end += 1
        if end > search.end and not any(
            pieces[end].is_mark(mark) for mark in ".}"
        ):  # it says more of the thing
            answer = f"{answer} {search.variables[0]}"
        text = f"{text[: pieces[search.start].start]}{answer}{text[pieces[end - 1].end :]}"
    return text


def _found(text: str, pieces: Sequence[Piece]) -> list[Search]:
    """The searches of a query, in order."""
    names = _written(pieces)
    found: list[Search] = []
    opened: list[int] = []
    for i, piece in enumerate(pieces):
        if piece.is_mark("{"):
            opened.append(i)
        elif piece.is_mark("}") and opened:
            opened.pop()
        elif piece.text in names and piece.token in {Token.IRI, Token.NAME}:
            before = pieces[: opened[-1]] if opened else []
            if any(p.is_word("CONSTRUCT") for p in before[-2:]):
                raise _refused(
                    text, piece, Phrase("kg:matches stands in WHERE { }, not in what is constructed")
                )
            found.append(_search(text, pieces, i))
    return found


def _written(pieces: Sequence[Piece]) -> set[str]:
    """All ways in which a query may write the property."""
    names = {f"<{MATCHES}>"}
    for i, piece in enumerate(pieces[:-2]):
        if piece.is_word("PREFIX") and pieces[i + 2].text == f"<{KG}>":
            names.add(f"{pieces[i + 1].text}matches")
    return names


def _search(text: str, pieces: Sequence[Piece], at: int) -> Search:
    """The search whose property is the token `at`."""
    start, variables = _subject(pieces, at)
    end = at + 2
    said = pieces[at + 1] if end <= len(pieces) else pieces[at]
    words = _values(pieces, said.text) if said.token is Token.VARIABLE else {said.text}
    after = pieces[end] if end < len(pieces) else None
    if not variables or said.token not in {Token.STRING, Token.VARIABLE}:
        raise _refused(text, pieces[at], Phrase("kg:matches cannot be answered here; {how}", how=_HOW))
    if len(words) != 1:
        raise _refused(
            text, said, Phrase('kg:matches needs its words: "words", or VALUES ?words { "words" } for one')
        )
    if after is not None and (after.token is Token.LANGUAGE or after.is_mark("^^") or after.is_mark(",")):
        raise _refused(
            text, after, Phrase("kg:matches takes one text without a language or a type; {how}", how=_HOW)
        )
    return Search(start, end, variables, _unquoted(words.pop()))


def _subject(pieces: Sequence[Piece], at: int) -> tuple[int, tuple[str, ...]]:
    """Where what stands before the token `at` starts, and its variables; none if it is something else."""
    if at and pieces[at - 1].token is Token.VARIABLE:
        return at - 1, (pieces[at - 1].text,)
    start = at - 1
    while start > 0 and pieces[start - 1].token is Token.VARIABLE:
        start -= 1
    variables = tuple(piece.text for piece in pieces[start : at - 1])
    listed = start > 0 and pieces[start - 1].is_mark("(") and pieces[at - 1].is_mark(")")
    distinct = len({variable[1:] for variable in variables}) == len(variables) <= _MOST_VARIABLES
    return (start - 1, variables) if listed and distinct else (at, ())


def _values(pieces: Sequence[Piece], variable: str) -> set[str]:
    """The strings that data blocks of one value give to a variable."""
    found: set[str] = set()
    for i, piece in enumerate(pieces[:-4]):
        name, opening, value, closing = pieces[i + 1 : i + 5]
        if (
            piece.is_word("VALUES")
            and name.text[1:] == variable[1:]
            and opening.is_mark("{")
            and closing.is_mark("}")
            and value.token is Token.STRING
        ):
            found.add(value.text)
    return found


def _unquoted(string: str) -> str:
    """The value of a string token."""
    quotes = 3 if string[:3] in {'"""', "'''"} else 1
    return _ESCAPE.sub(
        lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _SIGNS.get(m[3], m[3]),
        string[quotes:-quotes],
    )


def _refused(text: str, piece: Piece, words: Phrase) -> BadQuery:
    line, column = place(text, piece.start)
    return BadQuery(words, line=line, column=column)
