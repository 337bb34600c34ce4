"""The trace through a pain point, a solution or an impact, read from the view of everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pyoxigraph import Literal, NamedNode

from kgservice.application.answers.small_groups import is_secret, number_of_many, personal
from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.domain.trace import LAYERS, Fact, Link, Measured, Node, Thing, Trace, Value
from kgservice.errors import BadParameter, NotFound
from kgservice.namespaces import CI

_STARTS = ("PainPoint", "Solution", "Impact")
_LINKS = (
    "occursAt",
    "evidencedBy",
    "addressedBy",
    "leadsTo",
    "basedOnInsight",
    "realises",
    "testedAs",
    "shippedIn",
    "impactOf",
    "learnedFrom",
)
_INPUTS = "^ci:leadsTo|^ci:insightFor|ci:basedOnInsight|ci:realises|ci:testedAs"
_FACTS: dict[str, tuple[str, ...]] = {
    "touchpoints": ("phase", "channel", "customerEffortMinutes"),
    "evidence": (
        "collectedAtTime",
        "collectedAt",
        "sourceOfData",
        "confidentiality",
        "dataOrigin",
        "hasCategory",
    ),
    "painPoints": ("painPointKind", "painPointStatus", "detectedAt"),
    "inputs": ("description",),
    "solutions": ("solutionKind", "solutionStatus", "deployedAt", "reviewDue"),
    "releases": ("version",),
    "impacts": ("metric", "measuredWith", "baseline", "measurement"),
    "lessons": ("description", "appliesTo"),
}
_MEASURED = ("baseline", "measurement")

_PREFIXES = """
PREFIX ci: <https://w3id.org/kgservice/ci#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""
_TYPES = "SELECT ?type { VALUES ?node { UNDEF } ?node a ?type } ORDER BY ?type"
_CLASSES = """
SELECT ?node ?class WHERE {
  VALUES ?node { UNDEF }
  ?node a ?class .
  FILTER(STRSTARTS(STR(?class), STR(ci:)))
  FILTER NOT EXISTS { ?node a ?narrower . ?narrower rdfs:subClassOf ?class FILTER(?narrower != ?class) }
} ORDER BY ?node ?class
"""
# A list, not a VALUES block: the store would join that by reading every statement of each property.
_VALUES = """
SELECT ?node ?property ?value WHERE {
  VALUES ?node { UNDEF }
  ?node ?property ?value .
  FILTER(?property IN (%s))
} ORDER BY ?node ?property ?value
"""
_METHODS = """
SELECT ?node ?value WHERE {
  VALUES ?node { UNDEF }
  ?node ci:collectedBy/ci:method ?value .
} ORDER BY ?node ?value
"""
_NAMES = """
SELECT ?node ?property ?name WHERE {
  VALUES ?node { UNDEF }
  ?node ?property ?name .
  FILTER(?property IN (skos:prefLabel, ci:title))
} ORDER BY ?node ?property ?name
"""

Terms = Iterable[NamedNode]


def trace(kg: Reader, iri: NamedNode) -> Trace:
    """The whole chain through the pain point, solution or impact `iri`.

    Raises `NotFound` when the graph says nothing of it, `BadParameter` when it is something else.
    """
    return _Reader(kg).trace(iri)


def trace_guarded(kg: Reader, iri: NamedNode) -> Trace:
    """The chain for somebody who may not see single persons: how much evidence there is, and none of it.

    Raises as `trace` does; for a person and a record of one as for what is unknown.
    """
    if is_secret(kg, iri):
        raise NotFound("the graph has no record <{iri}>", iri=iri.value)
    whole = trace(kg, iri)
    nodes = [NamedNode(node.iri) for node in whole.nodes()]
    evidence = number_of_many(kg, [node.iri for node in whole.layers["evidence"]])
    few = f"of fewer than {kg.settings.smallest_group} persons"
    return whole.without({node.value for node in personal(kg, nodes)}, few if evidence is None else evidence)


