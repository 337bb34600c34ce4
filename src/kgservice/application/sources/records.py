"""Records of a CRM taken over into the graph of the customer that they are linked to: what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links import records as link_records
from kgservice.application.links.statements import (
    Places,
    decided,
    ends,
    link_iri,
    loose,
    published,
    record_iri,
    state_of,
)
from kgservice.application.sources import optouts as crm_optouts
from kgservice.application.sources.customers import Known, known
from kgservice.application.sources.judging import Record, beside, kept_beside, wanted
from kgservice.application.sources.statements import Was, missing, restriction
from kgservice.application.sources.usable import made_of_record, usable_links
from kgservice.application.stewards.settling import settle
from kgservice.domain.change import LOCAL, Change, Origin
from kgservice.domain.crm_field import FIELDS, Taking, Unmatched
from kgservice.domain.link import PERSONS, Decision, Link, State, Verdict
from kgservice.domain.matching import RecordId
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI

SOURCE = "crm"
BATCH = 200  # rows in one commit
Row = Mapping[str, object]
Progress = Callable[[int], None]


@dataclass(slots=True)
class Taken:
    """What became of rows: `written` differ from what the graph had, `unchanged` do not.

    `unlinked` are linked to nobody and stay out, `created` became a contact person, `waiting` ones do not
    before a steward has decided whether they are a customer. Of `unusable` ones the customer may not be
    matched any more: they stay as they are. Of `deleted` ones the record is restricted, and for an
    organisation a person has to decide. `open`: fields that differ and wait for a person; `withdrawn`:
    consents that ended with an opt-out, `disagreeing`: those that contradict one. `refused`: records that the
    guard did not take, or whose opt-out could not be followed, with the reason.
    """

    written: int = 0
    unchanged: int = 0
    unlinked: int = 0
    created: int = 0
    waiting: int = 0
    unusable: int = 0
    deleted: int = 0
    open: int = 0
    withdrawn: int = 0
    disagreeing: int = 0
    refused: list[tuple[RecordId, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Part:
    """What the rows of one customer change; it goes in as a whole, or stays out.

    `changed` tells of each of the records whether it changes anything.
    """

    triples: set[Triple] = field(default_factory=set)
    remove: set[Quad] = field(default_factory=set)
    changed: dict[RecordId, bool] = field(default_factory=dict)
    new: bool = False

    def take(self, add: set[Triple], remove: set[Quad], one: RecordId | None = None) -> None:
        """Note what is to change, because of a record of the batch if one is given."""
        self.triples |= add
        self.remove |= remove
        if one is not None:
            self.changed[one] = self.changed.get(one, False) or bool(add or remove)

    @property
    def own(self) -> frozenset[NamedNode]:
        """The nodes that it speaks of."""
        return frozenset(t.subject for t in self.triples if isinstance(t.subject, NamedNode))


def take(
    kg: KnowledgeGraph,
    kind: str,
    rows: Iterable[Row],
    taking: Taking,
    *,
    by: Origin = LOCAL,
    told: Progress = lambda _done: None,
) -> Taken:
    """Take over the rows of the canonical table `kind` that are of the source, some at a time.

    Only records with an accepted link are written, unless `taking` has persons made of the others. Of a
    customer who may not be matched any more, deletions and opt-outs are followed and nothing else. Where
    nothing differs, nothing is written. `told` hears how many rows are done.
    """
    done = Taken()
    origin = by.because(f"records of {taking.source} taken over", SOURCE)
    own = (row for row in rows if row["source"] == taking.source and not _erased(kg, kind, row))
    count = 0
    while batch := list(islice(own, BATCH)):
        with kg.writing:
            _Batch(kg, kind, batch, taking, origin).take(done)
        count += len(batch)
        told(count)
    return done


def _erased(kg: KnowledgeGraph, kind: str, row: Row) -> bool:
    """Whether the record's person was erased, perhaps after the row was read."""
    return kind == PERSONS and kg.erased.holds(RecordId(str(row["source"]), str(row["key"])))


