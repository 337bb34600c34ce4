"""What a view of a purpose may show: what each statement needs, and what each person has granted.

A statement in the graph of a person needs the permission for its data categories: those of its property (of
its class, for a type), and those that the record at either end of it states. If its property has none, those
of the classes of both ends count; a node without any has those of what it belongs to. What still has none is
taken for identification data. A statement of any graph needs the highest confidentiality of its ends, and
nothing is shown that is restricted (Art. 18 GDPR), nor what proves the consents of somebody who was erased:
it is kept for that proof and for no other purpose.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kgservice.domain.consent import Activity, Concepts, Subject, read_moment, upwards
from kgservice.domain.decision import Asked, allowed
from kgservice.domain.finding import Policy
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Links, Model
from kgservice.namespaces import CI

Term = NamedNode | BlankNode | Literal | Triple
LEVELS = ("public", "internal", "confidential")
IDENTIFICATION = f"{CI}IdentificationData"

_TRUE = Literal(True)
_HAS_CATEGORY = NamedNode(f"{CI}hasCategory")
_CONFIDENTIALITY = NamedNode(f"{CI}confidentiality")
_SPECIAL = NamedNode(f"{CI}specialCategory")
_SCREENED_BY, _SCREENING_OF = NamedNode(f"{CI}screenedBy"), NamedNode(f"{CI}screeningOf")
_SCREENING_DECISION = NamedNode(f"{CI}screeningDecision")
_CONTAINS_SPECIAL = NamedNode(f"{CI}ContainsSpecialCategory")
_RESTRICTS, _RESTRICTED_BY = NamedNode(f"{CI}restricts"), NamedNode(f"{CI}restrictedBy")
_RESTRICTION = NamedNode(f"{CI}Restriction")
_VALID_FROM, _VALID_UNTIL = NamedNode(f"{CI}validFrom"), NamedNode(f"{CI}validUntil")
_DATA_SUBJECT = NamedNode(f"{CI}dataSubject")
_TOMBSTONE, _HAS_TOMBSTONE = NamedNode(f"{CI}Tombstone"), NamedNode(f"{CI}hasTombstone")
# What says when restrictions hold, and of what; and all else that decides about a node it is said of.
OF_RESTRICTIONS = frozenset({_RESTRICTS, _RESTRICTED_BY, _VALID_FROM, _VALID_UNTIL})
_OF_NODES = {
    TYPE,
    _HAS_CATEGORY,
    _CONFIDENTIALITY,
    _SPECIAL,
    _SCREENED_BY,
    _SCREENING_OF,
    _SCREENING_DECISION,
    _HAS_TOMBSTONE,
}
_DECIDING = OF_RESTRICTIONS | _OF_NODES
_RANKS = {NamedNode(CI + name.capitalize()): rank for rank, name in enumerate(LEVELS)}


class Facts:
    """What is said and entailed of nodes; the base of those that know it."""

    def objects(self, node: NamedNode, predicate: NamedNode) -> Sequence[Term]:
        """The values of a property."""
        raise NotImplementedError

    def subjects(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[NamedNode]:
        """The nodes that have `node` as a value of the property, or of any."""
        raise NotImplementedError

    def nodes(self, node: NamedNode, predicate: NamedNode) -> list[NamedNode]:
        """Those values of a property that are nodes."""
        return [value for value in self.objects(node, predicate) if isinstance(value, NamedNode)]

    def along(self, node: NamedNode, links: Links) -> Iterator[NamedNode]:
        """The nodes that `node` is linked to."""
        for predicate in links.forward:
            yield from self.nodes(node, predicate)
        for predicate in links.backward:
            yield from self.subjects(node, predicate)

    def against(self, node: NamedNode, links: Links) -> Iterator[NamedNode]:
        """The nodes that are linked so to `node`."""
        for predicate in links.forward:
            yield from self.subjects(node, predicate)
        for predicate in links.backward:
            yield from self.nodes(node, predicate)


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when a restriction holds; None: since always, and until it is lifted."""

    start: datetime | None
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether it counts at a moment."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)

    def next_change(self, after: datetime) -> datetime | None:
        """When it begins or ends, if that is after a moment."""
        return min((m for m in (self.start, self.end) if m is not None and m > after), default=None)


