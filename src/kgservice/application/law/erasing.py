"""Erase a person (Art. 17 GDPR) in one commit, and again in a store that came back from a backup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.erased import Begun
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard import findings
from kgservice.application.law import evidence, obligations, requests, subjects, tickets
from kgservice.application.law.decisions import stamp
from kgservice.application.law.doubles import Doubles, others
from kgservice.application.law.remnants import Words, named_loosely, remnants
from kgservice.application.links.consequences import elsewhere, linked_records
from kgservice.domain.change import LOCAL, Change, Commit, Origin
from kgservice.domain.matching import RecordId
from kgservice.domain.members import Members
from kgservice.domain.question import with_values
from kgservice.domain.rights import Right
from kgservice.errors import Conflict, KgError, StoreFailed
from kgservice.namespaces import CI, PROV

KEEP, ERASE = "keep", "erase"
SOURCE = "/subjects"
_TIME = f"""SELECT ?time {{ VALUES ?number {{ UNDEF }}
  ?commit <{CI}commitNumber> ?number ; <{PROV}endedAtTime> ?time }}"""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did. `moot`: other requests of the person that it closed; `kept`: records that another
    legal basis holds, with these; `elsewhere`: records of no person that state the same name or address, to
    be looked at; `doubles`: who may be the same person; `linked`: records of a CRM, to be erased there, too;
    `rows`: what was deleted of them beside the graph."""

    key: str
    at: datetime
    ticket: str = ""
    moot: list[str] = field(default_factory=list)
    statements: int = 0
    quarantine: int = 0
    findings: int = 0
    kept: dict[str, list[str]] = field(default_factory=dict)
    elsewhere: list[str] = field(default_factory=list)
    doubles: Doubles = field(default_factory=Doubles)
    waiting: bool = True
    linked: list[RecordId] = field(default_factory=list)
    rows: int = 0

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "key": self.key,
            "erasedAt": stamp(self.at),
            "request": self.ticket or None,
            "moot": self.moot,
            "statements": self.statements,
            "quarantine": self.quarantine,
            "findings": self.findings,
            "kept": [{"record": iri, "legalBasis": bases} for iri, bases in self.kept.items()],
            "elsewhere": self.elsewhere,
            **self.doubles.to_json(),
            "crmRecords": [{"source": one.source, "key": one.key} for one in self.linked],
            "crmRows": self.rows,
            "filesWait": self.waiting,
        }


def erase(kg: KnowledgeGraph, key: str, body: Any, by: Origin = LOCAL) -> Erasure:
    """Erase the person; what the guard would object to becomes a finding.

    `otherBasis` says what becomes of records with a legal basis other than consent: `keep`, then the person
    stays with what these need, or `erase`. Raises `Conflict` when there are such and it does not say, and
    what `requests.settle` raises; `NotFound`.
    """
    with kg.writing:
        asked, person = Members(body), subjects.one(kg, key)
        choice = asked.one_of("otherBasis", ("", KEEP, ERASE), "")
        ticket = requests.settle(kg, person, Right.ERASURE, asked)
        asked.done()
        bound = obligations.records(kg, person)
        if bound and not choice:
            raise Conflict(
                "{count:record of the person has|records of the person have} a legal basis other than "
                "consent: {bases}. Say what becomes of them (otherBasis): keep, or erase",
                count=len(bound),
                bases=obligations.told(bound),
            )
        origin = by.because("erasure of a person", SOURCE)
        if choice == KEEP and bound:
            return _partly(kg, person, bound, ticket, origin)
        return _wholly(kg, person, ticket, origin, kg.clock().astimezone(UTC))


