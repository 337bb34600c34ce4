"""Random changes: the view equals its definition, and statements are where the rules say, in any order."""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import NamedNode, Triple

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change
from kgservice.domain.model import TYPE, Model
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.terms import ADDRESSES, iri, quad, triple

ONTOLOGY = f"""
@prefix ci: <{CI}> . @prefix ex: <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
ci:ContactPerson rdfs:subClassOf ci:Person .
ci:Feedback rdfs:subClassOf ci:Record . ci:Record rdfs:subClassOf ex:Entity .
ci:ConsentRecord ci:storedIn ci:ConsentGraph ; rdfs:subClassOf ex:Entity .
ci:dataSubject ci:ownerLink true ; owl:inverseOf ci:subjectOf ; rdfs:subPropertyOf ex:about .
ci:memberPerson rdfs:subPropertyOf ci:dataSubject .
ci:eventOf ci:ownerLink true ; owl:inverseOf ci:hasEvent .
ci:inProject owl:inverseOf ci:hasElement .
ci:contradicts a owl:SymmetricProperty .
"""
NODES = ["id:a", "id:b", "id:c", "id:d"]
CLASSES = [
    "ci:ContactPerson",
    "ci:Person",
    "ci:Feedback",
    "ci:Record",
    "ci:ConsentRecord",
    "ci:Project",
    "ex:Entity",
]
PROPERTIES = [
    "ci:dataSubject", "ci:subjectOf", "ci:memberPerson", "ex:about", "ci:eventOf", "ci:hasEvent", "ci:inProject",
    "ci:hasElement", "ci:contradicts", "ci:evidencedBy", "ex:note",
]  # fmt: skip

statements = st.one_of(
    st.tuples(st.sampled_from(NODES), st.just("a"), st.sampled_from(CLASSES)),
    st.tuples(st.sampled_from(NODES), st.sampled_from(PROPERTIES), st.sampled_from(NODES)),
    st.tuples(st.sampled_from(NODES), st.sampled_from(["ci:title", "ex:note"]), st.sampled_from(["x", "y"])),
)
changes = st.lists(st.tuples(st.lists(statements, max_size=4), st.lists(statements, max_size=4)), max_size=8)


def opened(folder: object) -> KnowledgeGraph:
    return KnowledgeGraph.open(Settings(), OxigraphStore(), ontology=folder, guarded=False)  # type: ignore[arg-type]


def closure(asserted: Iterable[Triple]) -> set[Triple]:
    """What the ontology entails from each statement, by plain rules applied until nothing is new."""
    model = [q.triple for q in pyoxigraph.parse(ONTOLOGY, pyoxigraph.RdfFormat.TURTLE)]

    def pairs(name: str) -> set[tuple[object, object]]:
        return {(t.subject, t.object) for t in model if t.predicate.value.endswith(name)}

    subclass, subproperty, inverse = pairs("#subClassOf"), pairs("#subPropertyOf"), pairs("#inverseOf")
    inverse |= {(b, a) for a, b in inverse}
    inverse |= {(s, s) for s, o in pairs("#type") if str(o).endswith("#SymmetricProperty>")}
    found: set[Triple] = set()
    for statement in asserted:
        own = {statement}
        while True:
            new: set[Triple] = set()
            for t in own:
                new |= {Triple(t.subject, p, t.object) for q, p in subproperty if q == t.predicate}  # type: ignore[arg-type]
                if isinstance(t.object, NamedNode):
                    new |= {Triple(t.object, p, t.subject) for q, p in inverse if q == t.predicate}  # type: ignore[arg-type]
                if t.predicate == TYPE:
                    new |= {Triple(t.subject, TYPE, c) for b, c in subclass if b == t.object}  # type: ignore[arg-type]
            if new <= own:
                break
            own |= new
        found |= own
    return found


def about_nodes(kg: KnowledgeGraph) -> set[Triple]:
    view = NamedNode(ADDRESSES.everything)
    nodes = {iri(n) for n in NODES}
    return {q.triple for q in kg.store.match([(n, None, None) for n in nodes]) if q.graph_name == view}


def placed(kg: KnowledgeGraph) -> set[tuple[Triple, str]]:
    return {
        (q.triple, str(q.graph_name))
        for q in kg.store.match([(iri(n), None, None) for n in NODES])
        if not str(q.graph_name).startswith((f"<{ADDRESSES.views}", f"<{ADDRESSES.state}"))
    }


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(changes)
def test_the_view_equals_its_definition(
    tmp_path_factory_folder: object,
    steps: list[tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]],
) -> None:
    kg = opened(tmp_path_factory_folder)
    asserted: set[Triple] = set()
    for added, removed in steps:
        kg.commit(Change(add=tuple(quad(*t) for t in added), remove=tuple(quad(*t) for t in removed)))
        asserted -= {triple(*t) for t in removed}
        asserted |= {triple(*t) for t in added}
        graphs = placed(kg)
        assert {t for t, _ in graphs} == asserted
        assert len(graphs) == len(asserted)
        records = {t for t, g in graphs if not g.endswith("/graph/scratch>")}
        assert about_nodes(kg) == closure(records)
    assert check(kg) == []
    # All at once, or step by step: the places are the same.
    whole = opened(tmp_path_factory_folder)
    whole.commit(Change(add=tuple(quad(*t) for t in sorted({_names(t) for t in asserted}))))
    assert placed(whole) == placed(kg)
    assert about_nodes(whole) == about_nodes(kg)


def _names(statement: Triple) -> tuple[str, str, str]:
    """The statement as `quad` takes it."""
    names = {str(iri(n)): n for n in (*NODES, *CLASSES, *PROPERTIES, "ci:title", "a")}
    s, p, o = (str(t) for t in (statement.subject, statement.predicate, statement.object))
    return names[s], names[p], names.get(o, o.strip('"'))


@settings(max_examples=100, deadline=None)
@given(statements)
def test_entailment_and_support_agree(statement: tuple[str, str, str]) -> None:
    model = Model.of(q.triple for q in pyoxigraph.parse(ONTOLOGY, pyoxigraph.RdfFormat.TURTLE))
    stated = triple(*statement)
    assert model.entailed(stated) | {stated} == closure([stated])
    for entailed in model.entailed(stated):
        assert stated in model.supporters(entailed)
