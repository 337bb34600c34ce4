"""Where statements belong: subject, consent, project, common and scratch graphs."""

from __future__ import annotations

import pytest
from pyoxigraph import NamedNode

from kgservice import resources
from kgservice.application.changes import modelfiles
from kgservice.application.changes.facts import Looked, RecordFacts
from kgservice.domain.graphs import GraphKind, Graphs
from kgservice.domain.model import Model
from kgservice.domain.router import Router
from kgservice.store import OxigraphStore
from tests.terms import ADDRESSES, quad, triple

GENID = "https://kg.example/.well-known/genid/00000000-0000-4000-8000-00000000000"
FACTS = [
    ("id:anna", "a", "ci:ContactPerson"),
    ("id:ben", "a", "ex:Human"),
    ("id:rec", "ci:dataSubject", "id:anna"),
    ("id:member", "ci:memberPerson", "id:ben"),
    ("id:anna", "ci:subjectOf", "id:note"),
    ("id:consent", "a", "ci:ConsentRecord"),
    ("id:consent", "ci:dataSubject", "id:anna"),
    ("id:event", "a", "ci:ConsentGiven"),
    ("id:event", "ci:eventOf", "id:consent"),
    ("id:p1", "a", "ci:Project"),
    ("id:pain", "ci:inProject", "id:p1"),
    ("id:p1", "ci:hasElement", "id:solution"),
    ("id:rec", "ci:inProject", "id:p1"),
    ("id:loop1", "ci:eventOf", "id:loop2"),
    ("id:loop2", "ci:eventOf", "id:loop1"),
    ("id:metric", "a", "ci:Metric"),
    ("id:used", "ci:title", "used"),
    ("id:two", "ci:dataSubject", "id:anna"),
    ("id:two", "ci:dataSubject", "id:ben"),
]


def router(model: Model, extra: list[tuple[str, str, str | NamedNode]] | None = None) -> Router[RecordFacts]:
    graphs = Graphs(ADDRESSES)
    added = [triple(*t) for t in [*FACTS, *(extra or [])]]
    return Router(model, graphs, RecordFacts(Looked(OxigraphStore()), graphs, model, added=added))


@pytest.mark.parametrize(
    ("statement", "graph"),
    [
        (("id:anna", "ci:personName", "Anna"), "subject/anna"),
        (("id:ben", "ci:personName", "Ben"), "subject/ben"),
        (("id:rec", "ci:content", "…"), "subject/anna"),
        (("id:member", "ci:memberOf", "id:segment"), "subject/ben"),
        (("id:note", "ci:content", "…"), "subject/anna"),
        # Consent classes, by class and by superclass.
        (("id:consent", "a", "ci:ConsentRecord"), "consent/anna"),
        (("id:event", "ci:eventTime", "…"), "consent/anna"),
        # What mentions consent is no evidence of consent; what mentions a person is about the person.
        (("id:rec", "ci:underConsent", "id:consent"), "subject/anna"),
        (("id:pain", "ci:evidencedBy", "id:rec"), "subject/anna"),
        (("id:pain", "ci:mentions", "id:event"), "subject/anna"),
        # Between two persons: with the subject.
        (("id:anna", "ci:knows", "id:ben"), "subject/anna"),
        (("id:ben", "ci:knows", "id:anna"), "subject/ben"),
        (("id:pain", "ci:title", "…"), "project/p1"),
        (("id:solution", "ci:title", "…"), "project/p1"),
        (("id:p1", "ci:title", "…"), "project/p1"),
        (("id:metric", "ci:title", "…"), "project/common"),
        (("id:used", "ex:note", "…"), "project/common"),
        (("id:metric", "ci:about", "id:pain"), "project/common"),
        (("id:loop1", "ci:title", "…"), "project/common"),
        (("id:two", "ci:content", "…"), "subject/anna"),
        (("ex:thing", "ex:note", "…"), "scratch"),
        (("ex:thing", "a", "ex:Thing"), "scratch"),
    ],
)  # fmt: skip
def test_the_rules(model: Model, statement: tuple[str, str, str], graph: str) -> None:
    assert router(model).graph(triple(*statement)).value == ADDRESSES.graphs + graph


