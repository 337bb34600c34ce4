"""The graph of a row about a customer: what it says, whom it is linked to, and what holds of all rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pyoxigraph as ox
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from kgservice.application.imports.mapping import template_terms
from kgservice.application.imports.row_graphs import FACADE
from kgservice.application.links.statements import external_id
from kgservice.application.sources.locality import is_local
from kgservice.crm.becoming import Becoming
from kgservice.domain.crm_field import LONGEST
from kgservice.domain.link import Link
from kgservice.domain.matching import RecordId
from kgservice.errors import BadTable
from kgservice.namespaces import XSD, Addresses
from kgservice.store.base import Term

Row = Mapping[str, object]
Said = Iterable[tuple[str, Term | str]]
LONGEST_TEXT = 20_000  # characters of a ticket's text that are kept
# What a mapping may call the instances that belong to one row alone.
OWN = ("record", "candidate", "screening")


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
        self.predicates = frozenset(template_terms(self._construct))
        """The IRIs that the template names: what it can say at all."""

    def own(self, one: RecordId) -> dict[str, NamedNode]:
        """The instances that belong to a row alone, by the name that the mapping knows them by."""
        kind = f"crm-{self._table}"
        return {name: NamedNode(self._addresses.instance(kind, one.source, one.key, name)) for name in OWN}

    def of(self, rows: Sequence[Told]) -> list[set[Triple]]:
        """What the mapping says of each row. Raises `BadTable` when it cannot be run.

        All rows are asked for at once, since to read and plan a query takes longer than to answer it for
        hundreds of rows; or each alone, where the query is not sure to say the same of them then.
        """
        if len(rows) > 1 and is_local(self._construct) and (found := self._at_once(rows)) is not None:
            return found
        return [self._made([self._said(row)]) for row in rows]

    def _at_once(self, rows: Sequence[Told]) -> list[set[Triple]] | None:
        """What is said of each row; None if something is said of what no row mentions, or more than one."""
        said = [list(self._said(row)) for row in rows]
        mentioned: dict[Term, set[int]] = defaultdict(set)
        for number, cells in enumerate(said):
            for _, value in cells:
                if isinstance(value, NamedNode):
                    mentioned[value].add(number)
        found: list[set[Triple]] = [set() for _ in rows]
        for triple in self._made(said):
            about = mentioned.get(triple.subject, ())
            if len(about) != 1:
                return None
            found[next(iter(about))].add(triple)
        return found

    def _made(self, rows: Iterable[Said]) -> set[Triple]:
        store = ox.Store()
        for cells in rows:
            node = BlankNode()
            store.extend(
                Quad(node, NamedNode(FACADE + name), value if isinstance(value, Term) else Literal(value))
                for name, value in cells
            )
        try:
            answer = store.query(self._construct, base_iri=self._addresses.base)
        except SyntaxError as error:
            raise BadTable("the CONSTRUCT is malformed: {error}", error=error, source=self._table) from None
        if not isinstance(answer, ox.QueryTriples):
            raise BadTable("the graph of a row is made by CONSTRUCT", source=self._table)
        return {stored(triple) for triple in answer}

    def _said(self, told: Told) -> Said:
        one, row, known = told
        yield from self._cells(row)
        yield from self._settings()
        yield from self._links(one, known)
        yield from known.more
        yield "won", Literal(str(row.get("stage") or "").strip().lower() in self._becoming.won)

    def _cells(self, row: Row) -> Said:
        for name, value in row.items():
            if name not in {"deleted", "key"} and value is not None:
                yield name, _term(value)

    def _settings(self) -> Said:
        on = self._becoming
        yield "project", NamedNode(on.project)
        yield "legalBasis", NamedNode(on.legal_basis)
        yield "confidentiality", NamedNode(on.confidentiality)
        yield "language", on.language
        for purpose in on.purposes:
            yield "purpose", NamedNode(purpose)
        if on.screened_by:
            yield "screenedBy", NamedNode(on.screened_by)

    def _links(self, one: RecordId, known: Known) -> Said:
        yield from self.own(one).items()
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


def stored(triple: Triple) -> Triple:
    """A statement in the form in which the store gives it back, so that the two can be compared."""
    value = triple.object
    if isinstance(value, Literal) and value.datatype.value == f"{XSD}decimal":
        value = _decimal(Decimal(value.value))
    return Triple(triple.subject, triple.predicate, value)


def at(time: datetime) -> Literal:
    """A moment as the store holds it."""
    text = time.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    return Literal(text, datatype=NamedNode(f"{XSD}dateTime"))


def _decimal(value: Decimal) -> Literal:
    return Literal(f"{value.normalize() + 0:f}", datatype=NamedNode(f"{XSD}decimal"))


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
