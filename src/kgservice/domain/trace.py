"""The trace: the chain from touchpoint and evidence over pain point and solution to impact and lesson."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kgservice.namespaces import CI, RDF, SKOS, XSD

LAYERS = (
    "touchpoints",
    "evidence",
    "painPoints",
    "inputs",
    "solutions",
    "releases",
    "impacts",
    "lessons",
)
"""The layers in the order of the chain; `inputs`: insights, ideas, requirements, concepts, prototypes."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something with its label by language, which is its ci:title (`titled`) or its skos:prefLabel."""

    iri: str
    label: Mapping[str, str]
    titled: bool = False

    def to_json(self) -> dict[str, Any]:
        """The thing as JSON values."""
        return {"id": self.iri, "label": dict(sorted(self.label.items()))}


@dataclass(frozen=True, slots=True)
class Value:
    """A literal: its lexical form, the IRI of its datatype, and its language for texts."""

    text: str
    datatype: str = f"{XSD}string"
    language: str | None = None

    def to_json(self) -> Any:
        """Its lexical form; texts for people with their language."""
        return {"text": self.text, "language": self.language} if self.language else self.text

    def to_jsonld(self) -> dict[str, str]:
        """The literal as a JSON-LD value object."""
        if self.language:
            return {"@value": self.text, "@language": self.language}
        return {"@value": self.text, "@type": self.datatype}


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement: its value (decimal), unit and time, each None where it is not recorded."""

    iri: str
    value: Value | None
    unit: Thing | None
    measured_at: Value | None

    def to_json(self) -> dict[str, Any]:
        """The measurement as JSON values."""
        return {
            "id": self.iri,
            "value": self.value.text if self.value else None,
            "unit": self.unit.to_json() if self.unit else None,
            "measuredAt": self.measured_at.text if self.measured_at else None,
        }


Fact = Thing | Measured | Value


@dataclass(frozen=True, slots=True)
class Node:
    """A member of the chain: its class, its title by language, and facts by the local name of their property.

    A fact whose property is written as a path (`collectedBy/method`) stands under its last part.
    """

    iri: str
    cls: Thing
    title: Mapping[str, str]
    facts: Mapping[str, tuple[Fact, ...]]

    def name(self, language: str) -> str:
        """The title in `language`, else in any, else the last part of the IRI.

        >>> Node("https://kg.example/id/7", Thing("urn:c", {}), {"de": "Rost"}, {}).name("en")
        'Rost'
        """
        return self.title.get(language) or next(iter(self.title.values()), self.iri.rpartition("/")[2])

    def to_json(self) -> dict[str, Any]:
        """The node as JSON values."""
        return {
            "id": self.iri,
            "key": self.iri.rpartition("/")[2],
            "class": self.cls.to_json(),
            "title": dict(sorted(self.title.items())),
            "facts": {name: [fact.to_json() for fact in facts] for name, facts in self.facts.items()},
        }


@dataclass(frozen=True, slots=True)
class Link:
    """A statement between two members of the chain."""

    source: str
    property: Thing
    target: str

    def to_json(self) -> dict[str, Any]:
        """The link as JSON values."""
        return {"from": self.source, "property": self.property.to_json(), "to": self.target}


@dataclass(frozen=True, slots=True)
class Trace:
    """The chain through `focus`. `layers` has every name of `LAYERS`, in that order, perhaps empty.

    `evidence`: how much evidence there is where it may not be shown: a number, or `of fewer than 5 persons`.
    """

    focus: str
    layers: Mapping[str, tuple[Node, ...]]
    links: tuple[Link, ...]
    evidence: int | str | None = None

    def nodes(self) -> Iterable[Node]:
        """All members of the chain, layer by layer."""
        for layer in self.layers.values():
            yield from layer

    def without(self, hidden: Collection[str], evidence: int | str) -> Trace:
        """The chain without `hidden` and its evidence, of which it says `evidence`."""
        layers = {
            name: tuple(node for node in nodes if name != "evidence" and node.iri not in hidden)
            for name, nodes in self.layers.items()
        }
        left = {node.iri for nodes in layers.values() for node in nodes}
        links = tuple(link for link in self.links if link.source in left and link.target in left)
        return Trace(self.focus, layers, links, evidence)

    def to_json(self) -> dict[str, Any]:
        """The chain as JSON values."""
        return {
            **({} if self.evidence is None else {"evidence": self.evidence}),
            "focus": self.focus,
            "layers": {name: [node.to_json() for node in nodes] for name, nodes in self.layers.items()},
            "links": [link.to_json() for link in self.links],
        }

    def to_jsonld(self) -> dict[str, Any]:
        """The chain as JSON-LD in the terms of the ontology; it says nothing that the graph does not say."""
        graph: dict[str, dict[str, Any]] = {}
        for node in self.nodes():
            entry = _entry(graph, node.iri)
            _add(entry, "@type", _short(node.cls.iri))
            _label(graph, node.cls)
            for language, text in node.title.items():
                _add(entry, "title", {"@value": text, "@language": language})
            for name, facts in node.facts.items():
                if name != "method":  # stated of the use of the method, which is no member of the chain
                    for fact in facts:
                        _add(entry, name, _fact(graph, fact))
        for link in self.links:
            _add(_entry(graph, link.source), _short(link.property.iri), {"@id": link.target})
        context = {"@vocab": CI, "ci": CI, "skos": SKOS, "rdf": RDF, "xsd": XSD}
        return {"@context": context, "@graph": list(graph.values())}


def _short(iri: str) -> str:
    return iri.removeprefix(CI)


def _entry(graph: dict[str, dict[str, Any]], iri: str) -> dict[str, Any]:
    return graph.setdefault(iri, {"@id": iri})


def _add(entry: dict[str, Any], key: str, value: Any) -> None:
    values = entry.setdefault(key, [])
    if value not in values:
        values.append(value)


def _label(graph: dict[str, dict[str, Any]], thing: Thing) -> None:
    for language, text in thing.label.items():
        key = "title" if thing.titled else "skos:prefLabel"
        _add(_entry(graph, thing.iri), key, {"@value": text, "@language": language})


def _fact(graph: dict[str, dict[str, Any]], fact: Fact) -> dict[str, str]:
    if isinstance(fact, Value):
        return fact.to_jsonld()
    if isinstance(fact, Thing):
        _label(graph, fact)
    else:
        entry = _entry(graph, fact.iri)
        if fact.value:
            _add(entry, "value", fact.value.to_jsonld())
        if fact.unit:
            _add(entry, "unit", {"@id": fact.unit.iri})
            _label(graph, fact.unit)
        if fact.measured_at:
            _add(entry, "measuredAt", fact.measured_at.to_jsonld())
    return {"@id": fact.iri}
