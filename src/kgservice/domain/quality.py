"""Measures of data quality: what each says, what a measurement of one is, and its form in DQV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum

from pyoxigraph import Literal, NamedNode, Triple

from kgservice.domain.model import TYPE
from kgservice.domain.question import Text
from kgservice.namespaces import (
    CI,
    DCTERMS,
    DQV,
    PROV,
    QB,
    QUALITY,
    SDMX_ATTRIBUTE,
    SKOS,
    VOID,
    XSD,
    Addresses,
)

DIGITS = 12
"""Digits after the point that a share has in RDF: enough to tell its parts of up to a million million."""


class Unit(Enum):
    """What the value of a measure is: its unit, and the datatype of its values."""

    RATIO = ("Ratio", "decimal")
    COUNT = ("Count", "integer")

    @property
    def iri(self) -> NamedNode:
        """The unit in the vocabulary."""
        return NamedNode(CI + self.value[0])

    @property
    def datatype(self) -> NamedNode:
        """The datatype of the values."""
        return NamedNode(XSD + self.value[1])


@dataclass(frozen=True, slots=True)
class Dimension:
    """A kind of quality that measures belong to (`dqv:Dimension`)."""

    id: str
    title: Text
    definition: Text

    @property
    def iri(self) -> NamedNode:
        """Its IRI, the same in all deployments."""
        return NamedNode(QUALITY + self.id)


@dataclass(frozen=True, slots=True)
class Measure:
    """One way to measure quality (`dqv:Metric`).

    `question`: the saved question that counts, asked with the values in `given` and with the numbers of the
    policy that `policy` names by parameter; its rows are `class`, `numerator`, `denominator` and, where the
    measure is taken of several parts of a class, `topic` (a phase, a severity). `better` is `higher` or
    `lower`.
    """

    id: str
    dimension: Dimension
    title: Text
    definition: Text
    question: str
    unit: Unit = Unit.RATIO
    better: str = "higher"
    given: Mapping[str, str] = field(default_factory=dict)
    policy: Mapping[str, str] = field(default_factory=dict)

    @property
    def iri(self) -> NamedNode:
        """Its IRI, the same in all deployments."""
        return NamedNode(QUALITY + self.id)


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """What a measurement was taken of: the instances of a class (IRI), or those of a `topic` (IRI) only."""

    of_class: str
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """How many of `denominator` things fulfil the measure, or for a count: are what it counts."""

    measure: Measure
    part: Part
    numerator: int
    denominator: int

    @property
    def value(self) -> Decimal | None:
        """The share or the count; None for a share of nothing, which is neither good nor bad.

        >>> d = Dimension("d", {}, {})
        >>> m = Measure("m", d, {}, {}, "question")
        >>> Measurement(m, Part("urn:c"), 3, 4).value, Measurement(m, Part("urn:c"), 0, 0).value
        (Decimal('0.75'), None)
        """
        if self.measure.unit is Unit.COUNT:
            return Decimal(self.numerator)
        if self.denominator == 0:
            return None
        return round(Decimal(self.numerator) / self.denominator, DIGITS).normalize()


def restored(measure: Measure, part: Part, value: Decimal, entities: int) -> Measurement:
    """The measurement with that value on so many things: the way back from `triples`."""
    numerator = value if measure.unit is Unit.COUNT else value * entities
    return Measurement(measure, part, round(numerator), entities)


def definitions(measures: Iterable[Measure]) -> Iterator[Triple]:
    """Measures and their dimensions in DQV."""
    measures = tuple(measures)
    for dimension in {measure.dimension.id: measure.dimension for measure in measures}.values():
        yield Triple(dimension.iri, TYPE, NamedNode(f"{DQV}Dimension"))
        yield from _texts(dimension.iri, dimension.title, dimension.definition)
    for measure in measures:
        yield Triple(measure.iri, TYPE, NamedNode(f"{DQV}Metric"))
        yield from _texts(measure.iri, measure.title, measure.definition)
        yield Triple(measure.iri, NamedNode(f"{DQV}inDimension"), measure.dimension.iri)
        yield Triple(measure.iri, NamedNode(f"{DQV}expectedDataType"), measure.unit.datatype)


def dataset(addresses: Addresses, key: str) -> NamedNode:
    """The set (`dqv:QualityMeasurementDataset`) of the measurements that were taken at once, by its key."""
    return NamedNode(addresses.instance("quality", key))


def triples(
    addresses: Addresses, key: str, moment: datetime, measurements: Iterable[Measurement]
) -> Iterator[Triple]:
    """Measurements taken at `moment` in DQV; those without a value are none, and left out.

    Each is computed on a part of the view of everything (`void:Dataset`) with the number of its things
    (`void:entities`). The nodes are named after `key`.
    """
    whole, at = dataset(addresses, key), NamedNode(f"{PROV}generatedAtTime")
    time = Literal(moment.isoformat(), datatype=NamedNode(f"{XSD}dateTime"))
    yield Triple(whole, TYPE, NamedNode(f"{DQV}QualityMeasurementDataset"))
    yield Triple(whole, at, time)
    for m in measurements:
        if m.value is None:
            continue
        names = ("quality", key, m.measure.id, m.part.of_class, m.part.topic)
        node, part = NamedNode(addresses.instance(*names)), NamedNode(addresses.instance(*names, "part"))
        value = Literal(f"{m.value:f}", datatype=m.measure.unit.datatype)
        yield Triple(node, TYPE, NamedNode(f"{DQV}QualityMeasurement"))
        yield Triple(node, NamedNode(f"{QB}dataSet"), whole)
        yield Triple(node, NamedNode(f"{DQV}isMeasurementOf"), m.measure.iri)
        yield Triple(node, NamedNode(f"{DQV}computedOn"), part)
        yield Triple(node, NamedNode(f"{DQV}value"), value)
        yield Triple(node, NamedNode(f"{SDMX_ATTRIBUTE}unitMeasure"), m.measure.unit.iri)
        yield Triple(node, at, time)
        yield Triple(part, TYPE, NamedNode(f"{VOID}Dataset"))
        yield Triple(NamedNode(addresses.everything), NamedNode(f"{VOID}subset"), part)
        yield Triple(part, NamedNode(f"{VOID}class"), NamedNode(m.part.of_class))
        yield Triple(
            part,
            NamedNode(f"{VOID}entities"),
            Literal(str(m.denominator), datatype=NamedNode(f"{XSD}integer")),
        )
        if m.part.topic:
            yield Triple(part, NamedNode(f"{DCTERMS}subject"), NamedNode(m.part.topic))


def _texts(node: NamedNode, title: Text, definition: Text) -> Iterator[Triple]:
    for prop, text in (("prefLabel", title), ("definition", definition)):
        for language in ("de", "en"):
            yield Triple(node, NamedNode(SKOS + prop), Literal(text[language], language=language))