@dataclass(frozen=True, slots=True)
class Traits:
    """What decides about showing a node: its categories as stated and by its classes, and its secrecy.

    `level` is the rank of its confidentiality in `LEVELS`, higher for one that is not known, and for what is
    left of a person who was erased.
    """

    stated: frozenset[str] = frozenset()
    classed: frozenset[str] = frozenset()
    level: int = 0
    special: bool = False
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """What a statement needs to be shown: permission for all the categories, and a level that is enough."""

    categories: frozenset[str]
    level: int = 0
    special: bool = False
    restricted: bool = False


class Sight:
    """Tells what statements need at a `moment`, by `facts`."""

    def __init__(
        self, model: Model, graphs: Graphs, concepts: Concepts, facts: Facts, moment: datetime
    ) -> None:
        self._model = model
        self._graphs = graphs
        self._concepts = concepts
        self.facts = facts
        self.moment = moment
        self._traits: dict[NamedNode, Traits] = {}
        self._of_terms: dict[NamedNode, frozenset[str]] = {}

    def need(self, triple: Triple) -> Need:
        """What the statement needs."""
        s, p, o = triple.subject, triple.predicate, triple.object
        ends = [self.traits(s)] if isinstance(s, NamedNode) else []
        if isinstance(o, NamedNode) and p != TYPE:
            ends.append(self.traits(o))
        categories = self._annotated(o if p == TYPE and isinstance(o, NamedNode) else p)
        found = categories.union(*(end.stated for end in ends))
        if not categories:
            found = found.union(*(end.classed for end in ends))
        return Need(
            found or frozenset({IDENTIFICATION}),
            max((end.level for end in ends), default=0),
            any(end.special for end in ends),
            any(end.restricted for end in ends),
        )

    def decides(self, predicate: NamedNode) -> bool:
        """Whether statements with that property decide about the traits of nodes with names of their own."""
        return predicate in _DECIDING or predicate in self._model.owner_links.properties

    def traits(self, node: NamedNode) -> Traits:
        """The traits of a node."""
        if node not in self._traits:
            self._traits[node] = Traits()  # for nodes that belong to each other in a circle
            self._traits[node] = self._find(node)
        return self._traits[node]

    def _find(self, node: NamedNode) -> Traits:
        facts = self.facts
        types = facts.nodes(node, TYPE)
        stated = _iris(facts.objects(node, _HAS_CATEGORY))
        classed = frozenset().union(*(self._annotated(cls) for cls in types))
        levels = [_RANKS.get(level, len(LEVELS)) for level in facts.nodes(node, _CONFIDENTIALITY)]
        if _TOMBSTONE in types or facts.objects(node, _HAS_TOMBSTONE):
            levels.append(len(LEVELS))
        screenings = {*facts.nodes(node, _SCREENED_BY), *facts.subjects(node, _SCREENING_OF)}
        special = _TRUE in facts.objects(node, _SPECIAL) or any(
            _CONTAINS_SPECIAL in facts.objects(screening, _SCREENING_DECISION) for screening in screenings
        )
        restricted = any(period.holds(self.moment) for period in self.restrictions(node))
        if not self._model.persons.isdisjoint(types):
            return Traits(stated, classed, max(levels, default=0), special, restricted)
        above = [self.traits(owner) for owner in self._owners(node)]
        if not stated and not classed:
            stated = stated.union(*(owner.stated for owner in above))
            classed = classed.union(*(owner.classed for owner in above))
        return Traits(
            stated,
            classed,
            max((*levels, *(owner.level for owner in above)), default=0),
            special or any(owner.special for owner in above),
            restricted or any(owner.restricted for owner in above),
        )

    def _owners(self, node: NamedNode) -> set[NamedNode]:
        """What the node belongs to, short of the person."""
        owners = set(self.facts.along(node, self._model.owner_links))
        if self._graphs.is_genid(node):
            owners.update(self.facts.subjects(node, None))
        return {o for o in owners if self._model.persons.isdisjoint(self.facts.nodes(o, TYPE))}

    def dependents(self, node: NamedNode) -> set[NamedNode]:
        """The nodes whose traits hang on those of `node`, or on what is said of it."""
        facts = self.facts
        found = {*facts.nodes(node, _SCREENING_OF), *facts.subjects(node, _SCREENED_BY)}
        found |= self.restricted(node)
        if self._model.persons.isdisjoint(facts.nodes(node, TYPE)):
            found.update(facts.against(node, self._model.owner_links))
        return found

    def restrictions(self, node: NamedNode) -> list[Period]:
        """The restrictions of a record."""
        facts = self.facts
        found = {*facts.nodes(node, _RESTRICTED_BY), *facts.subjects(node, _RESTRICTS)}
        return [self.period(restriction) for restriction in found]

    def restrictions_of_all(self, person: NamedNode) -> list[Period]:
        """The restrictions of all records of a person: those that name no record."""
        facts = self.facts
        return [
            self.period(node)
            for node in facts.subjects(person, _DATA_SUBJECT)
            if _RESTRICTION in facts.objects(node, TYPE) and not self.restricted(node)
        ]

    def restricted(self, restriction: NamedNode) -> set[NamedNode]:
        """The records that a restriction names."""
        facts = self.facts
        return {*facts.nodes(restriction, _RESTRICTS), *facts.subjects(restriction, _RESTRICTED_BY)}

    def period(self, restriction: NamedNode) -> Period:
        """From when until when a restriction holds."""
        facts = self.facts
        starts = _moments(facts.objects(restriction, _VALID_FROM))
        ends = _moments(facts.objects(restriction, _VALID_UNTIL))
        # What cannot be read holds since always, and does not end.
        return Period(None if None in starts or not starts else min(s for s in starts if s), _last(ends))

    def _annotated(self, term: NamedNode) -> frozenset[str]:
        """The categories of a property or class: the narrowest that the concepts know, else all it names."""
        if term not in self._of_terms:
            named = {category.value for category in self._model.categories.get(term, ())}
            known = {category for category in named if category in self._concepts.categories}
            wider = set().union(*(upwards(c, self._concepts.categories) - {c} for c in known))
            self._of_terms[term] = frozenset((known - wider) or known or named)
        return self._of_terms[term]


