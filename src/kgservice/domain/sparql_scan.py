"""Tokens of SPARQL text: enough to know where keywords, variables and blocks really are, not to parse it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache

from kgservice.errors import BadQuery
from kgservice.phrases import Phrase


class Token(Enum):
    """The kinds of tokens; comments and white space are none."""

    IRI = "iri"
    STRING = "string"
    VARIABLE = "variable"
    BLANK = "blank node label"
    LANGUAGE = "language tag"
    NAME = "prefixed name"
    WORD = "keyword"
    NUMBER = "number"
    PUNCTUATION = "punctuation"


@dataclass(frozen=True, slots=True)
class Piece:
    """One token: its kind, its text as written, and where it starts in the text (0-based offset)."""

    token: Token
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset after the last character."""
        return self.start + len(self.text)

    def is_word(self, *words: str) -> bool:
        """Whether this is one of the keywords `words` (given in capitals)."""
        return self.token is Token.WORD and self.text.upper() in words

    def is_mark(self, mark: str) -> bool:
        """Whether this is the punctuation `mark`."""
        return self.token is Token.PUNCTUATION and self.text == mark


# Letters of names (PN_CHARS_BASE); `%` and `\` start the escapes of local names.
_BASE = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_CHARS = rf"{_BASE}_0-9\u00b7\u0300-\u036f\u203f\u2040\-"
# Bounded, since every `a.` of `a.a.a.…` may start a prefix.
_PREFIX = rf"(?:[{_BASE}](?:[{_CHARS}.]{{0,254}}[{_CHARS}])?)?"
_ESCAPE = r"%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?#@%]"
_LOCAL = rf"(?:(?:[{_BASE}_:0-9]|{_ESCAPE})(?:(?:[{_CHARS}.:]|{_ESCAPE})*(?:[{_CHARS}:]|{_ESCAPE}))?)?"
# Escapes in strings. A wrong one makes parsers read a long string as an empty one with something behind it.
_IN_STRING = (
    r"\\(?:[tbnrf\"'\\]|u(?![dD][89abABcdefCDEF])[0-9A-Fa-f]{4}"
    r"|U(?!0000[dD][89abABcdefCDEF])00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})"
)
_KINDS = {
    "string": Token.STRING,
    "iri": Token.IRI,
    "variable": Token.VARIABLE,
    "blank": Token.BLANK,
    "name": Token.NAME,
    "language": Token.LANGUAGE,
    "number": Token.NUMBER,
    "word": Token.WORD,
    "mark": Token.PUNCTUATION,
}
_OPEN, _CLOSE = "{", "}"


