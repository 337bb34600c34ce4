"""Entries of the quarantine whose row or record came again, and was taken: they wait for nobody any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyoxigraph import NamedNode, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.stewards.quarantine import (
    ABOUT,
    MENDED,
    WAITING,
    Quarantined,
    Source,
    decide,
    one,
    statements,
)
from kgservice.application.stewards.settling import Part
from kgservice.domain.change import Change, Origin
from kgservice.domain.model import TYPE
from kgservice.phrases import Bilingual


def close_mended(
    kg: KnowledgeGraph, taken: Iterable[Part], source: Source, origin: Origin
) -> list[Quarantined]:
    """Close the waiting entries that parts of an import, `taken` from `source`, are the mended versions of.

    A row is one by the instances that its mapping calls its own. What a document says of a record is one when
    it is in a document of that name and states the class again, or when it speaks of all that waits.
    """
    closed: dict[str, Quarantined] = {}
    with kg.writing:
        for part in taken:
            for entry in _waiting(kg, part.own):
                if entry.key not in closed and _is_mended(kg, entry, part, source):
                    reason = Bilingual(
                        f"A later version was taken from {source.file}",
                        f"Eine spätere Fassung wurde übernommen: {source.file}",
                    )
                    decide(kg, entry, MENDED, origin.because(reason, source.file), reason=reason)
                    closed[entry.key] = one(kg, entry.key)
    return list(closed.values())


def drop_unsaid(kg: KnowledgeGraph, records: Iterable[NamedNode], origin: Origin) -> int:
    """Take out of quarantine what waits about records of which their source says nothing any more.

    Nobody can mend it, and to release it would bring back what was deleted there. How many entries it was.
    """
    with kg.writing:
        graphs = [NamedNode(kg.addresses.quarantine(entry.key)) for entry in _waiting(kg, records)]
        if graphs:
            kg.commit(Change(drop=tuple(dict.fromkeys(graphs)), origin=origin, trusted=True))
        return len(graphs)


def _waiting(kg: KnowledgeGraph, records: Iterable[NamedNode]) -> Iterator[Quarantined]:
    """The entries that wait and are about one of the records."""
    ours = kg.addresses.quarantine("")
    found = {
        quad.subject
        for quad in kg.store.match((None, ABOUT, node) for node in records)
        if quad.graph_name == quad.subject and isinstance(quad.subject, NamedNode)
    }
    for graph in sorted(found, key=str):
        if (
            graph.value.startswith(ours)
            and (entry := one(kg, graph.value.removeprefix(ours))).status == WAITING
        ):
            yield entry


def _is_mended(kg: KnowledgeGraph, entry: Quarantined, part: Part, source: Source) -> bool:
    if source.mapping and entry.source.mapping == source.mapping:
        return True
    waiting = [t for t in statements(kg, entry.key) if not kg.graphs.is_genid(t.subject)]
    same_name = not source.mapping and not entry.source.mapping and entry.source.file == source.file
    if same_name and _typed(waiting) & _typed(part.triples) & set(part.own):
        return True
    return {(t.subject, t.predicate) for t in waiting} <= {(t.subject, t.predicate) for t in part.triples}


def _typed(triples: Iterable[Triple]) -> set[object]:
    """The nodes whose class is stated."""
    return {triple.subject for triple in triples if triple.predicate == TYPE}