@dataclass(slots=True)
class Grants:
    """What data of one person may be used for, at one moment; `sealed`: all of them are restricted."""

    subject: Subject
    moment: datetime
    concepts: Concepts
    policy: Policy
    activities: Sequence[Activity] = ()
    sealed: bool = False
    _known: dict[tuple[str, str, bool], bool] = field(default_factory=dict)

    def allow(self, purpose: str, need: Need) -> bool:
        """Whether a statement of the person may be used for the purpose."""
        return not self.sealed and all(self._may(purpose, c, need.special) for c in need.categories)

    def _may(self, purpose: str, category: str, special: bool) -> bool:
        key = (purpose, category, special)
        if key not in self._known:
            asked = Asked(category, purpose, self.moment, special)
            decision = allowed(asked, self.subject, self.concepts, self.policy, self.activities)
            self._known[key] = decision.allowed
        return self._known[key]


def next_change(
    subject: Subject, periods: Iterable[Period], after: datetime, policy: Policy
) -> datetime | None:
    """The first moment after another at which what may be shown of a person can change by itself."""
    moments = [period.next_change(after) for period in periods]
    for consent in subject.consents:
        moments += [consent.expires, *(m for e in consent.events for m in (e.time, e.expires))]
    moments += [authorisation.verified for authorisation in subject.authorisations]
    moments += [m for objection in subject.objections for m in (objection.received, objection.refused)]
    for born in subject.birth_years:
        if 0 < born + policy.consent_age <= datetime.max.year:
            moments.append(datetime(born + policy.consent_age, 1, 1, tzinfo=UTC))
    return min((m for m in moments if m is not None and m > after), default=None)


def _iris(terms: Collection[Term]) -> frozenset[str]:
    return frozenset(term.value for term in terms if isinstance(term, NamedNode))


def _moments(terms: Iterable[Term]) -> list[datetime | None]:
    return [read_moment(term.value) if isinstance(term, Literal) else None for term in terms]


def _last(moments: Collection[datetime | None]) -> datetime | None:
    return None if None in moments else max((m for m in moments if m), default=None)
