"""Links decided by persons: accepted, rejected, undone; and what follows goes with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pyoxigraph import NamedNode, Triple

from kgservice.application.changes.provenance import agent_of
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links import consequences as link_consequences
from kgservice.application.links import customers as link_customers
from kgservice.application.links import records as link_records
from kgservice.application.links import undone as link_undone
from kgservice.application.links.statements import (
    DECIDED_AT,
    DECISION,
    Places,
    decided,
    loose,
    published,
    state_of,
)
from kgservice.domain.change import LOCAL, Change, Origin
from kgservice.domain.link import Decision, Link, State, Verdict, check, refuse_second, rivals, standing
from kgservice.errors import BadParameter, Conflict

SOURCE = "/links"
LONGEST = 2000  # characters of a reason
VERDICTS = {"accept": Verdict.ACCEPTED, "reject": Verdict.REJECTED, "undo": Verdict.UNDONE}
Expected = Callable[[Link], None]
"""Raises an error unless the link, as it is, is what whoever decides has seen."""

_WORDS = {Verdict.ACCEPTED: "accepted", Verdict.REJECTED: "rejected", Verdict.UNDONE: "decision undone"}


def decide(
    kg: KnowledgeGraph,
    key: str,
    verdict: Verdict,
    reason: str,
    *,
    by: Origin = LOCAL,
    expected: Expected = lambda _link: None,
) -> Link:
    """Accept or reject a link, or undo what was decided; the link afterwards.

    A verdict that stands already changes nothing. Raises `NotFound`, `BadParameter` without a reason,
    `Conflict` where nothing can be undone, where the record has an accepted link to somebody else, or where
    the customer may not be matched any more; what `expected` and a commit raise.
    """
    said = reason.strip()
    if not said or len(said) > LONGEST:
        raise BadParameter("say why, in 1 to {longest} characters", longest=LONGEST, source="reason")
    with kg.writing:
        link = link_records.one(kg, key)
        expected(link)
        if not check(link.standing, verdict):
            return link
        now, node = kg.clock(), NamedNode(link.node)
        earlier = link.decisions or _stated(link)
        who = agent_of(kg.addresses, by.decided)
        new = Decision(len(earlier) + 1, verdict, now, who.value, said)
        state = standing([*(one.verdict for one in earlier), verdict]).state
        add = decided(kg.addresses, node, new) | state_of(node, state, now)
        if not link.decisions:
            add = add.union(*(decided(kg.addresses, node, one) for one in earlier))
        remove = link_consequences.in_records(kg, [(node, DECISION, None), (node, DECIDED_AT, None)])
        back: set[Triple] = set()
        was = link.standing.state
        if state is State.ACCEPTED and was is not State.ACCEPTED:
            add |= _accepted(kg, link)
            remove |= link_consequences.needless(kg, rivals(link, _of_record(kg, link)))
        elif was is State.ACCEPTED and state is not State.ACCEPTED:
            gone, back = link_consequences.of_accepted(kg, link)
            remove |= gone
            add |= link_undone.invalidated(kg, link)
        if state is State.REJECTED:
            remove |= link_consequences.values(kg, [node])
        # What a wrong link has brought is somebody else's data: no rule may keep it (Art. 5(1)(d) GDPR).
        lawful = was is State.ACCEPTED and state is not State.ACCEPTED
        kept = {quad for quad in remove if quad.triple not in add}
        # Of what proves consents it takes nothing but what the service itself has made of the record.
        origin = replace(by.because(f"link {_WORDS[verdict]}", SOURCE), privacy=by.privacy or lawful)
        kg.commit(Change(loose(add | back), tuple(kept), origin=origin, lawful=lawful))
        if lawful:
            link_undone.drop_waiting(kg, link, origin)
        return link_records.one(kg, key)


def _stated(link: Link) -> tuple[Decision, ...]:
    """The decision that was stated for a link without an event, as one."""
    stands = link.standing.stands
    if stands is None or link.decided_at is None:
        return ()
    return (Decision(1, stands, link.decided_at),)


def _accepted(kg: KnowledgeGraph, link: Link) -> set[Triple]:
    """What is published of a link that a person accepts. Raises `Conflict`."""
    refuse_second(link, _of_record(kg, link))
    if link.customer not in link_customers.usable(kg, link.kind, [link.customer]):
        raise Conflict("The customer's data may not be used for matching now: see the consents")
    places = Places.of(kg, link.kind, [link.id], [link.customer])
    return published(places, link.id, link.customer)


def _of_record(kg: KnowledgeGraph, link: Link) -> list[Link]:
    return link_records.of_records(kg, [link.id])[link.id]
