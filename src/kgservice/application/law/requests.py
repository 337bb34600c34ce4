"""Changes of the tickets of what persons ask for: open, extend and answer them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import subjects, tickets
from kgservice.application.law.decisions import stamp
from kgservice.domain.change import LOCAL, Change, Origin
from kgservice.domain.members import Members
from kgservice.domain.rights import LONGEST_EXTENSION, REFERENCE, Outcome, Right, Ticket, due
from kgservice.errors import BadParameter, Conflict
from kgservice.namespaces import CI, RDF, XSD
from kgservice.phrases import Phrase

SOURCE = "/requests"
Said = tuple[str, NamedNode | Literal]


def open_(kg: KnowledgeGraph, body: Any, by: Origin = LOCAL) -> str:
    """Record a request that came; the IRI of its ticket. Raises `BadParameter`, `NotFound` for the person.

    It is of a person (`subject`) or, if the graph does not know who asks, named by a mark of the
    correspondence (`reference`) and nothing else.
    One whose time has run out already is recorded, too: that is a finding (R36), and no reason to refuse it.
    """
    with kg.writing:
        asked = Members(body)
        if asked.has("reference") and not asked.has("subject"):
            whose: Said = ("correspondenceReference", Literal(_reference(asked)))
        else:
            whose = ("dataSubject", subjects.one(kg, asked.text("subject")))
        right = Right(asked.one_of("kind", tickets.RIGHTS))
        new = _new(kg, whose, right, asked, kg.clock().astimezone(UTC))
        asked.done()
        _commit(kg, new, by.because(f"request received: {right}", SOURCE))
    return new.ticket.value


def extend(kg: KnowledgeGraph, key: str, body: Any, by: Origin = LOCAL) -> str:
    """Extend the time of a ticket by up to two months, with the reason that the person was told; its IRI.

    Raises `NotFound`, `Conflict` for one that is answered or extended, whose first month is over, or of
    somebody whom the graph does not know.
    """
    with kg.writing:
        ticket, asked, now = tickets.one(kg, key), Members(body), kg.clock().astimezone(UTC)
        months = asked.number("months", LONGEST_EXTENSION, most=LONGEST_EXTENSION)
        reason = asked.text("reason")
        asked.done()
        _still_open(ticket)
        if ticket.reference:
            raise Conflict("Whether anything is held of somebody is told within the month")
        if ticket.outcome is Outcome.EXTENDED:
            raise Conflict("The time of this request was extended already; that can be done once")
        if ticket.received is None or now > due(ticket.received):
            raise Conflict("The first month is over: only within it the person can be told of an extension")
        said: list[Said] = [
            ("dueAt", literal(due(ticket.received, months))),
            ("requestOutcome", NamedNode(CI + Outcome.EXTENDED)),
            ("description", Literal(reason)),
        ]
        _commit(kg, _changed(kg, ticket, said), by.because("request extended", SOURCE))
    return ticket.iri


def answer(kg: KnowledgeGraph, key: str, body: Any, by: Origin = LOCAL) -> str:
    """Record how a ticket was decided and when the person was told; its IRI.

    Somebody whom the graph does not know is answered without a reason: it might name them.
    Raises `NotFound`, `Conflict` for one that is answered, `BadParameter` for a refusal without a reason,
    `Invalid` for an erasure reported as fulfilled while records are left.
    """
    with kg.writing:
        ticket, asked, now = tickets.one(kg, key), Members(body), kg.clock().astimezone(UTC)
        known = {outcome.word: outcome for outcome in ticket.answers}
        outcome = known[asked.one_of("outcome", tuple(known))]
        time = asked.moment("time", now)
        may_tell = not ticket.reference and asked.has("reason")
        reason = asked.text("reason") if outcome is Outcome.REFUSED or may_tell else None
        asked.done()
        _still_open(ticket)
        if time > now or (ticket.received is not None and time < ticket.received):
            raise BadParameter("{time} is not between the request and now", time=stamp(time), source="time")
        new = _changed(kg, ticket, answered(time, outcome, reason))
        _commit(kg, new, by.because(f"request answered: {outcome.word}", SOURCE), lawful=False)
    return ticket.iri


@dataclass(frozen=True, slots=True)
class Noted:
    """What a ticket is to say from now on: statements to add and to remove."""

    ticket: NamedNode
    add: tuple[Quad, ...]
    remove: tuple[Quad, ...] = ()


def settle(kg: KnowledgeGraph, person: NamedNode, right: Right, asked: Members) -> Noted:
    """The ticket of an act that fulfils a request, answered now: to be written together with the act.

    The one that the body names (`request`), else the only one of the person of this kind that is open, else a
    new one (`received`). Raises `NotFound`, `Conflict` for a ticket of somebody else, of another kind, or
    that is answered.
    """
    now = kg.clock().astimezone(UTC)
    done = answered(now, Outcome.FULFILLED, None)
    open_ones = tickets.waiting(kg, person, right)
    if asked.has("request"):
        ticket = tickets.one(kg, asked.text("request"))
        if ticket.subject != person.value or ticket.right is not right:
            raise Conflict(
                "The request {ticket} is not one of this person for {right}",
                ticket=ticket.iri,
                right=Phrase(right),
            )
        _still_open(ticket)
        return _changed(kg, ticket, done)
    if len(open_ones) == 1 and not asked.has("received"):
        return _changed(kg, open_ones[0], done)
    if len(open_ones) > 1 and not asked.has("received"):
        raise Conflict(
            "The person has {count} open requests for {right}; name one ('request')",
            count=len(open_ones),
            right=Phrase(right),
        )
    return _new(kg, ("dataSubject", person), right, asked, now, done)


def moot(kg: KnowledgeGraph, person: NamedNode, at: datetime, settled: Noted | None) -> list[Noted]:
    """The tickets that wait no longer once the person is erased: all that are open but the one `settled`."""
    others = (ticket for ticket in tickets.of(kg, person) if ticket.is_open)
    return [
        _changed(kg, ticket, answered(max(at, ticket.received or at), Outcome.MOOT, None))
        for ticket in others
        if settled is None or ticket.iri != settled.ticket.value
    ]


def answered(time: datetime, outcome: Outcome, reason: str | None) -> list[Said]:
    """What a ticket says of its answer."""
    said: list[Said] = [("answeredAt", literal(time)), ("requestOutcome", NamedNode(CI + outcome))]
    return said if reason is None else [*said, ("description", Literal(reason))]


def literal(time: datetime) -> Literal:
    """A moment as the graph holds it."""
    return Literal(stamp(time), datatype=NamedNode(f"{XSD}dateTime"))


def about(node: NamedNode, said: Iterable[Said]) -> tuple[Quad, ...]:
    """Loose statements about a node, by the names of the properties of the model."""
    return tuple(Quad(node, NamedNode(CI + name), value, DefaultGraph()) for name, value in said)


def typed(node: NamedNode, kind: str) -> Quad:
    """The loose statement that the node is of a class of the model."""
    return Quad(node, NamedNode(f"{RDF}type"), NamedNode(CI + kind), DefaultGraph())


def _new(  # noqa: PLR0917
    kg: KnowledgeGraph,
    whose: Said,
    right: Right,
    asked: Members,
    now: datetime,
    done: Iterable[Said] = (),
) -> Noted:
    received = asked.moment("received", now)
    if received > now:
        raise BadParameter("{received} lies in the future", received=stamp(received), source="received")
    said: dict[str, NamedNode | Literal] = {
        whose[0]: whose[1],
        "requestKind": NamedNode(CI + right.kind),
        "receivedAt": literal(received),
        "dueAt": literal(due(received)),
        "requestOutcome": NamedNode(CI + Outcome.PENDING),
        **dict(done),
    }
    ticket = NamedNode(kg.addresses.new())
    kind = "RightsRequest" if "dataSubject" in said else "UnidentifiedRequest"
    return Noted(ticket, (typed(ticket, kind), *about(ticket, said.items())))


def _reference(asked: Members) -> str:
    """The mark of the correspondence. What else was sent may name somebody: no message repeats it."""
    reference = asked.text("reference")
    if not REFERENCE.fullmatch(reference):
        raise BadParameter(
            "the reference must be letters and numbers of your own such as DSR-2026-17, and name nobody",
            source="reference",
        )
    return reference


def _changed(kg: KnowledgeGraph, ticket: Ticket, said: list[Said]) -> Noted:
    node = NamedNode(ticket.iri)
    old = kg.store.match((node, NamedNode(CI + name), None) for name, _ in said)
    return Noted(node, about(node, said), tuple(q for q in old if kg.graphs.is_record(q.graph_name)))


def _commit(kg: KnowledgeGraph, new: Noted, origin: Origin, *, lawful: bool = True) -> None:
    kg.commit(Change(add=new.add, remove=new.remove, origin=origin, lawful=lawful))


def _still_open(ticket: Ticket) -> None:
    if not ticket.is_open:
        at = Phrase(" at {time}", time=stamp(ticket.answered)) if ticket.answered else ""
        raise Conflict("The request {ticket} was answered{at}", ticket=ticket.iri, at=at)
