"""What the ontology says, ready for use: entailments of one statement, owner links, categories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kgservice.namespaces import CI, OWL, RDF, RDFS

TYPE = NamedNode(f"{RDF}type")
PERSON = NamedNode(f"{CI}Person")
PROJECT = NamedNode(f"{CI}Project")
IN_PROJECT = NamedNode(f"{CI}inProject")
OWNER_LINK = NamedNode(f"{CI}ownerLink")
STORED_IN = NamedNode(f"{CI}storedIn")
CONSENT_GRAPH = NamedNode(f"{CI}ConsentGraph")
DATA_CATEGORY = NamedNode(f"{CI}dataCategory")

SUBCLASS = NamedNode(f"{RDFS}subClassOf")
CLASSES = frozenset({NamedNode(f"{OWL}Class"), NamedNode(f"{RDFS}Class")})

_SUBPROPERTY = NamedNode(f"{RDFS}subPropertyOf")
_LABEL = NamedNode(f"{RDFS}label")
_SAME_CLASS = NamedNode(f"{OWL}equivalentClass")
_SAME_PROPERTY = NamedNode(f"{OWL}equivalentProperty")
_INVERSE = NamedNode(f"{OWL}inverseOf")
_SYMMETRIC = NamedNode(f"{OWL}SymmetricProperty")
# They hold of everything: to state them would say nothing.
_TOPS = frozenset(
    NamedNode(iri)
    for iri in (f"{OWL}Thing", f"{RDFS}Resource", f"{OWL}topObjectProperty", f"{OWL}topDataProperty")
)

# A property, and whether subject and object change places.
Direction = tuple[NamedNode, bool]


@dataclass(frozen=True, slots=True)
class Links:
    """Properties that lead from a node to others: some read forwards, some backwards."""

    forward: frozenset[NamedNode] = frozenset()
    backward: frozenset[NamedNode] = frozenset()

    @property
    def properties(self) -> frozenset[NamedNode]:
        """All of them."""
        return self.forward | self.backward


_Hierarchy = Mapping[NamedNode, frozenset[NamedNode]]


@dataclass(frozen=True, slots=True)
class Model:
    """The named classes and properties of the ontology; class expressions are not looked at.

    `classes` are all of them. `superclasses` and `subclasses` are transitive, without the class itself.
    `directions` gives for a property all that one statement with it entails: superproperties, inverses, and
    what follows from these. `owner_links` are the properties that lead from a record to its owner.
    `project_links` do the same for projects. `categories` are data categories as annotated; `labels` the
    labels by language.
    """

    classes: frozenset[NamedNode] = frozenset()
    superclasses: _Hierarchy = field(default_factory=dict)
    subclasses: _Hierarchy = field(default_factory=dict)
    directions: Mapping[NamedNode, frozenset[Direction]] = field(default_factory=dict)
    sources: Mapping[NamedNode, frozenset[Direction]] = field(default_factory=dict)
    persons: frozenset[NamedNode] = frozenset({PERSON})
    projects: frozenset[NamedNode] = frozenset({PROJECT})
    consent_classes: frozenset[NamedNode] = frozenset()
    owner_links: Links = Links()
    project_links: Links = Links(frozenset({IN_PROJECT}))
    categories: Mapping[NamedNode, frozenset[NamedNode]] = field(default_factory=dict)
    labels: Mapping[NamedNode, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, triples: Iterable[Triple]) -> Model:
        """The model that the ontology's `triples` state."""
        seen = _Reader(triples)
        superclasses = _closure(seen.superclasses)
        subclasses = _turned(superclasses)
        directions = _directions(seen.superproperties, seen.inverses)
        sources = defaultdict(set)
        for source, targets in directions.items():
            for target, turned in targets:
                sources[target].add((source, turned))

        def with_subclasses(roots: Iterable[NamedNode]) -> frozenset[NamedNode]:
            return frozenset(c for root in roots for c in (root, *subclasses.get(root, ())))

        def leading_to(roots: Iterable[NamedNode]) -> Links:
            ways = {d for root in roots for d in ((root, False), *sources.get(root, ()))}
            return Links(
                frozenset(p for p, turned in ways if not turned), frozenset(p for p, turned in ways if turned)
            )

        return cls(
            classes=frozenset({*seen.classes, *superclasses, *subclasses}),
            superclasses=superclasses,
            subclasses=subclasses,
            directions=directions,
            sources={p: frozenset(d) for p, d in sources.items()},
            persons=with_subclasses([PERSON]),
            projects=with_subclasses([PROJECT]),
            consent_classes=with_subclasses(seen.consent_classes),
            owner_links=leading_to(seen.owner_links),
            project_links=leading_to([IN_PROJECT]),
            categories={term: frozenset(values) for term, values in seen.categories.items()},
            labels=seen.labels,
        )

    def is_class(self, node: object) -> bool:
        """Whether `node` is a class of the model: one of ours, or one below or equivalent to one of ours."""
        return isinstance(node, NamedNode) and (
            node.value.startswith(CI) or any(c.value.startswith(CI) for c in self.superclasses.get(node, ()))
        )

    def is_property(self, node: NamedNode) -> bool:
        """Whether `node` is a property of the model: one of ours, or one that entails one of ours."""
        return node.value.startswith(CI) or any(
            p.value.startswith(CI) for p, _ in self.directions.get(node, ())
        )

    def concerns(self, triple: Triple) -> bool:
        """Whether the statement makes its subject a record: by a property of the model, or a class of it."""
        return self.is_property(triple.predicate) or (
            triple.predicate == TYPE and self.is_class(triple.object)
        )

    def entailed(self, triple: Triple) -> set[Triple]:
        """What follows from this one statement, without the statement itself.

        Superclasses of the type; superproperties and inverses, and theirs. Domains and ranges entail nothing.
        """
        s, p, o = triple.subject, triple.predicate, triple.object
        found: set[Triple] = set()
        if p == TYPE and isinstance(o, NamedNode):
            found.update(Triple(s, TYPE, c) for c in self.superclasses.get(o, ()))
        for target, turned in self.directions.get(p, ()):
            if not turned:
                found.add(Triple(s, target, o))
            elif isinstance(o, NamedNode | BlankNode):
                found.add(Triple(o, target, s))
        found.discard(triple)
        return found

    def all_entailed(self, triples: Iterable[Triple]) -> set[Triple]:
        """What follows from each of many statements; these themselves may be among it."""
        found: set[Triple] = set()
        directions, superclasses = self.directions, self.superclasses
        for triple in triples:
            p = triple.predicate
            ways = directions.get(p)
            if ways is None and p != TYPE:
                continue
            s, o = triple.subject, triple.object
            if p == TYPE and isinstance(o, NamedNode):
                found.update([Triple(s, TYPE, c) for c in superclasses.get(o, ())])
            for target, turned in ways or ():
                if not turned:
                    found.add(Triple(s, target, o))
                elif isinstance(o, NamedNode | BlankNode):
                    found.add(Triple(o, target, s))
        return found

    def other_sides(self, triple: Triple) -> list[Triple]:
        """The statements that say the same of the same two nodes, from the other one: with an inverse."""
        s, p, o = triple.subject, triple.predicate, triple.object
        if not isinstance(o, NamedNode):
            return []
        inverses = (q for q, turned in self.directions.get(p, ()) if turned)
        return [Triple(o, q, s) for q in inverses if (p, True) in self.directions.get(q, ())]

    def entails_as(self, other: Model) -> bool:
        """Whether the same follows by this model as by the other."""
        return self.superclasses == other.superclasses and self.directions == other.directions

    def supporters(self, triple: Triple) -> list[Triple]:
        """Every single other statement that entails `triple`."""
        s, p, o = triple.subject, triple.predicate, triple.object
        found: set[Triple] = set()
        if p == TYPE and isinstance(o, NamedNode):
            found.update(Triple(s, TYPE, c) for c in self.subclasses.get(o, ()))
        for source, turned in self.sources.get(p, ()):
            if not turned:
                found.add(Triple(s, source, o))
            elif isinstance(o, NamedNode | BlankNode):
                found.add(Triple(o, source, s))
        found.discard(triple)
        return sorted(found, key=str)


