"""What a view of a purpose may show: what each statement needs.

A statement in the graph of a person needs the permission for its data categories: those of its property (of
its class, for a type), and those that the record at either end of it states. If its property has none, those
of the classes of both ends count; a node without any has those of what it belongs to. What is suspected from
a record has those of the record in any case. What still has none is taken for identification data. A
statement of any graph needs the highest confidentiality of its ends, and nothing is shown that is restricted
(Art. 18 GDPR), nor what proves the consents of somebody who was erased: it is kept for that proof and for no
other purpose; nor the values that were compared for a link to a record of a CRM, which may be those of
somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyoxigraph import Literal, NamedNode, Triple

from kgservice.domain.consent import Concepts, Period, period_of, upwards
from kgservice.domain.facts import Facts, Term
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Model
from kgservice.namespaces import CI

LEVELS = ("public", "internal", "confidential")
IDENTIFICATION = f"{CI}IdentificationData"
_IDENTIFYING = frozenset({IDENTIFICATION})

_TRUE = Literal(True)
_HAS_CATEGORY = NamedNode(f"{CI}hasCategory")
_CONFIDENTIALITY = NamedNode(f"{CI}confidentiality")
_SPECIAL = NamedNode(f"{CI}specialCategory")
_SCREENED_BY, _SCREENING_OF = NamedNode(f"{CI}screenedBy"), NamedNode(f"{CI}screeningOf")
_SCREENING_DECISION = NamedNode(f"{CI}screeningDecision")
_CONTAINS_SPECIAL = NamedNode(f"{CI}ContainsSpecialCategory")
_RESTRICTS, _RESTRICTED_BY = NamedNode(f"{CI}restricts"), NamedNode(f"{CI}restrictedBy")
_VALID_FROM, _VALID_UNTIL = NamedNode(f"{CI}validFrom"), NamedNode(f"{CI}validUntil")
_HAS_TOMBSTONE = NamedNode(f"{CI}hasTombstone")
SUSPECTED_FROM = NamedNode(f"{CI}suspectedFrom")
"""Leads to a record without which a suspicion is never shown."""
_NEVER_SHOWN = frozenset(NamedNode(CI + c) for c in ("Tombstone", "UnidentifiedRequest", "FieldComparison"))
# What says when restrictions hold, and of what; and all else that decides about a node it is said of.
OF_RESTRICTIONS = frozenset({_RESTRICTS, _RESTRICTED_BY, _VALID_FROM, _VALID_UNTIL})
_OF_NODES = {TYPE, _HAS_CATEGORY, _CONFIDENTIALITY, _SPECIAL, _HAS_TOMBSTONE}
_OF_NODES |= {_SCREENED_BY, _SCREENING_OF, _SCREENING_DECISION}
_DECIDING = OF_RESTRICTIONS | _OF_NODES
_RANKS = {NamedNode(CI + name.capitalize()): rank for rank, name in enumerate(LEVELS)}


@dataclass(frozen=True, slots=True)
class Traits:
    """What decides about showing a node: its categories as stated and by its classes, and its secrecy.

    `level` is the rank of its confidentiality in `LEVELS`, higher for one that is not known, and for what is
    left of a person who was erased, and for what was compared for a link.
    """

    stated: frozenset[str] = frozenset()
    classed: frozenset[str] = frozenset()
    level: int = 0
    special: bool = False
    restricted: bool = False

    @property
    def has_categories(self) -> bool:
        """Whether it needs none of those of what it belongs to."""
        return bool(self.stated or self.classed)


@dataclass(frozen=True, slots=True)
class Own:
    """What is said of a node itself, and what it belongs to, short of the person.

    `bound`: it needs what that needs, whatever its own categories.
    """

    traits: Traits
    owners: frozenset[NamedNode] = frozenset()
    bound: bool = False


_UNKNOWN = Own(Traits())


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
        self.model = model
        self.graphs = graphs
        self.concepts = concepts
        self.facts = facts
        self.moment = moment
        self._deciding = _DECIDING | model.owner_links.properties
        self._said: dict[NamedNode, Own] = {}
        self._traits: dict[NamedNode, Traits] = {}
        self._kinds: dict[Traits, Traits] = {}
        self._needs: dict[tuple[object, ...], Need] = {}
        self._of_terms: dict[NamedNode, frozenset[str]] = {}

    @property
    def known(self) -> int:
        """The number of nodes that it remembers."""
        return len(self._traits)

    def need(self, triple: Triple) -> Need:
        """What the statement needs."""
        s, p, o = triple.subject, triple.predicate, triple.object
        ends = [self.traits(s)] if isinstance(s, NamedNode) else []
        term = p
        if isinstance(o, NamedNode):
            if p == TYPE:
                term = o
            else:
                ends.append(self.traits(o))
        # There are few kinds of nodes, and each kind of traits is one object.
        key = (term, *map(id, ends))
        need = self._needs.get(key)
        if need is None:
            need = self._needs[key] = self.need_of(term, ends)
        return need

    def need_of(self, term: NamedNode, ends: Sequence[Traits]) -> Need:
        """What a statement needs with this property (or class, for a type) and with ends of these traits."""
        found = categories = self._annotated(term)
        level, special, restricted = 0, False, False
        for end in ends:
            found |= end.stated if categories else end.stated | end.classed
            level = max(level, end.level)
            special |= end.special
            restricted |= end.restricted
        return Need(found or _IDENTIFYING, level, special, restricted)

    def decides(self, predicate: NamedNode) -> bool:
        """Whether statements with that property decide about the traits of nodes with names of their own."""
        return predicate in self._deciding

    def traits(self, node: NamedNode) -> Traits:
        """The traits of a node: its own, and what it has of all that it belongs to."""
        traits = self._traits.get(node)
        if traits is None:
            found = self._find(node)
            traits = self._traits[node] = self._kinds.setdefault(found, found)
        return traits

    def _find(self, node: NamedNode) -> Traits:
        own = self.own(node)
        if not own.owners:
            return own.traits
        # Nodes may belong to each other in a circle.
        chain = [one.traits for one in self._upwards(node, lambda _: True)]
        nearest = [
            one.traits for one in self._upwards(node, lambda own: own.bound or not own.traits.has_categories)
        ]
        return Traits(
            frozenset().union(*(t.stated for t in nearest)),
            frozenset().union(*(t.classed for t in nearest)),
            max(t.level for t in chain),
            any(t.special for t in chain),
            any(t.restricted for t in chain),
        )

    def _upwards(self, node: NamedNode, beyond: Callable[[Own], bool]) -> Iterator[Own]:
        """What is said of the node and of what it belongs to, as far as one may look beyond what is there."""
        seen, waiting = {node}, [node]
        while waiting:
            own = self.own(waiting.pop())
            yield own
            if beyond(own):
                waiting += own.owners - seen
                seen |= own.owners

    def own(self, node: NamedNode) -> Own:
        """What is said of a node itself."""
        if node not in self._said:
            self._said[node] = self._read(node)
        return self._said[node]

    def _read(self, node: NamedNode) -> Own:
        facts = self.facts
        if not facts.knows(node):
            return _UNKNOWN
        types = facts.nodes(node, TYPE)
        levels = [_RANKS.get(level, len(LEVELS)) for level in facts.nodes(node, _CONFIDENTIALITY)]
        if not _NEVER_SHOWN.isdisjoint(types) or facts.objects(node, _HAS_TOMBSTONE):
            levels.append(len(LEVELS))
        screenings = {*facts.nodes(node, _SCREENED_BY), *facts.subjects(node, _SCREENING_OF)}
        traits = Traits(
            _iris(facts.objects(node, _HAS_CATEGORY)),
            frozenset().union(*(self._annotated(cls) for cls in types)),
            max(levels, default=0),
            _TRUE in facts.objects(node, _SPECIAL)
            or any(_CONTAINS_SPECIAL in facts.objects(one, _SCREENING_DECISION) for one in screenings),
            any(period.holds(self.moment) for period in self.restrictions(node)),
        )
        is_person = not self.model.persons.isdisjoint(types)
        bound = bool(facts.objects(node, SUSPECTED_FROM))
        return Own(traits, frozenset() if is_person else self._owners(node), bound)

    def _owners(self, node: NamedNode) -> frozenset[NamedNode]:
        """What the node belongs to, short of the person."""
        owners = set(self.facts.along(node, self.model.owner_links))
        if self.graphs.is_genid(node):
            owners.update(self.facts.subjects(node, None))
        return frozenset(o for o in owners if self.model.persons.isdisjoint(self.facts.nodes(o, TYPE)))

    def dependents(self, node: NamedNode) -> set[NamedNode]:
        """The nodes whose traits hang on those of `node`, or on what is said of it."""
        facts = self.facts
        if not facts.knows(node):
            return set()
        found = {*facts.nodes(node, _SCREENING_OF), *facts.subjects(node, _SCREENED_BY)}
        found |= self.restricted(node)
        if self.model.persons.isdisjoint(facts.nodes(node, TYPE)):
            found.update(facts.against(node, self.model.owner_links))
        return found

    def restrictions(self, node: NamedNode) -> list[Period]:
        """The restrictions of a record."""
        facts = self.facts
        found = {*facts.nodes(node, _RESTRICTED_BY), *facts.subjects(node, _RESTRICTS)}
        return [self.period(restriction) for restriction in found]

    def restricted(self, restriction: NamedNode) -> set[NamedNode]:
        """The records that a restriction names."""
        facts = self.facts
        return {*facts.nodes(restriction, _RESTRICTS), *facts.subjects(restriction, _RESTRICTED_BY)}

    def period(self, restriction: NamedNode) -> Period:
        """From when until when a restriction holds."""
        facts = self.facts
        return period_of(
            _texts(facts.objects(restriction, _VALID_FROM)), _texts(facts.objects(restriction, _VALID_UNTIL))
        )

    def _annotated(self, term: NamedNode) -> frozenset[str]:
        """The categories of a property or class: the narrowest that the concepts know, else all it names."""
        if term not in self._of_terms:
            named = {category.value for category in self.model.categories.get(term, ())}
            known = {category for category in named if category in self.concepts.categories}
            wider = set().union(*(upwards(c, self.concepts.categories) - {c} for c in known))
            self._of_terms[term] = frozenset((known - wider) or known or named)
        return self._of_terms[term]


def _iris(terms: Collection[Term]) -> frozenset[str]:
    return frozenset(term.value for term in terms if isinstance(term, NamedNode))


def _texts(terms: Iterable[Term]) -> list[str]:
    return [term.value if isinstance(term, Literal) else "" for term in terms]
