"""Who may be the same person as one who is to be erased, and stays: for somebody to decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import subjects
from kgservice.application.law.remnants import Words, forms
from kgservice.domain.link import Link


@dataclass(frozen=True, slots=True)
class Doubles:
    """What may be about the person, or about somebody else.

    `records`: the links of records of a CRM on which nobody has decided; `persons`: IRIs of other persons who
    state the same e-mail address or telephone number, or the same name and postal address.
    """

    records: list[Link] = field(default_factory=list)
    persons: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As members of a JSON object."""
        return {
            "candidateRecords": [
                {
                    "source": link.id.source,
                    "key": link.id.key,
                    "probability": None if link.probability is None else float(link.probability),
                }
                for link in self.records
            ],
            "otherPersons": self.persons,
        }


def words_of(kg: KnowledgeGraph, person: NamedNode) -> Words:
    """The words in all that is stated about the person."""
    quads = subjects.quads_of(kg, person)
    nodes = subjects.nodes_of(kg, person, quads)
    graph = NamedNode(kg.addresses.subject(kg.addresses.key(person.value)))
    return Words.of(quad for quad in quads if quad.subject in nodes and quad.graph_name == graph)


def others(kg: KnowledgeGraph, person: NamedNode, words: Words) -> list[str]:
    """The IRIs of the other persons who state what tells who it is."""
    names, postal = (_stating(kg, some) for some in (words.names, words.postal))
    keys = (names & postal) | _stating(kg, words.addresses - words.postal)
    found = (subjects.of_key(kg, key) for key in keys - {kg.addresses.key(person.value)})
    return sorted(node.value for node in found if node is not None)


def _stating(kg: KnowledgeGraph, words: frozenset[Literal]) -> set[str]:
    """The keys of the persons whose graphs state one of the words."""
    patterns = [(None, None, form) for word in words for form in forms(word)]
    prefix = kg.addresses.subject("")
    return {
        graph.value.removeprefix(prefix)
        for quad in kg.copies.records.match(patterns)
        if isinstance(graph := quad.graph_name, NamedNode) and graph.value.startswith(prefix)
    }
