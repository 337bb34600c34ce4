"""Every term of the model is typed, labelled, defined, sourced, and used or explained."""

from __future__ import annotations

import re

import pytest
import rdflib
from rdflib import DCTERMS, OWL, RDF, RDFS, SKOS, XSD, URIRef

from kgservice.namespaces import CI
from kgservice.resources import folder
from tests.ontology import owl

CATEGORY = URIRef(f"{CI}dataCategory")
SOURCE = re.compile(r"S[0-4] l\.\d+|CQ ([1-9]|[1-3]\d|40)|R(0[1-9]|[1-4]\d|5[0-2])|GDPR Art\. \d+|kgservice")
# Data properties whose values these datatypes allow are all in the datatype map of OWL 2.
DATATYPES = {RDF.PlainLiteral, XSD.string, XSD.integer, XSD.decimal, XSD.boolean, XSD.dateTimeStamp}


def described(graph: rdflib.Graph) -> list[URIRef]:
    """The terms that we describe: ours, and the values of other vocabularies that our schemes take in."""
    terms = {*graph.subjects(RDFS.isDefinedBy), *graph.subjects(SKOS.inScheme)}
    return sorted(t for t in terms if isinstance(t, URIRef))


def test_all_own_terms_are_described(ontology: rdflib.Graph) -> None:
    ours = {s for s in ontology.subjects() if isinstance(s, URIRef) and s.startswith(CI)}
    assert ours == {t for t in described(ontology) if t.startswith(CI)}
    assert len(ours) > 850


def test_types(ontology: rdflib.Graph) -> None:
    kinds = {
        OWL.Class,
        OWL.ObjectProperty,
        OWL.DatatypeProperty,
        OWL.AnnotationProperty,
        OWL.NamedIndividual,
    }
    for term in described(ontology):
        assert len(kinds & set(ontology.objects(term, RDF.type))) == 1, term


@pytest.mark.parametrize("relation", [SKOS.prefLabel, SKOS.definition])
def test_exactly_one_text_in_each_language(ontology: rdflib.Graph, relation: URIRef) -> None:
    for term in described(ontology):
        assert owl.languages(ontology, term, relation) == ["de", "en"], term


def test_texts_are_filled_and_clean(ontology: rdflib.Graph) -> None:
    for relation in (SKOS.prefLabel, SKOS.altLabel, SKOS.definition, SKOS.scopeNote):
        for term, value in ontology.subject_objects(relation):
            text = str(value)
            assert text == " ".join(text.split()) != "", term
            assert "\u00a0" not in text
            if relation in (SKOS.definition, SKOS.scopeNote):
                assert text.endswith("."), term
                assert len(text) > 10, term


def test_alternative_labels_differ_from_the_preferred_one(ontology: rdflib.Graph) -> None:
    for term in described(ontology):
        assert not set(ontology.objects(term, SKOS.prefLabel)) & set(ontology.objects(term, SKOS.altLabel)), (
            term
        )


def test_sources(ontology: rdflib.Graph) -> None:
    for term in described(ontology):
        sources = [str(o) for o in ontology.objects(term, DCTERMS.source)]
        assert sources, term
        assert all(SOURCE.fullmatch(s) for s in sources), (term, sources)


def test_definitions_are_not_shared(ontology: rdflib.Graph) -> None:
    seen: dict[object, URIRef] = {}
    for term in described(ontology):
        for text in ontology.objects(term, SKOS.definition):
            assert seen.setdefault(text, term) == term


@pytest.mark.parametrize("relation", [RDFS.subClassOf, RDFS.subPropertyOf, SKOS.broader])
def test_no_cycles(ontology: rdflib.Graph, relation: URIRef) -> None:
    for term in set(ontology.subjects(relation)):
        above = {
            x for o in ontology.objects(term, relation) for x in ontology.transitive_objects(o, relation)
        }
        assert term not in above


