"""Every term of another vocabulary exists there: in the DPV files, or in the closed namespaces of rdflib."""

from __future__ import annotations

from pathlib import Path

import pytest
import rdflib
from rdflib import DCAT, DCTERMS, ORG, OWL, PROV, RDF, RDFS, SDO, SKOS, SOSA, VANN, XSD, URIRef

from kgservice.namespaces import CI
from tests.ontology import owl

DPV = Path(__file__).parent / "vocabularies" / "dpv-2.3"
CLOSED = (DCAT, DCTERMS, ORG, OWL, PROV, RDF, RDFS, SDO, SKOS, SOSA, VANN, XSD)
LICENCE = URIRef("https://creativecommons.org/licenses/by/4.0/")


@pytest.fixture(scope="module")
def dpv() -> set[URIRef]:
    graph = rdflib.Graph()
    for path in sorted(DPV.glob("*.ttl")):
        graph.parse(path)
    return {s for s in graph.subjects(RDF.type) if isinstance(s, URIRef)}


def exists(term: URIRef, dpv: set[URIRef]) -> bool:
    """Whether the vocabulary of an IRI really has it."""
    return term in dpv or any(term in vocabulary for vocabulary in CLOSED)


def test_terms_of_other_vocabularies_exist(ontology: rdflib.Graph, dpv: set[URIRef]) -> None:
    named = {t for triple in ontology for t in triple if isinstance(t, URIRef)}
    foreign = {t for t in named if not str(t).startswith((CI, owl.BASE)) and t != LICENCE}
    assert len(foreign) > 150
    assert {str(t) for t in foreign if not exists(t, dpv)} == set()


def test_an_invented_term_is_noticed(dpv: set[URIRef]) -> None:
    assert not exists(URIRef("https://w3id.org/dpv#ConsentRenewed"), dpv)
    assert not exists(URIRef("https://schema.org/Touchpoint"), dpv)
    assert not exists(URIRef("https://spec.industrialontologies.org/ontology/core/Core/Customer"), dpv)


def test_foreign_classes_and_properties_that_are_used_are_declared(ontology: rdflib.Graph) -> None:
    kinds = {OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty}
    used = {o for r in (RDFS.subClassOf, RDFS.subPropertyOf, RDFS.domain) for o in ontology.objects(None, r)}
    for term in {t for t in used if isinstance(t, URIRef) and not t.startswith(CI)}:
        assert len(kinds & set(ontology.objects(term, RDF.type))) == 1, term


def test_classes_and_properties_of_other_vocabularies_have_labels(ontology: rdflib.Graph) -> None:
    kinds = (OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty)
    declared = {t for kind in kinds for t in ontology.subjects(RDF.type, kind) if isinstance(t, URIRef)}
    foreign = {t for t in declared if not str(t).startswith(CI)}
    assert len(foreign) > 50
    assert {t for t in foreign if owl.languages(ontology, t, RDFS.label) != ["de", "en"]} == set()


def test_dpv_is_referred_to_and_not_imported(ontology: rdflib.Graph) -> None:
    assert all(str(o).startswith(owl.BASE) for o in ontology.objects(None, OWL.imports))