@cache
def _tokens() -> re.Pattern[str]:
    """Compiled at the first use: it takes a tenth of a second, which most commands can spare."""
    return re.compile(
        "|".join(
            (
                r"(?P<space>\s+|#[^\n\r]*)",
                rf'(?P<string>"""(?:(?:""|")?(?:[^"\\]|{_IN_STRING}))*"""'
                rf"|'''(?:(?:''|')?(?:[^'\\]|{_IN_STRING}))*'''"
                rf'|"(?:[^"\\\n\r]|{_IN_STRING})*"'
                rf"|'(?:[^'\\\n\r]|{_IN_STRING})*')",
                r'(?P<iri><(?:[^<>"{}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*>)',
                rf"(?P<variable>[?$][{_BASE}_0-9][{_BASE}_0-9\u00b7\u0300-\u036f\u203f\u2040]*)",
                rf"(?P<blank>_:[{_BASE}_0-9](?:[{_CHARS}.]*[{_CHARS}])?)",
                rf"(?P<name>{_PREFIX}:{_LOCAL})",
                r"(?P<language>@[A-Za-z]+(?:-[A-Za-z0-9]+)*)",
                r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)",
                r"(?P<word>[A-Za-z][A-Za-z0-9_]*)",
                r"(?P<mark><<\(|\)>>|<<|>>|\{\||\|\}|\^\^|&&|\|\||!=|<=|>=|[{}()\[\].;,*/|^?+!=<>~-])",
            )
        ),
        re.DOTALL,
    )


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column (both 1-based) of an offset.

    >>> place("a\\nbc", 3)
    (2, 2)
    """
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def scan(text: str) -> list[Piece]:
    """The tokens of SPARQL text, without white space and comments.

    Raises `BadQuery` with line and column where no token of SPARQL can start.

    >>> [p.text for p in scan('SELECT ?s # all\\n{ ?s a "x;" }')]
    ['SELECT', '?s', '{', '?s', 'a', '"x;"', '}']
    """
    pieces: list[Piece] = []
    at = 0
    match_at = _tokens().match
    while at < len(text):
        match = match_at(text, at)
        if match is None:
            line, column = place(text, at)
            raise BadQuery("unexpected {text!r}", text=text[at], line=line, column=column)
        kind = match.lastgroup
        assert kind is not None
        if kind != "space":
            pieces.append(Piece(_KINDS[kind], match[0], at))
        at = match.end()
    return pieces


def uses(pieces: Iterable[Piece], *words: str) -> Piece | None:
    """The first token that is one of the keywords `words` (in capitals), or None.

    >>> uses(scan('ASK { ?from <SERVICE> "FROM" }'), "FROM", "SERVICE") is None
    True
    """
    return next((p for p in pieces if p.is_word(*words)), None)


def _hides_service(iri: str) -> bool:
    """Whether `)`, SERVICE and `#` follow one another in what was read as an IRI."""
    words = iri.lower()
    bracket = words.find(")")
    return bracket >= 0 and 0 <= words.find("service", bracket) < words.rfind("#")


def _names(pieces: list[Piece], addresses: Collection[str]) -> bool:
    """Whether the tokens are SERVICE, perhaps SILENT, one of the addresses, and an opening brace."""
    service, *rest = pieces
    if rest and rest[0].is_word("SILENT"):
        del rest[0]
    known = len(rest) > 1 and rest[0].token is Token.IRI and rest[0].text[1:-1] in addresses
    return service.is_word("SERVICE") and known and rest[1].is_mark(_OPEN)


def federated(pieces: list[Piece], allowed: Collection[str] = ()) -> Piece | None:
    """The first token that makes the store ask a remote SPARQL service, or None.

    Except for `SERVICE <address> {` with one of the `allowed` addresses, written exactly so.

    Parsers do not ask for white space after a keyword, and take `<` for an operator where an IRI makes no
    sense. So `SERVICEx:y {`, `trueSERVICE x:y {` and `FILTER(?a<?b)SERVICE#>` are found too.

    >>> federated(scan("ASK { SERVICE <http://a/> {} }")).text
    'SERVICE'
    >>> federated(scan("ASK { ?service a <http://b/service#x>, service:y }")) is None
    True
    """
    for i, piece in enumerate(pieces):
        following = pieces[i + 1] if i + 1 < len(pieces) else None
        if piece.token is Token.WORD and "SERVICE" in piece.text.upper():
            if not _names(pieces[i : i + 4], allowed):
                return piece
            continue
        if (
            piece.token is Token.NAME
            and "SERVICE" in piece.text.split(":")[0].upper()
            and following is not None
            and following.is_mark(_OPEN)
            and not (i and pieces[i - 1].is_word("GRAPH"))
        ):
            return piece
        if piece.token is Token.IRI and _hides_service(piece.text):
            return piece
    return None


def may_federate(text: str) -> bool:
    """Whether a text can hold SERVICE: reading it token by token costs as much as answering it.

    No token that a keyword can follow without a space ends with "kg", and our own namespace holds
    "kgservice".

    >>> may_federate("PREFIX ci: <https://w3id.org/kgservice/ci#> ASK {}")
    False
    >>> may_federate("ASK { service <urn:x> {} }")
    True
    """
    return "SERVICE" in text.upper().replace("KGSERVICE", "")


def closing(pieces: list[Piece], opening: int) -> int:
    """The index of the `}` that closes the `{` at index `opening`."""
    depth = 0
    for i in range(opening, len(pieces)):
        if pieces[i].is_mark(_OPEN):
            depth += 1
        elif pieces[i].is_mark(_CLOSE):
            depth -= 1
            if depth == 0:
                return i
    raise BadQuery("a block is not closed")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of an update: its tokens, and the prologue (PREFIX, BASE) that is in force for it."""

    prologue: str
    pieces: tuple[Piece, ...]

    @property
    def start(self) -> int:
        """The offset of the first character after the prologue."""
        return self.pieces[0].start

    @property
    def end(self) -> int:
        """The offset after the last character."""
        return self.pieces[-1].end


def operations(text: str) -> list[Operation]:
    """The operations of a SPARQL update; only their separation and prologues are checked.

    >>> [o.pieces[0].text for o in operations('PREFIX x: <u:> CLEAR ALL; INSERT DATA { x:a x:b ";" };')]
    ['CLEAR', 'INSERT']
    """
    pieces = scan(text)
    found: list[Operation] = []
    prologue: list[str] = []
    i = 0
    while i < len(pieces):
        declaration = _declaration(pieces, i)
        if declaration:
            if not all(_fits(p, k) for p, k in zip(pieces[i:], declaration, strict=False)) or len(
                pieces
            ) < i + len(declaration):
                raise _unexpected(text, pieces[i], Phrase("is no complete declaration"))
            prologue.append(" ".join(p.text for p in pieces[i : i + len(declaration)]))
            i += len(declaration)
            continue
        start, depth = i, 0
        while i < len(pieces) and not (depth == 0 and pieces[i].is_mark(";")):
            depth += pieces[i].is_mark(_OPEN) - pieces[i].is_mark(_CLOSE)
            i += 1
        if i == start:
            raise _unexpected(text, pieces[i], Phrase("has no operation before it"))
        found.append(Operation(" ".join(prologue), tuple(pieces[start:i])))
        i += 1
    return found


def _declaration(pieces: list[Piece], i: int) -> tuple[Token, ...]:
    """The kinds of the tokens of the BASE or PREFIX declaration that starts at index `i`, or none."""
    if pieces[i].is_word("BASE"):
        return (Token.WORD, Token.IRI)
    if pieces[i].is_word("PREFIX"):
        return (Token.WORD, Token.NAME, Token.IRI)
    return ()


def _fits(piece: Piece, token: Token) -> bool:
    return piece.token is token and (token is not Token.NAME or piece.text.endswith(":"))


def _unexpected(text: str, piece: Piece, words: Phrase) -> BadQuery:
    line, column = place(text, piece.start)
    return BadQuery("{text!r} {words}", text=piece.text, words=words, line=line, column=column)
