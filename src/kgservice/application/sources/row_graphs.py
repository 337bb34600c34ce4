"""The graph of a row about a customer: what it says, whom it is linked to, and what holds of all rows."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain

import pyoxigraph as ox
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple

from kgservice.application.imports.mapping import template_terms
from kgservice.application.imports.row_graphs import FACADE
from kgservice.application.links.statements import external_id
from kgservice.application.sources.locality import asked_at_once
from kgservice.crm.becoming import Becoming
from kgservice.domain.crm_field import LONGEST
from kgservice.domain.link import Link
from kgservice.domain.matching import RecordId
from kgservice.errors import BadTable
from kgservice.namespaces import XSD, Addresses
from kgservice.store.base import Term

Row = Mapping[str, object]
Cell = tuple[str, Term | str]
Said = Iterable[Cell]
LONGEST_TEXT = 20_000  # characters of a ticket's text that are kept
# What a mapping may call the instances that belong to one row alone.
OWN = ("record", "candidate", "screening")
_DECIMAL = NamedNode(f"{XSD}decimal")
_DATE_TIME = NamedNode(f"{XSD}dateTime")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside a row: its links, the touchpoint of its method, when the row came; and `more`."""

    person: Link | None
    organisation: Link | None
    use: str | None
    touchpoint: NamedNode | None
    recorded: datetime
    more: Said = field(default=())


Told = tuple[RecordId, Row, Known]


class RowGraphs:
    """Makes the statements of rows of one canonical table by the CONSTRUCT of their source."""

    def __init__(self, addresses: Addresses, table: str, becoming: Becoming) -> None:
        self._addresses, self._table, self._becoming = addresses, table, becoming
        self._construct = becoming.constructs[table]
        self._settings = list(_settings(becoming))
        asked = asked_at_once(self._construct)
        self._asked = None if asked is None else {iri.removeprefix(FACADE) for iri in asked}
        self.predicates = frozenset(template_terms(self._construct))
        """The IRIs that the template names: what it can say at all."""

    def own(self, one: RecordId, names: Iterable[str] = OWN) -> dict[str, NamedNode]:
        """The instances that belong to a row alone, by the name that the mapping knows them by."""
        kind = f"crm-{self._table}"
        return {name: NamedNode(self._addresses.instance(kind, one.source, one.key, name)) for name in names}

    def of(self, rows: Sequence[Told]) -> list[set[Triple]]:
        """What the mapping says of each row. Raises `BadTable` when it cannot be run.

        All rows are asked for at once, since to read and plan a query takes longer than to answer it for
        hundreds of rows; or each alone, where the query is not sure to say the same of them then.
        """
        asked = self._asked
        if len(rows) > 1 and asked is not None and (found := self._at_once(rows, asked)) is not None:
            return found
        return [self._made([self._said(row)]) for row in rows]

    def _at_once(self, rows: Sequence[Told], asked: Container[str]) -> list[set[Triple]] | None:
        """What is said of each row; None if something is said of what no row mentions, or more than one.

        Nothing is told of a row but what is `asked`.
        """
        own = [name for name in OWN if name in asked]
        said = [[cell for cell in self._said(row, own) if cell[0] in asked] for row in rows]
        whose: dict[Term, int] = {}
        shared: set[Term] = {value for _, value in self._settings if isinstance(value, NamedNode)}
        for number, cells in enumerate(said):
            for _, value in cells:
                if isinstance(value, NamedNode) and whose.setdefault(value, number) != number:
                    shared.add(value)
        for term in shared:
            whose.pop(term, None)
        found: list[set[Triple]] = [set() for _ in rows]
        for triple in self._made(said):
            about = whose.get(triple.subject)
            if about is None:
                return None
            found[about].add(triple)
        return found

    def _made(self, rows: Iterable[Said]) -> set[Triple]:
        store = ox.Store()
        store.load("".join(_lines(rows)), RdfFormat.N_TRIPLES)
        try:
            answer = store.query(self._construct, base_iri=self._addresses.base)
        except SyntaxError as error:
            raise BadTable("the CONSTRUCT is malformed: {error}", error=error, source=self._table) from None
        if not isinstance(answer, ox.QueryTriples):
            raise BadTable("the graph of a row is made by CONSTRUCT", source=self._table)
        return {stored(triple) for triple in answer}

    def _said(self, told: Told, own: Iterable[str] = OWN) -> Said:
        one, row, known = told
        won = Literal(str(row.get("stage") or "").strip().lower() in self._becoming.won)
        return chain(_cells(row), self._settings, self._links(one, known, own), known.more, (("won", won),))

    def _links(self, one: RecordId, known: Known, own: Iterable[str]) -> Iterator[Cell]:
        yield from self.own(one, own).items()
        yield "externalId", external_id(self._addresses, one)
        yield "recorded", at(known.recorded)
        for name, link in (("person", known.person), ("organisation", known.organisation)):
            if link is not None:
                yield name, NamedNode(link.customer)
                yield f"{name}Record", NamedNode(link.record)
        if known.use is not None:
            yield "use", NamedNode(known.use)
        if known.touchpoint is not None:
            yield "touchpoint", known.touchpoint


def _cells(row: Row) -> Iterator[Cell]:
    for name, value in row.items():
        if name not in {"deleted", "key"} and value is not None:
            yield name, _term(value)


def _settings(on: Becoming) -> Iterator[Cell]:
    """What the source says of all its rows."""
    yield "project", NamedNode(on.project)
    yield "legalBasis", NamedNode(on.legal_basis)
    yield "confidentiality", NamedNode(on.confidentiality)
    yield "language", Literal(on.language)
    for purpose in on.purposes:
        yield "purpose", NamedNode(purpose)
    if on.screened_by:
        yield "screenedBy", NamedNode(on.screened_by)


def _lines(rows: Iterable[Said]) -> Iterator[str]:
    """Each row as a node that says its cells, in N-Triples, which are read faster than quads are made."""
    for number, cells in enumerate(rows):
        for name, value in cells:
            yield f"_:r{number} <{FACADE}{name}> {Literal(value) if isinstance(value, str) else value} .\n"


def stored(triple: Triple) -> Triple:
    """A statement in the form in which the store gives it back, so that the two can be compared."""
    value = triple.object
    if isinstance(value, Literal) and value.datatype == _DECIMAL:
        return Triple(triple.subject, triple.predicate, _decimal(Decimal(value.value)))
    return triple


@lru_cache(maxsize=1_024)  # rows that came in one run have one moment
def at(time: datetime) -> Literal:
    """A moment as the store holds it."""
    text = time.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    return Literal(text, datatype=_DATE_TIME)


def _decimal(value: Decimal) -> Literal:
    return Literal(f"{value.normalize() + 0:f}", datatype=_DECIMAL)


def _term(value: object) -> Term:
    """A cell as a term: moments in UTC, numbers as decimals, all else as text."""
    if isinstance(value, bool):
        return Literal(value)
    if isinstance(value, datetime):
        return at(value.replace(tzinfo=UTC) if value.tzinfo is None else value)
    if isinstance(value, Decimal):
        return _decimal(value)
    text = str(value).replace("\r\n", "\n").strip()
    return Literal(text[: LONGEST_TEXT if len(text) > LONGEST else LONGEST])
