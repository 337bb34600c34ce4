"""A SPARQL 1.1 update, taken apart into its operations; terms and patterns stay text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgservice.domain.sparql_scan import Operation, Piece, Token, closing, operations, place
from kgservice.errors import BadQuery


@dataclass(frozen=True, slots=True)
class Data:
    """INSERT DATA or DELETE DATA: the text between the braces."""

    prologue: str
    insert: bool
    text: str


@dataclass(frozen=True, slots=True)
class Modify:
    """DELETE and INSERT with WHERE: templates and pattern (with its braces) as text, graphs as written."""

    prologue: str
    delete: str
    insert: str
    where: str
    with_graph: str | None = None
    using: tuple[str, ...] = ()
    using_named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manage:
    """CLEAR, DROP or CREATE (`verb`) of a graph as written, or of `DEFAULT`, `NAMED` or `ALL`."""

    prologue: str
    verb: str
    target: str
    silent: bool


@dataclass(frozen=True, slots=True)
class Transfer:
    """COPY, MOVE or ADD (`verb`) from one graph as written, or `DEFAULT`, to another."""

    prologue: str
    verb: str
    source: str
    target: str
    silent: bool


@dataclass(frozen=True, slots=True)
class Load:
    """LOAD of what `source` names into the graph `target`, as written, if there is one; where it stands."""

    prologue: str
    source: str
    target: str | None
    silent: bool
    line: int
    column: int


UpdateOperation = Data | Modify | Manage | Transfer | Load


def parsed(text: str, prologue: str = "") -> list[UpdateOperation]:
    """The operations of `text`, whose syntax is known to be right; `prologue` stands before that of each."""
    return [_Reader(text, prologue, operation).read() for operation in operations(text)]


class _Reader:
    """Reads one operation, token by token."""

    def __init__(self, text: str, prologue: str, operation: Operation) -> None:
        self._text = text
        self._prologue = f"{prologue} {operation.prologue}".strip()
        self._pieces: list[Piece] = list(operation.pieces)
        self._at = 0

    def read(self) -> UpdateOperation:
        """The operation."""
        first = self._pieces[0]
        word = first.text.upper() if first.token is Token.WORD else ""
        if word in ("INSERT", "DELETE") and self._pieces[1].is_word("DATA"):
            self._at = 2
            return Data(self._prologue, word == "INSERT", self._block())
        if word in ("INSERT", "DELETE", "WITH"):
            return self._modify()
        if word in ("CLEAR", "DROP", "CREATE"):
            self._at = 1
            silent = self._takes("SILENT")
            return Manage(self._prologue, word, self._graph(), silent)
        if word in ("COPY", "MOVE", "ADD"):
            self._at = 1
            silent = self._takes("SILENT")
            source = self._graph()
            self._takes("TO")
            return Transfer(self._prologue, word, source, self._graph(), silent)
        line, column = place(self._text, first.start)
        if word == "LOAD":
            self._at = 1
            silent = self._takes("SILENT")
            source = self._graph()
            target = self._graph() if self._takes("INTO") else None
            return Load(self._prologue, source, target, silent, line, column)
        raise BadQuery(
            "{text} is no operation; keywords need white space after them",
            text=first.text,
            line=line,
            column=column,
        )

    def _modify(self) -> Modify:
        with_graph = self._graph() if self._takes("WITH") else None
        delete = insert = ""
        if self._takes("DELETE"):
            if self._takes("WHERE"):
                pattern = self._block()
                return Modify(self._prologue, pattern, "", f"{{{pattern}}}")
            delete = self._block()
        if self._takes("INSERT"):
            insert = self._block()
        using: list[str] = []
        using_named: list[str] = []
        while self._takes("USING"):
            (using_named if self._takes("NAMED") else using).append(self._graph())
        self._takes("WHERE")
        where = f"{{{self._block()}}}"
        return Modify(self._prologue, delete, insert, where, with_graph, tuple(using), tuple(using_named))

    def _takes(self, word: str) -> bool:
        if self._at < len(self._pieces) and self._pieces[self._at].is_word(word):
            self._at += 1
            return True
        return False

    def _graph(self) -> str:
        self._takes("GRAPH")
        piece = self._pieces[self._at]
        self._at += 1
        return piece.text.upper() if piece.token is Token.WORD else piece.text

    def _block(self) -> str:
        end = closing(self._pieces, self._at)
        inner = self._text[self._pieces[self._at].end : self._pieces[end].start]
        self._at = end + 1
        return inner


def variables(pieces: Sequence[Piece]) -> list[str]:
    """The names of the variables among the tokens, each once, in order."""
    return list(dict.fromkeys(p.text[1:] for p in pieces if p.token is Token.VARIABLE))
