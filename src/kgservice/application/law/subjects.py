"""Data subjects: find a person by CRM number, e-mail, IRI or name, and tell what there is about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.changes.facts import RecordFacts
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels
from kgservice.application.law.decisions import named, stamp
from kgservice.domain.model import TYPE
from kgservice.domain.question import listed, with_values
from kgservice.domain.router import Router
from kgservice.errors import BadParameter, NotFound
from kgservice.namespaces import CI
from kgservice.phrases import Phrase

WAYS = ("crm", "email", "iri", "name")
MOST = 100  # persons that are told of at once
_PERSON = NamedNode(f"{CI}Person")
_PREFIX = f"PREFIX ci: <{CI}>\n"
_OWNER = f"?node (ci:dataSubject|^ci:subjectOf)? ?person . ?person a ci:Person }} LIMIT {MOST + 1}"
_BY_EMAIL = f"""{_PREFIX}SELECT DISTINCT ?person {{
  VALUES ?value {{ UNDEF }} ?node ci:emailAddress ?value . {_OWNER}"""
_BY_ANY_EMAIL = f"""{_PREFIX}SELECT DISTINCT ?person {{
  VALUES ?value {{ UNDEF }} ?node ci:emailAddress ?address
  FILTER(LCASE(STR(?address)) = LCASE(STR(?value))) {_OWNER}"""
# A number of the CRM: of the person, of a record about them, or of a record with an accepted link to them.
_BY_CRM = f"""{_PREFIX}SELECT DISTINCT ?person {{
  VALUES ?value {{ UNDEF }} ?node ci:externalId|ci:customerNumber ?value .
  VALUES ?system {{ UNDEF }}
  FILTER(!BOUND(?system) || EXISTS {{ ?node ci:externalSystem ?system }}
    || EXISTS {{ ?node ci:crmSystem ?crm FILTER(STR(?crm) = STR(?system)) }}
    || EXISTS {{ ?node ci:crmSystem/ci:title ?title FILTER(STR(?title) = STR(?system)) }})
  {{ ?node (ci:dataSubject|^ci:subjectOf)? ?person }}
  UNION {{ ?link ci:linksRecord ?node ; ci:linkedPerson ?person ; ci:decision ci:LinkAccepted }}
  ?person a ci:Person
}} LIMIT {MOST + 1}"""
# Names are of persons or of records about them; part of one will do.
_BY_NAME = f"""{_PREFIX}SELECT DISTINCT ?person {{
  VALUES ?value {{ UNDEF }} ?node ci:personName ?name
  FILTER(CONTAINS(LCASE(STR(?name)), LCASE(STR(?value)))) {_OWNER}"""
_SYSTEMS = f"""{_PREFIX}SELECT DISTINCT ?name {{
  {{ ?record ci:externalSystem ?name }} UNION {{ ?record ci:crmSystem ?name }}
  UNION {{ ?record ci:crmSystem/ci:title ?name }} }}"""
_TOMBSTONE = f"""{_PREFIX}SELECT ?at {{
  VALUES ?stone {{ UNDEF }} ?stone a ci:Tombstone ; ci:erasedAt ?at }}"""


def find(kg: KnowledgeGraph, given: Mapping[str, str]) -> dict[str, Any]:
    """The persons that fit, as a JSON object; `given` is one of `WAYS` with its value.

    `name` is a part of one. `crm` is `SYSTEM:KEY` (the system by its short name, title or IRI), or a
    number of any system. Raises `BadParameter`, and `NotFound` for a system that there is not.
    """
    if len(given) != 1 or not given.keys() <= set(WAYS):
        raise BadParameter("Say whom: exactly one of {ways}", ways=", ".join(WAYS), source="crm")
    ((way, value),) = given.items()
    if not value.strip():
        raise BadParameter("{way!r} is empty", way=way, source=way)
    value = value.strip()
    if way == "iri":
        node = named(kg, value, "iri")
        found = [node] if _is_person(kg, node) else []
    elif way == "email":
        found = _persons(kg, _BY_EMAIL, Literal(value)) or _persons(kg, _BY_ANY_EMAIL, Literal(value))
    elif way == "name":
        found = _persons(kg, _BY_NAME, Literal(value))
    else:
        system, colon, key = value.rpartition(":")
        if colon and not (system and key):
            raise BadParameter("'crm' must be SYSTEM:KEY, such as sales-crm:CON-1001", source="crm")
        found = _persons(kg, _BY_CRM, Literal(key), Literal(system) if colon else None)
        found = found or (_persons(kg, _BY_CRM, Literal(value)) if colon else [])
        if colon and not found:
            _check_system(kg, system)
    return {"matches": [_match(kg, person) for person in found[:MOST]], "more": len(found) > MOST}


def _check_system(kg: KnowledgeGraph, system: str) -> None:
    known = {name.value for (name,) in kg.select(_SYSTEMS).rows if isinstance(name, Literal | NamedNode)}
    if system not in known:
        raise NotFound(
            "There is no CRM system {system!r}; there are {known}",
            system=system[:80],
            known=listed(sorted(known)) or Phrase("none"),
        )


def one(kg: KnowledgeGraph, key: str) -> NamedNode:
    """The person with this key (or IRI). Raises `NotFound`, which says when the person was erased."""
    try:
        node = named(kg, key, "key")
    except BadParameter:
        raise NotFound("{key!r} is no name of a person", key=key[:80]) from None
    if _is_person(kg, node):
        return node
    own = kg.addresses.key(node.value)
    person = of_key(kg, own)
    if person is not None:
        return person
    stones = kg.select(with_values(_TOMBSTONE, {"stone": node})).rows
    told = [at.value for (at,) in stones if isinstance(at, Literal)]
    if at := kg.erased.when(own) or next(iter(told), None):
        raise NotFound("This person was erased at {at}; nothing else is known", at=at)
    raise NotFound("There is no person {key}", key=key[:80])


def of_key(kg: KnowledgeGraph, key: str) -> NamedNode | None:
    """The person whose graph has the key, perhaps with an IRI from elsewhere, which the key is made from."""
    for quad in in_graph(kg, NamedNode(kg.addresses.subject(key))):
        s, is_person = quad.subject, quad.predicate == TYPE and quad.object in kg.model.persons
        if is_person and isinstance(s, NamedNode) and kg.addresses.key(s.value) == key:
            return s
    return None


def mark(kg: KnowledgeGraph, person: str) -> str:
    """What stands for the person with this IRI in the audit log and the list of the erased: a keyed hash."""
    return kg.erased.mark(kg.addresses.key(person))


def keys(kg: KnowledgeGraph) -> set[str]:
    """The keys of the persons who have a graph."""
    of_persons = (kg.addresses.subject(""), kg.addresses.consent(""))
    return {
        graph.value.rpartition("/")[2] for graph in kg.store.graphs() if graph.value.startswith(of_persons)
    }


def in_graph(kg: KnowledgeGraph, graph: NamedNode) -> list[Quad]:
    """All quads of a record graph; none where there is no such graph."""
    return kg.planner().quads(graph) if kg.store.has_graph(graph) else []


def quads_of(kg: KnowledgeGraph, person: NamedNode) -> list[Quad]:
    """All statements about the person: of the subject graph and of the consent graph."""
    key = kg.addresses.key(person.value)
    graphs = (NamedNode(kg.addresses.subject(key)), NamedNode(kg.addresses.consent(key)))
    return [quad for graph in graphs for quad in in_graph(kg, graph)]


def nodes_of(kg: KnowledgeGraph, person: NamedNode, quads: list[Quad]) -> set[NamedNode]:
    """The person, and the subjects of `quads` that are records of the person, by the rules of the router."""
    planner = kg.planner()
    looked = planner.looked()
    router = Router(kg.model, kg.graphs, RecordFacts(looked, kg.graphs, kg.model))
    subjects = {quad.subject for quad in quads if isinstance(quad.subject, NamedNode)}
    # Of record graphs only that of its person states the class of a node.
    own = {quad.subject for quad in quads if quad.predicate == TYPE and isinstance(quad.subject, NamedNode)}
    classes = ((node, looked.of(node, frozenset({TYPE}))) for node in subjects - own)
    untold = {node for node, said in classes if not any(kg.graphs.is_record(q.graph_name) for q in said)}
    return own | {node for node in untold if router.person(node) == person.value} | {person}


def summary(kg: KnowledgeGraph, key: str) -> dict[str, Any]:
    """What there is about the person, in numbers, as a JSON object. Raises `NotFound`."""
    person = one(kg, key)
    quads = quads_of(kg, person)
    own = nodes_of(kg, person, quads)
    classes = Counter(
        quad.object.value
        for quad in quads
        if quad.predicate == TYPE and quad.subject in own and isinstance(quad.object, NamedNode)
    )
    names = {language: labels(kg, classes, language) for language in ("de", "en")}
    return {
        **_match(kg, person),
        "statements": len(quads),
        "records": [
            {"class": iri, "label": {tag: names[tag].get(iri, iri) for tag in names}, "count": count}
            for iri, count in sorted(classes.items())
        ],
        "asOf": stamp(kg.clock()),
    }


def _persons(
    kg: KnowledgeGraph, query: str, value: Literal, system: Literal | None = None
) -> list[NamedNode]:
    terms = {"value": value} if system is None else {"value": value, "system": system}
    found = {row[0] for row in kg.select(with_values(query, terms)).rows}
    return sorted((node for node in found if isinstance(node, NamedNode)), key=str)


def _is_person(kg: KnowledgeGraph, node: NamedNode) -> bool:
    query = "ASK { VALUES ?one { UNDEF } VALUES ?class { UNDEF } ?one a ?class }"
    return kg.ask(with_values(query, {"one": node, "class": _PERSON}))


def _match(kg: KnowledgeGraph, person: NamedNode) -> dict[str, Any]:
    """Enough to tell the person from others."""
    name = labels(kg, [person.value], "de").get(person.value)
    said = [q for q in kg.store.match([(person, TYPE, None)]) if kg.graphs.is_record(q.graph_name)]
    kinds = {quad.object.value for quad in said if isinstance(quad.object, NamedNode)}
    return {
        "key": kg.addresses.key(person.value),
        "iri": person.value,
        "name": name,
        "classes": sorted(kinds),
        "mark": mark(kg, person.value),
    }
