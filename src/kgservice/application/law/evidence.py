"""What stays after an erasure: the tombstone, the proof of consents, and the tickets, without the person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, Triple

from kgservice.application.law import requests
from kgservice.domain.consent import ENTITIES, Act
from kgservice.domain.mentions import Mentions
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI

REMOVED = Literal("Grund mit der Löschung entfernt / reason removed with the erasure")
_RECORD = frozenset(
    NamedNode(CI + name)
    for name in (
        *("recordSchema", "legalBasis", "forPurpose", "forCategory", "notice", "controller", "retention"),
        *("storagePlace", "jurisdiction", "recipient", "withdrawalWay", "expiresAt"),
    )
)
_EVENT = frozenset(NamedNode(CI + name) for name in ("eventOf", "eventTime", "eventEntity", "expiresAt"))
_TICKET = frozenset(
    NamedNode(CI + name) for name in ("requestKind", "receivedAt", "dueAt", "answeredAt", "requestOutcome")
)
_REASON, _ENTITY = NamedNode(f"{CI}description"), NamedNode(f"{CI}eventEntity")
_KEPT = {
    NamedNode(f"{CI}ConsentRecord"): _RECORD,
    NamedNode(f"{CI}RightsRequest"): _TICKET,
    **{NamedNode(CI + act): _EVENT for act in Act},
}
_LINKED = frozenset({NamedNode(f"{CI}ConsentRecord"), NamedNode(f"{CI}RightsRequest")})
# What may be said from the other side, and how it is said from this one.
_TURNED = {
    NamedNode(CI + other): NamedNode(CI + own)
    for other, own in (("hasEvent", "eventOf"), ("noticeOf", "notice"), ("controllerOf", "controller"))
}


def tombstone(node: NamedNode, at: datetime) -> tuple[Quad, ...]:
    """All that stays of the person: that somebody was erased, and when. The name of the node is a new one."""
    return (requests.typed(node, "Tombstone"), *requests.about(node, [("erasedAt", requests.literal(at))]))


def kept(quads: Iterable[Quad], stone: NamedNode, mentions: Mentions) -> list[Quad]:
    """What stays of consents and tickets among the statements about a person; loose, for the router.

    Their kind, what they were about, and when; no way, no free text (a reason gives way to a sentence that it
    was removed), and instead of the person the tombstone.
    """
    triples = [_straight(quad.triple) for quad in quads]
    kinds: dict[object, list[NamedNode]] = {}
    for triple in triples:
        if triple.predicate == TYPE and isinstance(triple.object, NamedNode) and triple.object in _KEPT:
            kinds.setdefault(triple.subject, []).append(triple.object)
    return list(dict.fromkeys(_staying(triples, kinds, stone, mentions)))


def _staying(
    triples: list[Triple], kinds: dict[object, list[NamedNode]], stone: NamedNode, mentions: Mentions
) -> Iterator[Quad]:
    for node, classes in kinds.items():
        assert isinstance(node, NamedNode)
        for cls in classes:
            yield Quad(node, TYPE, cls, DefaultGraph())
        if not _LINKED.isdisjoint(classes):
            yield Quad(node, NamedNode(f"{CI}hasTombstone"), stone, DefaultGraph())
    for triple in triples:
        classes = kinds.get(triple.subject, [])
        p, o = triple.predicate, triple.object
        if p == _REASON and NamedNode(f"{CI}RightsRequest") in classes:
            o = REMOVED
        elif not any(p in _KEPT[cls] for cls in classes) or (
            isinstance(o, Literal)
            and (mentions.within(o.value) or (p == _ENTITY and o.value not in ENTITIES))
        ):
            continue
        yield Quad(triple.subject, p, o, DefaultGraph())


def _straight(triple: Triple) -> Triple:
    own = _TURNED.get(triple.predicate)
    if own is None or not isinstance(triple.object, NamedNode):
        return triple
    return Triple(triple.object, own, triple.subject)
