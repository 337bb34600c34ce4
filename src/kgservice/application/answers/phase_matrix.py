"""Which elements of the model there are in each phase of development: how many, and which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kgservice.application.answers.small_groups import personal
from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.errors import NotFound
from kgservice.namespaces import CI
from kgservice.store.base import Term

CUSTOMER_DATA = "customer-data"
"""The element that is about single persons."""

# How the records of an element hang on a phase, in SPARQL.
_PATTERNS: Mapping[str, str] = {
    "touchpoints": "?record a ci:Touchpoint ; ci:phase ?phase .",
    "methods": "?place a ci:Touchpoint ; ci:phase ?phase ; ci:plannedMethod|ci:methodUse ?use . "
    "?use ci:method ?record .",
    CUSTOMER_DATA: "?place a ci:Touchpoint ; ci:phase ?phase . "
    "?record ci:collectedAt ?place ; a ci:CustomerDataRecord .",
    "pain-points": "?record a ci:PainPoint ; ci:occursAt ?place . ?place ci:phase ?phase .",
    "solutions": "?pain a ci:PainPoint ; ci:occursAt ?place ; ci:addressedBy ?record . "
    "?place ci:phase ?phase .",
    "impacts": "?pain a ci:PainPoint ; ci:occursAt ?place ; ci:addressedBy ?solution . "
    "?place ci:phase ?phase . ?record ci:impactOf ?solution .",
}
ELEMENTS = tuple(_PATTERNS)
"""The elements in the order of the chain, by the names they have in addresses."""

_PREFIX = f"PREFIX ci: <{CI}> "
_PHASES = f"""{_PREFIX}SELECT ?phase {{
  ?phase a ci:Phase . OPTIONAL {{ ?phase ci:position ?n }}
}} ORDER BY ?n ?phase"""
# There can be millions of records of customers, and to look at the class of each would take seconds. So all
# evidence is counted, and less what is none of customers, if these are all that there is.
_COLLECTED = f"""{_PREFIX}SELECT ?phase (COUNT(*) AS ?n) {{
  ?place ci:phase ?phase . ?record ci:collectedAt ?place
}} GROUP BY ?phase"""
_BESIDES = f"""{_PREFIX}SELECT ?phase (COUNT(DISTINCT ?record) AS ?n) {{
  {{ ?record a ci:Document }} UNION {{ ?record a ci:AggregateResult }}
  ?record ci:collectedAt ?place . ?place ci:phase ?phase
}} GROUP BY ?phase"""
_EACH = (
    f"{_PREFIX}SELECT ?phase (COUNT(DISTINCT ?record) AS ?n) {{ {_PATTERNS[CUSTOMER_DATA]} }} GROUP BY ?phase"
)
# Whose they are; the store stops at as many as a group must have.
_PERSONS = f"""{_PREFIX}SELECT DISTINCT ?person {{{{
  VALUES ?phase {{{{ UNDEF }}}} {_PATTERNS[CUSTOMER_DATA]} ?record ci:dataSubject ?person
}}}} LIMIT {{most}}"""
_OF_CLASS = "SELECT (COUNT(*) AS ?n) { VALUES ?class { UNDEF } ?record a ?class }"
_EVERY = " UNION ".join(
    f'{{ {pattern} BIND("{name}" AS ?element) }}'
    for name, pattern in _PATTERNS.items()
    if name != CUSTOMER_DATA
)
_FEW = (
    f"{_PREFIX}SELECT ?phase ?element (COUNT(DISTINCT ?record) AS ?n) {{ {_EVERY} }} GROUP BY ?phase ?element"
)
_NAMED = f"{_PREFIX}SELECT DISTINCT ?phase ?element ?record ?pain ?solution {{ {_EVERY} }}"


@dataclass(frozen=True, slots=True)
class PhaseMatrix:
    """The phases by their IRIs in order, and the number of records by phase and element; missing is none."""

    phases: tuple[str, ...]
    counts: Mapping[tuple[str, str], int]

    def count(self, phase: str, element: str) -> int:
        """How many there are in a phase."""
        return self.counts.get((phase, element), 0)


def phase_matrix(kg: Reader) -> PhaseMatrix:
    """Count them all on the view: keep the answer until `kg.state` changes."""
    counts = {
        (phase.value, element.value): _number(number)
        for phase, element, number in kg.select(_FEW).rows
        if isinstance(phase, NamedNode) and isinstance(element, Literal)
    }
    counts |= {(phase, CUSTOMER_DATA): number for phase, number in _customer_data(kg).items()}
    return PhaseMatrix(phases(kg), counts)


def phase_matrix_guarded(kg: Reader) -> PhaseMatrix:
    """See `phase_matrix`, for those who may not see single persons: without things that are records of one.

    Data of customers is counted where it is of as many persons as a group must have.
    """
    rows = kg.select(_NAMED).rows
    secret = personal(kg, (term for row in rows for term in row[2:] if isinstance(term, NamedNode)))
    told = {row[:3] for row in rows if secret.isdisjoint(row[2:])}  # also not what hangs on a phase by one
    counts = Counter(
        (phase.value, element.value)
        for phase, element, _ in told
        if isinstance(phase, NamedNode) and isinstance(element, Literal)
    )
    of_customers = {
        (phase, CUSTOMER_DATA): number if _is_of_many(kg, phase) else 0
        for phase, number in _customer_data(kg).items()
    }
    return PhaseMatrix(phases(kg), {**counts, **of_customers})


def _is_of_many(kg: Reader, phase: str) -> bool:
    """Whether the data of customers in a phase is of as many persons as a group must have."""
    smallest = kg.settings.smallest_group
    found = kg.select(with_values(_PERSONS.format(most=smallest), {"phase": NamedNode(phase)})).rows
    return len(found) >= smallest


def _customer_data(kg: Reader) -> dict[str, int]:
    """How many records of customers each phase has."""
    evidence, of_customers, documents, aggregates = (
        _number(kg.select(with_values(_OF_CLASS, {"class": NamedNode(CI + name)})).rows[0][0])
        for name in ("Evidence", "CustomerDataRecord", "Document", "AggregateResult")
    )
    if evidence != of_customers + documents + aggregates:  # some are of no kind, or of two
        return _by_phase(kg, _EACH)
    besides = _by_phase(kg, _BESIDES)
    return {phase: n - besides.get(phase, 0) for phase, n in _by_phase(kg, _COLLECTED).items()}


def _by_phase(kg: Reader, text: str) -> dict[str, int]:
    return {phase.value: _number(n) for phase, n in kg.select(text).rows if isinstance(phase, NamedNode)}


def _number(term: Term | None) -> int:
    return int(term.value) if isinstance(term, Literal) else 0


def phases(kg: Reader) -> tuple[str, ...]:
    """The phases of development in their order."""
    return tuple(row[0].value for row in kg.select(_PHASES).rows if isinstance(row[0], NamedNode))


def elements(kg: Reader, phase: NamedNode, element: str, most: int) -> list[NamedNode]:
    """Up to `most` of the records that `phase_matrix` counts. Raises `NotFound` for what is no element."""
    text = f"SELECT DISTINCT ?record {{ VALUES ?phase {{ UNDEF }} {_pattern(element)} }} LIMIT {most}"
    rows = kg.select(_PREFIX + with_values(text, {"phase": phase})).rows
    return [row[0] for row in rows if isinstance(row[0], NamedNode)]


def elements_guarded(kg: Reader, phase: NamedNode, element: str, most: int) -> list[NamedNode]:
    """See `elements`: those that `phase_matrix_guarded` counts."""
    text = f"SELECT DISTINCT ?record ?pain ?solution {{ VALUES ?phase {{ UNDEF }} {_pattern(element)} }}"
    rows = kg.select(_PREFIX + with_values(text, {"phase": phase})).rows
    secret = personal(kg, (term for row in rows for term in row if isinstance(term, NamedNode)))
    told = dict.fromkeys(row[0] for row in rows if secret.isdisjoint(row))
    return [record for record in told if isinstance(record, NamedNode)][:most]


def _pattern(element: str) -> str:
    if element not in _PATTERNS:
        raise NotFound(
            "there is no element {element!r}; there are {elements}",
            element=element[:80],
            elements=", ".join(ELEMENTS),
        )
    return _PATTERNS[element]
