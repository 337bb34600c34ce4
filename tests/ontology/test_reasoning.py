"""HermiT finds modules and demonstration consistent; the model is OWL 2 DL and says all that it entails."""

from __future__ import annotations

import pytest
import rdflib
from rdflib import OWL, RDF, RDFS, Literal, URIRef

from kgservice.namespaces import CI
from tests.ontology import owl

KG = "https://kg.example/id/"


@pytest.mark.slow
@pytest.mark.parametrize("name", owl.MODULES)
def test_each_module_is_consistent_and_every_class_can_have_members(name: str) -> None:
    found = owl.classify(owl.with_imports(name))
    assert found.consistent
    assert found.unsatisfiable == []


@pytest.mark.slow
def test_the_told_hierarchy_is_the_entailed_one(ontology: rdflib.Graph) -> None:
    """So the service needs no reasoner at run time: superclasses and superproperties are all in the files."""
    found = owl.classify(ontology)
    told = owl.closure(ontology, RDFS.subClassOf) | owl.closure(ontology, RDFS.subPropertyOf)
    annotations = {str(p) for p in ontology.subjects(RDF.type, OWL.AnnotationProperty)}
    assert found.unsatisfiable == []
    assert len(found.above) > 500
    for term, above in found.above.items():
        if term not in annotations:
            assert above == told.get(term, set()), term


@pytest.mark.slow
def test_the_demonstration_is_consistent() -> None:
    found = owl.classify(owl.demonstration())
    assert found.consistent
    assert found.unsatisfiable == []


@pytest.mark.slow
def test_contradictions_are_found() -> None:
    graph = owl.with_imports("core")
    someone = URIRef(f"{KG}1")
    graph.add((someone, RDF.type, OWL.NamedIndividual))
    graph.add((someone, RDF.type, URIRef(f"{CI}ContactPerson")))
    graph.add((someone, RDF.type, URIRef(f"{CI}CustomerOrganisation")))
    assert not owl.classify(graph).consistent

    graph = owl.with_imports("journey")
    touchpoint, phase = URIRef(f"{KG}2"), URIRef(f"{CI}phase")
    graph.add((touchpoint, RDF.type, OWL.NamedIndividual))
    graph.add((touchpoint, phase, URIRef(f"{CI}MarketLaunch")))
    graph.add((touchpoint, phase, URIRef(f"{CI}IdeaGeneration")))
    assert not owl.classify(graph).consistent

    graph = owl.with_imports("segmentation")
    impossible = URIRef(f"{CI}WalkingSegment")
    graph.add((impossible, RDF.type, OWL.Class))
    graph.add((impossible, RDFS.subClassOf, URIRef(f"{CI}StaticSegment")))
    graph.add((impossible, RDFS.subClassOf, URIRef(f"{CI}DynamicSegment")))
    assert owl.classify(graph).unsatisfiable == [str(impossible)]


@pytest.mark.slow
@pytest.mark.parametrize("name", owl.MODULES)
def test_each_module_is_owl_2_dl(name: str) -> None:
    assert owl.outside_of_owl_dl(owl.with_imports(name)) == []


@pytest.mark.slow
def test_the_demonstration_is_owl_2_dl() -> None:
    assert owl.outside_of_owl_dl(owl.demonstration()) == []


@pytest.mark.slow
def test_what_is_not_owl_2_dl_is_noticed() -> None:
    graph = owl.with_imports("journey")
    graph.add((URIRef(f"{CI}title"), RDF.type, OWL.DatatypeProperty))
    assert any("pun" in v for v in owl.outside_of_owl_dl(graph))

    graph = owl.with_imports("journey")
    graph.add((URIRef(f"{CI}nextStep"), RDF.type, OWL.TransitiveProperty))
    assert any("nextStep" in v for v in owl.outside_of_owl_dl(graph))

    graph = owl.with_imports("journey")
    graph.add((URIRef(f"{KG}1"), URIRef(f"{CI}undeclared"), Literal("x")))
    graph.add((URIRef(f"{CI}Person"), RDFS.subClassOf, URIRef(f"{CI}NeverDeclared")))
    assert any("undeclared class" in v for v in owl.outside_of_owl_dl(graph))
