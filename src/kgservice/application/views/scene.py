"""All that decides about the views of purposes, before or after a change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application.changes.planner import Planner
from kgservice.application.changes.view_facts import Parts
from kgservice.application.views.lawful_lookups import (
    BROADER,
    NARROWER,
    SPECIAL,
    find_activities,
    find_concepts,
    find_subject,
)
from kgservice.domain.consent import Activity, Concepts, Subject
from kgservice.domain.facts import Facts
from kgservice.domain.finding import Policy
from kgservice.domain.grants import Grants, next_change
from kgservice.domain.model import TYPE
from kgservice.domain.visibility import Need, Sight
from kgservice.namespaces import CI
from kgservice.store.base import Dataset

_KIND_OF_SEGMENT, _MEMBERSHIP = NamedNode(f"{CI}segmentKindOfCustomer"), NamedNode(f"{CI}membershipOf")
_MEMBER, _SUBJECT = NamedNode(f"{CI}memberPerson"), NamedNode(f"{CI}dataSubject")
_AUTHORISES, _AUTHORISATION_FOR = NamedNode(f"{CI}authorises"), NamedNode(f"{CI}authorisationFor")
_EVENT_OF = NamedNode(f"{CI}eventOf")
_USES, _BASIS = NamedNode(f"{CI}usesRecord"), NamedNode(f"{CI}legalBasis")
_GUARDIAN, _ACTIVITY = NamedNode(f"{CI}GuardianAuthorisation"), NamedNode(f"{CI}ProcessingActivity")
_FOR_ALL = frozenset(
    {NamedNode(f"{CI}DataCategory"), NamedNode(f"{CI}ProcessingPurpose"), _ACTIVITY, SPECIAL}
)

_OF_CONCEPTS = frozenset({BROADER, NARROWER})
_OF_PERSONS = frozenset({_AUTHORISES, _MEMBER, _SUBJECT, _AUTHORISATION_FOR})


class Scene:
    """All that decides about the views at one moment, before or after a change.

    `elsewhere` gives all persons whose IRIs are not of this deployment (see `persons_elsewhere`), and perhaps
    other nodes.
    """

    def __init__(
        self,
        planner: Planner,
        facts: Facts,
        common: Common,
        moment: datetime,
        sight: Sight | None = None,
        *,
        elsewhere: Callable[[], Iterable[NamedNode]],
    ) -> None:
        self._elsewhere = elsewhere
        self._graphs = planner.graphs
        self._model = planner.model
        self.common = common
        self.facts = facts
        self.moment = moment
        self.sight = sight or Sight(planner.model, planner.graphs, common.concepts, facts, moment)
        self._needs: dict[Triple, Need] = {}
        self._grants: dict[object, Grants | None] = {}
        self._persons: dict[object, NamedNode | None] = {}

    def shows(self, quad: Quad, purpose: str, level: int) -> bool:
        """Whether the view of the purpose shows a statement of a record graph."""
        return self.allows(quad.graph_name, self.need(quad.triple), purpose, level)

    def need(self, triple: Triple) -> Need:
        """What a statement needs to be shown."""
        need = self._needs.get(triple)
        if need is None:
            need = self._needs[triple] = self.sight.need(triple)
        return need

    def allows(self, graph: object, need: Need, purpose: str, level: int) -> bool:
        """Whether the view of the purpose shows the statements of a record graph that need this."""
        is_subject = self._graphs.is_subject(graph)
        if not is_subject and not self._graphs.is_project(graph):
            return False
        if need.level > level or need.restricted:
            return False
        if not is_subject:
            return True
        grants = self.grants(graph)
        return grants is not None and grants.allow(purpose, need)

    def grants(self, graph: object) -> Grants | None:
        """What the person with this graph has granted."""
        if graph not in self._grants:
            person = self.person(graph)
            self._grants[graph] = None if person is None else self.granted(person)
        return self._grants[graph]

    def granted(self, person: NamedNode) -> Grants:
        """What a person has granted."""
        common = self.common
        subject = find_subject(self.facts, person, claims=common.policy.profile == "gdpr")
        return Grants(subject, self.moment, common.concepts, common.policy, common.activities)

    def person(self, graph: object) -> NamedNode | None:
        """Whose the graph is."""
        if graph not in self._persons:
            self._persons[graph] = self._find_person(graph)
        return self._persons[graph]

    def _find_person(self, graph: object) -> NamedNode | None:
        assert isinstance(graph, NamedNode)
        addresses = self._graphs.addresses
        key = graph.value.rpartition("/")[2]
        usual = NamedNode(addresses.ids + key)
        if self.is_person(usual):
            return usual
        for person in self.foreign(key):
            if self.is_person(person):
                return person
        return None

    def foreign(self, key: str) -> Iterator[NamedNode]:
        """Persons with that key whose IRIs are not of this deployment; there are few."""
        return (node for node in self._elsewhere() if self._graphs.addresses.key(node.value) == key)

    def is_person(self, node: NamedNode) -> bool:
        """Whether the node is a person."""
        return not self._model.persons.isdisjoint(self.facts.nodes(node, TYPE))

    def next_change(self, subject: Subject) -> datetime | None:
        """The first moment after this at which what is shown of a person can change by itself."""
        return next_change(subject, self.moment, self.common.policy)


@dataclass(frozen=True)
class Common:
    """What decides for all persons: concepts, activities on other bases than consent, and the policy."""

    policy: Policy
    concepts: Concepts
    activities: tuple[Activity, ...]

    @classmethod
    def of(cls, policy: Policy, facts: Facts) -> Common:
        """As the facts say."""
        activities = find_activities(facts) if policy.profile == "gdpr" else ()
        return cls(policy, find_concepts(facts), activities)


def persons_elsewhere(planner: Planner) -> set[NamedNode]:
    """The persons in the view of everything whose IRIs are not of this deployment; there are few."""
    classes = " ".join(map(str, planner.model.persons))
    query = f"""SELECT DISTINCT ?person {{ VALUES ?class {{ {classes} }} ?person a ?class
        FILTER(!STRSTARTS(STR(?person), "{planner.addresses.ids}")) }}"""
    rows = planner.store.select(query, Dataset((NamedNode(planner.addresses.everything),), ())).rows
    return {node for (node,) in rows if isinstance(node, NamedNode)}


def decides_for_all(scene: Scene, changed: Collection[Parts]) -> bool:
    """Whether a change can alter what decides for all persons."""
    if any(p in _OF_CONCEPTS or (p == TYPE and o in _FOR_ALL) for _, p, o in changed):
        return True
    if scene.common.policy.profile != "gdpr":
        return False
    nodes = {s for s, _, _ in changed if isinstance(s, NamedNode)}
    return any(_ACTIVITY in scene.facts.objects(node, TYPE) for node in nodes)


Links = Mapping[NamedNode, Collection[NamedNode]]
"""The properties that something is said with, by its subject."""


def links_of(changed: Collection[Parts]) -> Links:
    """What is said with which properties."""
    links: defaultdict[NamedNode, set[NamedNode]] = defaultdict(set)
    for s, p, _ in changed:
        if isinstance(s, NamedNode):
            links[s].add(p)
    return links


def concerned(scene: Scene, changed: Collection[Parts], links: Links) -> set[NamedNode]:
    """Persons about whom a changed statement says something without being in their graphs.

    `links` are those of the changed statements.
    """
    facts = scene.facts
    found: set[NamedNode] = set()
    for s, p, o in changed:
        if p not in _OF_PERSONS or not isinstance(s, NamedNode):
            continue
        # A value says something of its subject only.
        about = o if isinstance(o, NamedNode) else s
        found.update((about,) if p != _AUTHORISATION_FOR else facts.nodes(about, _SUBJECT))
    for node, predicates in links.items():
        if not facts.knows(node):
            continue
        if _KIND_OF_SEGMENT in predicates:
            members = facts.subjects(node, _MEMBERSHIP)
            found.update(person for member in members for person in facts.nodes(member, _MEMBER))
        # A record of several persons is in the graph of one of them, and so is a membership.
        if _MEMBERSHIP in predicates:
            found.update(facts.nodes(node, _MEMBER))
        found.update(facts.nodes(node, _SUBJECT))
        found.update(_subjects_of(facts, facts.nodes(node, _EVENT_OF)))
        if _GUARDIAN in facts.objects(node, TYPE):
            found.update(facts.nodes(node, _AUTHORISES))
            found.update(_subjects_of(facts, facts.nodes(node, _AUTHORISATION_FOR)))
        if _USES in predicates or _BASIS in predicates:
            found.update(_subjects_of(facts, facts.nodes(node, _USES)))
    return found


def _subjects_of(facts: Facts, nodes: Iterable[NamedNode]) -> Iterator[NamedNode]:
    """The persons whom these records are about."""
    return (person for node in nodes for person in facts.nodes(node, _SUBJECT))