def again(kg: KnowledgeGraph, agent: str = "kgservice") -> int:
    """Erase anew whom the list beside the store knows and the graph still holds: it is from a backup.

    Erasures that were begun, and of which the list does not know the end, are done or entered in it. So are
    persons erased who came back by a bulk load. Returns how many persons were erased.
    """
    with kg.writing:
        kg.erased.hide()
        before = _last_commit(kg)
        there = _there(kg, before)
        origin = Origin(agent, "erasure again, after a backup was restored", SOURCE)
        broken_off = {begun.person: begun for begun in kg.erased.unfinished}
        last = {line.person: line for line in kg.erased.persons}
        done = sum(_finish(kg, begun, there.get(begun.person), agent) for begun in broken_off.values())
        for mark in last.keys() & there.keys() - broken_off.keys():
            line, person = last[mark], subjects.of_key(kg, there[mark])
            at = datetime.fromisoformat(line.at).astimezone(UTC)
            if not line.kept:
                _wholly(kg, person or NamedNode(f"{kg.addresses.ids}{there[mark]}"), None, origin, at)
            elif person is not None and before is not None and before < at:
                _partly(kg, person, {iri: [] for iri in line.kept}, None, origin)
            else:
                continue
            done += 1
        return done


def _there(kg: KnowledgeGraph, before: datetime | None) -> dict[str, str]:
    """The keys of whom the list knows and the store still holds, by their marks.

    Quarantine and scratch graphs may name somebody who has no graph; they are read if an erasure is younger
    than the last commit, at `before`.
    """
    if not kg.erased.known:
        return {}
    keys = subjects.keys(kg)
    times = [line.at for line in kg.erased.persons] + [begun.at for begun in kg.erased.unfinished]
    if before is None or any(before < datetime.fromisoformat(at) for at in times):
        keys |= {kg.addresses.key(iri) for iri in named_loosely(kg)}
    return kg.erased.among(keys)


def _finish(kg: KnowledgeGraph, begun: Begun, key: str | None, agent: str) -> bool:
    """Do what was begun, unless the graph has it; then the list gets its end. Whether it had to be done.

    `key`: of the person, if the store still holds them. Of an erasure that keeps records, the ticket that was
    to be answered with it tells.
    """
    person = subjects.of_key(kg, key) if key is not None else None
    theirs = tickets.of(kg, person) if person is not None and begun.request else []
    ticket = next((one for one in theirs if one.iri == begun.request), None)
    made = ticket is not None and not ticket.is_open
    if key is None or (begun.kept and (person is None or made)):
        kg.erased.add(begun.person, begun.at, begun.kept)
        return False
    person = person or NamedNode(f"{kg.addresses.ids}{key}")
    origin = Origin(agent, "erasure that had been broken off", SOURCE)
    told = Members({"request": begun.request})
    noted = requests.settle(kg, person, Right.ERASURE, told) if ticket is not None and not made else None
    if begun.kept:
        bases = obligations.records(kg, person)
        _partly(kg, person, {iri: bases.get(iri, []) for iri in begun.kept}, noted, origin)
    else:
        _wholly(kg, person, noted, origin, datetime.fromisoformat(begun.at).astimezone(UTC))
    return True


def _committed(kg: KnowledgeGraph, change: Change, begun: Begun, linked: Iterable[RecordId]) -> Commit:
    """Commit an erasure between its two lines in the list.

    One that is refused is no longer begun; one of which the store does not tell is, until the next start.
    """
    kg.erased.begin(begun, linked)
    try:
        commit = kg.commit(change)
    except StoreFailed:
        raise
    except KgError:
        kg.erased.refuse(begun.person)
        raise
    kg.erased.add(begun.person, begun.at, begun.kept)
    return commit


def _last_commit(kg: KnowledgeGraph) -> datetime | None:
    """When the last commit was made."""
    query = with_values(_TIME, {"number": Literal(kg.head)})
    found = [findings.moment_of(time) for (time,) in kg.select(query).rows]
    return found[0] if found else None