def test_properties_have_domain_and_range_or_are_open_on_purpose(ontology: rdflib.Graph) -> None:
    without_range = {
        p for p in owl.own(ontology, OWL.ObjectProperty) if not list(ontology.objects(p, RDFS.range))
    }
    # The inverses of properties that any record may have.
    assert {owl.local(p) for p in without_range} == {
        "covers",
        "hasElement",
        "ownsFinding",
        "responsibleFor",
        "subjectOf",
    }
    for p in owl.own(ontology, OWL.DatatypeProperty):
        assert list(ontology.objects(p, RDFS.range)), p


def test_datatypes_are_those_of_owl_2(ontology: rdflib.Graph) -> None:
    used = {r for p in owl.own(ontology, OWL.DatatypeProperty) for r in ontology.objects(p, RDFS.range)}
    assert used == DATATYPES


def test_inverses_mirror_each_other(ontology: rdflib.Graph) -> None:
    pairs = list(ontology.subject_objects(OWL.inverseOf))
    assert len(pairs) > 150
    for a, b in pairs:
        assert (b, OWL.inverseOf, a) in ontology
        assert _members(ontology, a, RDFS.domain) == _members(ontology, b, RDFS.range)
        for above in ontology.objects(a, RDFS.subPropertyOf):
            for inverse in ontology.objects(above, OWL.inverseOf):
                assert (b, RDFS.subPropertyOf, inverse) in ontology


def test_concepts_are_in_a_scheme_and_below_a_concept_of_it(ontology: rdflib.Graph) -> None:
    below = set(ontology.transitive_subjects(RDFS.subClassOf, SKOS.Concept))
    concepts = {s for c in below for s in ontology.subjects(RDF.type, c)}
    assert len(concepts) > 350
    for concept in concepts:
        (scheme,) = ontology.objects(concept, SKOS.inScheme)
        assert (scheme, RDF.type, SKOS.ConceptScheme) in ontology
        broader = list(ontology.objects(concept, SKOS.broader))
        assert bool(broader) != ((concept, SKOS.topConceptOf, scheme) in ontology)
        assert all((b, SKOS.inScheme, scheme) in ontology for b in broader)


def test_positions_count_from_one(ontology: rdflib.Graph) -> None:
    position = URIRef(f"{CI}position")
    places: dict[object, list[int]] = {}
    for concept, place in ontology.subject_objects(position):
        places.setdefault(ontology.value(concept, SKOS.inScheme), []).append(int(str(place)))
    assert {owl.local(s) for s in places} == {
        "PhaseScheme",
        "MapStepScheme",
        "LevelScheme",
        "ConfidentialityScheme",
    }
    assert all(sorted(p) == list(range(1, len(p) + 1)) for p in places.values())


def test_the_five_phases(ontology: rdflib.Graph) -> None:
    assert {owl.local(s) for s in ontology.subjects(RDF.type, URIRef(f"{CI}Phase"))} == {
        "IdeaGeneration",
        "RequirementsElicitation",
        "ConceptDevelopment",
        "PrototypeDevelopment",
        "MarketLaunch",
    }


def test_the_seven_data_categories_each_have_a_record_class(ontology: rdflib.Graph) -> None:
    categories = set(ontology.subjects(RDF.type, URIRef(f"{CI}DataCategory")))
    records = ontology.transitive_subjects(RDFS.subClassOf, URIRef(f"{CI}CustomerDataRecord"))
    assert len(categories) == 7
    assert categories <= {c for record in records for c in ontology.objects(record, CATEGORY)}


def personal_classes(graph: rdflib.Graph) -> set[URIRef]:
    """The classes whose members are persons or records about one, and what is below them."""
    graphs = {URIRef(f"{CI}SubjectGraph"), URIRef(f"{CI}ConsentGraph")}
    roots = {s for s, o in graph.subject_objects(URIRef(f"{CI}storedIn")) if o in graphs}
    roots |= {c for c in owl.own(graph, OWL.Class) if list(graph.objects(c, CATEGORY))}
    return {URIRef(str(c)) for root in roots for c in graph.transitive_subjects(RDFS.subClassOf, root)}


