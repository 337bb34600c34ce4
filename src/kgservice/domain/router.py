"""Where a statement belongs: the graph of its data subject, of its project, or no record graph at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pyoxigraph import NamedNode, Triple

from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Links, Model

COMMON = "common"


class Facts(Protocol):
    """The look-ups that routing needs, in the statements of the record graphs."""

    def knows(self, node: NamedNode) -> bool:
        """Whether anything may be said of `node`, or of another one by it."""

    def types(self, node: NamedNode) -> Iterable[NamedNode]:
        """The classes that `node` is said to be an instance of."""

    def along(self, node: NamedNode, links: Links) -> Iterable[NamedNode]:
        """The nodes that `node` is linked to by one of the properties."""

    def against(self, node: NamedNode, links: Links) -> Iterable[NamedNode]:
        """The nodes that are linked so to `node`."""

    def users(self, node: NamedNode) -> Iterable[NamedNode]:
        """The nodes that refer to `node` by any property."""

    def outgoing(self, subject: NamedNode) -> Iterable[Triple]:
        """The statements with `subject`; read only as far as needed."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a node is: the nearest person and project (IRIs) and how many links away they are.

    `consent`: the node is evidence of consent. `record`: it is something that the model knows.
    """

    person: str | None = None
    person_distance: int = 0
    consent: bool = False
    project: str | None = None
    project_distance: int = 0
    record: bool = False


FactsT = TypeVar("FactsT", bound=Facts)


class Router(Generic[FactsT]):
    """Routes statements by the owners of their nodes; each node is looked up once in the life of a router.

    A statement goes to

    1. the graph of its subject's person (the consent graph if the subject is a consent record or event),
       else the subject graph of its object's person;
    2. else the graph of its subject's project;
    3. else the common project graph if the subject is an instance of a class of the model or uses one of
       its properties;
    4. else the scratch graph.
    """

    def __init__(self, model: Model, graphs: Graphs, facts: FactsT) -> None:
        self._model = model
        self._graphs = graphs
        self.facts = facts
        self._owners: dict[NamedNode, Owner] = {}
        # What walks from different nodes look up of the same ones.
        self._types: dict[NamedNode, frozenset[NamedNode]] = {}
        self._above: dict[NamedNode, tuple[NamedNode, ...]] = {}
        self._in_projects: dict[NamedNode, tuple[str, ...]] = {}

    def graph(self, triple: Triple) -> NamedNode:
        """The graph that the statement belongs to."""
        a = self._graphs.addresses
        subject, obj = triple.subject, triple.object
        owner = self.owner(subject) if isinstance(subject, NamedNode) else Owner()
        if owner.person is not None:
            key = a.key(owner.person)
            return NamedNode(a.consent(key) if owner.consent else a.subject(key))
        if isinstance(obj, NamedNode) and triple.predicate != TYPE:
            person = self.owner(obj).person
            if person is not None:
                return NamedNode(a.subject(a.key(person)))
        if owner.project is not None:
            return NamedNode(a.project(a.key(owner.project)))
        return NamedNode(a.project(COMMON) if owner.record else a.scratch)

    def owner(self, node: NamedNode) -> Owner:
        """Whose `node` is."""
        known = self._owners.get(node)
        if known is None:
            known = self._owners[node] = self._find(node)
        return known

    def person(self, node: NamedNode) -> str | None:
        """The person of its owner: less to look up than the rest."""
        return self._nearest(node, self._persons)[0] if self.facts.knows(node) else None

    def _find(self, node: NamedNode) -> Owner:
        if not self.facts.knows(node):
            return Owner()
        person, person_distance = self._nearest(node, self._persons)
        project, project_distance = self._nearest(node, self._projects)
        inherited = [self.owner(user) for user in self._users(node)] if self._graphs.is_genid(node) else []
        types = self._types_of(node)
        return Owner(
            person,
            person_distance,
            not types.isdisjoint(self._model.consent_classes) or any(o.consent for o in inherited),
            project,
            project_distance,
            person is not None
            or project is not None
            or any(self._model.is_class(c) for c in types)
            or any(o.record for o in inherited)
            or any(self._model.is_property(t.predicate) for t in self.facts.outgoing(node)),
        )

    def _users(self, node: NamedNode) -> set[NamedNode]:
        """The nodes that refer to a node that stands for a blank node; cycles of these lead nowhere."""
        users: set[NamedNode] = set()
        seen, waiting = {node}, [node]
        while waiting:
            for user in self.facts.users(waiting.pop()):
                if user in seen:
                    continue
                seen.add(user)
                if self._graphs.is_genid(user):
                    waiting.append(user)
                else:
                    users.add(user)
        return users

    def _nearest(self, node: NamedNode, found: _Finder) -> tuple[str | None, int]:
        seen, level, distance = {node}, [node], 0
        while level:
            answers = [iri for one in level for iri in found(one)]
            if answers:
                return min(answers), distance
            following = []
            for one in level:
                for owner in self._owning(one):
                    if owner not in seen:
                        seen.add(owner)
                        following.append(owner)
            level, distance = following, distance + 1
        return None, 0

    def _types_of(self, node: NamedNode) -> frozenset[NamedNode]:
        known = self._types.get(node)
        if known is None:
            known = self._types[node] = frozenset(self.facts.types(node))
        return known

    def _persons(self, node: NamedNode) -> Sequence[str]:
        return () if self._model.persons.isdisjoint(self._types_of(node)) else (node.value,)

    def _projects(self, node: NamedNode) -> Sequence[str]:
        known = self._in_projects.get(node)
        if known is None:
            if not self._model.projects.isdisjoint(self._types_of(node)):
                known = (node.value,)
            else:
                known = tuple(p.value for p in self.facts.along(node, self._model.project_links))
            self._in_projects[node] = known
        return known

    def _owning(self, node: NamedNode) -> Sequence[NamedNode]:
        known = self._above.get(node)
        if known is None:
            found = list(self.facts.along(node, self._model.owner_links))
            if self._graphs.is_genid(node):
                found += self.facts.users(node)
            known = self._above[node] = tuple(found)
        return known


class _Finder(Protocol):
    def __call__(self, node: NamedNode, /) -> Sequence[str]: ...
