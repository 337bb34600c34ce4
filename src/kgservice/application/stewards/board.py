"""The steward's board: the findings that are kept, counted by rule and severity, as they stand now."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard import findings
from kgservice.application.stewards.entries import read
from kgservice.domain.finding import SEVERITIES, Texts
from kgservice.domain.waiver import MENDED, OPEN, WAIVED
from kgservice.namespaces import CI, DCTERMS, SH
from kgservice.store.base import Dataset

_COUNTS = f"""
PREFIX ci: <{CI}> PREFIX dcterms: <{DCTERMS}> PREFIX sh: <{SH}>
SELECT ?rule ?severity ?status (COUNT(DISTINCT ?finding) AS ?n) (MIN(?seen) AS ?first) WHERE {{
  ?finding a sh:ValidationResult ; ci:findingStatus ?status ; sh:resultSeverity ?severity .
  OPTIONAL {{ ?finding dcterms:identifier ?rule }}
  OPTIONAL {{ ?finding ci:firstSeen ?seen }}
}} GROUP BY ?rule ?severity ?status"""
_WAIVED = f"SELECT ?finding WHERE {{ ?finding <{CI}findingStatus> '{WAIVED}' }}"


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one rule and severity: how many stand how, and since when the oldest open one is there.

    `name`: what the rule is called, by language.
    """

    rule: str
    severity: str
    name: Texts
    open: int
    waived: int
    mended: int
    oldest: datetime | None


def board(kg: KnowledgeGraph) -> list[Group]:
    """All groups, the gravest first, in each the one with most open findings first."""
    kg.current()
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    oldest: dict[tuple[str, str], datetime] = {}
    graph = Dataset(default=(NamedNode(kg.addresses.finding),))
    for rule, severity, status, number, first in kg.store.select(_COUNTS, graph).rows:
        assert isinstance(severity, NamedNode)
        assert isinstance(status, Literal)
        assert isinstance(number, Literal)
        key = (rule.value if isinstance(rule, Literal) else "", severity.value.removeprefix(SH))
        counts[key][status.value] += int(number.value)
        moment = findings.moment_of(first)
        if status.value == OPEN and moment is not None:
            oldest[key] = moment
    waived = (row[0] for row in kg.store.select(_WAIVED, graph).rows)
    for entry in read(kg, (node for node in waived if isinstance(node, NamedNode))):
        if entry.status == OPEN:  # its waiver has run out, or never held
            key = (entry.rule, entry.severity)
            counts[key].update({WAIVED: -1, OPEN: 1})
            if entry.first_seen is not None:
                oldest[key] = min(oldest.get(key, entry.first_seen), entry.first_seen)
    names = _names(kg)
    groups = [
        Group(*key, names.get(key[0], {}), n[OPEN], n[WAIVED], n[MENDED], oldest.get(key))
        for key, n in counts.items()
    ]
    return sorted(groups, key=lambda group: (_rank(group.severity), -group.open, group.rule))


def _names(kg: KnowledgeGraph) -> dict[str, Texts]:
    """What each rule is called: as the first of its shapes."""
    found: dict[str, Texts] = {}
    for rule in sorted(kg.guard.shapes.rules.values(), key=lambda rule: rule.order):
        if rule.name:
            found.setdefault(rule.number, rule.name)
    return found


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1
