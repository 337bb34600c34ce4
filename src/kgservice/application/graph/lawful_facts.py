"""Read from the graph what decides about the use of a person's data: consents, age, restrictions, …"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views.lawful_parts import activities_of, iris, subject_of
from kgservice.domain.consent import Activity, Concepts, Subject
from kgservice.domain.question import with_values
from kgservice.errors import NotFound
from kgservice.namespaces import CI, RDF
from kgservice.store.base import Term

_TRUE = Literal(True)

_PREFIXES = """
PREFIX ci: <https://w3id.org/kgservice/ci#>
PREFIX dpv: <https://w3id.org/dpv#>
PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""
# One query, so that all that is read is of one commit. `urn:basis` and `urn:kind` lead to the broader, too.
# No branch holds a UNION before what goes on from it: the planner would find all of both first.
_SUBJECT = f"""{_PREFIXES}
SELECT DISTINCT ?person ?part ?s ?p ?o WHERE {{
  {{ VALUES ?person {{ UNDEF }} BIND("person" AS ?part) BIND(?person AS ?s) ?person ?p ?o }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("person" AS ?part) BIND(?person AS ?s) BIND(<urn:kind> AS ?p)
    ?person ci:customerKind|(^ci:memberPerson/ci:membershipOf/ci:segmentKindOfCustomer) ?kind .
    ?kind (skos:broader|^skos:narrower)* ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("demographic" AS ?part)
    ?s ci:dataSubject ?person ; a ci:DemographicRecord ; ?p ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("consent" AS ?part) ?s ci:dataSubject ?person ; a ci:ConsentRecord ; ?p ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("consent" AS ?part) BIND(<urn:basis> AS ?p)
    ?s ci:dataSubject ?person ; a ci:ConsentRecord ; ci:legalBasis/(skos:broader|^skos:narrower)* ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("event" AS ?part)
    ?consent ci:dataSubject ?person ; a ci:ConsentRecord . ?s ci:eventOf ?consent ; ?p ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("authorisation" AS ?part)
    ?s ci:authorises ?person ; a ci:GuardianAuthorisation ; ?p ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("authorisation" AS ?part)
    ?consent ci:dataSubject ?person ; a ci:ConsentRecord .
    ?s ci:authorisationFor ?consent ; a ci:GuardianAuthorisation ; ?p ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("objection" AS ?part)
    ?s ci:dataSubject ?person ; ci:requestKind ci:ObjectionRequest ; ?p ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("restriction" AS ?part)
    ?s ci:dataSubject ?person ; a ci:Restriction ; ?p ?o
    FILTER NOT EXISTS {{ ?s ci:restricts|^ci:restrictedBy ?record }}
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("claim" AS ?part) BIND(<urn:basis> AS ?p)
    {{ ?s ci:dataSubject ?person }} UNION {{ ?record ci:dataSubject ?person . ?s ci:usesRecord ?record }}
    ?s ci:legalBasis/(skos:broader|^skos:narrower)* ?o FILTER NOT EXISTS {{ ?s a ci:ConsentRecord }}
  }}
  UNION {{ BIND("activity" AS ?part) ?s a ci:ProcessingActivity ; ?p ?o }}
  UNION {{
    BIND("activity" AS ?part) BIND(<urn:basis> AS ?p)
    ?s a ci:ProcessingActivity ; ci:legalBasis/(skos:broader|^skos:narrower)* ?o
  }}
}}"""
_CONCEPTS = f"""{_PREFIXES}
SELECT DISTINCT ?kind ?concept ?broader ?special WHERE {{
  VALUES ?kind {{ ci:DataCategory ci:ProcessingPurpose }}
  ?top a ?kind .
  ?top (skos:narrower|^skos:broader)* ?concept .
  OPTIONAL {{ ?concept skos:broader|^skos:narrower ?broader }}
  BIND(EXISTS {{
    ?concept (skos:broader|^skos:narrower)*/rdf:type? dpv:SpecialCategoryPersonalData
  }} AS ?special)
}}"""


def read_concepts(kg: KnowledgeGraph) -> Concepts:
    """The data categories and purposes that there are, with what is broader; those without have none."""
    trees: dict[str, dict[str, set[str]]] = {"DataCategory": {}, "ProcessingPurpose": {}}
    special = set()
    for kind, concept, broader, is_special in kg.select(_CONCEPTS).rows:
        assert isinstance(kind, NamedNode)
        if isinstance(concept, NamedNode):
            above = trees[kind.value.removeprefix(CI)].setdefault(concept.value, set())
            if isinstance(broader, NamedNode):
                above.add(broader.value)
            if is_special == _TRUE:
                special.add(concept.value)
    categories, purposes = (
        {concept: frozenset(above) for concept, above in sorted(tree.items())} for tree in trees.values()
    )
    return Concepts(categories, purposes, frozenset(special))


def read_subject(kg: KnowledgeGraph, person: NamedNode) -> tuple[Subject, tuple[Activity, ...]]:
    """The person, and the activities on other bases than consent. Raises `NotFound` if it is no person."""
    found, activities = read_subjects(kg, [person])
    if person.value not in found:
        raise NotFound("There is no person {person}", person=person.value)
    return found[person.value], activities


def read_subjects(
    kg: KnowledgeGraph, persons: Collection[NamedNode]
) -> tuple[dict[str, Subject], tuple[Activity, ...]]:
    """Those of the nodes that are persons, by IRI, and the activities on other bases than consent."""
    of: dict[str, _Parts] = defaultdict(_parts)
    shared = _parts()
    terms = {"person": list(persons)}
    for person, part, s, p, o in kg.select(with_values(_SUBJECT, terms)).rows if persons else ():
        if isinstance(part, Literal) and isinstance(s, NamedNode) and isinstance(p, NamedNode) and o:
            parts = of[person.value] if isinstance(person, NamedNode) else shared
            parts[part.value][s.value][p.value.removeprefix(CI)].append(o)
    found = {
        person: subject_of(person, parts)
        for person, parts in of.items()
        if f"{CI}Person" in iris(parts["person"][person], f"{RDF}type")
    }
    return found, tuple(activities_of(shared))


_Parts = defaultdict[str, defaultdict[str, defaultdict[str, list[Term]]]]


def _parts() -> _Parts:
    return defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
