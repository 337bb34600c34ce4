"""What is costly about a SPARQL query, in words, for whoever wants it faster: a look at its text, no plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from kgservice.domain.sparql_scan import Piece, Token, scan
from kgservice.errors import BadQuery
from kgservice.phrases import Phrase

LONGEST = 100_000  # characters; longer text is costly by its length alone
_FUNCTIONS = ("REGEX", "CONTAINS", "STRSTARTS", "STRENDS", "REPLACE")
_LARGE_OFFSET = 10_000


def why_costly(text: str) -> str:
    """Sentences that name what may take long or much memory in the query; empty if nothing stands out.

    >>> why_costly("SELECT * { ?a ?b ?c . ?d ?e ?f }")
    '?a and ?d have no pattern in common, so that each is combined with each.'
    >>> why_costly("SELECT ?t { ?p <urn:title> ?t }")
    ''
    """
    if len(text) > LONGEST:
        return Phrase("The query is {count:,} characters long.", count=len(text))
    try:
        pieces = scan(text)
    except BadQuery:
        return ""
    reasons = {f"reason{n}": reason for n, reason in enumerate(_reasons(pieces))}
    return Phrase(" ".join(f"{{{name}}}" for name in reasons), **reasons)


def _reasons(pieces: Sequence[Piece]) -> Iterator[Phrase]:
    apart = _apart(pieces)
    if len(apart) > 1:
        yield Phrase(
            "{first} and {second} have no pattern in common, so that each is combined with each.",
            first=apart[0],
            second=apart[1],
        )
    words = {piece.text.upper() for piece in pieces if piece.token is Token.WORD}
    if _repeats(pieces):
        yield Phrase(
            "A path that repeats (+ or *) follows all there is; give it a start or a number of steps."
        )
    if "ORDER" in words:
        yield (
            Phrase("ORDER BY collects all solutions before the first is told.")
            if "LIMIT" in words
            else Phrase("ORDER BY collects all solutions before the first is told; there is no LIMIT.")
        )
    if used := [name for name in _FUNCTIONS if name in words]:
        yield Phrase("{function} looks at each value; narrow the patterns before it.", function=used[0])
    if any(
        piece.is_word("OFFSET") and after.token is Token.NUMBER and float(after.text) >= _LARGE_OFFSET
        for piece, after in pairwise(pieces)
    ):
        yield Phrase("OFFSET works out all that it leaves out.")


def _repeats(pieces: Sequence[Piece]) -> bool:
    """Whether a property path has + or *: behind a name, an IRI, `a` or a bracket, before another term."""
    for before, mark, after in zip(pieces, pieces[1:], pieces[2:], strict=False):
        if not (mark.is_mark("+") or mark.is_mark("*")):
            continue
        path = before.token in (Token.IRI, Token.NAME) or before.is_mark(")")
        term = after.token in (Token.VARIABLE, Token.IRI, Token.NAME, Token.BLANK, Token.STRING)
        if path and (term or any(after.is_mark(sign) for sign in "/|)[")):
            return True
    return False


def _apart(pieces: Sequence[Piece]) -> list[str]:
    """One variable of each part of the pattern that shares no variable with the others, as written."""
    joined: dict[str, str] = {}

    def root(name: str) -> str:
        while joined[name] != name:
            name = joined[name]
        return name

    for sentence in _sentences(pieces):
        names = [f"?{p.text[1:]}" if p.token is Token.VARIABLE else p.text for p in sentence]
        for name in names:
            joined.setdefault(name, name)
            joined[root(name)] = root(names[0])
    found = dict.fromkeys(root(name) for name in joined)
    return [name for name in found if name.startswith("?")]


def _sentences(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The variables and blank nodes of each run of patterns between two full stops or braces.

    Filters are left out: they join nothing before it is there. So is what stands before the first brace.
    """
    depth = filtered = 0
    sentence: list[Piece] = []
    for i, piece in enumerate(pieces):
        if filtered:
            filtered += piece.is_mark("(") - piece.is_mark(")")
            filtered -= filtered == 1 and piece.is_mark(")")
            continue
        if piece.is_word("FILTER") and i + 1 < len(pieces) and pieces[i + 1].is_mark("("):
            filtered = 1
        elif piece.is_mark("{") or piece.is_mark("}") or piece.is_mark("."):
            depth += piece.is_mark("{") - piece.is_mark("}")
            yield sentence
            sentence = []
        elif depth and piece.token in (Token.VARIABLE, Token.BLANK):
            sentence.append(piece)
    yield sentence
