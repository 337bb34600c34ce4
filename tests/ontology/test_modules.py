"""Each module has a complete header, imports only modules of ours, and can be read alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import rdflib
from rdflib import DCTERMS, OWL, RDF, RDFS, URIRef

from kgservice.namespaces import CI
from kgservice.resources import folder
from tests.ontology import owl


def test_there_are_these_modules_and_no_others() -> None:
    assert {p.stem for p in folder("ontology").glob("*.ttl")} == set(owl.MODULES)


@pytest.mark.parametrize("name", owl.MODULES)
def test_header(name: str) -> None:
    graph = owl.module(name)
    iri = URIRef(owl.BASE + name)
    assert list(graph.subjects(RDF.type, OWL.Ontology)) == [iri]
    assert str(graph.value(iri, OWL.versionIRI)) == f"{iri}/{graph.value(iri, OWL.versionInfo)}"
    assert graph.value(iri, DCTERMS.creator) is not None
    assert graph.value(iri, DCTERMS.license) == URIRef("https://creativecommons.org/licenses/by/4.0/")
    for text in (DCTERMS.title, DCTERMS.description):
        assert owl.languages(graph, iri, text) == ["de", "en"]


@pytest.mark.parametrize("name", owl.MODULES)
def test_imports_only_our_modules(name: str) -> None:
    ours = {URIRef(owl.BASE + m) for m in owl.MODULES}
    assert set(owl.module(name).objects(None, OWL.imports)) <= ours - {URIRef(owl.BASE + name)}


@pytest.mark.parametrize("name", owl.MODULES)
def test_every_term_that_a_module_names_is_in_it_or_in_its_imports(name: str) -> None:
    graph = owl.with_imports(name)
    known = set(graph.subjects())
    named = {t for triple in owl.module(name) for t in triple if isinstance(t, URIRef) and t.startswith(CI)}
    assert named - known == set()


@pytest.mark.parametrize("name", owl.MODULES)
def test_terms_say_which_module_defines_them(name: str) -> None:
    graph = owl.module(name)
    assert set(graph.objects(None, RDFS.isDefinedBy)) <= {URIRef(owl.BASE + name)}


def test_catalog_leads_to_the_files() -> None:
    entries = ET.parse(folder("ontology") / "catalog-v001.xml").getroot()
    found = {entry.attrib["name"]: entry.attrib["uri"] for entry in entries}
    versions = {
        str(v)
        for name in owl.MODULES
        for v in owl.module(name).objects(URIRef(owl.BASE + name), OWL.versionIRI)
    }
    assert set(found) == {owl.BASE + m for m in owl.MODULES} | versions
    assert all((folder("ontology") / file).is_file() for file in found.values())


def test_prefixes_are_the_same_in_all_modules() -> None:
    seen: dict[str, str] = {}
    for name in owl.MODULES:
        graph = rdflib.Graph(bind_namespaces="none").parse(folder("ontology") / f"{name}.ttl")
        for prefix, iri in graph.namespaces():
            assert seen.setdefault(prefix, str(iri)) == str(iri)
