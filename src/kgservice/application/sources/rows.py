"""Tickets, deals and preferences of a CRM taken over into the graph of the customer that they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links import records as link_records
from kgservice.application.links.consequences import in_records, said
from kgservice.application.links.statements import loose, restriction_iri
from kgservice.application.sources import consents as crm_consents
from kgservice.application.sources.row_graphs import Known, Row, RowGraphs, at
from kgservice.application.sources.usable import usable_links
from kgservice.application.stewards.mending import close_mended, drop_unsaid
from kgservice.application.stewards.quarantine import Source, hold
from kgservice.application.stewards.settling import settle
from kgservice.crm.becoming import Becoming
from kgservice.domain.change import LOCAL, Change, Origin
from kgservice.domain.link import ORGANISATIONS, PERSONS, Link, State
from kgservice.domain.matching import RecordId
from kgservice.domain.model import TYPE
from kgservice.domain.question import with_values
from kgservice.errors import BadInput
from kgservice.namespaces import CI
from kgservice.store.base import Term

SOURCE = "crm"
BATCH = 200  # rows in one commit
Progress = Callable[[int], None]
_KEYS = {PERSONS: "person_key", ORGANISATIONS: "organisation_key"}
_USED_AT = f"""PREFIX ci: <{CI}> SELECT ?use ?touchpoint {{
  VALUES ?use {{ UNDEF }} ?use a ci:MethodUse OPTIONAL {{ ?use ci:usedAt ?touchpoint }} }}"""
_THERE = f"ASK {{ VALUES ?one {{ UNDEF }} ?one a <{CI}Project> }}"
_RESTRICTS, _UNTIL = NamedNode(f"{CI}restricts"), NamedNode(f"{CI}validUntil")


@dataclass(slots=True)
class RowsTaken:
    """What became of rows: `written` differ from what the graph had, `unchanged` do not.

    `unlinked` are about nobody who is linked and stay out; `unusable` ones are about a customer who may not
    be matched any more, and stay as they are. Of those that the CRM holds no more, `removed` are gone;
    `restricted` ones stay, since something rests on them, and no purpose sees them. `refused`: rows that the
    guard did not take, with the reason; they wait in quarantine.
    """

    written: int = 0
    unchanged: int = 0
    unlinked: int = 0
    unusable: int = 0
    removed: int = 0
    restricted: int = 0
    refused: list[tuple[RecordId, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Part:
    """What a row changes; it goes in as a whole, or stays out."""

    record: RecordId
    own: frozenset[NamedNode]
    triples: set[Triple]
    remove: set[Quad]
    outcome: str
    says: bool = True
    """Whether the row says anything of somebody who is linked."""


def take_rows(
    kg: KnowledgeGraph,
    table: str,
    rows: Iterable[tuple[Row, datetime]],
    becoming: Becoming,
    *,
    by: Origin = LOCAL,
    told: Progress = lambda _done: None,
) -> RowsTaken:
    """Take over rows of a canonical table, each with the moment when it came as it is, some at a time.

    What is said of a row follows its mapping: what the mapping could say and does not say now goes, what
    others said stays. Where nothing differs, nothing is written. Raises `BadInput` when the source names a
    project or a use of a method that is not in the graph, `BadTable` when the mapping cannot be run.
    """
    done, count = RowsTaken(), 0
    graphs = RowGraphs(kg.addresses, table, becoming)
    origin = by.because(f"{table} taken over", SOURCE)
    places = _places(kg, table, becoming)
    waiting = iter(rows)
    while batch := list(islice(waiting, BATCH)):
        with kg.writing:
            _Batch(kg, table, graphs, becoming, places).take(batch, origin, done)
        count += len(batch)
        told(count)
    return done


def _places(kg: KnowledgeGraph, table: str, becoming: Becoming) -> dict[str, NamedNode | None]:
    """The touchpoint of each use of a method that the source names for a table."""
    if not kg.ask(with_values(_THERE, {"one": NamedNode(becoming.project)})):
        raise BadInput(
            "graph.project: there is no project <{project}>", project=becoming.project, source="source.toml"
        )
    named = sorted(set(becoming.uses[table].values()))
    found: dict[str, NamedNode | None] = {}
    for use, touchpoint in kg.select(with_values(_USED_AT, {"use": [NamedNode(one) for one in named]})).rows:
        if isinstance(use, NamedNode):
            found[use.value] = touchpoint if isinstance(touchpoint, NamedNode) else None
    for missing in set(named) - found.keys():
        raise BadInput(
            "graph.{table}: there is no use of a method <{missing}>: plan it at its touchpoint first",
            table=table,
            missing=missing,
            source="source.toml",
        )
    return found


class _Batch:
    """Some rows of a table, with the links of whom they are about."""

    def __init__(
        self,
        kg: KnowledgeGraph,
        table: str,
        graphs: RowGraphs,
        becoming: Becoming,
        places: Mapping[str, NamedNode | None],
    ) -> None:
        self._kg, self._table, self._graphs = kg, table, graphs
        self._becoming, self._places = becoming, places
        self._usable: set[str] = set()
        self._there: dict[Term, set[Quad]] = {}

    def take(self, batch: Sequence[tuple[Row, datetime]], origin: Origin, done: RowsTaken) -> None:
        """Commit what differs, and count it."""
        links = self._links([row for row, _ in batch])
        for kind in _KEYS:
            self._usable |= usable_links(
                self._kg, kind, [one for (of, _), one in links.items() if of == kind]
            )
        parts = self._parts(batch, links)
        changing = [part for part in parts if part.triples or part.remove]
        _, held = settle(self._kg, changing, lambda some: _change(some, origin))
        refused = {part.record: refusal.reason for part, refusal in held}
        done.refused += sorted(refused.items(), key=str)
        mapping = f"{self._becoming.project} {self._table}"
        if held:
            about = [(p.triples, self._source(p, mapping), refusal) for p, refusal in held]
            hold(self._kg, about, origin)
        accepted = [part for part in changing if part.record not in refused]
        if accepted:
            close_mended(self._kg, accepted, Source(accepted[0].record.source, mapping=mapping), origin)
        unsaid = [node for part in parts if not part.says for node in part.own]
        drop_unsaid(self._kg, unsaid, origin)
        for part in parts:
            if part.record not in refused:
                setattr(done, part.outcome, getattr(done, part.outcome) + 1)

    def _source(self, part: _Part, mapping: str) -> Source:
        return Source(f"{part.record.source}/{self._table}", mapping=mapping, about=part.own)

    def _links(self, rows: Sequence[Row]) -> dict[tuple[str, RecordId], Link]:
        """The accepted links of the records that rows are about, by kind and record."""
        found: dict[tuple[str, RecordId], Link] = {}
        for kind, column in _KEYS.items():
            ids = {RecordId(str(row["source"]), str(row[column])) for row in rows if row.get(column)}
            for one, links in link_records.of_records(self._kg, ids).items():
                for link in links:
                    if link.kind == kind and link.standing.state is State.ACCEPTED:
                        found[kind, one] = link
        return found

    def _parts(
        self, batch: Sequence[tuple[Row, datetime]], links: Mapping[tuple[str, RecordId], Link]
    ) -> list[_Part]:
        """What each row changes."""
        ids = [RecordId(str(row["source"]), str(row["key"])) for row, _ in batch]
        known = [self._known(one, *told, links) for one, told in zip(ids, batch, strict=True)]
        own = [frozenset(self._graphs.own(one).values()) for one in ids]
        self._there = self._said({node for nodes in own for node in nodes})
        saying = [
            number
            for number, (row, _) in enumerate(batch)
            if not row.get("deleted") and (known[number].person or known[number].organisation)
        ]
        made = self._graphs.of([(ids[number], batch[number][0], known[number]) for number in saying])
        wanted = dict(zip(saying, made, strict=True))
        return [
            self._part(ids[number], own[number], known[number], wanted.get(number, set()))
            for number in range(len(batch))
        ]

    def _said(self, own: Collection[NamedNode]) -> dict[Term, set[Quad]]:
        """What the graph says of the rows' instances and of their restrictions, by subject."""
        found: dict[Term, set[Quad]] = defaultdict(set)
        restrictions = (restriction_iri(self._kg.addresses, node) for node in own)
        for quad in said(self._kg, chain(own, restrictions)):
            found[quad.subject].add(quad)
        return found

    def _known(
        self, one: RecordId, row: Row, recorded: datetime, links: Mapping[tuple[str, RecordId], Link]
    ) -> Known:
        person, organisation = (
            links.get((kind, RecordId(one.source, str(row.get(column))))) for kind, column in _KEYS.items()
        )
        use = self._becoming.use(self._table, _text(row.get("channel")))
        touchpoint = self._places.get(use) if use else None
        agreement = None if row.get("deleted") else self._becoming.consent
        more = crm_consents.told(self._kg, row, person, agreement, recorded)
        return Known(person, organisation, use, touchpoint, recorded, more)

    def _part(
        self, one: RecordId, own: frozenset[NamedNode], known: Known, wanted: Collection[Triple]
    ) -> _Part:
        before = {quad.triple: quad for node in own for quad in self._there[node]}
        customers = [link for link in (known.person, known.organisation) if link is not None]
        # That somebody gave or withdrew a consent is taken over of everybody.
        if wanted and not known.more and any(link.node not in self._usable for link in customers):
            return _Part(one, own, set(), set(), "unusable")
        gone = {quad for triple, quad in before.items() if triple not in wanted and self._is_ours(triple)}
        if not wanted and before:
            return self._gone(one, own, set(before.values()))
        new = (triple for triple in wanted if triple not in before)
        add = {triple for triple in new if not crm_consents.stands(self._kg, triple)}
        ended = self._restriction(own, holds=False)
        outcome = "written" if add or gone or ended else "unchanged" if customers else "unlinked"
        return _Part(one, own, add | ended, gone, outcome, says=bool(wanted))

    def _gone(self, one: RecordId, own: frozenset[NamedNode], gone: set[Quad]) -> _Part:
        """What follows when a row says nothing any more: all of it goes, unless something rests on it."""
        nodes = own & {quad.subject for quad in gone}
        referring = in_records(self._kg, ((None, None, node) for node in nodes))
        if any(quad.subject not in own and quad.predicate != _RESTRICTS for quad in referring):
            return _Part(one, own, self._restriction(nodes, holds=True), set(), "restricted", says=False)
        for node in nodes:
            gone |= self._there[restriction_iri(self._kg.addresses, node)]
        return _Part(one, own, set(), gone, "removed", says=False)

    def _restriction(self, own: Collection[NamedNode], *, holds: bool) -> set[Triple]:
        """What to add so that records are restricted, since the CRM holds them no more, or no longer are."""
        found: set[Triple] = set()
        for node in own:
            restriction = restriction_iri(self._kg.addresses, node)
            there = self._there[restriction]
            ended = any(quad.predicate == _UNTIL for quad in there)
            now = at(self._kg.clock())
            if not holds and there and not ended:
                found.add(Triple(restriction, _UNTIL, now))
            elif holds and not there:
                for person in in_records(self._kg, [(node, NamedNode(f"{CI}dataSubject"), None)]):
                    found |= {
                        Triple(restriction, TYPE, NamedNode(f"{CI}Restriction")),
                        Triple(restriction, person.predicate, person.object),
                        Triple(restriction, _RESTRICTS, node),
                        Triple(restriction, NamedNode(f"{CI}validFrom"), now),
                        Triple(restriction, NamedNode(f"{CI}description"), Literal("deleted in the CRM")),
                    }
        return found

    def _is_ours(self, triple: Triple) -> bool:
        """Whether the mapping could have said it."""
        return triple.predicate.value in self._graphs.predicates


def _change(some: Sequence[_Part], origin: Origin) -> Change:
    add = set().union(*(part.triples for part in some))
    remove = set().union(*(part.remove for part in some))
    return Change(loose(add), tuple(remove), origin=origin)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
