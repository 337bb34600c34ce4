"""All that decides about the views of purposes, before or after a change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application.lawful_lookups import (
    BROADER,
    NARROWER,
    SPECIAL,
    find_activities,
    find_concepts,
    find_subject,
)
from kgservice.application.planner import Planner
from kgservice.domain.consent import Activity, Concepts, Subject
from kgservice.domain.finding import Policy
from kgservice.domain.grants import Grants, next_change
from kgservice.domain.model import TYPE
from kgservice.domain.visibility import Facts, Need, Sight
from kgservice.namespaces import CI

_KIND_OF_SEGMENT, _MEMBERSHIP = NamedNode(f"{CI}segmentKindOfCustomer"), NamedNode(f"{CI}membershipOf")
_MEMBER, _SUBJECT = NamedNode(f"{CI}memberPerson"), NamedNode(f"{CI}dataSubject")
_AUTHORISES, _AUTHORISATION_FOR = NamedNode(f"{CI}authorises"), NamedNode(f"{CI}authorisationFor")
_EVENT_OF = NamedNode(f"{CI}eventOf")
_USES, _BASIS = NamedNode(f"{CI}usesRecord"), NamedNode(f"{CI}legalBasis")
_GUARDIAN, _ACTIVITY = NamedNode(f"{CI}GuardianAuthorisation"), NamedNode(f"{CI}ProcessingActivity")
_FOR_ALL = frozenset(
    {NamedNode(f"{CI}DataCategory"), NamedNode(f"{CI}ProcessingPurpose"), _ACTIVITY, SPECIAL}
)


class Scene:
    """All that decides about the views at one moment, before or after a change."""

    def __init__(
        self, planner: Planner, facts: Facts, common: Common, moment: datetime, sight: Sight | None = None
    ) -> None:
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
        graph = quad.graph_name
        is_subject = self._graphs.is_subject(graph)
        if not is_subject and not self._graphs.is_project(graph):
            return False
        triple = quad.triple
        need = self._needs.get(triple)
        if need is None:
            need = self._needs[triple] = self.sight.need(triple)
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
        sealed = any(period.holds(self.moment) for period in self.sight.restrictions_of_all(person))
        return Grants(subject, self.moment, common.concepts, common.policy, common.activities, sealed)

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
        for cls in self._model.persons:
            for node in self.facts.subjects(cls, TYPE):
                if not node.value.startswith(self._graphs.addresses.ids) and (
                    self._graphs.addresses.key(node.value) == key
                ):
                    yield node

    def is_person(self, node: NamedNode) -> bool:
        """Whether the node is a person."""
        return not self._model.persons.isdisjoint(self.facts.nodes(node, TYPE))

    def next_change(self, person: NamedNode, subject: Subject) -> datetime | None:
        """The first moment after this at which what is shown of the person can change by itself."""
        return next_change(subject, self.sight.restrictions_of_all(person), self.moment, self.common.policy)


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


def decides_for_all(scene: Scene, changed: set[Triple]) -> bool:
    """Whether a change can alter what decides for all persons."""
    facts = scene.facts
    gdpr = scene.common.policy.profile == "gdpr"
    for triple in changed:
        if triple.predicate in (BROADER, NARROWER) or (
            triple.predicate == TYPE and triple.object in _FOR_ALL
        ):
            return True
        if (
            gdpr
            and isinstance(triple.subject, NamedNode)
            and _ACTIVITY in facts.objects(triple.subject, TYPE)
        ):
            return True
    return False


def concerned(scene: Scene, changed: set[Triple]) -> set[NamedNode]:
    """Persons about whom a changed statement says something without being in their graphs."""
    facts = scene.facts
    found: set[NamedNode] = set()
    for triple in changed:
        s, p, o = triple.subject, triple.predicate, triple.object
        if not isinstance(s, NamedNode) or not isinstance(o, NamedNode):
            o = s  # a value says something of its subject only
        if not isinstance(s, NamedNode):
            continue
        assert isinstance(o, NamedNode)
        if p == _KIND_OF_SEGMENT:
            members = facts.subjects(s, _MEMBERSHIP)
            found.update(person for member in members for person in facts.nodes(member, _MEMBER))
        if p in (_AUTHORISES, _MEMBER, _SUBJECT):
            found.add(o)
        # A record of several persons is in the graph of one of them.
        found.update(facts.nodes(s, _SUBJECT))
        found.update(
            person for consent in facts.nodes(s, _EVENT_OF) for person in facts.nodes(consent, _SUBJECT)
        )
        if p == _AUTHORISATION_FOR:
            found.update(facts.nodes(o, _SUBJECT))
        if _GUARDIAN in facts.objects(s, TYPE):
            found.update(facts.nodes(s, _AUTHORISES))
            found.update(p for c in facts.nodes(s, _AUTHORISATION_FOR) for p in facts.nodes(c, _SUBJECT))
        if p in (_USES, _BASIS):
            found.update(p for record in facts.nodes(s, _USES) for p in facts.nodes(record, _SUBJECT))
    return found
