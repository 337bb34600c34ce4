"""The terms of the model for those who look them up: what is stated of one, and how it stands to others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.errors import NotFound
from kgservice.namespaces import CI, DCTERMS, OWL, RDF, RDFS, SKOS
from kgservice.store.base import Dataset

_PREFIXES = f"""PREFIX ci: <{CI}> PREFIX owl: <{OWL}> PREFIX rdf: <{RDF}> PREFIX rdfs: <{RDFS}>
PREFIX skos: <{SKOS}> """
_ALL = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
_ABOUT = "CONSTRUCT { ?term ?p ?o } WHERE { VALUES ?term { UNDEF } ?term ?p ?o }"
# A domain or range is a class, or a union of classes.
_RELATED = f"""{_PREFIXES}SELECT DISTINCT ?relation ?other WHERE {{
  VALUES ?term {{ UNDEF }}
  {{ ?term rdfs:subClassOf|rdfs:subPropertyOf|skos:broader ?other BIND("above" AS ?relation) }}
  UNION {{ ?other rdfs:subClassOf|rdfs:subPropertyOf|skos:broader ?term BIND("below" AS ?relation) }}
  UNION {{ ?term rdfs:domain/((owl:unionOf/rdf:rest*/rdf:first)?) ?other BIND("domain" AS ?relation) }}
  UNION {{ ?term rdfs:range/((owl:unionOf/rdf:rest*/rdf:first)?) ?other BIND("range" AS ?relation) }}
  UNION {{ ?other rdfs:domain/((owl:unionOf/rdf:rest*/rdf:first)?) ?term BIND("domain-of" AS ?relation) }}
  UNION {{ ?other rdfs:range/((owl:unionOf/rdf:rest*/rdf:first)?) ?term BIND("range-of" AS ?relation) }}
  UNION {{ ?term owl:inverseOf ?other BIND("inverse" AS ?relation) }}
  UNION {{ ?term owl:disjointWith|^owl:disjointWith ?other BIND("disjoint" AS ?relation) }}
  UNION {{ ?term skos:inScheme ?other BIND("scheme" AS ?relation) }}
  UNION {{ ?other skos:inScheme ?term BIND("members" AS ?relation) }}
  UNION {{ ?other a ?term FILTER(?term != skos:Concept) BIND("members" AS ?relation) }}
  UNION {{ ?term ci:dataCategory ?other BIND("category" AS ?relation) }}
  UNION {{ ?term skos:exactMatch|skos:closeMatch|skos:broadMatch|skos:narrowMatch|skos:relatedMatch ?other
           BIND("matches" AS ?relation) }}
}}"""
_LISTED = f"""{_PREFIXES}SELECT ?term ?kind ?label WHERE {{
  VALUES ?language {{ UNDEF }}
  VALUES ?kind {{
    owl:Class owl:ObjectProperty owl:DatatypeProperty owl:AnnotationProperty skos:ConceptScheme
  }}
  ?term a ?kind ; skos:prefLabel ?label FILTER(LANG(?label) = ?language)
}} ORDER BY LCASE(?label) ?label ?term ?kind"""
_KINDS = ("Class", "ObjectProperty", "DatatypeProperty", "AnnotationProperty", "ConceptScheme", "Concept")


@dataclass(frozen=True, slots=True)
class Described:
    """A term: its `kind`, its texts by property (last part of the name), its related terms by relation."""

    iri: str
    kind: str
    module: str
    texts: dict[str, tuple[Literal, ...]]
    related: dict[str, tuple[str, ...]]


def model(kg: Reader) -> list[Triple]:
    """All statements of the ontology and its vocabulary, with blank nodes where the files have them."""
    return list(_with_blank_nodes(kg, kg.store.construct(_ALL, _model_of(kg))))


def statements(kg: Reader, term: NamedNode) -> list[Triple]:
    """The statements of the model about `term` and about the blank nodes they lead to.

    Raises `NotFound` when the model says nothing about it.
    """
    found: list[Triple] = []
    waiting: list[NamedNode] = [term]
    seen: set[object] = {term}
    while waiting:
        step = kg.store.construct(with_values(_ABOUT, {"term": waiting}), _model_of(kg))
        found += step
        nodes = {t.object for t in step if kg.graphs.is_genid(t.object)} - seen
        seen |= nodes
        waiting = [node for node in nodes if isinstance(node, NamedNode)]
    if not found:
        raise NotFound("the model has no term <{term}>", term=term.value)
    return list(_with_blank_nodes(kg, found))


def describe(kg: Reader, term: NamedNode) -> Described:
    """What a page says of `term`. Raises `NotFound` when the model says nothing about it."""
    texts: dict[str, list[Literal]] = {}
    types: set[str] = set()
    module = ""
    for triple in statements(kg, term):
        name, value = triple.predicate.value, triple.object
        if triple.subject != term:
            continue
        if name == f"{RDF}type" and isinstance(value, NamedNode):
            types.add(value.value)
        elif name == f"{RDFS}isDefinedBy" and isinstance(value, NamedNode):
            module = value.value.rpartition("/")[2]
        elif isinstance(value, Literal) and name.startswith((SKOS, DCTERMS)):
            texts.setdefault(name.replace("#", "/").rpartition("/")[2], []).append(value)
    related: dict[str, list[str]] = {}
    for relation, other in kg.store.select(with_values(_RELATED, {"term": term}), _model_of(kg)).rows:
        if isinstance(relation, Literal) and isinstance(other, NamedNode) and not kg.graphs.is_genid(other):
            related.setdefault(relation.value, []).append(other.value)
    kinds = [kind for kind in _KINDS if types & {f"{OWL}{kind}", f"{SKOS}{kind}"}]
    return Described(
        term.value,
        kinds[0] if kinds else "Concept",
        module,
        {name: tuple(sorted(values, key=str)) for name, values in texts.items()},
        {relation: tuple(sorted(others)) for relation, others in related.items()},
    )


def listed(kg: Reader, language: str) -> dict[str, list[tuple[str, str]]]:
    """Classes, properties and schemes by kind: IRI and label in `language`, sorted by label."""
    found: dict[str, list[tuple[str, str]]] = {}
    query = with_values(_LISTED, {"language": Literal(language)})
    for term, kind, label in kg.store.select(query, _model_of(kg)).rows:
        if isinstance(term, NamedNode) and isinstance(kind, NamedNode) and isinstance(label, Literal):
            found.setdefault(kind.value.rpartition("#")[2], []).append((term.value, label.value))
    return found


def _model_of(kg: Reader) -> Dataset:
    """The model alone: the view also holds what records entail about its concepts."""
    return Dataset(kg.graphs.model)


def _with_blank_nodes(kg: Reader, triples: Iterable[Triple]) -> Iterator[Triple]:
    start = len(kg.graphs.genid)
    for s, p, o in triples:
        subject = BlankNode(f"b{s.value[start:]}") if kg.graphs.is_genid(s) else s
        value = BlankNode(f"b{o.value[start:]}") if kg.graphs.is_genid(o) else o
        yield Triple(subject, p, value)
