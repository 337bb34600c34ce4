"""What the walls show: segments with needs and pain points, insights, results, and where it hurts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pyoxigraph import Literal, NamedNode

from kgservice.application.answers.small_groups import number_of_many, personal
from kgservice.application.answers.wall_counts import by_phase, by_segment
from kgservice.application.graph.described import Values, iri, iris, linked, number, text, things, values
from kgservice.application.views.reader import Reader
from kgservice.domain.trace import Thing
from kgservice.domain.walls import ALL, Counts, Insight, Need, Persona, PhaseState, Recorded, Result, Segment
from kgservice.namespaces import CI
from kgservice.store.base import Term

CUSTOMERS, INSIGHTS, SEGMENTATION = WALLS = ("customers", "insights", "segmentation")
_CLASSES = {
    CUSTOMERS: "CustomerWall",
    INSIGHTS: "CustomerInsightsWall",
    SEGMENTATION: "CustomerSegmentationWall",
}
MOST = 60
"""Things of one kind on a wall."""
_PREFIX = "PREFIX ci: <https://w3id.org/kgservice/ci#>\n"
_ALL_OF = "SELECT DISTINCT ?node WHERE {{ ?node a ci:{name} }} ORDER BY ?node"
_PHASES = (
    "SELECT DISTINCT ?node ?position WHERE { ?node a ci:Phase ; ci:position ?position } ORDER BY ?position"
)
_KINDS = ("StaticSegment", "DynamicSegment", "TasteGroup", "MarketSegment", "TargetGroup")
_NEEDS = ("CustomerJob", "CustomerOutcome", "LatentNeed", "Need")
_OWN = "ci:hasNeed|ci:hasJob|(ci:hasJob/ci:desiredOutcome)"
_SEGMENT = ("criterion", "segmentKindOfCustomer", "usesDataCategory", "description", "lastEvaluatedAt")
_UNMET = (f"{CI}Unmet", f"{CI}PartlyMet")
_RESOLVED, _CONFIDENTIAL = f"{CI}Resolved", f"{CI}Confidential"


def segments(kg: Reader) -> tuple[tuple[Segment, ...], Counts]:
    """The segments, and the counts of all customers."""
    wall, counts = _Wall(kg), by_segment(kg)
    return wall.segments(counts), counts[ALL]


def insights(kg: Reader) -> tuple[Insight, ...]:
    """What was found out about customers."""
    return _Wall(kg).insights()


def results(kg: Reader) -> tuple[Result, ...]:
    """Results over as many persons as a group must have, the newest first."""
    return _Wall(kg).results()


def phases(kg: Reader) -> tuple[tuple[PhaseState, ...], Counts]:
    """The phases in order, and what all customers felt."""
    wall, counts = _Wall(kg), by_phase(kg)
    return wall.phases(counts), counts[ALL]


def recorded(kg: Reader, wall: str) -> tuple[Recorded, ...]:
    """The walls of this kind that are recorded in the graph."""
    return _Wall(kg).recorded(_CLASSES[wall])


class _Wall:
    """Reads what may hang on a wall: nothing of a person, and nothing confidential."""

    def __init__(self, kg: Reader) -> None:
        self._kg = kg

    def _fit(self, nodes: Iterable[str]) -> list[str]:
        """Those of the nodes that may hang on a wall."""
        wanted = list(dict.fromkeys(nodes))
        levels = values(self._kg, wanted, ("confidentiality",))
        secret = {node.value for node in personal(self._kg, map(NamedNode, wanted))}
        secret |= {node for node, said in levels.items() if _CONFIDENTIAL in iris(said["confidentiality"])}
        return [node for node in wanted if node not in secret]

    def _all(self, name: str) -> list[str]:
        found = self._kg.select(_PREFIX + _ALL_OF.format(name=name)).rows
        return self._fit(iri(row[0]) for row in found)

    def segments(self, counts: Mapping[str, Counts]) -> tuple[Segment, ...]:
        kg, nodes = self._kg, self._all("Segment")
        said = values(kg, nodes, _SEGMENT)
        rules = linked(kg, nodes, "ci:memberRule")
        of_rules = values(kg, _every(rules), ("ruleText",))
        personas = linked(kg, nodes, "ci:hasPersona")
        needs = linked(kg, nodes, f"{_OWN}|(ci:hasPersona/({_OWN}))")
        pains = linked(kg, nodes, "^ci:affects|(ci:hasPersona/^ci:affects)")
        kinds = self._classes(nodes, _KINDS)
        told_needs, told_pains = self._needs(_every(needs)), self._pains(_every(pains))
        told_personas = self._personas(_every(personas))
        names = things(kg, {*nodes, *_mentioned(said), *_every(kinds)})

        def named(found: Iterable[str]) -> tuple[Thing, ...]:
            return tuple(names[one] for one in found if one in names)

        return tuple(
            Segment(
                names[node],
                named(kinds.get(node, ())),
                named(iris(said[node]["criterion"])),
                named(iris(said[node]["segmentKindOfCustomer"])),
                named(iris(said[node]["usesDataCategory"])),
                _by_language(said[node]["description"]),
                _by_language([t for rule in rules.get(node, ()) for t in of_rules[rule]["ruleText"]]),
                text(said[node]["lastEvaluatedAt"]),
                tuple(told_needs[one] for one in needs.get(node, ()) if one in told_needs),
                tuple(
                    pain
                    for one in pains.get(node, ())
                    if (pain := told_pains.get(one)) and not _resolved(pain[1])
                ),
                tuple(told_personas[one] for one in personas.get(node, ()) if one in told_personas),
                counts.get(node, Counts()),
            )
            for node in nodes
        )

    def _needs(self, nodes: Sequence[str]) -> dict[str, Need]:
        nodes = self._fit(nodes)
        said, kinds = values(self._kg, nodes, ("needStatus",)), self._classes(nodes, _NEEDS)
        names = things(self._kg, {*nodes, *_mentioned(said), *_every(kinds)})
        found = {}
        for node in nodes:
            status = next(iter(iris(said.get(node, {}).get("needStatus", ()))), None)
            kind = next(iter(kinds.get(node, ())), f"{CI}Need")
            found[node] = Need(
                names[node],
                names.get(kind, Thing(kind, {})),
                names[status] if status else None,
                status in _UNMET,
            )
        return found

    def _pains(self, nodes: Sequence[str]) -> dict[str, tuple[Thing, Thing | None]]:
        nodes = self._fit(nodes)
        said = values(self._kg, nodes, ("painPointStatus",))
        names = things(self._kg, {*nodes, *_mentioned(said)})
        states = {node: next(iter(iris(of_node["painPointStatus"])), None) for node, of_node in said.items()}
        return {node: (names[node], names.get(states.get(node) or "")) for node in nodes}

    def _personas(self, nodes: Sequence[str]) -> dict[str, Persona]:
        nodes = self._fit(nodes)
        said = values(self._kg, nodes, ("personaGoal", "personaProblem", "evidencedBy"))
        names = things(self._kg, nodes)
        empty: Mapping[str, Sequence[Term]] = {}
        found = {}
        for node in nodes:
            of_node = said.get(node, empty)
            goals, problems = (
                _by_language(of_node.get(key, ())) for key in ("personaGoal", "personaProblem")
            )
            found[node] = Persona(names[node], goals, problems, bool(of_node.get("evidencedBy")))
        return found

    def insights(self) -> tuple[Insight, ...]:
        nodes = self._all("Insight")[:MOST]
        said = values(self._kg, nodes, ("insightKind", "derivedByAI", "contradicts", "evidencedBy"))
        others = set(self._fit(o for of_node in said.values() for o in iris(of_node["contradicts"])))
        kinds = {kind for of_node in said.values() for kind in iris(of_node["insightKind"])}
        names = things(self._kg, {*nodes, *others, *kinds})
        return tuple(
            Insight(
                names[node],
                next((names[kind] for kind in iris(said[node]["insightKind"])), None),
                text(said[node]["derivedByAI"]) in {"true", "1"},
                tuple(names[other] for other in iris(said[node]["contradicts"]) if other in others),
                number_of_many(self._kg, iris(said[node]["evidencedBy"])),
            )
            for node in nodes
        )

    def results(self) -> tuple[Result, ...]:
        nodes = self._all("AggregateResult")
        said = values(self._kg, nodes, ("personCount", "collectedAtTime"))
        names = things(self._kg, nodes)
        found = []
        for node in nodes:
            persons = int(number(next(iter(said[node]["personCount"]), None)) or 0)
            if persons >= self._kg.settings.smallest_group:
                found.append(Result(names[node], persons, text(said[node]["collectedAtTime"])))
        return tuple(sorted(found, key=lambda one: one.at or "", reverse=True)[:MOST])

    def phases(self, counts: Mapping[str, Counts]) -> tuple[PhaseState, ...]:
        nodes = [iri(row[0]) for row in self._kg.select(_PREFIX + _PHASES).rows]
        pains = linked(self._kg, nodes, "^ci:phase/^ci:occursAt")
        told, names = self._pains(_every(pains)), things(self._kg, nodes)
        made = []
        for node in nodes:
            known = [told[one] for one in dict.fromkeys(pains.get(node, ())) if one in told]
            still = tuple(pain for pain in known if not _resolved(pain[1]))
            made.append(PhaseState(names[node], still, len(known) - len(still), counts.get(node, Counts())))
        return tuple(made)

    def recorded(self, name: str) -> tuple[Recorded, ...]:
        nodes = self._all(name)
        said = values(self._kg, nodes, ("wallAccess",))
        names = things(self._kg, {*nodes, *_mentioned(said)})
        return tuple(
            Recorded(names[node], next((names[one] for one in iris(said[node]["wallAccess"])), None))
            for node in nodes
        )

    def _classes(self, nodes: Sequence[str], known: Sequence[str]) -> dict[str, list[str]]:
        """Those of the classes `known` that each node has, in their order."""
        found = linked(self._kg, nodes, "a")
        return {
            node: [f"{CI}{name}" for name in known if f"{CI}{name}" in classes]
            for node, classes in found.items()
        }


def _every(found: Mapping[str, Sequence[str]]) -> list[str]:
    return [one for ones in found.values() for one in ones]


def _mentioned(found: Values) -> list[str]:
    return [one for said in found.values() for terms in said.values() for one in iris(terms)]


def _by_language(terms: Iterable[Term]) -> dict[str, str]:
    found: dict[str, str] = {}
    for term in terms:
        if isinstance(term, Literal):
            found.setdefault(term.language or "", term.value)
    return found


def _resolved(status: Thing | None) -> bool:
    return status is not None and status.iri == _RESOLVED
