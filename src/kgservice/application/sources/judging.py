"""What linked CRM records say of one customer, and what the graph shall say of it and of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links import records as link_records
from kgservice.application.links.consequences import in_records, said, subjects
from kgservice.application.links.statements import EXACT_MATCH, Places, restriction_iri
from kgservice.application.sources.customers import Known
from kgservice.application.sources.statements import (
    CONSENT_STATE,
    DELETED,
    REPLACED,
    TAKEN,
    UNTIL,
    Field,
    Was,
    at,
    field_value,
)
from kgservice.domain import crm_field
from kgservice.domain.crm_claims import Claim, Outcome, judge
from kgservice.domain.crm_field import FIELDS, TITLE, Taking
from kgservice.domain.link import PERSONS, Link, State
from kgservice.namespaces import CI

_LINKS_RECORD = NamedNode(f"{CI}linksRecord")


@dataclass(frozen=True, slots=True)
class Record:
    """A linked record: what the graph says of it now, and its claims, by field.

    `before` is what of the graph it decides about, and `said` what it says besides its fields.
    """

    link: Link
    was: Was
    claims: Mapping[str, Claim]
    before: frozenset[Quad]
    said: frozenset[Triple] = frozenset()

    @classmethod
    def of_row(
        cls, link: Link, was: Was, row: Mapping[str, object], taking: Taking, *, new: bool = False
    ) -> Record:
        """As a row of the canonical table has it; `new` where the customer is made of it."""
        given, time = crm_field.values(link.kind, row), crm_field.moment_of(row.get("updated"))
        claims = {
            name: Claim(
                link.id,
                given.get(name, []),
                time,
                taking.rule(name),
                was.fields.get(name, Field()),
                was.decided.get(name, ()),
                new,
            )
            for name in FIELDS[link.kind]
        }
        said: set[Triple] = set()
        if link.kind == PERSONS:
            state = "withdrawn" if row.get("opted_out") else "unknown"
            said.add(Triple(NamedNode(link.record), CONSENT_STATE, Literal(state)))
        return cls(link, was, claims, frozenset(was.quads), frozenset(said))

    @classmethod
    def kept(cls, link: Link, was: Was, names: Collection[str]) -> Record:
        """As the graph has kept it, in some fields."""
        claims = {
            name: Claim(link.id, sorted(old.texts), old.time, old.rule, old, was.decided.get(name, ()))
            for name in names
            if (old := was.fields.get(name))
        }
        return cls(link, was, claims, frozenset().union(*(was.fields[name].quads for name in claims)))

    @classmethod
    def gone(cls, link: Link, was: Was) -> Record:
        """One that the CRM has deleted: nothing of it holds any more, and what it said stays."""
        claims = {
            name: Claim(link.id, [], None, old.rule, old)
            for name, old in was.fields.items()
            if name in FIELDS[link.kind]
        }
        stays = frozenset(q.triple for q in was.quads if q.predicate not in {TAKEN, REPLACED})
        return cls(link, was, claims, frozenset(was.quads), stays)


@dataclass(slots=True)
class Wanted:
    """What to add and to remove because of a record; `open` of its fields wait for a person."""

    add: set[Triple] = field(default_factory=set)
    remove: set[Quad] = field(default_factory=set)
    open: int = 0


def beside(kg: KnowledgeGraph, customers: Collection[str], known: Collection[Link]) -> list[Link]:
    """The accepted links of these customers to records that are not among the known ones."""
    there = {link.record for link in known}
    patterns = ((NamedNode(iri), EXACT_MATCH, None) for iri in sorted(customers))
    records = {quad.object for quad in in_records(kg, patterns) if isinstance(quad.object, NamedNode)}
    others = sorted((one for one in records if one.value not in there), key=str)
    nodes = subjects(in_records(kg, ((None, _LINKS_RECORD, one) for one in others)))
    links = link_records.read(kg, sorted(nodes, key=str))
    return [one for one in links if one.standing.state is State.ACCEPTED and one.customer in customers]


def kept_beside(kg: KnowledgeGraph, links: Collection[Link], names: Collection[str]) -> list[Record]:
    """What the graph has kept of linked records that the CRM has not deleted, in some fields."""
    found = []
    for link in links:
        was, restricted = Was.of(kg, link), said(kg, [restriction_iri(kg.addresses, NamedNode(link.record))])
        if DELETED not in was.fields and (not restricted or any(q.predicate == UNTIL for q in restricted)):
            found.append(Record.kept(link, was, names))
    return found


def outcome(name: str, records: Sequence[Record], about: Known) -> Outcome:
    """What holds in a field, for the records that have a claim on it."""
    prop = FIELDS[records[0].link.kind][name]
    claims = [one.claims[name] for one in records if name in one.claims]
    own, evidence = about.own[prop].keys(), about.evidence[prop].keys()
    return judge(name, claims, own, evidence, lambda values: about.since(prop, values))


def wanted(records: Sequence[Record], about: Known, places: Places) -> list[Wanted]:
    """What the records of one customer ask for together, in their order.

    What is to be said of the customer is asked for by the record whose value holds, else by the first one.
    Where the graph has nothing to say, what was taken over stays, as for a customer who is new.
    """
    found = [Wanted() for _ in records]
    says = [set(one.said) for one in records]
    for name, prop in FIELDS[records[0].link.kind].items():
        among = [n for n, one in enumerate(records) if name in one.claims]
        if not among:
            continue
        holds, own = outcome(name, records, about), about.own[prop]
        if name != TITLE:
            asking = found[among[holds.holder or 0]]
            customer, named = NamedNode(records[0].link.customer), NamedNode(CI + prop)
            asking.add |= {Triple(customer, named, Literal(text)) for text in holds.stays - own.keys()}
            asking.remove |= {quad for text in own.keys() - holds.stays for quad in own[text]}
        graph = sorted(holds.stays if holds.holder is not None else holds.stays | about.evidence[prop].keys())
        for place, n in enumerate(among):
            found[n].open += holds.open[place]
            says[n] |= {
                triple
                for number, text in enumerate(records[n].claims[name].texts)
                for triple in field_value(
                    records[n].link,
                    places,
                    name,
                    [
                        *_said(records[n].claims[name], holds, place, graph, first=not number),
                        ("fieldValue", Literal(text)),
                    ],
                    number=number,
                    prop=prop,
                )
            }
    for one, record, said_now in zip(found, records, says, strict=True):
        before = {quad.triple: quad for quad in record.before}
        one.add |= said_now - before.keys()
        one.remove |= {quad for triple, quad in before.items() if triple not in said_now}
    return found


def _said(
    claim: Claim, holds: Outcome, place: int, graph: Sequence[str], *, first: bool
) -> Iterator[tuple[str, Literal]]:
    """What is said of a value of the claim of this place; of its `first` one also what it differs from."""
    yield "wins", Literal(claim.rule.value)
    if claim.time is not None:
        yield "valueChangedAt", at(claim.time)
    if holds.holder == place:
        yield "takenOver", Literal(True)
    if not first:
        return
    if holds.holder == place:
        yield from (("replacedValue", Literal(text)) for text in sorted(holds.original))
    elif holds.open[place]:
        yield from (("graphValue", Literal(text)) for text in graph)
    if (since := holds.since[place]) is not None:
        yield "graphValueAt", at(since)
