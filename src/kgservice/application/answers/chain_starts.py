"""What a chain can be shown from: pain points, solutions and impacts, found by words of their titles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kgservice.application.answers import small_groups
from kgservice.application.graph.labels import labels
from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.errors import BadParameter
from kgservice.namespaces import CI
from kgservice.store.base import Term

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
SELECT DISTINCT ?start ?status ?solution ?impact WHERE {{
  VALUES ?start {{ UNDEF }}
  OPTIONAL {{ ?start ci:painPointStatus|ci:solutionStatus ?status }}
  OPTIONAL {{
    {{ ?start ci:addressedBy ?solution }} UNION {{ ?start ci:impactOf ?solution }}
    UNION {{ ?start a ci:Solution BIND(?start AS ?solution) }}
    OPTIONAL {{ ?impact ci:impactOf ?solution }}
  }}
}}"""


@dataclass(frozen=True, slots=True)
class Start:
    """One of them; `status` is an IRI or nothing; how many solutions and impacts its chain has."""

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
        raise BadParameter(
            "{kind!r} is none of {kinds}", kind=kind[:80], kinds=", ".join(KINDS), source="kind"
        )
    terms: dict[str, NamedNode | Literal] = {
        "class": NamedNode(CI + kind),
        "language": Literal(language),
        "word": Literal(word.strip().lower()),
    }
    found = [one for (one,) in kg.select(with_values(_LISTED, terms)).rows if isinstance(one, NamedNode)]
    if guarded:
        hidden = small_groups.personal(kg, found)
        found = [one for one in found if one not in hidden]
    return _described(kg, found[:MOST], language, guarded=guarded), len(found)


def _described(kg: Reader, nodes: Sequence[NamedNode], language: str, *, guarded: bool) -> list[Start]:
    if not nodes:
        return []
    rows = kg.select(with_values(_AROUND, {"start": list(nodes)})).rows
    secret = small_groups.personal(kg, _named(row[2:] for row in rows)) if guarded else set()
    statuses: dict[Term | None, str] = {}
    solutions: dict[Term | None, set[NamedNode]] = defaultdict(set)
    impacts: dict[Term | None, set[NamedNode]] = defaultdict(set)
    for start, status, solution, impact in rows:
        if isinstance(status, NamedNode):
            statuses.setdefault(start, status.value)
        if solution not in secret:  # what follows from a solution that is not told of is not told of either
            solutions[start] |= _named([(solution,)])
            impacts[start] |= _named([(impact,)]) - secret
    names = labels(kg, [node.value for node in nodes], language)
    return [
        Start(
            node.value,
            names.get(node.value, ""),
            statuses.get(node, ""),
            len(solutions[node]),
            len(impacts[node]),
        )
        for node in nodes
    ]


def _named(rows: Iterable[Sequence[Term | None]]) -> set[NamedNode]:
    return {term for row in rows for term in row if isinstance(term, NamedNode)}
