"""Measure the quality of the data, keep the measurements, and tell how they went over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.answers.questions import ask, questions
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.domain import quality
from kgservice.domain.change import Change, Commit, Origin
from kgservice.domain.finding import Policy, severity_name
from kgservice.domain.measures import MEASURES
from kgservice.domain.quality import Measurement, Part, Unit
from kgservice.domain.question import LANGUAGES, Question, with_values
from kgservice.namespaces import SH
from kgservice.store.base import Dataset, Term

SERVICE = Origin(agent="kgservice")

_HISTORY = """
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX dqv: <http://www.w3.org/ns/dqv#>
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX void: <http://rdfs.org/ns/void#>
SELECT ?metric ?class ?topic ?time ?value ?entities WHERE {
  ?measurement a dqv:QualityMeasurement ; dqv:isMeasurementOf ?metric ; dqv:value ?value ;
    prov:generatedAtTime ?time ; dqv:computedOn ?part .
  ?part void:class ?class ; void:entities ?entities .
  OPTIONAL { ?part dcterms:subject ?topic }
} ORDER BY ?time ?metric ?class ?topic
"""
_TAKEN = """
PREFIX dqv: <http://www.w3.org/ns/dqv#>
PREFIX qb: <http://purl.org/linked-data/cube#>
SELECT ?measurement ?part WHERE {
  VALUES ?set { UNDEF }
  ?measurement qb:dataSet ?set ; dqv:computedOn ?part .
}
"""


@dataclass(frozen=True, slots=True)
class Past:
    """A measurement that was kept, and when it was taken."""

    time: datetime
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class Report:
    """All measurements at `time`, the kept ones (oldest first), and the labels of their parts by language."""

    time: datetime
    now: tuple[Measurement, ...]
    past: tuple[Past, ...]
    labels: Mapping[str, Mapping[str, str]]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values: for each measure its parts, each with its value now and its history."""
        now = {(m.measure.id, m.part): m for m in self.now}
        past: dict[tuple[str, Part], list[Past]] = defaultdict(list)
        for each in self.past:
            past[each.measurement.measure.id, each.measurement.part].append(each)
        parts = list(dict.fromkeys([*now, *past]))
        return {
            "time": _iso(self.time),
            "measures": [
                {
                    "id": measure.id,
                    "dimension": {"id": measure.dimension.id, **measure.dimension.title},
                    "title": dict(measure.title),
                    "definition": dict(measure.definition),
                    "unit": measure.unit.name.lower(),
                    "better": measure.better,
                    "question": measure.question,
                    "parts": [
                        {
                            "class": self._named(part.of_class),
                            "topic": self._named(part.topic) if part.topic else None,
                            "now": _values(now.get((id, part))),
                            "history": [
                                {"time": _iso(each.time), **(_values(each.measurement) or {})}
                                for each in past[id, part]
                            ],
                        }
                        for id, part in parts  # noqa: A001
                        if id == measure.id
                    ],
                }
                for measure in MEASURES.values()
            ],
        }

    def _named(self, iri: str) -> dict[str, str]:
        return {
            "iri": iri,
            **{language: self.labels[language].get(iri, short(iri)) for language in LANGUAGES},
        }


def measure(
    kg: KnowledgeGraph, *, policy: Policy | None = None, known: Mapping[str, Question] | None = None
) -> tuple[Measurement, ...]:
    """Take all measurements on the view of everything as it is now, by the clock of `kg`.

    `known`: the saved questions (default: the shipped ones); `policy`: by default that of the settings.
    """
    known, policy = questions() if known is None else known, policy or kg.policy
    now = _iso(kg.clock())
    found: list[Measurement] = []
    for each in MEASURES.values():
        question = known[each.question]
        given = {**each.given, **{name: str(getattr(policy, number)) for name, number in each.policy.items()}}
        if any(parameter.name == "now" for parameter in question.parameters):
            given["now"] = now
        solutions = ask(kg, each.question, given, known).solutions
        found += (
            Measurement(each, _part(row), _whole(row["numerator"]), _whole(row["denominator"]))
            for values in solutions.rows
            for row in [dict(zip(solutions.variables, values, strict=True))]
        )
    return tuple(found)


def history(kg: KnowledgeGraph) -> tuple[Past, ...]:
    """The kept measurements of the measures there are, oldest first."""
    graph = Dataset(default=(NamedNode(kg.addresses.quality),))
    by_iri = {each.iri.value: each for each in MEASURES.values()}
    found = []
    for metric, of_class, topic, time, value, entities in kg.store.select(_HISTORY, graph).rows:
        if known := by_iri.get(_text(metric)):
            part = Part(_text(of_class), _text(topic))
            kept = quality.restored(known, part, Decimal(_text(value)), _whole(entities))
            found.append(Past(datetime.fromisoformat(_text(time)), kept))
    return tuple(found)


