"""Links proposed: what a run of the matching found goes the one way in, record by record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links import consequences as link_consequences
from kgservice.application.links import customers as link_customers
from kgservice.application.links import records as link_records
from kgservice.application.links.linking import SOURCE
from kgservice.application.links.statements import (
    DECIDED_AT,
    DECISION,
    Places,
    decided,
    link_iri,
    loose,
    published,
    run_of,
    scored,
    state_of,
)
from kgservice.application.stewards.settling import settle
from kgservice.domain.change import LOCAL, Change, Origin
from kgservice.domain.link import Decision, Link, Run, State, Verdict
from kgservice.domain.matching import Band, Bands, Pair, RecordId
from kgservice.namespaces import CI

BATCH = 200  # records whose links are written in one commit
Progress = Callable[[int, int], None]
_PROPOSED_IN = NamedNode(f"{CI}proposedIn")
_STATE = frozenset({DECISION, DECIDED_AT, NamedNode(f"{CI}matchRule")})


@dataclass(slots=True)
class Proposed:
    """What became of a run: links by what was done with them.

    `candidates` and `accepted` (by rule) are new, `changed` have another score, `withdrawn` are offered no
    more. `unchanged` pairs are as they were; `pinned` ones are of records that are linked, `rejected` ones
    are never offered again, `unusable` ones name no customer who may be matched. `refused`: records whose
    links the guard did not take, with the reason.
    """

    candidates: int = 0
    accepted: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    pinned: int = 0
    rejected: int = 0
    unusable: int = 0
    refused: list[tuple[RecordId, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Part:
    """What a run changes about the links of one record; it goes in as a whole, or stays out."""

    record: RecordId
    counts: Proposed = field(default_factory=Proposed)
    triples: set[Triple] = field(default_factory=set)
    remove: set[Quad] = field(default_factory=set)

    @property
    def own(self) -> frozenset[NamedNode]:
        """The nodes that it speaks of."""
        return frozenset(t.subject for t in self.triples if isinstance(t.subject, NamedNode))


def propose(
    kg: KnowledgeGraph,
    run: Run,
    pairs: Iterable[Pair],
    *,
    by: Origin = LOCAL,
    covered: Collection[RecordId] = (),
    gone: Collection[RecordId] = (),
    sure: Collection[tuple[RecordId, str]] | None = None,
    told: Progress = lambda _done, _all: None,
) -> Proposed:
    """Commit what a run found: new candidates, other scores, and what the rule accepts.

    All pairs of a record count as one proposal: candidates of it that are not among them go. `covered` are
    the records that were compared; those without a pair lose their candidates, too. So do records that are
    `gone` from their source, and what was compared of them; an accepted link stays. What a person decided
    stays. The rule accepts the best pair of a record if it is sure; with `sure` (record and customer), only
    if it is among these. Where nothing differs, nothing is written. `told` hears how many records are done,
    of how many.
    """
    of_record: dict[RecordId, list[Pair]] = {one: [] for one in (*covered, *gone)}
    for pair in pairs:
        of_record.setdefault(pair.record, []).append(pair)
    node, about_run = run_of(kg.addresses, run)
    origin = by.because(f"links proposed by a run over {run.model.kind}", SOURCE)
    done, left = Proposed(), frozenset(gone)
    records = iter(sorted(of_record, key=lambda one: (one.source, one.key)))
    count = 0
    while batch := list(islice(records, BATCH)):
        with kg.writing:
            of_batch = {one: of_record[one] for one in batch}
            parts = list(_batch(kg, run.model.kind, node, of_batch, sure, gone=left))

            def change(some: Sequence[_Part]) -> Change:
                triples = set().union(*(part.triples for part in some))
                remove = set().union(*(part.remove for part in some))
                about = about_run if any(triple.object == node for triple in triples) else set()
                return Change(loose({*triples, *about}), tuple(remove), origin=origin)

            changing = [part for part in parts if part.triples or part.remove]
            _, held = settle(kg, changing, change)
        refused = {part.record: refusal.reason for part, refusal in held}
        done.refused += sorted(refused.items(), key=str)
        for part in parts:
            _add(done, part.counts, taken=part.record not in refused)
        count += len(batch)
        told(count, len(of_record))
    return done


def _batch(
    kg: KnowledgeGraph,
    kind: str,
    run: NamedNode,
    of_record: dict[RecordId, list[Pair]],
    sure: Collection[tuple[RecordId, str]] | None,
    *,
    gone: Collection[RecordId],
) -> Iterator[_Part]:
    """What a run changes about these records."""
    existing = link_records.of_records(kg, list(of_record))
    named = {pair.customer for pairs in of_record.values() for pair in pairs}
    usable = link_customers.usable(kg, kind, named)
    places = Places.of(kg, kind, of_record, named)
    stored: dict[NamedNode, set[Quad]] = defaultdict(set)
    for link in (NamedNode(link.node) for links in existing.values() for link in links):
        stored[link] = link_consequences.said(kg, {link, *link_consequences.parts(kg, [link], events=False)})
    shared = _Run(kg, kind, run, places, stored, sure, gone, link_customers.bands(kg))
    for record, pairs in of_record.items():
        links = {link.customer: link for link in existing.get(record, ()) if link.kind == kind}
        yield _Record(shared, links).part(record, pairs, usable)


@dataclass(frozen=True, slots=True)
class _Run:
    """What the links of all records of a batch share: `stored` is what the graph says of those there are."""

    kg: KnowledgeGraph
    kind: str
    node: NamedNode
    places: Places
    stored: Mapping[NamedNode, set[Quad]]
    sure: Collection[tuple[RecordId, str]] | None
    gone: Collection[RecordId]
    bands: Bands


class _Record:
    """The links of one record before a run, by customer, to be compared with what the run says."""

    def __init__(self, run: _Run, links: Mapping[str, Link]) -> None:
        self._run = run
        self._links = links

    def part(self, record: RecordId, pairs: Sequence[Pair], usable: Collection[str]) -> _Part:
        """What changes about the record."""
        part = _Part(record)
        counts = part.counts
        if any(link.standing.state is State.ACCEPTED for link in self._links.values()):
            counts.pinned += len(pairs)
            return part
        best_first = sorted(pairs, key=lambda pair: (-pair.weight, pair.customer))
        offered: dict[str, Pair] = {}
        for pair in best_first:
            link = self._links.get(pair.customer)
            if self._run.bands.of(pair) is Band.NONE or pair.customer in offered:
                continue
            if pair.customer not in usable:
                counts.unusable += 1
            elif link is not None and not link.standing.offered:
                counts.rejected += 1
            else:
                offered[pair.customer] = pair
        chosen = self._by_rule(list(offered.values()))
        if chosen is not None:
            offered = {chosen.customer: chosen}
        for pair in offered.values():
            self._score(part, pair, chosen is pair)
        for customer, link in self._links.items():
            if customer not in offered and link.standing.for_the_rule:
                part.remove |= self._run.stored[NamedNode(link.node)]
                counts.withdrawn += 1
            elif customer not in offered and (chosen is not None or record in self._run.gone):
                part.remove |= link_consequences.needless(self._run.kg, [link])
        return part

    def _by_rule(self, offered: Sequence[Pair]) -> Pair | None:
        """The pair that the rule accepts: the best alone, sure, and nobody decided about it before."""
        if not offered or self._run.bands.of(offered[0]) is not Band.ACCEPTED:
            return None
        best = offered[0]
        if len(offered) > 1 and offered[1].weight >= best.weight:
            return None
        if self._run.sure is not None and (best.record, best.customer) not in self._run.sure:
            return None
        link = self._links.get(best.customer)
        return best if link is None or link.standing.for_the_rule else None

    def _score(self, part: _Part, pair: Pair, accepted: bool) -> None:
        link = self._links.get(pair.customer)
        node = NamedNode(link.node) if link else link_iri(self._run.kg.addresses, pair.record, pair.customer)
        wanted = scored(self._run.places, node, pair, self._run.node)
        before = {quad.triple: quad for quad in self._run.stored[node] if quad.predicate not in _STATE}
        differs = {t for t in wanted ^ before.keys() if t.predicate != _PROPOSED_IN}
        if differs:
            part.triples |= wanted - before.keys()
            part.remove |= {quad for triple, quad in before.items() if triple not in wanted}
        if link is None:
            part.triples |= state_of(node, State.CANDIDATE, None)
        if accepted:
            now = self._run.kg.clock()
            part.triples |= decided(self._run.kg.addresses, node, Decision(1, Verdict.BY_RULE, now))
            part.triples |= state_of(node, State.ACCEPTED, now)
            part.triples -= state_of(node, State.CANDIDATE, None)
            part.triples |= published(self._run.places, pair.record, pair.customer)
            part.remove |= {quad for quad in self._run.stored[node] if quad.predicate == DECISION}
            part.counts.accepted += 1
        elif link is None:
            part.counts.candidates += 1
        elif differs:
            part.counts.changed += 1
        else:
            part.counts.unchanged += 1


def _add(done: Proposed, counts: Proposed, *, taken: bool) -> None:
    """Add the counts of a part; of one that was not taken, only what says why pairs were left out."""
    written = ("candidates", "accepted", "changed", "withdrawn")
    left = ("unchanged", "pinned", "rejected", "unusable")
    for name in (*left, *written) if taken else left:
        setattr(done, name, getattr(done, name) + getattr(counts, name))