def test_the_person_of_a_node_is_that_of_its_owner(model: Model) -> None:
    part = NamedNode(f"{GENID}1")
    extra: list[tuple[str, str, str | NamedNode]] = [("id:rec", "ci:about", part)]
    found = router(model, extra)
    ends = {end for fact in FACTS for end in (triple(*fact).subject, triple(*fact).object)}
    persons = {node: found.person(node) for node in {*ends, part} if isinstance(node, NamedNode)}
    owners = router(model, extra)
    assert persons == {node: owners.owner(node).person for node in persons}
    assert set(persons.values()) == {None, f"{ADDRESSES.ids}anna", f"{ADDRESSES.ids}ben"}
    assert persons[part] == f"{ADDRESSES.ids}anna"


def test_a_person_wins_over_a_project(model: Model) -> None:
    assert router(model).graph(triple("id:rec", "ci:inProject", "id:p1")).value == ADDRESSES.subject("anna")


def test_blank_nodes_go_with_what_refers_to_them(model: Model) -> None:
    first, second = NamedNode(GENID + "1"), NamedNode(GENID + "2")
    facts = [("id:event", "ci:detail", first)]
    inner = triple("id:event", "ci:detail", first)
    graph = router(model, [*facts]).graph(type(inner)(first, inner.predicate, second))
    assert graph.value == ADDRESSES.consent("anna")


def test_people_from_elsewhere_never_share_a_graph() -> None:
    assert ADDRESSES.key("https://a.example/1") != ADDRESSES.key("https://b.example/1")
    assert ADDRESSES.key("https://kg.example/id/1") == "1"
    assert "/" not in ADDRESSES.key("https://kg.example/id/a/b")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("graph:project/1", GraphKind.RECORD),
        ("graph:subject/1", GraphKind.RECORD),
        ("graph:consent/1", GraphKind.RECORD),
        ("graph:project/", GraphKind.READ_ONLY),
        ("graph:project/1/2", GraphKind.READ_ONLY),
        ("graph:ontology", GraphKind.READ_ONLY),
        ("graph:finding", GraphKind.READ_ONLY),
        ("graph:quarantine/1", GraphKind.READ_ONLY),
        ("graph:scratch", GraphKind.SCRATCH),
        ("ex:mine", GraphKind.SCRATCH),
    ],
)
def test_kinds_of_graphs(name: str, kind: GraphKind) -> None:
    graph = quad("id:1", "a", "id:2", name).graph_name
    assert Graphs(ADDRESSES).kind(graph) is kind


def test_what_a_store_keeps_for_itself_is_read_only() -> None:
    assert Graphs(ADDRESSES).kind(NamedNode("urn:kgservice:graphs")) is GraphKind.READ_ONLY


def test_views_are_read_only() -> None:
    assert Graphs(ADDRESSES).kind(NamedNode(ADDRESSES.everything)) is GraphKind.READ_ONLY


def test_the_journey_of_a_person_is_theirs_with_its_steps_and_that_of_a_persona_nobodys() -> None:
    graphs = Graphs(ADDRESSES)
    model = modelfiles.read(resources.folder("ontology"), graphs).model
    mine, planned = quad("id:mine", "a", "ci:ActualJourney"), quad("id:planned", "a", "ci:PlannedJourney")
    facts = [
        ("id:anna", "a", "ci:ContactPerson"),
        ("id:mine", "ci:journeyOf", "id:anna"),
        ("id:mine", "ci:plannedAs", "id:planned"),
        ("id:mine", "ci:hasStep", "id:step"),
        ("id:persona", "a", "ci:Persona"),
        ("id:planned", "ci:journeyOf", "id:persona"),
        ("id:plannedStep", "ci:stepOf", "id:planned"),
    ]
    added = [mine.triple, planned.triple, *(triple(*fact) for fact in facts)]
    of = Router(model, graphs, RecordFacts(Looked(OxigraphStore()), graphs, model, added=added))
    assert of.graph(mine.triple).value == ADDRESSES.subject("anna")
    assert of.graph(triple("id:step", "ci:stepOrder", "1")).value == ADDRESSES.subject("anna")
    assert of.graph(planned.triple).value == ADDRESSES.project("common")
    assert of.graph(triple("id:plannedStep", "ci:stepOrder", "1")).value == ADDRESSES.project("common")