class _Batch:
    """Some rows, with what the graph says of them and of whom they are linked to."""

    def __init__(
        self, kg: KnowledgeGraph, kind: str, rows: Sequence[Row], taking: Taking, origin: Origin
    ) -> None:
        self._kg, self._kind, self._taking, self._origin = kg, kind, taking, origin
        self._rows = {RecordId(taking.source, str(row["key"])): row for row in rows}
        found = link_records.of_records(kg, list(self._rows))
        self._links = {
            one: link
            for one, links in found.items()
            for link in links
            if link.standing.state is State.ACCEPTED and link.kind == kind
        }
        self._waiting = {
            one
            for one, links in found.items()
            if any(link.standing.state is State.CANDIDATE and link.kind == kind for link in links)
        }
        self._customers: dict[str, list[RecordId]] = {}
        for one in self._rows:
            if one in self._links:
                self._customers.setdefault(self._links[one].customer, []).append(one)
        others = beside(kg, self._customers.keys(), self._links.values())
        self._usable = usable_links(kg, kind, [*self._links.values(), *others])
        self._beside = [link for link in others if link.node in self._usable]
        self._places = Places.of(kg, kind, self._rows, self._customers)
        self._known = known(kg, kind, list(self._customers))

    def take(self, done: Taken) -> None:
        """Commit what differs, and count it."""
        unlinked = [one for one in self._rows if one not in self._links]
        parts = [part for one in unlinked if (part := self._unlinked(one, done))]
        parts += [self._linked(customer, ones, done) for customer, ones in self._customers.items()]
        changing = [part for part in parts if part.triples or part.remove]
        _, held = settle(self._kg, changing, self._change)
        refused = {one: refusal.reason for part, refusal in held for one in part.changed}
        done.refused += sorted(refused.items(), key=str)
        for part in parts:
            kept = [changed for one, changed in part.changed.items() if one not in refused]
            done.created += part.new and bool(kept)
            done.written += sum(kept) if not part.new else 0
            done.unchanged += len(kept) - sum(kept)
        if self._kind == PERSONS:
            self._opt_outs(refused, done)

    def _change(self, some: Sequence[_Part]) -> Change:
        add = set().union(*(part.triples for part in some))
        remove = set().union(*(part.remove for part in some))
        return Change(loose(add), tuple(remove), origin=self._origin)

    def _unlinked(self, one: RecordId, done: Taken) -> _Part | None:
        row = self._rows[one]
        create = self._kind == PERSONS and self._taking.unmatched is Unmatched.CREATE
        create = create and not row.get("deleted") and not row.get("opted_out")
        if create and one not in self._waiting:
            return self._created(one, row)
        done.waiting += create
        done.unlinked += not create
        return None

    def _linked(self, customer: str, ones: Sequence[RecordId], done: Taken) -> _Part:
        """What becomes of a customer by the records in the batch, and by the others that are linked."""
        part, records = _Part(), list[Record]()
        for one in ones:
            row, link = self._rows[one], self._links[one]
            if row.get("deleted"):
                part.take(*self._deleted(link, done), one)
                if not made_of_record(link):
                    records.append(Record.gone(link, Was.of(self._kg, link)))
            elif link.node in self._usable:
                if self._kind == PERSONS:
                    part.take(*restriction(self._kg, link, holds=False), one)
                records.append(Record.of_row(link, Was.of(self._kg, link), row, self._taking))
            else:
                done.unusable += 1
        if not records:
            return part
        own = len(records)
        others = [link for link in self._beside if link.customer == customer]
        records += kept_beside(self._kg, others, FIELDS[self._kind])
        for n, asked in enumerate(wanted(records, self._known[customer], self._places)):
            part.take(asked.add, asked.remove, records[n].link.id if n < own else None)
            done.open += asked.open if n < own else 0
        return part

    def _deleted(self, link: Link, done: Taken) -> tuple[set[Triple], set[Quad]]:
        done.deleted += 1
        if self._kind == PERSONS:
            return restriction(self._kg, link, holds=True)
        done.open += 1
        return missing(self._kg, link, self._places), set()

    def _created(self, one: RecordId, row: Row) -> _Part:
        """A contact person made of a record, linked to it by rule."""
        kg, places = self._kg, self._places
        person = NamedNode(kg.addresses.new())
        node, now = link_iri(kg.addresses, one, person.value), kg.clock()
        link = Link(
            *(node.value, PERSONS, one, record_iri(kg.addresses, PERSONS, one).value, person.value),
            probability=None,
            weight=None,
        )
        record = Record.of_row(link, Was(set(), {}), row, self._taking, new=True)
        (said,) = wanted([record], Known(), places)
        triples = {Triple(person, TYPE, NamedNode(f"{CI}ContactPerson")), *said.add}
        triples |= ends(places, node, one, person.value)
        triples |= decided(kg.addresses, node, Decision(1, Verdict.BY_RULE, now))
        triples |= state_of(node, State.ACCEPTED, now)
        triples |= published(places, one, person.value)
        return _Part(triples, changed={one: True}, new=True)

    def _opt_outs(self, refused: Mapping[RecordId, str], done: Taken) -> None:
        for one, row in self._rows.items():
            link = self._links.get(one)
            out = bool(row.get("opted_out"))
            # A record that is gone says nothing of an opt-out; one that is marked as deleted may.
            if link is not None and one not in refused and (out or not row.get("deleted")):
                followed = crm_optouts.follow(
                    self._kg, link, self._places, self._taking, self._origin, out=out
                )
                done.withdrawn += followed.ended
                done.disagreeing += followed.disagreeing
                if followed.refused:
                    done.refused.append((one, followed.refused))
