"""The ontology and its terms over HTTP: RDF for programs, a page for people, 404 for what does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import rdflib
from pyoxigraph import RdfFormat, parse, serialize
from rdflib import OWL, RDF, RDFS, SKOS, URIRef

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.namespaces import CI
from kgservice.resources import folder
from tests.serving import Running, running

PAIN_POINT = URIRef(f"{CI}PainPoint")
RECORD = "https://kg.example/id/00000000-0000-4000-8000-103000000003"
FORMATS = {
    "text/turtle": "turtle",
    "application/n-triples": "nt",
    "application/rdf+xml": "xml",
    "application/ld+json": "json-ld",
}


def read(text: str, form: str = "turtle") -> rdflib.Graph:
    if form == "json-ld":  # rdflib's own parser for it raises a deprecation warning
        lines = serialize(parse(text, RdfFormat.JSON_LD), format=RdfFormat.N_TRIPLES)
        assert lines is not None
        form, text = "nt", lines.decode()
    return rdflib.Graph().parse(data=text, format=form)


@pytest.fixture
def server(unchanged: Running) -> Running:
    """One for all tests of this file: they only read."""
    return unchanged


@pytest.fixture(scope="module")
def demonstration(demo_kg: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg) as found:
        yield found


@cache
def files() -> rdflib.Graph:
    graph = rdflib.Graph()
    for path in folder("ontology").glob("*.ttl"):
        graph.parse(path)
    return graph


def test_the_whole_model_is_what_the_files_say(server: Running) -> None:
    answer = server.get("/ontology", headers={"Accept": "application/n-triples"})
    assert answer.status_code == 200
    sent, known = read(answer.text, "nt"), files()
    assert len(sent) == len(known)

    def named(graph: rdflib.Graph) -> set[object]:
        return {t for t in graph if not any(isinstance(x, rdflib.BNode) for x in t)}

    assert named(sent) == named(known)


@pytest.mark.parametrize(("media_type", "form"), FORMATS.items())
def test_one_term_in_each_format(server: Running, media_type: str, form: str) -> None:
    answer = server.get("/ontology/PainPoint", headers={"Accept": media_type})
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert "Accept" in answer.headers["vary"]
    graph = read(answer.text, form)
    assert (PAIN_POINT, RDF.type, OWL.Class) in graph
    definitions = graph.objects(PAIN_POINT, SKOS.definition)
    assert {o.language for o in definitions if isinstance(o, rdflib.Literal)} == {"de", "en"}
    restriction = [o for o in graph.objects(PAIN_POINT, RDFS.subClassOf) if isinstance(o, rdflib.BNode)]
    assert [graph.value(r, OWL.someValuesFrom) for r in restriction] == [URIRef(f"{CI}Touchpoint")]


def test_a_union_comes_whole(server: Running) -> None:
    graph = read(server.get("/ontology/phase").text)
    union = graph.value(graph.value(URIRef(f"{CI}phase"), RDFS.domain), OWL.unionOf)
    assert union is not None
    assert set(graph.items(union)) == {URIRef(f"{CI}ProjectPhase"), URIRef(f"{CI}Touchpoint")}


def test_turtle_is_what_comes_without_a_wish(server: Running) -> None:
    assert server.get("/ontology/Web").headers["content-type"] == "text/turtle; charset=utf-8"
    assert server.get("/ontology/Web?format=jsonld").headers["content-type"] == "application/ld+json"


def test_a_module_answers_under_its_own_name(server: Running) -> None:
    graph = read(server.get("/ontology/crm").text)
    assert (URIRef("https://w3id.org/kgservice/ci/crm"), RDF.type, OWL.Ontology) in graph
    assert (PAIN_POINT, RDF.type, OWL.Class) not in graph
    page = server.get("/ontology/crm", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/ontology")


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_of_a_term(server: Running, language: str) -> None:
    answer = server.get(f"/ontology/phase?lang={language}", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    graph = files()
    for text in (
        *graph.objects(URIRef(f"{CI}phase"), SKOS.prefLabel),
        *graph.objects(URIRef(f"{CI}phase"), SKOS.definition),
    ):
        assert str(text) in answer.text
    assert "S0 l.70" in answer.text
    for other in ("ProjectPhase", "Touchpoint", "Phase", "phaseOf"):  # domain, range, inverse
        assert f'href="/ontology/{other}?lang={language}"' in answer.text


def test_the_page_of_a_class_links_what_is_above_and_below(server: Running) -> None:
    page = server.get("/ontology/PainPoint", headers={"Accept": "text/html"}).text
    for other in ("Claim", "UsagePainPoint", "IntegrationPainPoint", "occursAt"):
        assert f'href="/ontology/{other}"' in page


def test_the_page_of_the_model_links_every_class(server: Running) -> None:
    page = server.get("/ontology", headers={"Accept": "text/html,*/*;q=0.5"}).text
    classes = [c for c in files().subjects(RDF.type, OWL.Class) if str(c).startswith(CI)]
    assert len(classes) > 140
    assert [c for c in classes if f'href="/ontology/{str(c).removeprefix(CI)}"' not in page] == []


@pytest.mark.parametrize(
    "path", ["/ontology/NoSuchTerm", "/ontology/%3Cscript%3E", "/id/nobody", "/ontology/..%2Fdemo"]
)
def test_what_does_not_exist_is_404(server: Running, path: str) -> None:
    answer = server.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    page = server.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "<script>" not in page.text


def test_what_cannot_be_given_is_406(server: Running) -> None:
    assert server.get("/ontology/PainPoint", headers={"Accept": "image/png"}).status_code == 406


def test_nothing_can_be_written_here(server: Running) -> None:
    assert server.post("/ontology/PainPoint", content=b"").status_code == 405


def test_head_has_the_headers_of_get(server: Running) -> None:
    head, get = server.request("HEAD", "/ontology/Web"), server.get("/ontology/Web")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))


def test_records_of_concepts_stay_out_of_the_model(demonstration: Running) -> None:
    assert "kg.example/id/" not in demonstration.get("/ontology/Web").text
    assert "kg.example/id/" not in demonstration.get("/ontology").text


def test_an_instance_answers(demonstration: Running) -> None:
    path = "/id/" + RECORD.rpartition("/")[2]
    graph = read(demonstration.get(path).text)
    assert set(graph.subjects()) == {URIRef(RECORD)}
    assert (URIRef(RECORD), RDF.type, PAIN_POINT) in graph
    page = demonstration.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 303
    shown = demonstration.get(page.headers["location"])
    assert shown.status_code == 200
    assert RECORD in shown.text
