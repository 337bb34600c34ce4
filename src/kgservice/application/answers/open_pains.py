"""Pain points that are open: all that nobody calls resolved, by what their chain lacks.

The status decides, as on the walls and in the rules: one that occurs again is open whatever was done before,
and one that is resolved stays so, else a purpose that hides its solution would open it anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kgservice.application.answers.small_groups import Row, personal
from kgservice.application.views.reader import Reader
from kgservice.namespaces import CI
from kgservice.store.base import Term

KINDS = (f"{CI}Problem", f"{CI}Challenge", f"{CI}Inconvenience")
"""The kinds of pain points, the gravest first."""
_PAINS = f"""PREFIX ci: <{CI}>
SELECT ?pain ?kind ?moment WHERE {{
  ?pain a ci:PainPoint .
  OPTIONAL {{ ?pain ci:painPointKind ?kind }}
  OPTIONAL {{ ?pain ci:detectedAt ?moment }}
  FILTER NOT EXISTS {{ ?pain ci:painPointStatus ci:Resolved }}
}}"""
_ADDRESSED = f"SELECT ?pain ?solution WHERE {{ ?pain <{CI}addressedBy> ?solution }}"
_PROVEN = f"SELECT ?impact ?solution WHERE {{ ?impact <{CI}impactOf> ?solution }}"


@dataclass(frozen=True, slots=True)
class OpenPain:
    """A pain point: its kind or nothing, when it was detected (ISO 8601) or nothing, whether there is a
    solution for it, and whether one of its solutions has an impact."""

    iri: str
    kind: str
    detected: str
    is_addressed: bool
    is_proven: bool


def open_pains(kg: Reader) -> tuple[OpenPain, ...]:
    """All of the view, the most urgent first: without a solution, without an impact, of a grave
    kind, known for long.

    Keep the answer until `kg.state` changes.
    """
    return _open(kg, kg.select(_ADDRESSED).rows, kg.select(_PROVEN).rows)


def open_pains_guarded(kg: Reader) -> tuple[OpenPain, ...]:
    """See `open_pains`, for those who may not see single persons: without those that are records of one.

    A solution or an impact that is one changes nothing here: else it would be told of.
    """
    addressed, proven = kg.select(_ADDRESSED).rows, kg.select(_PROVEN).rows
    around = {term for row in (*addressed, *proven) for term in row if isinstance(term, NamedNode)}
    secret = personal(kg, around)
    found = _open(
        kg,
        [row for row in addressed if secret.isdisjoint(row)],
        [row for row in proven if secret.isdisjoint(row)],
    )
    hidden = {node.value for node in personal(kg, (NamedNode(pain.iri) for pain in found))}
    return tuple(pain for pain in found if pain.iri not in hidden)


def _open(kg: Reader, addressed: Iterable[Row], impacts: Iterable[Row]) -> tuple[OpenPain, ...]:
    """Those open, by rows of pain point and solution, and of impact and solution."""
    proven = {solution for _, solution in impacts}
    shown: dict[Term | None, bool] = {}
    for pain, solution in addressed:
        shown[pain] = shown.get(pain, False) or solution in proven
    found: dict[str, OpenPain] = {}
    for pain, kind, moment in kg.select(_PAINS).rows:
        if isinstance(pain, NamedNode):
            one = OpenPain(
                pain.value,
                kind.value if isinstance(kind, NamedNode) else "",
                moment.value if isinstance(moment, Literal) else "",
                pain in shown,
                shown.get(pain, False),
            )
            found[pain.value] = min(found.get(pain.value, one), one, key=_urgency)
    return tuple(sorted(found.values(), key=_urgency))


def _urgency(pain: OpenPain) -> tuple[bool, bool, int, str, str]:
    grade = KINDS.index(pain.kind) if pain.kind in KINDS else len(KINDS)
    return pain.is_addressed, pain.is_proven, grade, pain.detected or "9", pain.iri
