"""What mentions a person beside their own graphs: rows of their CRM records, quarantine, scratch graphs."""

from __future__ import annotations

from typing import Any

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import subjects
from kgservice.application.law.remnants import Words, remnants
from kgservice.application.links.consequences import linked_records
from kgservice.application.stewards import quarantine


def rows(kg: KnowledgeGraph, person: NamedNode) -> list[dict[str, Any]]:
    """The rows of the CRM records that are known to be of the person, as JSON objects.

    Raises `Conflict` while a run of a source writes them.
    """
    known, _ = linked_records(kg, person)
    with kg.writing:  # an erasure puts another file in the place of this one
        held = [row for place in kg.forgetters for row in place.held(known)]
    return [row.to_json() for row in held]


def mentions(kg: KnowledgeGraph, person: NamedNode) -> dict[str, list[dict[str, Any]]]:
    """What an erasure would find and take with it: `quarantine`, entries; `notes`, scratch statements."""
    key = kg.addresses.key(person.value)
    graphs = [NamedNode(kg.addresses.subject(key)), NamedNode(kg.addresses.consent(key))]
    quads = subjects.quads_of(kg, person)
    nodes = subjects.nodes_of(kg, person, quads)
    words = Words.of(q for q in quads if q.subject in nodes and q.graph_name == graphs[0])
    found = remnants(kg, nodes, graphs, words)
    prefix = kg.addresses.quarantine("")
    entries = sorted(graph.value.removeprefix(prefix) for graph in found.drop)
    scratch = sorted((quad for quad in found.remove if quad.graph_name in kg.copies.scratch), key=str)
    return {
        "quarantine": [_entry(kg, key) for key in entries],
        "notes": [{"graph": str(quad.graph_name).strip("<>"), **stated(quad)} for quad in scratch],
    }


def _entry(kg: KnowledgeGraph, key: str) -> dict[str, Any]:
    said = sorted(quarantine.statements(kg, key), key=str)
    return {**quarantine.one(kg, key).to_json(), "values": [stated(triple) for triple in said]}


def stated(said: Quad | Triple) -> dict[str, Any]:
    """A statement with what it is about."""
    return {"record": str(said.subject).strip("<>"), **value_of(said)}


def value_of(said: Quad | Triple) -> dict[str, Any]:
    """A statement as a member of its record; an IRI has no datatype."""
    o = said.object
    if isinstance(o, Literal):
        value, datatype, language = o.value, o.datatype.value, o.language
    else:
        value, datatype, language = str(o).strip("<>"), None, None
    return {"property": said.predicate.value, "value": value, "datatype": datatype, "language": language}