def _wholly(
    kg: KnowledgeGraph, person: NamedNode, ticket: requests.Noted | None, origin: Origin, at: datetime
) -> Erasure:
    key = kg.addresses.key(person.value)
    graphs = [NamedNode(kg.addresses.subject(key)), NamedNode(kg.addresses.consent(key))]
    quads = subjects.quads_of(kg, person)
    nodes = subjects.nodes_of(kg, person, quads)
    nodes |= elsewhere(kg, nodes)
    linked, open_links = linked_records(kg, person)
    rows = sum(place.forget(linked) for place in kg.forgetters)
    words = Words.of(q for q in quads if q.subject in nodes and q.graph_name == graphs[0])
    doubles = Doubles(open_links, others(kg, person, words))
    found = remnants(kg, nodes, graphs, words)
    stone = NamedNode(kg.addresses.new())  # nothing that stays leads to the name that the person had
    # The tickets as they will be: what they say from now on counts, not what they said.
    moot = requests.moot(kg, person, at, ticket)
    noted = moot if ticket is None else [ticket, *moot]
    before = {quad for one in noted for quad in one.remove}
    said = [quad for quad in quads if quad not in before]
    said += [quad for one in noted for quad in one.add]
    stays = evidence.kept(said, stone, words.mentions(word.value for word in words.others))
    kept_nodes = {quad.subject for quad in stays}
    gone = frozenset(node for node in nodes | {person, stone} if node not in kept_nodes)
    change = Change(
        add=(*evidence.tombstone(stone, at), *stays, *found.add),
        remove=tuple(found.remove),
        drop=(*(graph for graph in graphs if kg.store.has_graph(graph)), *sorted(found.drop, key=str)),
        origin=origin,
        lawful=True,
        erased=gone,
    )
    begun = Begun(kg.erased.mark(key), stamp(at), request=ticket.ticket.value if ticket else "")
    commit = _committed(kg, change, begun, linked)
    return Erasure(
        key,
        at,
        ticket.ticket.value if ticket else "",
        [noted.ticket.value for noted in moot],
        commit.removed,
        len(found.drop),
        found.entries,
        elsewhere=sorted(found.elsewhere),
        doubles=doubles,
        linked=linked,
        rows=rows,
    )


def _partly(
    kg: KnowledgeGraph,
    person: NamedNode,
    bound: dict[str, list[str]],
    ticket: requests.Noted | None,
    origin: Origin,
) -> Erasure:
    """Erase all but what the bound records need; the person stays with a name and an address."""
    at = kg.clock().astimezone(UTC)
    key = kg.addresses.key(person.value)
    graphs = [NamedNode(kg.addresses.subject(key)), NamedNode(kg.addresses.consent(key))]
    quads = subjects.quads_of(kg, person)
    nodes = subjects.nodes_of(kg, person, quads)
    staying = obligations.staying(kg, person, quads, bound)
    gone = {
        quad
        for quad in quads
        if quad.subject not in staying
        if quad.subject in nodes or (isinstance(quad.object, NamedNode) and quad.object in nodes - staying)
    }
    gone |= obligations.needless(person, quads)
    gone |= {quad for quad in quads if quad.subject in staying and quad.object in nodes - staying}
    left = set(quads) - gone
    erased = frozenset((nodes - staying) | elsewhere(kg, nodes - staying))
    linked, open_links = linked_records(kg, person)
    rows = sum(place.forget(linked) for place in kg.forgetters)
    known = {quad.object for quad in left}
    about = (q for q in gone if q.subject in nodes and q.object not in known)
    words = Words.of(q for q in about if q.graph_name == graphs[0])
    doubles = Doubles(open_links, others(kg, person, words))
    found = remnants(kg, erased, graphs, words)
    add = [*obligations.bases(bound), *obligations.withdrawals(kg, person, at), *found.add]
    remove = gone | found.remove
    if ticket is not None:
        reason = Literal(f"{len(bound)} records are kept on another legal basis")
        add += [*ticket.add, *requests.about(ticket.ticket, [("description", reason)])]
        remove.update(ticket.remove)
    change = Change(
        add=tuple(add),
        remove=tuple(remove),
        drop=tuple(sorted(found.drop, key=str)),
        origin=origin,
        lawful=True,
        erased=erased,
    )
    begun = Begun(kg.erased.mark(key), stamp(at), tuple(bound), ticket.ticket.value if ticket else "")
    commit = _committed(kg, change, begun, linked)
    return Erasure(
        key,
        at,
        ticket.ticket.value if ticket else "",
        statements=commit.removed,
        quarantine=len(found.drop),
        findings=found.entries,
        kept=bound,
        elsewhere=sorted(found.elsewhere),
        doubles=doubles,
        linked=linked,
        rows=rows,
    )
