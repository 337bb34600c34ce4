"""The views of purposes once more, by other means than those that keep them: statement by statement, naively.

Whoever is asked whether something may be shown is `read_subjects` and `allowed`, as for `GET /decisions`;
what a statement is about is found by walking over a view of everything with SPARQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Iterable
from datetime import datetime

from pyoxigraph import Literal, NamedNode, Triple

from kgservice.application.changes import streams
from kgservice.application.changes.record_texts import Progress, counted, silent
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_concepts, read_subjects
from kgservice.domain.consent import Activity, Subject, read_moment, upwards
from kgservice.domain.decision import Asked, allowed
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI
from kgservice.store.base import Dataset, Store

_PREFIX = f"PREFIX ci: <{CI}>"
_CATEGORIES = f"{_PREFIX} SELECT ?node ?value {{ ?node ci:hasCategory ?value }}"
_CLASSES = f"{_PREFIX} SELECT ?node ?value {{ ?node a ?value }}"
_LEVELS = f"{_PREFIX} SELECT ?node ?value {{ ?node ci:confidentiality ?value }}"
_SPECIAL = f"""{_PREFIX} SELECT ?node ?value {{ {{ ?node ci:specialCategory true }} UNION
  {{ ?node ci:screenedBy|^ci:screeningOf ?check . ?check ci:screeningDecision ci:ContainsSpecialCategory }}
  BIND(?node AS ?value) }}"""
_RESTRICTIONS = f"{_PREFIX} SELECT ?node ?value {{ ?node ci:restrictedBy|^ci:restricts ?value }}"
_OF_ALL = f"""{_PREFIX} SELECT ?node ?value {{
  ?value a ci:Restriction ; ci:dataSubject ?node
  FILTER NOT EXISTS {{ ?value ci:restricts|^ci:restrictedBy ?any }} }}"""
_STARTS = f"{_PREFIX} SELECT ?node ?value {{ ?node ci:validFrom ?value }}"
_ENDS = f"{_PREFIX} SELECT ?node ?value {{ ?node ci:validUntil ?value }}"
_SUSPECTED = f"{_PREFIX} SELECT ?node ?value {{ ?node ci:suspectedFrom ?value }}"
_LEFT = f"""{_PREFIX} SELECT ?node ?value {{
  {{ ?node a ci:Tombstone }} UNION {{ ?node ci:hasTombstone ?any }} UNION {{ ?node a ci:FieldComparison }}
  UNION {{ ?node a ci:UnidentifiedRequest }}
  BIND(?node AS ?value) }}"""
_ORDER = ("Public", "Internal", "Confidential")
_AT_ONCE = 200  # persons that one query reads


def expected(kg: KnowledgeGraph, told: Progress = silent) -> dict[str, set[bytes]]:
    """What the view of each active purpose should hold now, as lines of N-Triples."""
    return _NaiveViews(kg, kg.store, kg.clock()).expected(kg.settings.active_purposes, told)


class _NaiveViews:
    """Tells what each view of a purpose should hold at a moment, by its definition."""

    def __init__(self, kg: KnowledgeGraph, store: Store, now: datetime) -> None:
        self._kg = kg
        self._store = store
        self._now = now
        self._concepts = read_concepts(kg)
        self._categories = self._pairs(_CATEGORIES)
        self._classes = self._pairs(_CLASSES)
        self._persons = self._read_persons()
        self._levels = self._pairs(_LEVELS)
        self._special = self._pairs(_SPECIAL).keys()
        self._restrictions, self._of_all = self._pairs(_RESTRICTIONS), self._pairs(_OF_ALL)
        self._starts, self._ends = self._pairs(_STARTS), self._pairs(_ENDS)
        self._owners = self._read_owners()
        self._suspected = self._pairs(_SUSPECTED).keys()
        self._hidden = self._read_hidden()
        self._subjects, self._activities = self._read_subjects()
        self._known: dict[tuple[object, ...], Collection[str]] = {}
        self._are_hidden: dict[object, bool] = {}
        self._are_special: dict[object, bool] = {}
        self._annotations: dict[object, set[str]] = {}
        self._owned: dict[object, tuple[set[str], set[str]]] = {}

    def _pairs(self, query: str) -> dict[object, set[object]]:
        found: dict[object, set[object]] = defaultdict(set)
        for node, value in self._store.select(query, Dataset((self._kg.view,), ())).rows:
            found[node].add(value)
        return found

    def _read_owners(self) -> dict[object, set[object]]:
        """What each node belongs to, short of persons."""
        model, links = self._kg.model, self._kg.model.owner_links
        found: dict[object, set[object]] = defaultdict(set)
        for turned, properties in ((False, links.forward), (True, links.backward)):
            for prop in properties:
                for s, o in self._pairs(f"SELECT ?s ?o {{ ?s {prop} ?o }}").items():
                    for value in o:
                        found[value if turned else s].add(s if turned else value)
        genid = Literal(self._kg.graphs.genid)
        for node, users in self._pairs(
            f"SELECT ?node ?s {{ ?s ?p ?node FILTER(ISIRI(?node) && STRSTARTS(STR(?node), {genid})) }}"
        ).items():
            if self._kg.graphs.is_genid(node):
                found[node] |= users
        persons = {node for node, classes in self._classes.items() if classes & model.persons}
        return {node: owners - persons for node, owners in found.items() if node not in persons}

    def expected(self, purposes: Iterable[str], told: Progress) -> dict[str, set[bytes]]:
        """What each view should hold."""
        views: dict[str, set[bytes]] = {purpose: set() for purpose in purposes}
        model: set[bytes] = set()
        for graph in counted(list(self._store.graphs()), "Working out the views of purposes", told):
            if self._kg.graphs.is_model(graph):
                model |= streams.lines(self._store, graph)
            elif self._kg.graphs.is_project(graph) or self._kg.graphs.is_subject(graph):
                person = self._person(graph) if self._kg.graphs.is_subject(graph) else None
                for triple in streams.triples(self._store, graph):
                    shown = self._shown(graph, person, triple, views.keys())
                    if shown:
                        said = {streams.line(t) for t in (triple, *self._kg.model.entailed(triple))}
                        for purpose in shown:
                            views[purpose] |= said
        return {purpose: model | shown for purpose, shown in views.items()}

    def _read_persons(self) -> dict[str, NamedNode]:
        """The persons by the keys that the graphs of their records end with."""
        found: dict[str, NamedNode] = {}
        for node, classes in self._classes.items():
            if isinstance(node, NamedNode) and classes & self._kg.model.persons:
                found.setdefault(self._kg.addresses.key(node.value), node)
        return found

    def _read_subjects(self) -> tuple[dict[str, Subject], tuple[Activity, ...]]:
        found: dict[str, Subject] = {}
        activities: tuple[Activity, ...] = ()
        persons = list(self._persons.values())
        for start in range(0, len(persons), _AT_ONCE):
            some, activities = read_subjects(self._kg, persons[start : start + _AT_ONCE])
            found |= some
        return found, activities

    def _person(self, graph: NamedNode) -> NamedNode | None:
        return self._persons.get(graph.value.rpartition("/")[2])

    def _shown(
        self, graph: NamedNode, person: NamedNode | None, triple: Triple, purposes: Collection[str]
    ) -> Collection[str]:
        """The purposes whose views show a statement."""
        graphs = self._kg.graphs
        if person is None and not graphs.is_project(graph):
            return ()
        nodes: list[object] = [triple.subject] + ([triple.object] if triple.predicate != TYPE else [])
        if any(self._anywhere(node, self._hidden, self._are_hidden) for node in nodes):
            return ()
        if person is None:
            return purposes
        if any(map(self._runs, self._of_all[person])):
            return ()
        special = any(self._anywhere(node, self._special, self._are_special) for node in nodes)
        needs = frozenset(self._needs(triple, nodes))
        if (person, needs, special) not in self._known:
            self._known[person, needs, special] = [
                purpose
                for purpose in purposes
                if all(self._allowed(person, category, purpose, special) for category in needs)
            ]
        return self._known[person, needs, special]

    def _allowed(self, person: NamedNode, category: str, purpose: str, special: bool) -> bool:
        asked, subject = Asked(category, purpose, self._now, special), self._subjects.get(person.value)
        return (
            subject is not None
            and allowed(asked, subject, self._concepts, self._kg.policy, self._activities).allowed
        )

    def _needs(self, triple: Triple, nodes: list[object]) -> set[str]:
        term = triple.object if triple.predicate == TYPE else triple.predicate
        needs = self._annotated(term)
        stated = set().union(*(self._own(node)[0] for node in nodes))
        if needs or stated:
            by_class = set() if needs else set().union(*(self._own(node)[1] for node in nodes))
            return needs | stated | by_class
        return set().union(*(self._own(node)[1] for node in nodes)) or {f"{CI}IdentificationData"}

    def _own(self, node: object) -> tuple[set[str], set[str]]:
        """The categories that a node states, and those of its classes; else, or if suspected, its owners'."""
        if node not in self._owned:
            self._owned[node] = self._owned_by(node, frozenset())
        return self._owned[node]

    def _owned_by(self, node: object, seen: frozenset[object]) -> tuple[set[str], set[str]]:
        stated = {c.value for c in self._categories.get(node, ()) if isinstance(c, NamedNode)}
        classed = set().union(*(self._annotated(c) for c in self._classes.get(node, ())))
        if (stated or classed) and node not in self._suspected:
            return stated, classed
        seen |= {node}
        above = [self._owned_by(owner, seen) for owner in self._owners.get(node, ()) if owner not in seen]
        return stated.union(*(a for a, _ in above)), classed.union(*(b for _, b in above))

    def _annotated(self, term: object) -> set[str]:
        if term not in self._annotations:
            self._annotations[term] = self._read_annotations(term)
        return self._annotations[term]

    def _read_annotations(self, term: object) -> set[str]:
        named = (
            {c.value for c in self._kg.model.categories.get(term, ())}
            if isinstance(term, NamedNode)
            else set()
        )
        known = {c for c in named if c in self._concepts.categories}
        tree = self._concepts.categories
        return {c for c in known if not any(c in upwards(d, tree) - {d} for d in known)} or known or named

    def _anywhere(self, node: object, among: Container[object], known: dict[object, bool]) -> bool:
        """Whether the node, or what it belongs to, is one of these; `known`: answers so far."""
        if node not in known:
            seen, waiting = {node}, [node]
            while waiting and waiting[-1] not in among:
                above = self._owners.get(waiting.pop(), set()) - seen
                waiting += above
                seen |= above
            known[node] = bool(waiting)
        return known[node]

    def _read_hidden(self) -> set[object]:
        """Nodes above the level of the views, left of the erased, compared for links, and restricted ones."""
        most = _ORDER.index(self._kg.settings.confidentiality.capitalize())
        shown = {NamedNode(CI + name) for name in _ORDER[: most + 1]}
        secret = {node for node, levels in self._levels.items() if levels - shown}
        secret |= self._pairs(_LEFT).keys()
        return secret | {node for node, those in self._restrictions.items() if any(map(self._runs, those))}

    def _runs(self, restriction: object) -> bool:
        starts = [_moment(v) for v in self._starts.get(restriction, ())]
        ends = [_moment(v) for v in self._ends.get(restriction, ())]
        begun = not starts or None in starts or min(s for s in starts if s) <= self._now
        ended = bool(ends) and None not in ends and max(e for e in ends if e) <= self._now
        return begun and not ended


def _moment(term: object) -> datetime | None:
    return read_moment(term.value) if isinstance(term, Literal) else None
