"""What a chain can be shown from: pain points, solutions and impacts, found by words of their titles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kgservice.application.answers import small_groups
from kgservice.application.graph.labels import labels
from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.errors import BadParameter
from kgservice.namespaces import CI

KINDS = ("PainPoint", "Solution", "Impact")
"""In the order of the list."""
MOST = 200

_PREFIX = f"PREFIX ci: <{CI}>"
_LISTED = f"""{_PREFIX}
SELECT DISTINCT ?start WHERE {{
  VALUES ?class {{ UNDEF }} VALUES ?language {{ UNDEF }} VALUES ?word {{ UNDEF }}
  ?start a ?class .
  OPTIONAL {{ ?start ci:title ?own FILTER(LANG(?own) = ?language) }}
  OPTIONAL {{ ?start ci:title ?any FILTER(LANG(?any) != ?language) }}
  BIND(COALESCE(?own, ?any, "") AS ?title)
  FILTER(?word = "" || CONTAINS(LCASE(STR(?title)), ?word))
}} ORDER BY LCASE(STR(?title)) ?start"""
_AROUND = f"""{_PREFIX}
SELECT ?start ?status (COUNT(DISTINCT ?solution) AS ?solutions) (COUNT(DISTINCT ?impact) AS ?impacts) WHERE {{
  VALUES ?start {{ UNDEF }}
  OPTIONAL {{ ?start ci:painPointStatus|ci:solutionStatus ?status }}
  OPTIONAL {{
    {{ ?start ci:addressedBy ?solution }} UNION {{ ?start ci:impactOf ?solution }}
    UNION {{ ?start a ci:Solution BIND(?start AS ?solution) }}
    OPTIONAL {{ ?impact ci:impactOf ?solution }}
  }}
}} GROUP BY ?start ?status"""


@dataclass(frozen=True, slots=True)
class Start:
    """One of them; `status` is an IRI or nothing; solutions and impacts that its chain has."""

    iri: str
    title: str
    status: str
    solutions: int
    impacts: int


def starts(kg: Reader, kind: str, word: str, language: str, *, guarded: bool) -> tuple[list[Start], int]:
    """The first `MOST` of a kind whose title holds `word`, by title, and how many there are.

    `guarded`: for somebody who may not see single persons. Raises `BadParameter` for another kind.
    """
    if kind not in KINDS:
        raise BadParameter(f"{kind[:80]!r} is none of {', '.join(KINDS)}", source="kind")
    terms: dict[str, NamedNode | Literal] = {
        "class": NamedNode(CI + kind),
        "language": Literal(language),
        "word": Literal(word.strip().lower()),
    }
    found = [one for (one,) in kg.select(with_values(_LISTED, terms)).rows if isinstance(one, NamedNode)]
    if guarded:
        hidden = small_groups.personal(kg, found)
        found = [one for one in found if one not in hidden]
    return _described(kg, found[:MOST], language), len(found)


def _described(kg: Reader, nodes: Sequence[NamedNode], language: str) -> list[Start]:
    if not nodes:
        return []
    around: dict[NamedNode, tuple[str, int, int]] = {}
    for start, status, *numbers in kg.select(with_values(_AROUND, {"start": list(nodes)})).rows:
        solutions, impacts = (int(n.value) if isinstance(n, Literal) else 0 for n in numbers)
        if isinstance(start, NamedNode):
            around.setdefault(
                start, (status.value if isinstance(status, NamedNode) else "", solutions, impacts)
            )
    names = labels(kg, [node.value for node in nodes], language)
    return [Start(node.value, names.get(node.value, ""), *around.get(node, ("", 0, 0))) for node in nodes]