def report(kg: KnowledgeGraph, known: Mapping[str, Question] | None = None) -> Report:
    """The measurements now and those kept."""
    time, now, past = kg.clock(), measure(kg, known=known), history(kg)
    return Report(time, now, past, _labels(kg, [*(m.part for m in now), *(p.measurement.part for p in past)]))


def record(
    kg: KnowledgeGraph, known: Mapping[str, Question] | None = None, by: Origin = SERVICE
) -> tuple[Commit, bool]:
    """Measure and keep it, in the graph of quality; also whether it is the first time on this day (UTC).

    Measurements of the same day are replaced: the history has one point for each day.
    """
    graph = NamedNode(kg.addresses.quality)
    kg.current()
    with kg.writing:
        time = kg.clock()
        day = time.astimezone(UTC).date().isoformat()
        new = [
            *quality.definitions(MEASURES.values()),
            *quality.triples(kg.addresses, day, time, measure(kg, known=known)),
        ]
        old = _kept(kg, quality.dataset(kg.addresses, day))
        stale = _definitions_kept(kg)
        change = Change(
            add=tuple(Quad(t.subject, t.predicate, t.object, graph) for t in dict.fromkeys(new)),
            remove=tuple(old | stale),
            origin=by.because("measurement of data quality", ""),
            trusted=True,
        )
        return kg.commit(change), not old


def dqv(kg: KnowledgeGraph, known: Mapping[str, Question] | None = None) -> list[Triple]:
    """The measurements now (a set of their own, named after the moment) and those kept, in DQV."""
    time = kg.clock()
    now = quality.triples(kg.addresses, _iso(time), time, measure(kg, known=known))
    kept = (quad.triple for quad in kg.planner().quads(NamedNode(kg.addresses.quality)))
    return list(dict.fromkeys([*quality.definitions(MEASURES.values()), *now, *kept]))


def _kept(kg: KnowledgeGraph, whole: NamedNode) -> set[Quad]:
    """What the graph of quality holds of a set of measurements; nothing if there is no such set."""
    graph = NamedNode(kg.addresses.quality)
    rows = kg.store.select(with_values(_TAKEN, {"set": whole}), Dataset(default=(graph,))).rows
    nodes = {whole, *(term for row in rows for term in row if isinstance(term, NamedNode))}
    parts = {row[1] for row in rows if isinstance(row[1], NamedNode)}
    patterns = [*((node, None, None) for node in nodes), *((None, None, part) for part in parts)]
    return {quad for quad in kg.store.match(patterns) if quad.graph_name == graph}


def _definitions_kept(kg: KnowledgeGraph) -> set[Quad]:
    """The texts of measures and dimensions as an earlier version of the program may have kept them."""
    graph = NamedNode(kg.addresses.quality)
    nodes = {t.subject for t in quality.definitions(MEASURES.values()) if isinstance(t.subject, NamedNode)}
    return {quad for quad in kg.store.match((node, None, None) for node in nodes) if quad.graph_name == graph}


def _labels(kg: KnowledgeGraph, parts: Sequence[Part]) -> dict[str, dict[str, str]]:
    iris = {iri for part in parts for iri in (part.of_class, part.topic) if iri}
    found = {language: labels(kg, iris, language) for language in LANGUAGES}
    for language in LANGUAGES:  # the words of SHACL have no labels in the graph
        severities = {iri for iri in iris if iri.startswith(SH) and iri != f"{SH}ValidationResult"}
        found[language] |= {iri: severity_name(iri.removeprefix(SH), language) for iri in severities}
    found["de"][f"{SH}ValidationResult"] = "Befund"
    found["en"][f"{SH}ValidationResult"] = "finding"
    return found


def _values(measurement: Measurement | None) -> dict[str, Any] | None:
    if measurement is None:
        return None
    value = measurement.value
    number = None if value is None else int(value) if measurement.measure.unit is Unit.COUNT else float(value)
    return {
        "value": number,
        "numerator": measurement.numerator,
        "denominator": measurement.denominator,
    }


def _part(row: Mapping[str, Term | None]) -> Part:
    return Part(_text(row["class"]), _text(row.get("topic")))


def _text(term: Term | None) -> str:
    return term.value if isinstance(term, NamedNode | Literal) else ""


def _whole(term: Term | None) -> int:
    return int(_text(term))


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
