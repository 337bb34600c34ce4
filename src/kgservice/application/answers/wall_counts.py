"""How many persons belong to segments and what they felt, as walls may show it to anybody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.described import iri, number
from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.domain.walls import ALL, FELT, PERSONS, PLEASANT, UNPLEASANT, Counts, shown
from kgservice.namespaces import XSD
from kgservice.store.base import Term

_PREFIX = "PREFIX ci: <https://w3id.org/kgservice/ci#>\n"
_CUSTOMER = "{ ?person a ci:ContactPerson } UNION { ?person a ci:PrivateCustomer }"
# Companies belong to segments with those who work there.
_MEMBER = """
  VALUES ?now { UNDEF }
  ?membership ci:membershipOf ?row .
  FILTER NOT EXISTS { ?membership ci:validFrom ?begins FILTER(?begins > ?now) }
  FILTER NOT EXISTS { ?membership ci:validUntil ?ends FILTER(?ends <= ?now) }
  { ?membership ci:memberPerson ?person }
  UNION { ?membership ci:memberOrganisation/^ci:worksFor ?person }
"""
_FELT = "?observation a ci:EmotionObservation ; ci:dataSubject ?person ; ci:intensity ?strength ."
_AT_PHASE = """
  ?observation ci:experienceAt|ci:observedIn ?place .
  ?place ci:atTouchpoint?/ci:phase ?row .
"""
_ROWS = {"all": f"{{ {_CUSTOMER} }}", "segment": _MEMBER, "phase": f"{{ {_CUSTOMER} }} {_AT_PHASE}"}
_PERSONS = "SELECT ?row (COUNT(DISTINCT ?person) AS ?persons) WHERE {{ {rows} }} GROUP BY ?row"
_FEELINGS = """
SELECT ?row (COUNT(DISTINCT ?person) AS ?felt) (COUNT(DISTINCT ?glad) AS ?pleasant)
  (COUNT(DISTINCT ?sad) AS ?unpleasant) (AVG(?strength) AS ?mean)
WHERE {{
  {{ SELECT DISTINCT ?row ?person ?observation ?strength WHERE {{ {felt} {rows} }} }}
  BIND(IF(?strength > 0, ?person, ?none) AS ?glad)
  BIND(IF(?strength < 0, ?person, ?none) AS ?sad)
}} GROUP BY ?row
"""


def by_segment(kg: Reader) -> dict[str, Counts]:
    """The counts by IRI of the segment; `ALL`: those of all customers."""
    counted, means = _counted(kg, "segment")
    return shown(counted, means, kg.settings.smallest_group)


def by_phase(kg: Reader) -> dict[str, Counts]:
    """What customers felt by IRI of the phase, to which nobody belongs; `ALL`: in all of them."""
    counted, means = _counted(kg, "phase")
    counted[ALL].pop(PERSONS, None)
    return shown(counted, means, kg.settings.smallest_group)


def _counted(kg: Reader, kind: str) -> tuple[dict[str, dict[str, int]], dict[str, float]]:
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    means: dict[str, float] = {}
    counted[ALL] = {}
    for rows in dict.fromkeys((kind, "all")):
        if rows != "phase":
            for row, persons in _asked(kg, _PERSONS.format(rows=_ROWS[rows])):
                counted[iri(row)][PERSONS] = int(number(persons) or 0)
        for row, felt, pleasant, unpleasant, mean in _asked(
            kg, _FEELINGS.format(rows=_ROWS[rows], felt=_FELT)
        ):
            told = ((FELT, felt), (PLEASANT, pleasant), (UNPLEASANT, unpleasant))
            counted[iri(row)] |= {column: int(number(count) or 0) for column, count in told}
            if (level := number(mean)) is not None:
                means[iri(row)] = level
    return counted, means


def _asked(kg: Reader, text: str) -> Iterable[Sequence[Term | None]]:
    now = Literal(kg.clock().isoformat(), datatype=NamedNode(f"{XSD}dateTime"))
    return kg.select(_PREFIX + with_values(text, {"now": now})).rows
