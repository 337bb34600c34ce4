"""Short names for terms, and a small ontology that does not change with the shipped one."""

from __future__ import annotations

import pyoxigraph
import pytest

from kgservice.domain.model import Model
from kgservice.namespaces import CI

SMALL_ONTOLOGY = f"""
@prefix ci: <{CI}> . @prefix ex: <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix pd: <https://w3id.org/dpv/pd#> .

ci:Person a owl:Class ; rdfs:label "Person"@en, "Mensch"@de .
ci:ContactPerson rdfs:subClassOf ci:Person, [ a owl:Restriction ; owl:onProperty ci:worksFor ] .
ex:Human owl:equivalentClass ci:Person .
ci:Evidence rdfs:subClassOf ex:Entity, owl:Thing .
ci:Record rdfs:subClassOf ci:Evidence .
ci:Feedback rdfs:subClassOf ci:Record .
ci:PainPoint a owl:Class .
ci:ConsentRecord ci:storedIn ci:ConsentGraph .
ci:ConsentEvent ci:storedIn ci:ConsentGraph .
ci:ConsentGiven rdfs:subClassOf ci:ConsentEvent .

ci:dataSubject ci:ownerLink true ; owl:inverseOf ci:subjectOf ; rdfs:subPropertyOf ex:about .
ci:memberPerson rdfs:subPropertyOf ci:dataSubject .
ci:eventOf ci:ownerLink true .
ci:inProject owl:inverseOf ci:hasElement .
ci:derivedFrom rdfs:subPropertyOf ex:derived ; owl:inverseOf ci:source .
ex:derived rdfs:subPropertyOf ex:influenced .
ci:contradicts a owl:SymmetricProperty .
ci:personName ci:dataCategory pd:Name .
"""


@pytest.fixture(scope="session")
def model() -> Model:
    return Model.of(q.triple for q in pyoxigraph.parse(SMALL_ONTOLOGY, pyoxigraph.RdfFormat.TURTLE))
