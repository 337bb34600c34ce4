"""Commits: what really changes, where it goes, what moves with it, and what is recorded."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Triple

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change, Origin
from kgservice.domain.clock import Clock
from kgservice.errors import BadQuery, BadRdf, Conflict, Forbidden
from kgservice.namespaces import CI, PROV, XSD
from kgservice.settings import Settings
from kgservice.store import Dataset, OxigraphStore
from kgservice.store.formats import JSON
from tests.terms import ADDRESSES, iri, quad, triple

INTEGER = NamedNode(f"{XSD}integer")


def where(kg: KnowledgeGraph, statement: Triple) -> set[str]:
    """The graphs that hold the statement, without the views."""
    found = kg.store.match([(statement.subject, statement.predicate, statement.object)])  # type: ignore[list-item]
    names = {str(q.graph_name)[1:-1] for q in found}
    return {n.removeprefix(ADDRESSES.graphs) for n in names if not n.startswith(ADDRESSES.views)}


def in_view(kg: KnowledgeGraph, statement: Triple) -> bool:
    return kg.ask(f"ASK {{ {statement} }}")


def add(kg: KnowledgeGraph, *quads: Quad) -> int:
    return kg.commit(Change.adding(quads)).added


def remove(kg: KnowledgeGraph, *quads: Quad) -> int:
    return kg.commit(Change(remove=quads)).removed


PERSON = quad("id:anna", "a", "ci:ContactPerson")
RECORD = quad("id:rec", "ci:dataSubject", "id:anna")
TYPE = quad("id:rec", "a", "ci:Feedback")


def test_a_change_that_changes_nothing_makes_no_commit(kg: KnowledgeGraph) -> None:
    assert kg.head == 0
    first = kg.commit(Change.adding([PERSON, RECORD, RECORD]))
    assert (first.number, first.added, first.removed) == (1, 2, 0)
    again = kg.commit(Change.adding([PERSON, RECORD]))
    assert (again.number, again.added, again.removed) == (1, 0, 0)
    assert kg.commit(Change(remove=(quad("id:nobody", "a", "ci:Person"),))).number == 1
    assert kg.commit(Change(remove=(PERSON,), add=(PERSON,))).number == 1
    assert kg.head == 1


def test_statements_find_their_graphs_in_any_order(kg: KnowledgeGraph) -> None:
    for one in (TYPE, RECORD):
        add(kg, one)
    assert where(kg, TYPE.triple) == {"project/common"}
    add(kg, PERSON)
    assert where(kg, TYPE.triple) == where(kg, RECORD.triple) == where(kg, PERSON.triple) == {"subject/anna"}
    assert ADDRESSES.project("common") not in {g.value for g in kg.store.graphs()}
    remove(kg, PERSON)
    assert where(kg, TYPE.triple) == {"project/common"}
    assert check(kg) == []


def test_loose_statements_wait_in_scratch_until_their_record_is_known(kg: KnowledgeGraph) -> None:
    note = quad("id:rec", "ex:note", "…")
    add(kg, note)
    assert where(kg, note.triple) == {"scratch"}
    assert not in_view(kg, note.triple)
    add(kg, TYPE)
    assert where(kg, note.triple) == {"project/common"}
    assert in_view(kg, note.triple)
    remove(kg, TYPE)
    assert where(kg, note.triple) == {"scratch"}
    assert not in_view(kg, note.triple)


def test_everything_that_hangs_on_a_record_moves_with_it(kg: KnowledgeGraph) -> None:
    consent = [
        quad("id:consent", "a", "ci:ConsentRecord"),
        quad("id:event", "a", "ci:ConsentGiven"),
        quad("id:event", "ci:eventOf", "id:consent"),
    ]
    mention = quad("id:pain", "ci:evidencedBy", "id:event")
    add(kg, PERSON, *consent, mention)
    assert where(kg, consent[1].triple) == {"project/common"}
    add(kg, quad("id:consent", "ci:dataSubject", "id:anna"))
    assert {g for q in consent for g in where(kg, q.triple)} == {"consent/anna"}
    assert where(kg, mention.triple) == {"subject/anna"}
    assert check(kg) == []


def test_moves_are_no_changes_of_statements(kg: KnowledgeGraph) -> None:
    add(kg, TYPE, RECORD)
    moved = kg.commit(Change.adding([PERSON]))
    assert (moved.added, moved.removed) == (1, 0)


def test_the_view_holds_what_follows_and_forgets_it(kg: KnowledgeGraph) -> None:
    add(kg, PERSON, RECORD, TYPE)
    entailed = [
        triple("id:rec", "a", "ci:Evidence"),
        triple("id:anna", "ci:subjectOf", "id:rec"),
        triple("id:anna", "a", "ci:Person"),
    ]
    assert all(in_view(kg, t) for t in entailed)
    remove(kg, RECORD)
    assert not in_view(kg, entailed[1])
    assert in_view(kg, entailed[0])
    remove(kg, TYPE, PERSON)
    assert not any(in_view(kg, t) for t in entailed)


def test_what_another_statement_still_says_stays_in_the_view(kg: KnowledgeGraph) -> None:
    add(
        kg,
        PERSON,
        RECORD,
        quad("id:anna", "ci:subjectOf", "id:rec"),
        quad("id:rec", "a", "ci:CommunicationRecord"),
        TYPE,
    )
    remove(kg, RECORD)
    assert in_view(kg, RECORD.triple)
    remove(kg, TYPE)
    assert in_view(kg, triple("id:rec", "a", "ci:Evidence"))
    assert not in_view(kg, TYPE.triple)
    assert check(kg) == []


def test_the_model_stays_in_the_view(kg: KnowledgeGraph) -> None:
    label = next(
        q for q in kg.planner().quads(NamedNode(ADDRESSES.ontology)) if isinstance(q.object, Literal)
    )
    loose = Quad(label.subject, label.predicate, label.object, DefaultGraph())
    add(kg, loose)
    remove(kg, loose)
    assert in_view(kg, label.triple)


@pytest.mark.parametrize(("given", "kept"), [("007", "7"), ("+1", "1"), ("7", "7"), ("x", "x")])
def test_literals_are_compared_as_the_store_keeps_them(kg: KnowledgeGraph, given: str, kept: str) -> None:
    written = quad("id:rec", "ci:age", Literal(given, datatype=INTEGER))
    kept_triple = triple("id:rec", "ci:age", Literal(kept, datatype=INTEGER))
    assert add(kg, written) == 1
    assert in_view(kg, kept_triple)
    assert add(kg, written) == 0
    assert remove(kg, written) == 1
    assert not in_view(kg, kept_triple)
    assert check(kg) == []


def test_two_forms_of_one_value_are_one_statement(kg: KnowledgeGraph) -> None:
    forms = [quad("id:rec", "ci:age", Literal(f, datatype=INTEGER)) for f in ("7", "07", "007")]
    assert add(kg, *forms) == 1


def test_blank_nodes_become_iris_that_go_with_their_owner(kg: KnowledgeGraph) -> None:
    node = BlankNode()
    add(kg, PERSON, quad(node, "ci:dataSubject", "id:anna"), quad("id:pain", "ci:evidencedBy", node))
    found = next(
        q for q in kg.store.match([(iri("id:pain"), None, None)]) if kg.graphs.is_record(q.graph_name)
    )
    assert found.graph_name == iri("graph:subject/anna")
    assert kg.graphs.is_genid(found.object)
    assert remove(kg, found) == 1


def test_triple_terms_and_graphs_without_a_name_are_refused(kg: KnowledgeGraph) -> None:
    quoted = Quad(iri("id:a"), iri("ci:b"), triple("id:a", "ci:b", "c"), DefaultGraph())
    unnamed = Quad(iri("id:a"), iri("ci:b"), Literal("c"), BlankNode())
    for wrong in (quoted, unnamed):
        with pytest.raises(BadRdf):
            kg.commit(Change.adding([wrong]))


@pytest.mark.parametrize("name", ["ontology", "vocabulary", "provenance", "finding", "quarantine/1"])
def test_the_services_own_graphs_are_read_only(kg: KnowledgeGraph, name: str) -> None:
    graph = f"graph:{name}"
    for change in (
        Change(add=(quad("id:a", "ci:b", "c", graph),)),
        Change(remove=(quad("id:a", "ci:b", "c", graph),)),
        Change(drop=(iri(graph),)),
        Change(create=(iri(graph),)),
    ):
        with pytest.raises(Forbidden):
            kg.commit(change)


def test_a_record_graph_takes_only_what_belongs_there(kg: KnowledgeGraph) -> None:
    with pytest.raises(Conflict, match="the graph of a person"):
        kg.commit(Change.adding([PERSON, quad("id:anna", "ci:personName", "Anna", "graph:project/common")]))
    named = quad("id:anna", "ci:personName", "Anna", "graph:subject/anna")
    assert add(kg, PERSON, named) == 2
    assert add(kg, named) == 0
    assert kg.head == 1


def test_scratch_graphs_hold_what_they_are_given_and_no_view_shows_it(kg: KnowledgeGraph) -> None:
    mine = quad("id:anna", "ci:personName", "Anna", "ex:mine")
    add(kg, PERSON, mine)
    assert where(kg, mine.triple) == {"http://example.org/mine"}
    assert not in_view(kg, mine.triple)
    kg.commit(Change(drop=(iri("ex:mine"),), create=(iri("ex:empty"),)))
    assert where(kg, mine.triple) == set()
    assert kg.store.has_graph(iri("ex:empty"))
    assert not kg.store.has_graph(iri("ex:mine"))


def test_dropping_a_person_leaves_no_trace_in_the_view(kg: KnowledgeGraph) -> None:
    add(
        kg,
        PERSON,
        RECORD,
        TYPE,
        quad("id:pain", "a", "ci:PainPoint"),
        quad("id:pain", "ci:evidencedBy", "id:rec"),
    )
    kg.commit(Change(drop=(iri("graph:subject/anna"),)))
    # Only the opaque IRIs stay, in the record of who changed what.
    for gone in (iri("id:anna"), iri("id:rec")):
        mention = f"{{ ?s ?p {gone} }} UNION {{ {gone} ?p ?o }} FILTER(?p != <{PROV}influenced>)"
        assert not kg.ask(f"ASK {{ {mention} }}")
    assert kg.ask(f"ASK {{ {iri('id:pain')} a ?c }}")
    assert check(kg) == []


def test_each_commit_is_recorded(kg: KnowledgeGraph, clock: Clock) -> None:
    origin = Origin(agent="Anna", reason="A first note", source="notes.ttl")
    kg.commit(Change.adding([PERSON], origin))
    rows = kg.select(
        f"""PREFIX ci: <{CI}> PREFIX prov: <{PROV}> PREFIX dcterms: <http://purl.org/dc/terms/>
        PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
        SELECT ?n ?added ?removed ?time ?who ?why ?from WHERE {{
          ?c a prov:Activity ; ci:commitNumber ?n ; ci:statementsAdded ?added ; ci:statementsRemoved ?removed ;
             prov:endedAtTime ?time ; prov:wasAssociatedWith/rdfs:label ?who ; dcterms:description ?why ;
             prov:used/rdfs:label ?from }}"""
    ).rows
    assert [[getattr(t, "value", None) for t in row] for row in rows] == [
        ["1", "1", "0", clock().isoformat().replace("+00:00", "Z"), "Anna", "A first note", "notes.ttl"]
    ]


def test_a_reopened_graph_goes_on_counting(tmp_path: Path, clock: Clock) -> None:
    kg = KnowledgeGraph.open(Settings(), OxigraphStore(tmp_path / "store"), clock, guarded=False)
    add(kg, PERSON)
    kg.close()
    again = KnowledgeGraph.open(Settings(), OxigraphStore(tmp_path / "store"), clock, guarded=False)
    assert again.head == 1
    add(again, RECORD)
    assert again.head == 2
    again.close()


def test_another_model_is_put_in_place_and_the_view_follows(tmp_path: Path, clock: Clock) -> None:
    store = OxigraphStore()
    ontology = tmp_path / "ontology"
    ontology.mkdir()
    kg = KnowledgeGraph.open(Settings(), store, clock, ontology=ontology, guarded=False)
    add(kg, TYPE)
    above = triple("id:rec", "a", "ex:Above")
    assert not in_view(kg, above)
    (ontology / "a.ttl").write_text(
        f"<{CI}Feedback> <http://www.w3.org/2000/01/rdf-schema#subClassOf> <http://example.org/Above>, [ a <http://example.org/X> ] ."
    )
    kg = KnowledgeGraph.open(Settings(), store, clock, ontology=ontology, guarded=False)
    assert in_view(kg, above)
    assert check(kg) == []


@pytest.mark.slow
def test_an_unfinished_view_is_built_anew_at_the_next_start(kg: KnowledgeGraph, clock: Clock) -> None:
    add(kg, PERSON)
    view = NamedNode(ADDRESSES.everything)
    with pytest.raises(KeyboardInterrupt), kg.building():
        kg.store.apply(remove=[quad("id:anna", "a", "ci:ContactPerson", view)])
        raise KeyboardInterrupt
    assert check(kg) != []
    again = KnowledgeGraph.open(Settings(), kg.store, clock, guarded=False)
    assert check(again) == []


@pytest.mark.parametrize("memory", [0, 2048])
def test_check_sees_what_is_wrong(kg: KnowledgeGraph, memory: int) -> None:
    kg.settings = replace(kg.settings, memory=memory)  # on disk, and in memory
    add(kg, PERSON)
    view = NamedNode(ADDRESSES.everything)
    kg.store.apply(
        add=[quad("id:x", "ci:y", "z", view), quad("id:rec", "a", "ci:Feedback", "graph:subject/anna")]
    )
    faults = "\n".join(check(kg))
    assert "holds, but should not: <https://kg.example/id/x>" in faults
    assert "lacks: <https://kg.example/id/rec>" in faults
    assert "belongs to <https://kg.example/graph/project/common>" in faults


def test_queries_see_the_dataset_they_ask_for(kg: KnowledgeGraph) -> None:
    add(kg, PERSON, quad("ex:a", "ex:b", "c", "ex:mine"))

    def ask(text: str, default: Iterable[NamedNode] = (), named: Iterable[NamedNode] = ()) -> bool:
        out = io.BytesIO()
        kg.query(text, lambda _: JSON, out, default=tuple(default), named=tuple(named))
        return b"true" in out.getvalue()

    mine = "<http://example.org/a> ?p ?o"
    assert not ask(f"ASK {{ {mine} }}")
    assert ask(f"ASK {{ GRAPH ?g {{ {mine} }} }}")
    assert ask(f"ASK {{ {mine} }}", [iri("ex:mine")])
    assert ask(f"ASK {{ GRAPH ?g {{ {mine} }} }}", named=[iri("ex:mine")])
    assert not ask(f"ASK {{ {mine} }}", named=[iri("ex:mine")])
    assert ask(f"ASK FROM <http://example.org/mine> {{ {mine} }}")
    assert not ask(f"ASK FROM <http://example.org/other> {{ {mine} }}", [iri("ex:other")])
    assert ask("ASK { ?x a ?c }")


def test_no_query_asks_another_service(kg: KnowledgeGraph) -> None:
    for text in ("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", "ASK { SERVICE SILENT ?x { } }"):
        with pytest.raises(Forbidden, match="SERVICE"):
            kg.query(text, lambda _: JSON, io.BytesIO())
        with pytest.raises(Forbidden):
            kg.select(text)
    with pytest.raises(BadQuery):
        kg.select("SELECT * {")


def test_commits_from_many_threads_lose_nothing(kg: KnowledgeGraph) -> None:
    done = threading.Event()
    sizes: list[int] = []

    def write(thread: int) -> None:
        for i in range(5):
            add(kg, quad(f"id:{thread}-{i}", "a", "ci:PainPoint"))

    def read() -> None:
        while not done.is_set():
            # The record and what it entails come in one step.
            counts = kg.store.select(
                f"SELECT (COUNT(?a) AS ?n) (COUNT(?b) AS ?m) WHERE {{ {{ GRAPH <{ADDRESSES.project('common')}> {{ ?a a <{CI}PainPoint> }} }} "
                f"UNION {{ GRAPH <{ADDRESSES.everything}> {{ ?b a <{CI}PainPoint> }} }} }}",
                Dataset(),
            ).rows[0]
            sizes.append(int(counts[0].value) - int(counts[1].value))  # type: ignore[union-attr]

    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    reader = threading.Thread(target=read)
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert kg.head == 20
    assert set(sizes) == {0}
    assert len(kg.select(f"SELECT ?s WHERE {{ ?s a <{CI}PainPoint> }}").rows) == 20
