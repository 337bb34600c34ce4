"""The shape of a SPARQL query: what it asks, without any value or name that somebody wrote into it."""

from __future__ import annotations

import re
from functools import lru_cache

from kgservice.domain.sparql_scan import Piece, Token, scan
from kgservice.errors import BadQuery
from kgservice.namespaces import PREFIXES

LONGEST = 2000  # characters of a shape; the rest is cut off
LONGEST_TEXT = 10_000  # characters of a query that is kept as it is
UNREADABLE = "…"  # what is no SPARQL has no shape

_VALUE, _INSTANCE = '"…"', "<…>"
_TERM = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
# Every word of SPARQL 1.1 and of the drafts of 1.2. Other words could be anything.
_WORDS = frozenset(
    re.findall(
        r"\S+",
        """
    A ABS ADD ALL AS ASC ASK AVG BASE BIND BNODE BOUND BY CEIL CLEAR COALESCE CONCAT CONSTRUCT CONTAINS COPY
    COUNT CREATE DATA DATATYPE DAY DEFAULT DELETE DESC DESCRIBE DISTINCT DROP ENCODE_FOR_URI EXISTS FALSE
    FILTER FLOOR FROM GRAPH GROUP GROUP_CONCAT HASLANG HASLANGDIR HAVING HOURS IF IN INSERT INTO IRI ISBLANK
    ISIRI ISLITERAL ISNUMERIC ISTRIPLE ISURI LANG LANGDIR LANGMATCHES LCASE LIMIT LOAD MAX MD5 MIN MINUS
    MINUTES MONTH MOVE NAMED NOT NOW OBJECT OFFSET OPTIONAL ORDER PREDICATE PREFIX RAND REDUCED REGEX REPLACE
    ROUND SAMETERM SAMPLE SECONDS SELECT SEPARATOR SERVICE SHA1 SHA256 SHA384 SHA512 SILENT STR STRAFTER
    STRBEFORE STRDT STRENDS STRLANG STRLANGDIR STRLEN STRSTARTS STRUUID SUBJECT SUBSTR SUM TIMEZONE TO TRIPLE
    TRUE TZ UCASE UNDEF UNION URI USING UUID VALUES VERSION WHERE WITH YEAR
    """,
    )
)


def shape(query: str) -> str:
    """The query with `"…"` for each literal and `<…>` for each IRI that is no term of a known vocabulary.

    Comments and language tags go; variables and blank nodes are numbered, and prefixes are those of the
    project, since people choose these names. What is no SPARQL becomes `…`.

    >>> shape('PREFIX x: <http://x/> SELECT ?anna { ?anna x:mail "a@b.example"@de ; a x:Anna LIMIT 7 }')
    'SELECT ?1 { ?1 <…> "…" ; a <…> LIMIT "…" }'
    >>> shape('PREFIX c: <https://w3id.org/kgservice/ci#> ASK { ?s c:title ?t }')
    'ASK { ?1 ci:title ?2 }'
    """
    return _cached(query) if len(query) < 4096 else _shape(query)  # long ones must not fill the memory


def text(query: str) -> str:
    """The query as it is; its end is cut off when it is very long."""
    if len(query) <= LONGEST_TEXT:
        return query
    return f"{query[:LONGEST_TEXT]} … ({len(query)} characters)"


def _shape(query: str) -> str:
    try:
        pieces = scan(query)
    except BadQuery:
        return UNREADABLE
    prefixes: dict[str, str] = {}
    names: dict[str, str] = {}
    out: list[str] = []
    length = i = 0
    while i < len(pieces) and length < LONGEST:
        declared = _declaration(pieces, i)
        if declared:
            if declared == 3:
                prefixes[pieces[i + 1].text[:-1]] = pieces[i + 2].text[1:-1]
            i += declared
            continue
        word = _plain(pieces[i], prefixes, names)
        i += 1
        # A long list of values says no more than a statement of three.
        if word and not (word in {_VALUE, _INSTANCE} and out[-3:] == [word] * 3):
            out.append(word)
            length += len(word) + 1
    return " ".join(out)[:LONGEST] + (" …" if i < len(pieces) else "")


_cached = lru_cache(maxsize=512)(_shape)


def _declaration(pieces: list[Piece], i: int) -> int:
    """How many tokens a declaration of a prefix (3) or of a base (2) that starts here has, else 0."""
    kinds = [piece.token for piece in pieces[i + 1 : i + 3]]
    if pieces[i].is_word("PREFIX") and kinds == [Token.NAME, Token.IRI] and pieces[i + 1].text.endswith(":"):
        return 3
    return 2 if pieces[i].is_word("BASE") and kinds[:1] == [Token.IRI] else 0


def _plain(piece: Piece, prefixes: dict[str, str], names: dict[str, str]) -> str:
    """What stands in the shape for a token; nothing for a language tag."""
    match piece.token:
        case Token.STRING | Token.NUMBER:
            return _VALUE
        case Token.IRI | Token.NAME:
            return _known(_iri(piece, prefixes))
        case Token.VARIABLE | Token.BLANK:
            mark = "?" if piece.token is Token.VARIABLE else "_:"
            # `$x` is `?x`.
            return names.setdefault(mark + piece.text[len(mark) :], f"{mark}{len(names) + 1}")
        case Token.WORD:
            return piece.text if piece.text.upper() in _WORDS else UNREADABLE
        case Token.LANGUAGE:
            return ""
        case _:
            return piece.text


def _iri(piece: Piece, prefixes: dict[str, str]) -> str:
    if piece.token is Token.IRI:
        return piece.text[1:-1]
    prefix, _, local = piece.text.partition(":")
    return prefixes.get(prefix, ":") + local


def _known(iri: str) -> str:
    """A term of a vocabulary of the project by its prefix; for all other IRIs only that there is one."""
    for prefix, namespace in PREFIXES.items():
        if iri.startswith(namespace) and _TERM.fullmatch(iri, len(namespace)):
            return f"{prefix}:{iri[len(namespace) :]}"
    return _INSTANCE
