"""Rectify data of a person (Art. 16 GDPR): other values for properties of one record, through the guard."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import requests, subjects
from kgservice.application.law.decisions import named
from kgservice.domain.change import LOCAL, Change, Commit, Origin
from kgservice.domain.members import LONGEST, MOST, Members
from kgservice.domain.question import compact, with_values
from kgservice.domain.rights import Right
from kgservice.errors import BadParameter
from kgservice.namespaces import OWL, RDFS, XSD
from kgservice.phrases import Phrase
from kgservice.store.base import Dataset

_RANGE = f"""SELECT ?range {{
  VALUES ?property {{ UNDEF }} ?property a <{OWL}DatatypeProperty>
  OPTIONAL {{ ?property <{RDFS}range> ?range }}
}}"""
_TEXT = f"{XSD}string"
_TRUTH = frozenset({f"{XSD}boolean"})
_NUMBERS = frozenset(XSD + name for name in ("integer", "decimal", "double", "float"))
# Datatypes that SPARQL can cast to.
_CAST = {"boolean", "integer", "decimal", "double", "float", "dateTime", "date", "time", "duration"}


@dataclass(frozen=True, slots=True)
class Rectified:
    """What was written, and the IRI of the ticket that it answered."""

    commit: Commit
    ticket: str

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        written = self.commit
        return {
            "commit": written.number,
            "added": written.added,
            "removed": written.removed,
            "request": self.ticket,
        }


def rectify(kg: KnowledgeGraph, key: str, body: Any, by: Origin = LOCAL) -> Rectified:
    """Replace literals of a record of the person, and answer the request for it, in one commit.

    `record` is the person if it is not given; `set` gives for each property its values from now on: a text,
    number, truth value, object with `value`, `type`, `language`, a list of these, or null for none. A text
    keeps the datatype and language that the property had. Raises `NotFound`, `BadParameter` for what is no
    record of the person or no property with literals, what `requests.settle` raises, `Invalid`.
    """
    with kg.writing:
        person, asked = subjects.one(kg, key), Members(body)
        record = named(kg, asked.text("record"), "record") if asked.has("record") else person
        wanted = asked.raw("set")
        if not isinstance(wanted, dict) or not wanted or len(wanted) > MOST:
            raise BadParameter("'set' must be an object of properties with their values", source="set")
        quads = subjects.quads_of(kg, person)
        graph = NamedNode(kg.addresses.subject(kg.addresses.key(person.value)))
        if record not in subjects.nodes_of(kg, person, quads):
            raise BadParameter("{record} is no record of this person", record=record.value, source="record")
        if not any(quad.subject == record and quad.graph_name == graph for quad in quads):
            raise BadParameter("Consents are not rectified; their history only grows", source="record")
        remove: list[Quad] = []
        add: list[Quad] = []
        for name, values in wanted.items():
            prop = named(kg, name, f"set.{name[:80]}")
            old = [q for q in quads if q.subject == record and q.predicate == prop]
            literals = [_literal(kg, prop, name, value, old) for value in _values(values, name)]
            remove += old
            add += [Quad(record, prop, literal, DefaultGraph()) for literal in dict.fromkeys(literals)]
        ticket = requests.settle(kg, person, Right.RECTIFICATION, asked)
        asked.done()
        change = Change(
            add=(*add, *ticket.add),
            remove=(*remove, *ticket.remove),
            origin=by.because("data of a person rectified", "/subjects"),
        )
        return Rectified(kg.commit(change), ticket.ticket.value)


def _values(values: Any, name: str) -> list[Any]:
    if values is None:
        return []
    found = values if isinstance(values, list) else [values]
    if len(found) > MOST:
        raise _wrong(name, Phrase("at most {most} values", most=MOST))
    return found


def _literal(kg: KnowledgeGraph, prop: NamedNode, name: str, value: Any, old: list[Quad]) -> Literal:
    ranges = kg.store.select(
        with_values(_RANGE, {"property": prop}), Dataset(default=(NamedNode(kg.addresses.ontology),))
    ).rows
    before = [quad.object for quad in old]
    if not ranges or not all(isinstance(o, Literal) for o in before):
        raise BadParameter(
            "{prop} is no property of the model with texts, numbers or dates",
            prop=compact(prop.value),
            source=f"set.{name[:80]}",
        )
    expected = next((row[0].value for row in ranges if isinstance(row[0], NamedNode)), None)
    language = None
    if isinstance(value, dict):
        inner = Members(value, f"set.{name}")
        if inner.has("type"):
            expected = named(kg, inner.text("type"), f"set.{name[:80]}.type").value
        language = inner.text("language") if inner.has("language") else None
        value = inner.raw("value")
        inner.done()
    elif isinstance(value, str):
        kinds = {(o.datatype.value, o.language) for o in before if isinstance(o, Literal)}
        if len(kinds) == 1:
            ((expected, language),) = kinds
    return _checked(kg, name, _term(name, value, expected, language))


def _term(name: str, value: Any, datatype: str | None, language: str | None) -> Literal:
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        plain = Literal(value)
        if datatype is None:
            return plain
        if language or datatype not in (_TRUTH if isinstance(value, bool) else _NUMBERS):
            raise _wrong(name, Phrase("a value of the datatype {datatype}", datatype=compact(datatype)))
        return Literal(plain.value, datatype=NamedNode(datatype))
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
        raise _wrong(name, Phrase("a text of 1 to {most} characters, a number, true or false", most=LONGEST))
    try:
        value.encode()
        if language:
            return Literal(value, language=language)
        return Literal(value, datatype=NamedNode(datatype or _TEXT))
    except ValueError as error:
        raise _wrong(name, Phrase("a term of RDF: {error}", error=error)) from None


def _checked(kg: KnowledgeGraph, name: str, literal: Literal) -> Literal:
    """The literal, if its text is one of its datatype; the store takes any."""
    datatype = literal.datatype.value
    if not literal.language and not datatype.startswith(XSD):
        raise _wrong(name, Phrase("a value of a datatype of XML Schema"))
    if datatype.removeprefix(XSD) in _CAST:
        query = f"SELECT (<{datatype}>(?text) AS ?value) {{ VALUES ?text {{ UNDEF }} }}"
        rows = kg.store.select(with_values(query, {"text": Literal(literal.value)}), Dataset()).rows
        if rows != [] and rows[0][0] is None:
            raise _wrong(name, Phrase("a value of the datatype {datatype}", datatype=compact(datatype)))
    return literal


def _wrong(name: str, expected: Phrase) -> BadParameter:
    return BadParameter(
        "'set.{name}' must be {expected}", name=name[:80], expected=expected, source=f"set.{name[:80]}"
    )