class _Reader:
    def __init__(self, kg: Reader) -> None:
        self._kg = kg
        self._labels: dict[str, dict[str, str]] = {}
        self._titled: set[str] = set()
        self._measured: dict[str, Measured] = {}

    def trace(self, focus: NamedNode) -> Trace:
        members = self._members(focus)
        everything = {node for layer in members.values() for node in layer}
        classes: dict[str, str] = {}
        for node, cls in self._rows(_CLASSES, everything):
            classes.setdefault(node.value, cls.value)
        statements = self._statements(everything)
        self._name({*everything, *(NamedNode(c) for c in classes.values()), *map(_ci, _LINKS)})
        layers = {}
        for name in LAYERS:
            nodes = [
                Node(
                    node.value,
                    self._thing(classes.get(node.value, f"{CI}Claim")),
                    self._labels.get(node.value, {}),
                    self._facts(name, statements[node.value]),
                )
                for node in members[name]
            ]
            layers[name] = tuple(sorted(nodes, key=lambda n: n.iri))
        return Trace(focus.value, layers, tuple(self._links(everything)))

    def _members(self, focus: NamedNode) -> dict[str, set[NamedNode]]:
        """The members by layer: backwards from a solution or an impact, forwards from a pain point."""
        start = self._start(focus)
        solutions = {
            "PainPoint": self._follow([focus], "ci:addressedBy"),
            "Solution": {focus},
            "Impact": self._follow([focus], "ci:impactOf"),
        }[start]
        pains = {focus} if start == "PainPoint" else self._follow(solutions, "^ci:addressedBy")
        impacts = {focus} if start == "Impact" else self._follow(solutions, "^ci:impactOf")
        inputs = self._follow(solutions, f"({_INPUTS})+") - pains - solutions
        return {
            "touchpoints": self._follow(pains, "ci:occursAt"),
            "evidence": self._follow(pains | inputs | impacts, "ci:evidencedBy"),
            "painPoints": pains,
            "inputs": inputs,
            "solutions": solutions,
            "releases": self._follow(solutions, "ci:shippedIn|^ci:ships"),
            "impacts": impacts,
            "lessons": self._follow(pains | solutions | impacts, "^ci:learnedFrom"),
        }

    def _start(self, focus: NamedNode) -> str:
        types = [t.value for (t,) in self._rows(_TYPES, [focus])]
        if not types:
            raise NotFound("the graph has no record <{focus}>", focus=focus.value)
        for start in _STARTS:
            if f"{CI}{start}" in types:
                return start
        known = ", ".join(f"ci:{t.removeprefix(CI)}" for t in types if t.startswith(CI)) or f"<{types[0]}>"
        raise BadParameter(
            "a trace starts at a pain point, a solution or an impact; <{focus}> is {known}",
            focus=focus.value,
            known=known,
            source="key",
        )

    def _follow(self, nodes: Terms, path: str) -> set[NamedNode]:
        """What `path` (a property path of this module) leads to from `nodes`."""
        text = f"SELECT DISTINCT ?to WHERE {{ VALUES ?node {{ UNDEF }} ?node {path} ?to }}"
        return {to for (to,) in self._rows(text, nodes) if isinstance(to, NamedNode)}

    def _values(self, nodes: Terms, names: Iterable[str]) -> list[tuple[NamedNode, ...]]:
        """Node, property and value of what is said of `nodes` with the `ci:` properties `names`."""
        return self._rows(_VALUES % ", ".join(f"ci:{name}" for name in names), nodes)

    def _rows(self, text: str, nodes: Terms) -> list[tuple[NamedNode, ...]]:
        """The rows of a query of this module for `nodes`; none when there are no nodes."""
        terms = sorted(set(nodes), key=lambda n: n.value)
        if not terms:
            return []
        filled = with_values(_PREFIXES + text, {"node": terms})
        return self._kg.select(filled).rows  # type: ignore[return-value]

    def _statements(self, nodes: Terms) -> dict[str, dict[str, list[NamedNode | Literal]]]:
        """What the facts need: values by node and local name of the property; reads labels too."""
        names = {name for facts in _FACTS.values() for name in facts}
        found: dict[str, dict[str, list[NamedNode | Literal]]] = defaultdict(lambda: defaultdict(list))
        for node, prop, value in self._values(nodes, sorted(names)):
            found[node.value][prop.value.removeprefix(CI)].append(value)
        for node, value in self._rows(_METHODS, nodes):
            found[node.value]["method"].append(value)
        measured = {v for values in found.values() for name in _MEASURED for v in values.get(name, ())}
        things = [m for m in measured if isinstance(m, NamedNode)]
        for node, prop, value in self._values(things, ("value", "unit", "measuredAt")):
            found[node.value][prop.value.removeprefix(CI)].append(value)
        values = [v for facts in found.values() for vs in facts.values() for v in vs]
        self._name(v for v in values if isinstance(v, NamedNode))
        self._measured = {
            iri: Measured(
                iri,
                _literal(facts.get("value")),
                next((self._thing(u.value) for u in facts.get("unit", ())), None),
                _literal(facts.get("measuredAt")),
            )
            for iri, facts in found.items()
            if NamedNode(iri) in measured
        }
        return found

    def _facts(
        self, layer: str, found: Mapping[str, list[NamedNode | Literal]]
    ) -> dict[str, tuple[Fact, ...]]:
        names = (*_FACTS[layer], *(("method",) if layer == "evidence" else ()))
        return {name: tuple(self._fact(name, v) for v in found[name]) for name in names if found.get(name)}

    def _fact(self, name: str, value: NamedNode | Literal) -> Fact:
        if isinstance(value, Literal):
            return Value(value.value, value.datatype.value, value.language)
        if name in _MEASURED:
            return self._measured.get(value.value, Measured(value.value, None, None, None))
        return self._thing(value.value)

    def _links(self, nodes: set[NamedNode]) -> Iterable[Link]:
        for node, prop, value in self._values(nodes, _LINKS):
            if value in nodes:
                yield Link(node.value, self._thing(prop.value), value.value)

    def _name(self, nodes: Terms) -> None:
        """Look up the labels and titles of `nodes`."""
        for node, prop, name in self._rows(_NAMES, (n for n in nodes if n.value not in self._labels)):
            if isinstance(name, Literal) and name.language:
                if prop == _ci("title"):
                    self._titled.add(node.value)
                self._labels.setdefault(node.value, {}).setdefault(name.language, name.value)

    def _thing(self, iri: str) -> Thing:
        return Thing(iri, self._labels.get(iri, {}), iri in self._titled)


def _ci(name: str) -> NamedNode:
    return NamedNode(CI + name)


def _literal(values: Iterable[NamedNode | Literal] | None) -> Value | None:
    for value in values or ():
        if isinstance(value, Literal):
            return Value(value.value, value.datatype.value)
    return None