class _Reader:
    """One pass over the triples of the ontology."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        self.classes: set[NamedNode] = set()
        self.superclasses: dict[NamedNode, set[NamedNode]] = defaultdict(set)
        self.superproperties: dict[NamedNode, set[NamedNode]] = defaultdict(set)
        self.inverses: dict[NamedNode, set[NamedNode]] = defaultdict(set)
        self.owner_links: set[NamedNode] = set()
        self.consent_classes: set[NamedNode] = set()
        self.categories: dict[NamedNode, set[NamedNode]] = defaultdict(set)
        self.labels: dict[NamedNode, dict[str, str]] = defaultdict(dict)
        for triple in triples:
            s, o = triple.subject, triple.object
            if isinstance(s, NamedNode) and isinstance(o, NamedNode):
                self._relation(s, triple.predicate, o)
            elif isinstance(s, NamedNode) and isinstance(o, Literal):
                self._note(s, triple.predicate, o)

    def _relation(self, s: NamedNode, p: NamedNode, o: NamedNode) -> None:
        if p == DATA_CATEGORY:
            self.categories[s].add(o)
        elif p == STORED_IN and o == CONSENT_GRAPH:
            self.consent_classes.add(s)
        elif p == TYPE and o == _SYMMETRIC:
            self.inverses[s].add(s)
        elif s in _TOPS or o in _TOPS:
            return
        elif p == TYPE and o in CLASSES:
            self.classes.add(s)
        elif p in (SUBCLASS, _SAME_CLASS):
            self.superclasses[s].add(o)
            if p == _SAME_CLASS:
                self.superclasses[o].add(s)
        elif p in (_SUBPROPERTY, _SAME_PROPERTY):
            self.superproperties[s].add(o)
            if p == _SAME_PROPERTY:
                self.superproperties[o].add(s)
        elif p == _INVERSE:
            self.inverses[s].add(o)
            self.inverses[o].add(s)

    def _note(self, s: NamedNode, p: NamedNode, o: Literal) -> None:
        if p == OWNER_LINK and o.value in ("true", "1"):
            self.owner_links.add(s)
        elif p == _LABEL:
            self.labels[s][o.language or ""] = o.value


def _closure(direct: Mapping[NamedNode, set[NamedNode]]) -> dict[NamedNode, frozenset[NamedNode]]:
    closed = {}
    for start in direct:
        reached: set[NamedNode] = set()
        waiting = [start]
        while waiting:
            for node in direct.get(waiting.pop(), ()):
                if node not in reached:
                    reached.add(node)
                    waiting.append(node)
        closed[start] = frozenset(reached - {start})
    return closed


def _turned(closed: _Hierarchy) -> dict[NamedNode, frozenset[NamedNode]]:
    below: dict[NamedNode, set[NamedNode]] = defaultdict(set)
    for node, above in closed.items():
        for one in above:
            below[one].add(node)
    return {node: frozenset(nodes) for node, nodes in below.items()}


def _directions(
    superproperties: Mapping[NamedNode, set[NamedNode]], inverses: Mapping[NamedNode, set[NamedNode]]
) -> dict[NamedNode, frozenset[Direction]]:
    found = {}
    for start in {*superproperties, *inverses}:
        reached: set[Direction] = set()
        waiting: list[Direction] = [(start, False)]
        while waiting:
            node, turned = waiting.pop()
            following = [(p, turned) for p in superproperties.get(node, ())]
            following += [(p, not turned) for p in inverses.get(node, ())]
            for step in following:
                if step not in reached:
                    reached.add(step)
                    waiting.append(step)
        found[start] = frozenset(reached - {(start, False)})
    return found