def test_classes_about_persons_carry_a_data_category(ontology: rdflib.Graph) -> None:
    # The record of no particular kind has none: each kind has its own.
    expected = personal_classes(ontology) - {URIRef(f"{CI}CustomerDataRecord")}
    without = {c for c in expected if not list(ontology.objects(c, CATEGORY))}
    assert {owl.local(c) for c in without} == set()
    assert len(expected) > 30


def test_data_properties_of_persons_and_their_records_carry_a_data_category(ontology: rdflib.Graph) -> None:
    personal = personal_classes(ontology)
    checked = 0
    for p in owl.own(ontology, OWL.DatatypeProperty):
        if _members(ontology, p, RDFS.domain) & personal:
            checked += 1
            assert list(ontology.objects(p, CATEGORY)), p
    assert checked > 60


def test_relations_to_persons_carry_a_data_category(ontology: rdflib.Graph) -> None:
    persons = set(ontology.transitive_subjects(RDFS.subClassOf, URIRef(f"{CI}Person")))
    for p in owl.own(ontology, OWL.ObjectProperty):
        ends = _members(ontology, p, RDFS.domain) | _members(ontology, p, RDFS.range)
        if ends & persons:
            assert list(ontology.objects(p, CATEGORY)), p


def test_data_categories_are_ours_or_of_pd(ontology: rdflib.Graph) -> None:
    ours = set(ontology.subjects(RDF.type, URIRef(f"{CI}DataCategory")))
    for term in set(ontology.subjects(CATEGORY)):
        categories = set(ontology.objects(term, CATEGORY))
        assert len(categories & ours) == 1, term
        assert all(c in ours or str(c).startswith("https://w3id.org/dpv/pd#") for c in categories)


def test_owner_links_lead_to_a_person_or_to_a_record_that_has_one(ontology: rdflib.Graph) -> None:
    links = set(ontology.subjects(URIRef(f"{CI}ownerLink"), rdflib.Literal(True)))
    assert {owl.local(p) for p in links} >= {
        "dataSubject",
        "eventOf",
        "observedIn",
        "memberPerson",
        "linkedPerson",
    }
    allowed = personal_classes(ontology) | {URIRef(f"{CI}EmotionObservation"), URIRef(f"{CI}Journey")}
    # A journey may be that of a persona or of a customer as a whole, too: then it is nobody's.
    nobody = {"journeyOf": {URIRef(f"{CI}Persona"), URIRef(f"{CI}Customer")}}
    for p in links:
        assert _members(ontology, p, RDFS.range) <= allowed | nobody.get(owl.local(p), set()), p


def test_every_term_is_used_or_explained(ontology: rdflib.Graph) -> None:
    texts = [
        path.read_text("utf-8")
        for place in ("demo", "shapes", "queries", "examples")
        for pattern in ("*.ttl", "*.trig", "*.rq", "*.sql")
        for path in folder(place).rglob(pattern)
    ]
    words = {word for text in texts for word in re.findall(r"\bci:([A-Za-z0-9]+)", text)}
    used = {
        t for t in described(ontology) if owl.local(t) in words or list(ontology.objects(t, SKOS.inScheme))
    }
    relations = (RDFS.subClassOf, RDFS.subPropertyOf, OWL.someValuesFrom, OWL.onProperty, RDF.type, RDF.first)
    for relation in (*relations, RDFS.domain, RDFS.range, SKOS.inScheme):
        used |= set(ontology.objects(None, relation))  # type: ignore[arg-type]
    used |= set(ontology.predicates())  # type: ignore[arg-type]
    used |= {p for p in described(ontology) if set(ontology.objects(p, OWL.inverseOf)) & used}
    unexplained = [
        t for t in described(ontology) if t not in used and not list(ontology.objects(t, SKOS.scopeNote))
    ]
    assert [owl.local(t) for t in unexplained] == []


def _members(graph: rdflib.Graph, prop: object, relation: URIRef) -> set[URIRef]:
    """The classes of a domain or range, the parts of a union one by one."""
    found: set[URIRef] = set()
    for node in graph.objects(prop, relation):  # type: ignore[arg-type]
        parts = graph.value(node, OWL.unionOf)
        found |= {URIRef(str(c)) for c in (graph.items(parts) if parts else [node])}
    return found
