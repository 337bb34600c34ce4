"""What SPARQL and RDF text says before anything runs: is it well-formed, which quads does it hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyoxigraph
from pyoxigraph import NamedNode, Quad

from kgservice.domain.sparql_limits import UNCHECKED, check_limits
from kgservice.domain.sparql_scan import operations, place, scan
from kgservice.errors import BadQuery, BadRdf, StoreFailed
from kgservice.store.base import Kind
from kgservice.store.documents import check_document
from kgservice.store.formats import Format

_PLACE = re.compile(r"^error at (\d+):(\d+): (.*)$", re.DOTALL)
# An operation that fails when it runs: whatever stands behind it has been parsed, and nothing of it runs.
_STOP = "CLEAR GRAPH <urn:kgservice:stop> ;"
_LONGEST = 300
_FORM = re.compile(
    r"(?>\s|#[^\n\r]*|BASE\s*<[^<>]*>|PREFIX\s*[^\s:<>]*:\s*<[^<>]*>)*+(SELECT|ASK|CONSTRUCT|DESCRIBE)\b",
    re.IGNORECASE,
)
_KINDS = {
    "SELECT": Kind.SOLUTIONS,
    "ASK": Kind.BOOLEAN,
    "CONSTRUCT": Kind.GRAPH,
    "DESCRIBE": Kind.GRAPH,
}
# What the parser expected: a sign in quotes, a set of characters, or words.
_ITEM = re.compile(r"\"[^\"]*\"|\[(?:'(?:\\.|[^'\\])*'|\\u\{[0-9A-Fa-f]+\}|[^\]'])*\]|[^\s,\"\[][^,]*")


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _expected(message: str) -> str:
    """The parser's message without its sets of characters, or with the one reason that it names in words.

    >>> _expected("expected one of Prefix not found, ['%'], ['A' ..= 'Z']")
    'Prefix not found'
    """
    items = _ITEM.findall(message.removeprefix("expected ").removeprefix("one of "))
    named = [item.strip() for item in items if not item.startswith("[")]
    reasons = [item for item in named if " " in item and not item.startswith('"')]
    if reasons:
        return "; ".join(reasons)
    if not named:
        return "unexpected character"
    return f"expected {named[0]}" if len(named) == 1 else f"expected one of {', '.join(named)}"


def bad_query(error: SyntaxError | ValueError, *, lines_before: int = 0) -> BadQuery:
    """The `BadQuery` for a parser's error in SPARQL text that `lines_before` other lines precede."""
    text = str(error.args[0]) if error.args else str(error)
    match = _PLACE.match(text)
    if match is None:
        return BadQuery(_shortened(text))
    line = int(match[1]) - lines_before
    if line < 1:  # in what was put before the text: a prefix or base that is no IRI
        return BadQuery(_shortened(_expected(match[3])))
    return BadQuery(_shortened(_expected(match[3])), line=line, column=int(match[2]))


def bad_rdf(error: SyntaxError | ValueError | MemoryError, source: str | None = None) -> BadRdf:
    """The `BadRdf` for a parser's error in an RDF document."""
    if isinstance(error, MemoryError):  # of its own buffer
        return BadRdf("an IRI or a text is longer than 16 MiB, or does not end", source=source)
    if isinstance(error, SyntaxError):
        return BadRdf(_shortened(error.msg), line=error.lineno, column=error.offset, source=source)
    return BadRdf(_shortened(str(error)), source=source)


@contextmanager
def reading_rdf(source: str | None = None) -> Iterator[None]:
    """What goes wrong while RDF is read becomes `BadRdf`, or `StoreFailed` for an unreadable file."""
    try:
        yield
    except (SyntaxError, ValueError, MemoryError) as error:
        raise bad_rdf(error, source) from error
    except OSError as error:
        raise StoreFailed(f"cannot read: {error}", source=source) from error


def likely_kind(text: str) -> Kind | None:
    """What a query answers with, if it is one, by the word behind its prologue; None where that is unclear.

    >>> likely_kind("PREFIX ex: <http://example.com/>  # SELECT\\nASK { ?s ?p ?o }")
    <Kind.BOOLEAN: 'boolean'>
    """
    found = _FORM.match(text)
    return _KINDS[found[1].upper()] if found is not None else None


def check_query(text: str) -> None:
    """Raise `BadQuery` for a query that is nested too deep or chained too long to be parsed."""
    if len(text) >= UNCHECKED:
        check_limits(text, scan(text))


def check_update(text: str, base: str) -> None:
    """Raise `BadQuery` with line and column unless `text` is a SPARQL 1.1 update; nothing of it runs.

    Oxigraph's parser knows a prologue only before the first operation, so each operation is checked on its
    own, at its place in the text.
    """
    for operation in operations(text):
        if operation.end - operation.start >= UNCHECKED:
            check_limits(text, operation.pieces)
        line, column = place(text, operation.start)
        head = f"BASE <{base}> {operation.prologue} {_STOP}"
        try:
            pyoxigraph.Store().update(
                head + "\n" * line + " " * (column - 1) + text[operation.start : operation.end]
            )
        except RuntimeError:
            continue
        except (SyntaxError, ValueError) as error:
            raise bad_query(error, lines_before=1) from error


def quads_of_data(prologue: str, data: str) -> list[Quad]:
    """The quads of `data`, the inner text of an INSERT DATA block; outside GRAPH: in the default graph."""
    store = pyoxigraph.Store()
    try:
        store.update(f"{prologue} INSERT DATA {{ {data} }}")
    except (SyntaxError, ValueError) as error:
        raise bad_query(error) from error
    return list(store)


def resolve(prologue: str, iri: str) -> NamedNode:
    """The absolute IRI that an IRI or prefixed name stands for after `prologue`."""
    store = pyoxigraph.Store()
    try:
        store.update(f"{prologue} CREATE GRAPH {iri}")
    except (SyntaxError, ValueError) as error:
        raise bad_query(error) from error
    (name,) = store.named_graphs()
    assert isinstance(name, NamedNode)
    return name


def parse(
    source: BinaryIO | bytes | Path,
    fmt: Format,
    *,
    base: str | None = None,
    rename: bool = False,
    name: str | None = None,
) -> Iterator[Quad]:
    """The quads of an RDF document, one after the other; triples are in the default graph.

    Blank nodes keep the names they have in the document, unless they are to be told from others (`rename`).
    Raises `BadRdf` with line and column, and `name` or that of the file.
    """
    name = source.name if isinstance(source, Path) else name
    with reading_rdf(name):
        check_document(source, fmt, name)
        if isinstance(source, Path):
            yield from pyoxigraph.parse(path=source, format=fmt.rdf, base_iri=base, rename_blank_nodes=rename)
        else:
            yield from pyoxigraph.parse(source, format=fmt.rdf, base_iri=base, rename_blank_nodes=rename)
