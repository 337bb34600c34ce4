"""For which purposes single pieces of evidence may be used, and why not for others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC

from pyoxigraph import NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_concepts, read_subjects
from kgservice.application.views.reader import Reader
from kgservice.domain.decision import Asked, Decision, allowed
from kgservice.domain.question import with_values
from kgservice.namespaces import CI

ALLOWED = "allowed"
OTHERWISE = "otherwise"
"""The person allows the use, and the piece is not shown for another reason: restricted, confidential, …"""

_OF = f"""SELECT ?node ?person ?category WHERE {{
  VALUES ?node {{ UNDEF }} ?node <{CI}dataSubject> ?person OPTIONAL {{ ?node <{CI}hasCategory> ?category }}
}}"""
_THERE = "SELECT DISTINCT ?node WHERE { VALUES ?node { UNDEF } ?node a ?any }"


@dataclass(frozen=True, slots=True)
class Use:
    """Whether a piece may be used for a purpose: `ALLOWED`, a `Reason` of the decision, or `OTHERWISE`.

    `since`: the day of the event that decides or of the end by date, or nothing.
    """

    purpose: str
    state: str
    since: str = ""


def uses(
    kg: KnowledgeGraph, evidence: Iterable[NamedNode], purposes: Collection[str]
) -> dict[str, tuple[Use, ...]]:
    """For each piece of evidence that is of a person, by IRI, how it stands for each of the purposes.

    What the view of a purpose shows may be used; of the rest the decision says why not. For those only who
    may see everything.
    """
    nodes = sorted(set(evidence), key=lambda node: node.value)
    of: dict[NamedNode, tuple[NamedNode, set[str]]] = {}
    for node, person, category in _rows(kg, _OF, nodes):
        if isinstance(node, NamedNode) and isinstance(person, NamedNode):
            categories = of.setdefault(node, (person, set()))[1]
            if isinstance(category, NamedNode):
                categories.add(category.value)
    shown = {purpose: set(_rows(kg.reader(purpose), _THERE, list(of))) for purpose in purposes}
    subjects, activities = read_subjects(kg, sorted({p for p, _ in of.values()}, key=lambda p: p.value))
    concepts, now = read_concepts(kg), kg.clock().astimezone(UTC)

    def use(node: NamedNode, purpose: str) -> Use:
        if (node,) in shown[purpose]:
            return Use(purpose, ALLOWED)
        person, categories = of[node]
        subject = subjects.get(person.value)
        for category in sorted(categories) if subject else ():
            asked = Asked(category, purpose, now)
            decision = allowed(asked, subject, concepts, kg.policy, activities)  # type: ignore[arg-type]
            if not decision.allowed:
                return Use(purpose, decision.reason.value, _since(decision))
        return Use(purpose, OTHERWISE)

    found: dict[str, list[Use]] = defaultdict(list)
    for node in of:
        found[node.value] += [use(node, purpose) for purpose in purposes]
    return {node: tuple(all_) for node, all_ in found.items()}


def _since(decision: Decision) -> str:
    verdict = decision.verdict
    if verdict is None:
        return ""
    at = verdict.event.time if verdict.event else None
    if decision.reason == "expired" and verdict.until is not None:
        at = verdict.until
    return at.date().isoformat() if at else ""


def _rows(kg: Reader, text: str, nodes: Collection[NamedNode]) -> list[tuple[object, ...]]:
    """The rows for the nodes; none when there are no nodes."""
    return list(kg.select(with_values(text, {"node": list(nodes)})).rows) if nodes else []
