"""What the graph shall say of a linked CRM record, and of its customer where the CRM wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.findings import moment, moment_of
from kgservice.application.links.consequences import in_records, said, subjects, taken_over
from kgservice.application.links.statements import Places, restriction_iri
from kgservice.application.sources.customers import Known
from kgservice.domain import crm_field
from kgservice.domain.crm_field import FIELDS, TITLE, Side, Taking, differ, holder
from kgservice.domain.field_decision import FieldDecision, FieldVerdict, checksum, standing
from kgservice.domain.link import PERSONS, Link
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI, XSD

CONSENT_STATE = NamedNode(f"{CI}crmConsentState")
OPTED_OUT = "opted_out"  # the field of a conflict between an opt-out and a consent
DELETED = "deleted"  # the field of a conflict between a link and a CRM that has the record no more
_OF_RECORD, _NAME = NamedNode(f"{CI}ofCrmRecord"), NamedNode(f"{CI}fieldName")
_VALUE, _TAKEN = NamedNode(f"{CI}fieldValue"), NamedNode(f"{CI}takenOver")
_REPLACED, _GRAPH_AT = NamedNode(f"{CI}replacedValue"), NamedNode(f"{CI}graphValueAt")
_CHANGED, _DECIDES = NamedNode(f"{CI}valueChangedAt"), NamedNode(f"{CI}decides")
_VERDICT, _NUMBER = NamedNode(f"{CI}verdict"), NamedNode(f"{CI}decisionNumber")
_SETTLED = NamedNode(f"{CI}settledValues")
_SETTLED_BY = {FieldVerdict.TAKEN: Side.CRM, FieldVerdict.KEPT: Side.GRAPH}
_UNTIL = NamedNode(f"{CI}validUntil")


@dataclass(slots=True)
class Old:
    """What was kept of a field: its values and when they changed, those taken over, what these replaced."""

    texts: set[str] = field(default_factory=set)
    time: datetime | None = None
    quads: set[Quad] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    graph_at: datetime | None = None


@dataclass(slots=True)
class Was:
    """What the graph says of a record now: the `quads` that a row decides about, and the fields by name."""

    quads: set[Quad]
    fields: dict[str, Old]
    decided: dict[str, list[FieldDecision]] = field(default_factory=dict)

    @classmethod
    def of(cls, kg: KnowledgeGraph, link: Link) -> Was:
        """Read it."""
        record = NamedNode(link.record)
        nodes = subjects(in_records(kg, [(None, _OF_RECORD, record)]))
        fields: dict[str, Old] = {}
        quads = in_records(kg, [(record, CONSENT_STATE, None)])
        for node in nodes:
            own = said(kg, [node])
            texts: dict[NamedNode, set[str]] = {}
            for quad in own:
                if isinstance(quad.object, Literal):
                    texts.setdefault(quad.predicate, set()).add(quad.object.value)
            name = min(texts.get(_NAME, {""}))
            if name == OPTED_OUT:
                continue  # that is no value of a row
            quads |= own
            old = fields.setdefault(name, Old())
            old.texts |= texts.get(_VALUE, set())
            old.quads |= own
            for text in texts.get(_CHANGED, ()):
                old.time = moment_of(Literal(text))
            if "true" in texts.get(_TAKEN, ()):
                old.taken |= texts.get(_VALUE, set())
            old.replaced |= texts.get(_REPLACED, set())
            for text in texts.get(_GRAPH_AT, ()):
                old.graph_at = moment_of(Literal(text))
        return cls(quads, fields, decisions(kg, link))


def decisions(kg: KnowledgeGraph, link: Link) -> dict[str, list[FieldDecision]]:
    """What persons decided on fields of the record of a link, by field."""
    found: dict[str, list[FieldDecision]] = {}
    for node in subjects(in_records(kg, [(None, _DECIDES, NamedNode(link.node))])):
        texts = {q.predicate: q.object.value for q in said(kg, [node]) if not isinstance(q.object, Triple)}
        verdict = texts.get(_VERDICT, "").removeprefix(CI)
        if verdict in set(FieldVerdict):
            one = FieldDecision(int(texts.get(_NUMBER, 0)), FieldVerdict(verdict), texts.get(_SETTLED, ""))
            found.setdefault(texts.get(_NAME, ""), []).append(one)
    return found


@dataclass(slots=True)
class Wanted:
    """What a row asks for: `said` of the record, `add` and `gone` of the customer; `open` fields."""

    said: set[Triple] = field(default_factory=set)
    add: set[Triple] = field(default_factory=set)
    gone: set[Quad] = field(default_factory=set)
    open: int = 0


def taken(
    row: Mapping[str, object],
    link: Link,
    was: Was,
    *,
    about: Known,
    places: Places,
    taking: Taking,
    new: bool = False,
) -> Wanted:
    """What the graph shall say of a linked record and its customer, by the rules of `taking`.

    Where the graph has nothing to say, what was taken over stays, as for a customer that is `new`.
    """
    wanted = Wanted()
    given, time = crm_field.values(link.kind, row), crm_field.moment_of(row.get("updated"))
    one = _Field(link, was, about, places, taking, new=new)
    for name in FIELDS[link.kind]:
        one.judge(wanted, name, given.get(name, []), time)
    if link.kind == PERSONS:
        state = "withdrawn" if row.get("opted_out") else "unknown"
        wanted.said.add(Triple(NamedNode(link.record), CONSENT_STATE, Literal(state)))
    return wanted


def again(name: str, link: Link, was: Was, *, about: Known, places: Places, taking: Taking) -> Wanted:
    """What the graph shall say of one field of a record, by what is kept of it and was decided."""
    wanted, old = Wanted(), was.fields.get(name, Old())
    one = _Field(link, was, about, places, taking, new=False)
    one.judge(wanted, name, sorted(old.texts), old.time)
    return wanted


def sides(name: str, link: Link, was: Was, about: Known) -> tuple[set[str], set[str]]:
    """What the CRM and the graph say in a field, without what was taken over."""
    prop, old = FIELDS[link.kind][name], was.fields.get(name, Old())
    written = old.taken & about.own[prop].keys()
    original = (about.own[prop].keys() - written) | (old.replaced if written else set())
    return old.texts, original | about.evidence[prop].keys()


class _Field:
    """The fields of one record, one after another."""

    def __init__(
        self, link: Link, was: Was, about: Known, places: Places, taking: Taking, *, new: bool
    ) -> None:
        self._link = link
        self._was = was
        self._about = about
        self._places = places
        self._taking = taking
        self._new = new

    def judge(self, wanted: Wanted, name: str, texts: list[str], time: datetime | None) -> None:
        """Add what the graph shall say of a field whose values in the CRM are `texts`, since `time`."""
        link, was, about, new = self._link, self._was, self._about, self._new
        places, taking = self._places, self._taking
        prop, old = FIELDS[link.kind][name], was.fields.get(name, Old())
        own, evidence = about.own[prop], about.evidence[prop]
        written = {text for text in old.taken if text in own}
        # What the graph would say without the CRM.
        original = (own.keys() - written) | old.replaced if written else set(own)
        rule, base = taking.rule(name), original | evidence.keys()
        differing, at, holds = differ(name, texts, base), None, Side.GRAPH
        if differing:
            at = old.graph_at if written else about.since(prop, base)
            decided = standing(was.decided.get(name, ())).get(checksum(texts, base))
            holds = _SETTLED_BY[decided] if decided else holder(rule, time, at)
        elif texts and not base and (new or written or rule in {Side.CRM, Side.NEWER}):
            holds = Side.CRM
        if name != TITLE:
            stays = set(texts) if holds is Side.CRM else original
            customer, named = NamedNode(link.customer), NamedNode(CI + prop)
            wanted.add |= {Triple(customer, named, Literal(text)) for text in stays - own.keys()}
            wanted.gone |= {quad for text in own.keys() - stays for quad in own[text]}
        more: list[tuple[str, Literal]] = [("wins", Literal(rule.value))]
        if time is not None:
            more.append(("valueChangedAt", _at(time)))
        first: list[tuple[str, Literal]] = []
        if holds is Side.CRM:
            more.append(("takenOver", Literal(True)))
            first += [("replacedValue", Literal(text)) for text in sorted(original)]
        elif holds is Side.STEWARD:
            first += [("graphValue", Literal(text)) for text in sorted(base)]
            wanted.open += 1
        if differing and at is not None:
            first.append(("graphValueAt", _at(at)))
        for number, text in enumerate(texts):
            value = [*more, ("fieldValue", Literal(text)), *(() if number else first)]
            wanted.said |= field_value(link, places, name, value, number=number, prop=prop)


def field_value(
    link: Link,
    places: Places,
    name: str,
    more: Iterable[tuple[str, Literal]],
    *,
    number: int = 0,
    prop: str = "",
) -> set[Triple]:
    """One value of a field of a record, in the graph of whom the record is linked to."""
    addresses = places.addresses
    node = NamedNode(addresses.instance("crm-field", link.record, name, str(number)))
    found = {
        Triple(node, TYPE, NamedNode(f"{CI}CrmFieldValue")),
        Triple(node, _OF_RECORD, NamedNode(link.record)),
        Triple(node, _NAME, Literal(name)),
        *(Triple(node, NamedNode(CI + key), value) for key, value in more),
    }
    if prop:
        found.add(Triple(node, NamedNode(f"{CI}fieldProperty"), Literal(CI + prop)))
    if link.kind == PERSONS:
        found.add(Triple(node, NamedNode(f"{CI}dataSubject"), NamedNode(link.customer)))
        return found
    return found | places.in_projects(node, link.customer)


def _at(time: datetime) -> Literal:
    """A moment as the store holds it, so that it can be compared."""
    return Literal(moment(time).value.replace("+00:00", "Z"), datatype=NamedNode(f"{XSD}dateTime"))


def restriction(kg: KnowledgeGraph, link: Link, *, holds: bool) -> tuple[set[Triple], set[Quad]]:
    """What to add and remove so that a record is restricted, since it was deleted in the CRM, or no more."""
    node, now = restriction_iri(kg.addresses, NamedNode(link.record)), kg.clock()
    there = said(kg, [node])
    ended = {quad for quad in there if quad.predicate == _UNTIL}
    if holds and not there:
        new: list[tuple[NamedNode, NamedNode | Literal]] = [
            (TYPE, NamedNode(f"{CI}Restriction")),
            (NamedNode(f"{CI}dataSubject"), NamedNode(link.customer)),
            (NamedNode(f"{CI}restricts"), NamedNode(link.record)),
            (NamedNode(f"{CI}validFrom"), moment(now)),
            (NamedNode(f"{CI}description"), Literal("deleted in the CRM")),
        ]
        return {Triple(node, prop, value) for prop, value in new}, set()
    if holds:
        return set(), ended
    return ({Triple(node, _UNTIL, moment(now))} if there and not ended else set()), set()


def given_back(kg: KnowledgeGraph, link: Link) -> tuple[set[Triple], set[Quad]]:
    """What to add and remove so that nothing of a record stays in the place of what its customer had said."""
    customer, back, gone = NamedNode(link.customer), set[Triple](), set[Quad]()
    for node in subjects(in_records(kg, [(None, _OF_RECORD, NamedNode(link.record))])):
        quads = said(kg, [node])
        written, replaced = taken_over(quads, customer)
        there = in_records(kg, [(customer, one.predicate, one.object) for one in written])
        gone |= there
        if there:
            back |= replaced
        gone |= {quad for quad in quads if quad.predicate in {_TAKEN, _REPLACED}}
    return back, {quad for quad in gone if quad.triple not in back}


def missing(kg: KnowledgeGraph, link: Link, places: Places) -> set[Triple]:
    """What to add so that a person decides on the link of an organisation that was deleted in the CRM.

    It goes with the next row that is there, or with the link.
    """
    more = [
        ("wins", Literal(Side.STEWARD.value)),
        ("fieldValue", Literal("deleted")),
        ("graphValue", Literal("linked")),
    ]
    node = NamedNode(places.addresses.instance("crm-field", link.record, DELETED, "0"))
    return field_value(link, places, DELETED, more) - {quad.triple for quad in said(kg, [node])}
