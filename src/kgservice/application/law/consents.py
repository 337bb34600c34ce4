"""Give, withdraw and renew consents: each adds events and never changes one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_concepts
from kgservice.application.law.consent_records import consent_of
from kgservice.application.law.decisions import known, named, stamp
from kgservice.application.views.lawful_parts import EXPLICIT
from kgservice.domain.change import LOCAL, Change, Origin
from kgservice.domain.consent import CONTROLLER, GUARDIANS, SCHEMA, SUBJECT, Act
from kgservice.domain.decision import Reason, standing, withdrawn_at
from kgservice.domain.members import Members
from kgservice.domain.question import compact, listed, with_values
from kgservice.errors import BadParameter, Conflict
from kgservice.namespaces import CI, DPV, RDF, XSD
from kgservice.phrases import Phrase

_GIVERS = (SUBJECT, *GUARDIANS)
_EXPIRES = NamedNode(f"{CI}expiresAt")
_IS_A = "ASK { VALUES ?one { UNDEF } VALUES ?class { UNDEF } ?one a ?class }"
_NOTICES = f"SELECT ?one WHERE {{ ?one a <{CI}ConsentNotice> }} ORDER BY ?one LIMIT 20"
_CONTROLLERS = f"SELECT DISTINCT ?one WHERE {{ ?one a <{CI}Provider> ; <{CI}controllerAddress> ?address }}"


def give(kg: KnowledgeGraph, body: Any, by: Origin = LOCAL) -> str:
    """Record a consent that somebody gave; its IRI. Raises `BadParameter`, and `Invalid` from the guard."""
    asked, now = Members(body), kg.clock().astimezone(UTC)
    record = NamedNode(kg.addresses.new())
    concepts = read_concepts(kg)
    time = _past(asked.moment("time", now), now, "time")
    expires = _after(asked.moment("expires"), time)
    basis = EXPLICIT if asked.flag("explicit") else f"{DPV}ExpressedConsent"
    said: list[tuple[str, NamedNode | Literal]] = [
        ("recordSchema", Literal(SCHEMA)),
        ("legalBasis", NamedNode(basis)),
        ("expiresAt", _literal(expires)),
        ("dataSubject", _person(kg, asked.text("subject"))),
        ("notice", _notice(kg, asked.text("notice"))),
        ("controller", _controller(kg, asked)),
        ("retention", Literal(asked.days("retention"))),
    ]
    said += [(name, Literal(asked.text(name))) for name in ("storagePlace", "jurisdiction", "withdrawalWay")]
    said += [("recipient", Literal(name)) for name in asked.texts("recipients")]
    for member, name, there in (
        ("purposes", "forPurpose", concepts.purposes),
        ("categories", "forCategory", concepts.categories),
    ):
        said += [(name, NamedNode(known(kg, iri, member, there))) for iri in asked.texts(member)]
    new = _New(kg, record)
    new.node("ConsentRecord", said, record)
    new.requested(_requested(asked, time))
    new.event(Act.GIVEN, time, asked.text("method"), asked.one_of("by", _GIVERS, SUBJECT), expires)
    new.guardian(asked, now)
    asked.done()
    _commit(kg, new.quads, (), by.because("consent given", "/consents"))
    return record.value


def withdraw(kg: KnowledgeGraph, key: str, body: Any, by: Origin = LOCAL) -> str:
    """Record that a consent was taken back; its IRI. What is wrong with its history is no reason to refuse.

    Raises `NotFound` for an unknown one, `Conflict` for one without a yes or a time that is not after the
    last event until now, and `BadParameter`.
    """
    with kg.writing:
        asked, now, consent = Members(body), kg.clock().astimezone(UTC), consent_of(kg, key)
        time = _past(asked.moment("time", now), now, "time")
        method, giver = asked.text("method"), asked.one_of("by", _GIVERS, SUBJECT)
        asked.done()
        _in_order(time, [event.time for event in consent.events if event.time <= now])
        times, state = withdrawn_at(consent, time), standing(consent, time)
        if not times:
            raise Conflict(
                "The consent does not hold, so it cannot be withdrawn: it is {reason}",
                reason=Phrase(state.reason),
            )
        new = _New(kg, NamedNode(consent.iri))
        for at in times:
            new.event(Act.WITHDRAWN, at, method, giver)
        _commit(kg, new.quads, (), by.because("consent withdrawn", "/consents"), lawful=True)
    return consent.iri


def renew(kg: KnowledgeGraph, key: str, body: Any, by: Origin = LOCAL) -> str:
    """Record that a consent was given again, until another date; its IRI.

    Raises what `withdraw` raises, also `Conflict` for a history with a flaw, and `Invalid` from the guard.
    If it had run out meanwhile, that becomes an event, too: the new end must not hide it.
    """
    with kg.writing:
        asked, now, consent = Members(body), kg.clock().astimezone(UTC), consent_of(kg, key)
        record = NamedNode(consent.iri)
        time = _past(asked.moment("time", now), now, "time")
        expires = _after(asked.moment("expires"), time)
        requested = _requested(asked, time)
        new = _New(kg, record)
        new.requested(requested)
        new.event(Act.RENEWED, time, asked.text("method"), asked.one_of("by", _GIVERS, SUBJECT), expires)
        new.guardian(asked, now)
        asked.done()
        if consent.flawed:
            raise Conflict("An event of the consent has not exactly one kind and one time; mend that first")
        _in_order(requested or time, [event.time for event in consent.events])
        if not any(event.act is Act.GIVEN for event in consent.events):
            raise Conflict("The consent was never given, so it cannot be renewed; record a new one")
        state = standing(consent, time)
        if state.reason is Reason.EXPIRED and state.until is not None:
            new.event(Act.EXPIRED, state.until, "expiry", CONTROLLER)
        old = [q for q in kg.store.match([(record, _EXPIRES, None)]) if kg.graphs.is_record(q.graph_name)]
        new.say(record, "expiresAt", _literal(expires))
        _commit(kg, new.quads, old, by.because("consent renewed", "/consents"))
    return consent.iri


class _New:
    """Statements to add about a consent record; the router finds their graph."""

    def __init__(self, kg: KnowledgeGraph, record: NamedNode) -> None:
        self._kg = kg
        self._record = record
        self.quads: list[Quad] = []

    def say(self, node: NamedNode, name: str, value: NamedNode | Literal) -> None:
        self.quads.append(Quad(node, NamedNode(CI + name), value, DefaultGraph()))

    def node(
        self, kind: str, said: Iterable[tuple[str, NamedNode | Literal]], node: NamedNode | None = None
    ) -> None:
        """A node of a class of ours with what is said of it; a fresh one if it is not given."""
        node = node or NamedNode(self._kg.addresses.new())
        self.quads.append(Quad(node, NamedNode(f"{RDF}type"), NamedNode(CI + kind), DefaultGraph()))
        for name, value in said:
            self.say(node, name, value)

    def event(self, act: Act, time: datetime, method: str, by: str, expires: datetime | None = None) -> None:
        said: list[tuple[str, NamedNode | Literal]] = [
            ("eventOf", self._record),
            ("eventTime", _literal(time)),
            ("eventMethod", Literal(method)),
            ("eventEntity", Literal(by)),
        ]
        self.node(act, said if expires is None else [*said, ("expiresAt", _literal(expires))])

    def requested(self, time: datetime | None) -> None:
        """The request before a yes, if its time was told."""
        if time is not None:
            self.event(Act.REQUESTED, time, "request", CONTROLLER)

    def guardian(self, asked: Members, now: datetime) -> None:
        """The authorisation of a guardian, if it was told."""
        told = asked.inner("guardian")
        if told is not None:
            role, verified = told.one_of("role", GUARDIANS), told.moment("verified")
            told.done()
            said: list[tuple[str, NamedNode | Literal]] = [
                ("authorisationFor", self._record),
                ("authorisedBy", Literal(role)),
                ("verifiedAt", _literal(_past(verified, now, "guardian.verified"))),
            ]
            self.node("GuardianAuthorisation", said)


def _commit(
    kg: KnowledgeGraph, add: Iterable[Quad], remove: Iterable[Quad], origin: Origin, *, lawful: bool = False
) -> None:
    kg.commit(Change(add=tuple(add), remove=tuple(remove), origin=origin, lawful=lawful))


def _requested(asked: Members, time: datetime) -> datetime | None:
    found = asked.moment("requested") if asked.has("requested") else None
    if found is not None and found >= time:
        raise BadParameter("the consent must be requested before it is given", source="requested")
    return found


def _in_order(time: datetime, others: Iterable[datetime]) -> None:
    """Raises `Conflict` where a new event would not be later than the others."""
    last = max(others, default=None)
    if last is not None and time <= last:
        raise Conflict(
            "The events are out of order: the last one of the consent is at {time}, and a new one"
            " must be later",
            time=stamp(last),
        )


def _past(time: datetime, now: datetime, source: str) -> datetime:
    if time > now:
        raise BadParameter("{time} lies in the future", time=stamp(time), source=source)
    return time


def _after(expires: datetime, time: datetime) -> datetime:
    if expires <= time:
        raise BadParameter(
            "the consent would end at {expires}, before it begins", expires=stamp(expires), source="expires"
        )
    return expires


def _person(kg: KnowledgeGraph, value: str) -> NamedNode:
    node = named(kg, value, "subject")
    if not _is_a(kg, node, "Person"):
        raise BadParameter("there is no person {name}", name=node.value, source="subject")
    return node


def _notice(kg: KnowledgeGraph, value: str) -> NamedNode:
    node = named(kg, value, "notice")
    if not _is_a(kg, node, "ConsentNotice"):
        raise BadParameter(
            "there is no notice {name}; there are {known}",
            name=node.value,
            known=_those(kg, _NOTICES),
            source="notice",
        )
    return node


def _controller(kg: KnowledgeGraph, asked: Members) -> NamedNode:
    """The controller that was named, or the only one that there is."""
    if asked.has("controller"):
        node = named(kg, asked.text("controller"), "controller")
        if not _is_a(kg, node, "Provider"):
            there = _those(kg, _CONTROLLERS)
            raise BadParameter(
                "there is no controller {name}; there are {there}",
                name=node.value,
                there=there,
                source="controller",
            )
        return node
    found = [row[0] for row in kg.select(_CONTROLLERS).rows]
    if len(found) != 1 or not isinstance(found[0], NamedNode):
        raise BadParameter(
            "the member 'controller' is missing; there are {known}",
            known=_those(kg, _CONTROLLERS),
            source="controller",
        )
    return found[0]


def _is_a(kg: KnowledgeGraph, node: NamedNode, kind: str) -> bool:
    return kg.ask(with_values(_IS_A, {"one": node, "class": NamedNode(CI + kind)}))


def _those(kg: KnowledgeGraph, query: str) -> str:
    found = [row[0] for row in kg.select(query).rows]
    return listed(compact(one.value) for one in found if isinstance(one, NamedNode)) or Phrase("none")


def _literal(time: datetime) -> Literal:
    return Literal(stamp(time), datatype=NamedNode(f"{XSD}dateTime"))
