"""Rows of an answer as the cells of a table: labels instead of IRIs, links to what they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from pyoxigraph import BlankNode, Literal, NamedNode

from kgservice.application.graph.labels import short
from kgservice.domain.question import NAMING
from kgservice.namespaces import CI, XSD, Addresses
from kgservice.store.base import Term
from kgservice.web.dates import day, moment

MOST_ROWS = 500
_CODES = {f"{XSD}string", f"{XSD}boolean"}
_NUMBERS = {f"{XSD}{name}" for name in ("integer", "decimal", "double", "float")}


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell: its text, where it leads (or nothing), its language, whether it is a number.

    `moment`: the moment or day that it says (ISO 8601), or nothing.
    """

    text: str
    path: str = ""
    language: str = ""
    number: bool = False
    moment: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of the column called `name`: what is shown, what it means, and the words for its codes."""

    name: str
    label: str = ""
    meaning: str = ""
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows of an answer; `total` is the number of all."""

    columns: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int


def table(
    columns: Sequence[Heading],
    rows: Sequence[Sequence[Term | None]],
    labels: Mapping[str, str],
    addresses: Addresses,
    language: str,
) -> Table:
    """The rows as a table; at most `MOST_ROWS` of them.

    A column `x` of IRIs with a column `xTitle`, `xLabel` or `xName` becomes one: the name, with a link.
    """
    shown = rows[:MOST_ROWS]
    names = [column.name for column in columns]
    title_of = {
        at: names.index(name + suffix)
        for at, name in enumerate(names)
        for suffix in NAMING
        if name + suffix in names and all(isinstance(row[at], NamedNode | None) for row in shown)
    }
    kept = [at for at in range(len(columns)) if at not in title_of.values()]

    def cells(row: Sequence[Term | None]) -> Iterator[Cell]:
        for at in kept:
            made = worded(cell(row[at], labels, addresses, language), row[at], columns[at].words)
            if at in title_of and (title := cell(row[title_of[at]], labels, addresses, language)).text:
                made = replace(title, path=made.path)
            yield made

    headings = tuple(replace(columns[at], label=columns[at].label or names[at]) for at in kept)
    return Table(headings, tuple(tuple(cells(row)) for row in shown), len(rows))


def worded(cell: Cell, term: Term | None, words: Mapping[str, str]) -> Cell:
    """The cell with the words for its code, if its term is a code that has some: a plain string or a boolean.

    >>> worded(Cell("falls"), Literal("falls"), {"falls": "fällt"}).text
    'fällt'
    """
    if isinstance(term, Literal) and term.datatype.value in _CODES and term.value in words:
        return replace(cell, text=words[term.value])
    return cell


def iris(rows: Sequence[Sequence[Term | None]]) -> set[str]:
    """The IRIs in the rows that are shown, to look up their labels."""
    return {term.value for row in rows[:MOST_ROWS] for term in row if isinstance(term, NamedNode)}


def cell(term: Term | None, labels: Mapping[str, str], addresses: Addresses, language: str) -> Cell:
    """One term as people read it in their language.

    >>> cell(NamedNode("https://w3id.org/kgservice/ci#Web"), {}, Addresses("https://kg.example/"), "de").text
    'Web'
    """
    if isinstance(term, NamedNode):
        return Cell(labels.get(term.value) or short(term.value), path_of(term.value, addresses))
    if isinstance(term, Literal):
        datatype = term.datatype.value
        if datatype in {f"{XSD}dateTime", f"{XSD}dateTimeStamp"}:
            return Cell(moment(term.value, language), moment=term.value)
        if datatype == f"{XSD}date":
            return Cell(day(term.value, language), moment=term.value)
        return Cell(term.value, language=term.language or "", number=datatype in _NUMBERS)
    if isinstance(term, BlankNode):
        return Cell(f"_:{term.value}")
    return Cell("" if term is None else str(term))


def path_of(iri: str, addresses: Addresses) -> str:
    """Where an IRI leads: records to `/id/…`, terms to `/ontology/…`, foreign IRIs there, graphs nowhere."""
    if iri.startswith(addresses.ids):
        return f"/id/{quote(iri[len(addresses.ids) :], safe='')}"
    if iri.startswith(CI):
        return f"/ontology/{quote(iri[len(CI) :], safe='')}"
    return iri if iri.startswith(("http://", "https://")) and not iri.startswith(addresses.base) else ""
