"""What the ontology entails, one statement at a time."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode

from kgservice.domain.model import Model
from tests.terms import iri, triple


def test_types_have_all_superclasses_but_neither_expressions_nor_thing(model: Model) -> None:
    assert model.entailed(triple("id:1", "a", "ci:Feedback")) == {
        triple("id:1", "a", "ci:Record"),
        triple("id:1", "a", "ci:Evidence"),
        triple("id:1", "a", "ex:Entity"),
    }
    assert model.entailed(triple("id:1", "a", "ci:ContactPerson")) == {
        triple("id:1", "a", "ci:Person"),
        triple("id:1", "a", "ex:Human"),
    }


def test_equivalent_classes_entail_each_other(model: Model) -> None:
    assert model.entailed(triple("id:1", "a", "ex:Human")) == {triple("id:1", "a", "ci:Person")}
    assert model.entailed(triple("id:1", "a", "ci:Person")) == {triple("id:1", "a", "ex:Human")}


@pytest.mark.parametrize(
    ("stated", "entailed"),
    [
        (("id:1", "ci:memberPerson", "id:2"), [("id:1", "ci:dataSubject", "id:2"), ("id:1", "ex:about", "id:2"), ("id:2", "ci:subjectOf", "id:1")]),
        (("id:2", "ci:subjectOf", "id:1"), [("id:1", "ci:dataSubject", "id:2"), ("id:1", "ex:about", "id:2")]),
        (("id:2", "ci:source", "id:1"), [("id:1", "ci:derivedFrom", "id:2"), ("id:1", "ex:derived", "id:2"), ("id:1", "ex:influenced", "id:2")]),
        (("id:1", "ci:contradicts", "id:2"), [("id:2", "ci:contradicts", "id:1")]),
        (("id:1", "ci:contradicts", "id:1"), []),
        (("id:1", "ex:unknown", "id:2"), []),
    ],
)  # fmt: skip
def test_properties_entail_superproperties_and_inverses(
    model: Model, stated: tuple[str, str, str], entailed: list[tuple[str, str, str]]
) -> None:
    assert model.entailed(triple(*stated)) == {triple(*t) for t in entailed}


def test_a_literal_is_no_subject_of_an_inverse(model: Model) -> None:
    assert model.entailed(triple("id:1", "ci:dataSubject", Literal("Anna"))) == {
        triple("id:1", "ex:about", Literal("Anna"))
    }


@pytest.mark.parametrize(
    "stated",
    [
        ("id:1", "a", "ci:Feedback"),
        ("id:1", "ci:memberPerson", "id:2"),
        ("id:2", "ci:source", "id:1"),
        ("id:1", "ci:contradicts", "id:2"),
    ],
)
def test_supporters_are_the_reverse_of_entailment(model: Model, stated: tuple[str, str, str]) -> None:
    for entailed in model.entailed(triple(*stated)):
        assert triple(*stated) in model.supporters(entailed)
        assert all(entailed in model.entailed(t) for t in model.supporters(entailed))


def test_roles_of_terms(model: Model) -> None:
    assert model.persons == {iri("ci:Person"), iri("ci:ContactPerson"), iri("ex:Human")}
    assert model.consent_classes == {iri("ci:ConsentRecord"), iri("ci:ConsentEvent"), iri("ci:ConsentGiven")}
    assert model.owner_links.forward == {iri("ci:dataSubject"), iri("ci:memberPerson"), iri("ci:eventOf")}
    assert model.owner_links.backward == {iri("ci:subjectOf")}
    assert model.project_links.forward == {iri("ci:inProject")}
    assert model.project_links.backward == {iri("ci:hasElement")}
    assert model.categories[iri("ci:personName")] == {iri_pd("Name")}
    assert model.labels[iri("ci:Person")] == {"en": "Person", "de": "Mensch"}


def iri_pd(name: str) -> NamedNode:
    return NamedNode(f"https://w3id.org/dpv/pd#{name}")


def test_what_belongs_to_the_model(model: Model) -> None:
    assert model.is_class(iri("ci:Anything"))
    assert model.is_class(iri("ex:Human"))
    assert not model.is_class(iri("ex:Entity"))
    assert model.is_property(iri("ci:anything"))
    assert not model.is_property(iri("ex:about"))


def test_an_empty_ontology_entails_nothing() -> None:
    assert Model.of([]).entailed(triple("id:1", "a", "ci:Feedback")) == set()
