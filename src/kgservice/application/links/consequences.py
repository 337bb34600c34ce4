"""What follows from a link, and goes with it: by provenance, not by guess."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.changes.proof import proofs
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.records import DECISIONS, MOST, found
from kgservice.application.links.statements import (
    DECISION,
    DERIVED_FROM,
    EXACT_MATCH,
    RECORD_VALUE,
    restriction_iri,
)
from kgservice.domain.link import Link, State
from kgservice.domain.matching import RecordId
from kgservice.namespaces import CI
from kgservice.store.base import Pattern

_LINKS_RECORD = NamedNode(f"{CI}linksRecord")
_COMPARISON_OF, _DECIDES = NamedNode(f"{CI}comparisonOf"), NamedNode(f"{CI}decides")
_OF_RECORD, _KEY = NamedNode(f"{CI}ofCrmRecord"), NamedNode(f"{CI}recordKey")
_DERIVED = (DERIVED_FROM, NamedNode(f"{CI}derivedFrom"))
_PROPERTY, _VALUE = NamedNode(f"{CI}fieldProperty"), NamedNode(f"{CI}fieldValue")
_TAKEN, _REPLACED = NamedNode(f"{CI}takenOver"), NamedNode(f"{CI}replacedValue")
_TRUE = Literal(True)


def in_records(kg: KnowledgeGraph, patterns: Iterable[Pattern]) -> set[Quad]:
    """The quads of record graphs that match one of the patterns."""
    found = kg.copies.records.match(patterns)
    return {quad for quad in found if kg.graphs.is_record(quad.graph_name)}


def subjects(quads: Iterable[Quad]) -> set[NamedNode]:
    """The subjects of quads that have an IRI."""
    return {quad.subject for quad in quads if isinstance(quad.subject, NamedNode)}


def parts(kg: KnowledgeGraph, links: Collection[NamedNode], *, events: bool) -> set[NamedNode]:
    """The comparisons of links, and if asked their decisions."""
    ways = (_COMPARISON_OF, _DECIDES) if events else (_COMPARISON_OF,)
    return subjects(in_records(kg, ((None, way, link) for link in links for way in ways)))


def said(kg: KnowledgeGraph, nodes: Iterable[NamedNode]) -> set[Quad]:
    """What the record graphs say of nodes."""
    return in_records(kg, ((node, None, None) for node in nodes))


def whole(kg: KnowledgeGraph, links: Collection[NamedNode]) -> set[Quad]:
    """All that there is of links, which leaves nothing of them."""
    return said(kg, {*links, *parts(kg, links, events=True)})


def values(kg: KnowledgeGraph, links: Collection[NamedNode]) -> set[Quad]:
    """What comparisons tell of the records: of no use once it is known that they mean somebody else."""
    of = parts(kg, links, events=False)
    return in_records(kg, ((node, RECORD_VALUE, None) for node in of))


def needless(kg: KnowledgeGraph, rivals: Iterable[Link]) -> set[Quad]:
    """What goes of other links of a record once one is accepted.

    A mere candidate goes as a whole, one with decisions keeps them, without the values of the record: these
    are of the customer whose link was accepted.
    """
    gone: set[NamedNode] = set()
    kept: set[NamedNode] = set()
    for rival in rivals:
        node = NamedNode(rival.node)
        (gone if rival.standing.for_the_rule else kept).add(node)
    return whole(kg, gone) | values(kg, kept)


def of_accepted(kg: KnowledgeGraph, link: Link) -> tuple[set[Quad], set[Triple]]:
    """What goes, and what comes back, when a link is accepted no more.

    The match, the record with its field values, and all that says it was derived from the record
    (`prov:wasDerivedFrom`) or from what was, with the restrictions that it had because the CRM deleted it.
    Values that were written about the customer because of it go, and those that they replaced come back. What
    proves consents stays, and so does what a privacy officer restricted: no such record loses a statement.
    """
    record, customer = NamedNode(link.record), NamedNode(link.customer)
    fields = subjects(in_records(kg, [(None, _OF_RECORD, record)]))
    back: set[Triple] = set()
    gone = in_records(kg, [(customer, EXACT_MATCH, record)])
    for field in fields:
        old, new = taken_over(said(kg, [field]), customer)
        written = {quad for one in old for quad in in_records(kg, [(customer, one.predicate, one.object)])}
        gone |= written
        if written:
            back |= new
    derived = _with_derived(kg, {record, *fields})
    nodes = derived - proofs(kg.planner(), derived)
    gone |= said(kg, {*nodes, *(restriction_iri(kg.addresses, node) for node in nodes)})
    referring = in_records(kg, ((None, None, node) for node in nodes)) - gone
    stays = proofs(kg.planner(), subjects(referring))
    gone |= {
        quad
        for quad in referring
        if quad.subject not in stays and (quad.predicate, quad.object) != (_LINKS_RECORD, record)
    }
    return gone, back


def taken_over(field: Iterable[Quad], customer: NamedNode) -> tuple[set[Triple], set[Triple]]:
    """What a field value that was taken over says about the customer, and what it replaced."""
    texts: dict[NamedNode, set[str]] = defaultdict(set)
    taken = False
    for quad in field:
        if isinstance(quad.object, Literal):
            texts[quad.predicate].add(quad.object.value)
            taken |= quad.predicate == _TAKEN and quad.object == _TRUE
    if not taken:
        return set(), set()
    written, replaced = (
        {
            Triple(customer, NamedNode(prop), Literal(text))
            for prop in texts[_PROPERTY]
            for text in texts[name]
        }
        for name in (_VALUE, _REPLACED)
    )
    return written, replaced


def elsewhere(kg: KnowledgeGraph, nodes: Collection[NamedNode]) -> set[NamedNode]:
    """The links of others to these records, with their parts: nothing of them stays when the records go."""
    links = subjects(in_records(kg, ((None, _LINKS_RECORD, node) for node in nodes))) - set(nodes)
    return links | parts(kg, links, events=True)


def untold(quads: Collection[Quad]) -> set[Quad]:
    """What is not told to a person among the statements about them: whose record it is, is not known.

    Of links that are not accepted, the key and values of the record: they may be those of somebody else,
    whose rights come first (Art. 15(4) GDPR).
    """
    links = {quad.subject for quad in quads if quad.predicate == DECISION}
    accepted = DECISIONS[State.ACCEPTED]
    open_ = links - {q.subject for q in quads if q.predicate == DECISION and q.object == accepted}
    of_open = {q.subject for q in quads if q.predicate == _COMPARISON_OF and q.object in open_}
    return {
        quad
        for quad in quads
        if (quad.predicate == RECORD_VALUE and quad.subject in of_open)
        or (quad.predicate == _KEY and quad.subject in open_)
    }


def linked_records(kg: KnowledgeGraph, customer: NamedNode) -> tuple[list[RecordId], list[Link]]:
    """The records that are known to be of a customer, and the links of others that wait for a decision."""
    links, _ = found(kg, {"customer": customer.value, "limit": str(MOST)})
    known = {link.id for link in links if link.standing.state is State.ACCEPTED}
    waiting = [link for link in links if link.standing.state is State.CANDIDATE]
    return sorted(known, key=lambda one: (one.source, one.key)), waiting


def _with_derived(kg: KnowledgeGraph, nodes: Collection[NamedNode]) -> set[NamedNode]:
    """The nodes, all that was derived from them, and from that."""
    derived = set(nodes)
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        new = subjects(in_records(kg, ((None, way, node) for way in _DERIVED))) - derived
        derived |= new
        waiting += new
    return derived
