"""SPARQL 1.1 Update: every operation, as one commit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pyoxigraph import NamedNode, Quad

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol.update import update
from kgservice.domain.change import Change, Commit, Origin
from kgservice.domain.graphs import GraphKind
from kgservice.errors import BadQuery, Conflict, Forbidden, KgError, NotFound
from tests.terms import ADDRESSES, iri, quad

PREFIXES = """PREFIX ci: <https://w3id.org/kgservice/ci#> PREFIX id: <https://kg.example/id/>
PREFIX ex: <http://example.org/> PREFIX graph: <https://kg.example/graph/>
"""


def run(
    kg: KnowledgeGraph, text: str, using: Sequence[NamedNode] = (), using_named: Sequence[NamedNode] = ()
) -> Commit:
    return update(kg, PREFIXES + text, origin=Origin(), using=using, using_named=using_named)


def held(kg: KnowledgeGraph) -> set[Quad]:
    """All that users have put in: record and scratch graphs."""
    graphs = [g for g in kg.store.graphs() if kg.graphs.kind(g) in (GraphKind.RECORD, GraphKind.SCRATCH)]
    return {quad for graph in graphs for quad in kg.store.match([(None, None, None)], graph)}


@pytest.fixture
def filled(kg: KnowledgeGraph) -> KnowledgeGraph:
    kg.commit(
        Change.adding(
            [
                quad("id:pain", "a", "ci:PainPoint"),
                quad("id:pain", "ci:title", "old"),
                quad("ex:a", "ex:p", "1", "ex:g"),
                quad("ex:b", "ex:p", "2", "ex:h"),
                quad("ex:c", "ex:p", "3", "graph:scratch"),
            ]
        )
    )
    return kg


def common(o: str) -> Quad:
    return quad("id:pain", "ci:title", o, "graph:project/common")


def test_insert_and_delete_data(kg: KnowledgeGraph) -> None:
    commit = run(
        kg, "INSERT DATA { id:pain a ci:PainPoint . id:pain ci:title 'x', 'y' GRAPH ex:g { ex:a ex:p 'z' } }"
    )
    assert (commit.number, commit.added) == (1, 4)
    commit = run(kg, "DELETE DATA { id:pain ci:title 'x', 'nothing' . GRAPH ex:g { ex:a ex:p 'z' } }")
    assert (commit.number, commit.removed) == (2, 2)
    assert common("y") in held(kg)
    assert common("x") not in held(kg)
    assert check(kg) == []


def test_delete_and_insert_where(filled: KnowledgeGraph) -> None:
    commit = run(
        filled,
        "DELETE { ?s ci:title ?t } INSERT { ?s ci:title ?new } WHERE { ?s ci:title ?t BIND(CONCAT(?t, '!') AS ?new) }",
    )
    assert (commit.added, commit.removed) == (1, 1)
    assert common("old!") in held(filled)
    assert common("old") not in held(filled)


def test_where_sees_what_is_entailed_and_the_model(filled: KnowledgeGraph) -> None:
    run(
        filled,
        "INSERT { GRAPH ex:out { ?s ex:is ?c } } WHERE { ?s a ci:PainPoint, ?c FILTER(?c != ci:PainPoint) }",
    )
    assert {q.subject for q in held(filled) if q.graph_name == iri("ex:out")} == {iri("id:pain")}


@pytest.mark.parametrize(
    "text",
    [
        "DELETE DATA { id:solution ci:addresses id:pain }",
        "DELETE DATA { id:pain ci:addressedBy id:solution }",
        "DELETE { ?s ci:addresses ?o } WHERE { ?s ci:addresses ?o }",
        "DELETE WHERE { ?s ci:addresses ?o }",
    ],
)
@pytest.mark.parametrize("stated", ["id:solution ci:addresses id:pain", "id:pain ci:addressedBy id:solution"])
def test_a_link_is_deleted_from_either_side(filled: KnowledgeGraph, stated: str, text: str) -> None:
    run(filled, f"INSERT DATA {{ id:solution a ci:Solution . {stated} }}")
    asked = "ASK { id:solution ci:addresses id:pain . id:pain ci:addressedBy id:solution }"
    assert filled.ask(PREFIXES + asked)
    assert run(filled, text).removed == 1
    assert not filled.ask(PREFIXES + asked)
    assert check(filled) == []


def test_a_link_deleted_from_one_side_can_be_stated_from_the_other(filled: KnowledgeGraph) -> None:
    run(filled, "INSERT DATA { id:solution a ci:Solution ; ci:addresses id:pain }")
    run(
        filled,
        """DELETE { ?s ci:addresses ?p } INSERT { ?p ci:addressedBy ?s } WHERE { ?s ci:addresses ?p }""",
    )
    links = {q for q in held(filled) if q.predicate in (iri("ci:addresses"), iri("ci:addressedBy"))}
    assert links == {quad("id:pain", "ci:addressedBy", "id:solution", "graph:project/common")}


def test_in_a_graph_that_is_named_delete_takes_what_is_stated_there(filled: KnowledgeGraph) -> None:
    run(filled, "INSERT DATA { GRAPH ex:g { id:pain ci:addressedBy id:solution } }")
    assert run(filled, "DELETE DATA { GRAPH ex:g { id:solution ci:addresses id:pain } }").removed == 0
    assert quad("id:pain", "ci:addressedBy", "id:solution", "ex:g") in held(filled)


def test_delete_where(filled: KnowledgeGraph) -> None:
    run(filled, "DELETE WHERE { ?s a ci:PainPoint ; ci:title ?t . GRAPH ex:g { ?a ex:p ?b } }")
    assert {q.graph_name for q in held(filled)} == {iri("ex:h"), iri("graph:scratch")}


def test_with_and_using_choose_the_graphs(filled: KnowledgeGraph) -> None:
    run(filled, "WITH ex:g DELETE { ?s ex:p ?o } INSERT { ?s ex:q ?o } WHERE { ?s ex:p ?o }")
    assert quad("ex:a", "ex:q", "1", "ex:g") in held(filled)
    assert quad("ex:b", "ex:p", "2", "ex:h") in held(filled)
    run(filled, "INSERT { GRAPH ex:out { ?s ex:r ?o } } USING ex:g USING ex:h WHERE { ?s ?p ?o }")
    assert {q.subject for q in held(filled) if q.graph_name == iri("ex:out")} == {iri("ex:a"), iri("ex:b")}
    run(filled, "INSERT { GRAPH ex:out2 { ?s ex:r ?o } } USING NAMED ex:h WHERE { GRAPH ?g { ?s ?p ?o } }")
    assert {q.subject for q in held(filled) if q.graph_name == iri("ex:out2")} == {iri("ex:b")}
    run(filled, "WITH ex:h INSERT { ?s ex:both ?o } USING ex:g WHERE { ?s ?p ?o }")
    assert quad("ex:a", "ex:both", "1", "ex:h") in held(filled)


def test_the_protocol_may_choose_the_graphs_instead(filled: KnowledgeGraph) -> None:
    run(filled, "INSERT { GRAPH ex:out { ?s ex:r ?o } } WHERE { ?s ?p ?o }", using=[iri("ex:g")])
    run(
        filled,
        "INSERT { GRAPH ex:out { ?s ex:n ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }",
        using_named=[iri("ex:h")],
    )
    assert {q.triple.subject for q in held(filled) if q.graph_name == iri("ex:out")} == {
        iri("ex:a"),
        iri("ex:b"),
    }
    for text in (
        "WITH ex:g DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
        "CLEAR ALL ; DELETE { ?s ?p ?o } USING ex:g WHERE { ?s ?p ?o }",
    ):
        with pytest.raises(BadQuery):
            run(filled, text, using=[iri("ex:g")])


def test_templates_leave_out_what_is_no_statement(filled: KnowledgeGraph) -> None:
    run(
        filled,
        "INSERT { GRAPH ex:out { ?t ex:p 1 . ?s ?t 2 . ?s ex:p ?unbound . ?s ex:fine ?t } GRAPH ?t { ?s ex:p 3 } } "
        "WHERE { ?s ci:title ?t }",
    )
    assert {q for q in held(filled) if q.graph_name == iri("ex:out")} == {
        quad("id:pain", "ex:fine", "old", "ex:out")
    }


def test_each_solution_makes_its_own_blank_nodes(kg: KnowledgeGraph) -> None:
    run(
        kg,
        "INSERT { GRAPH ex:out { ?x ex:has [ ex:n 1 ] } } WHERE { VALUES (?x ?y) { (ex:a 1) (ex:a 2) (ex:b 1) } }",
    )
    made = {q.subject for q in held(kg) if q.predicate == iri("ex:n")}
    assert len(made) == 3
    assert all(kg.graphs.is_genid(node) for node in made)


def test_a_template_without_variables_needs_one_solution(filled: KnowledgeGraph) -> None:
    assert run(filled, "INSERT { ex:x ex:y 1 } WHERE { ?s a ci:PainPoint }").added == 1
    assert run(filled, "INSERT { ex:x ex:y 2 } WHERE { ?s a ci:NothingOfTheKind }").added == 0


def test_later_operations_see_what_earlier_ones_did(kg: KnowledgeGraph) -> None:
    commit = run(
        kg,
        """INSERT DATA { id:rec ci:dataSubject id:anna ; a ci:Feedback } ;
        INSERT { ?person a ci:ContactPerson } WHERE { ?record ci:dataSubject ?person } ;
        INSERT { ?person ci:personName 'Anna' } WHERE { ?person a ci:Person } ;
        DELETE { ?r a ci:Feedback } WHERE { ?p ci:subjectOf ?r }""",
    )
    assert commit.number == 1
    assert {(q.predicate, q.graph_name) for q in held(kg)} == {
        (iri("ci:dataSubject"), iri("graph:subject/anna")),
        (iri("a"), iri("graph:subject/anna")),
        (iri("ci:personName"), iri("graph:subject/anna")),
    }
    assert check(kg) == []


def test_operations_that_undo_each_other_make_no_commit(kg: KnowledgeGraph) -> None:
    assert run(kg, "INSERT DATA { id:pain a ci:PainPoint } ; DELETE WHERE { ?s a ci:PainPoint }").number == 0
    assert run(kg, "CREATE GRAPH ex:new ; DROP GRAPH ex:new").number == 0
    assert held(kg) == set()


def test_in_memory_operations_see_each_other_too(kg_in_memory: KnowledgeGraph) -> None:
    kg = kg_in_memory
    run(
        kg,
        "INSERT DATA { id:pain a ci:PainPoint } ; INSERT { ?s ci:title 'x' } WHERE { ?s a ci:PainPoint }",
    )
    assert common("x") in held(kg)
    assert check(kg) == []


def test_one_failing_operation_undoes_all(filled: KnowledgeGraph) -> None:
    before, head = held(filled), filled.head
    with pytest.raises(NotFound):
        run(filled, "DELETE WHERE { ?s ci:title ?t } ; CLEAR GRAPH ex:nowhere")
    with pytest.raises(Conflict):
        run(
            filled,
            "DELETE WHERE { ?s ci:title ?t } ; INSERT DATA { GRAPH <https://kg.example/graph/project/x> { id:pain ci:title 'y' } }",
        )
    assert (held(filled), filled.head) == (before, head)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("CLEAR GRAPH ex:g", {"ex:h", "graph:scratch", "graph:project/common"}),
        ("DROP GRAPH ex:g", {"ex:h", "graph:scratch", "graph:project/common"}),
        ("CLEAR DEFAULT", {"ex:g", "ex:h", "graph:project/common"}),
        ("DROP DEFAULT", {"ex:g", "ex:h", "graph:project/common"}),
        ("DROP GRAPH <https://kg.example/graph/project/common>", {"ex:g", "ex:h", "graph:scratch"}),
        ("CLEAR NAMED", {"graph:scratch"}),
        ("DROP NAMED", {"graph:scratch"}),
        ("CLEAR ALL", set()),
        ("DROP ALL", set()),
    ],
)
def test_clear_and_drop(filled: KnowledgeGraph, text: str, left: set[str]) -> None:
    run(filled, text)
    assert {q.graph_name for q in held(filled)} == {iri(g) for g in left}
    assert filled.store.has_graph(iri("ex:g")) is (text.startswith("CLEAR") or "ex:g" in left)
    assert filled.ask("ASK { ?c a ?any }")
    assert filled.store.has_graph(NamedNode(ADDRESSES.provenance))
    assert check(filled) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY ex:g TO ex:h", {("ex:g", "1"), ("ex:h", "1")}),
        ("MOVE ex:g TO ex:h", {("ex:h", "1")}),
        ("ADD ex:g TO ex:h", {("ex:g", "1"), ("ex:h", "1"), ("ex:h", "2")}),
        ("COPY GRAPH ex:g TO GRAPH ex:new", {("ex:g", "1"), ("ex:h", "2"), ("ex:new", "1")}),
        ("COPY ex:g TO ex:g", {("ex:g", "1"), ("ex:h", "2")}),
        ("MOVE ex:g TO ex:g", {("ex:g", "1"), ("ex:h", "2")}),
        ("ADD DEFAULT TO ex:h", {("ex:g", "1"), ("ex:h", "2"), ("ex:h", "3")}),
        ("COPY SILENT ex:nowhere TO ex:h", {("ex:g", "1"), ("ex:h", "2")}),
    ],
)
def test_copy_move_and_add(filled: KnowledgeGraph, text: str, expected: set[tuple[str, str]]) -> None:
    run(filled, text)
    found = {(q.graph_name, q.object.value) for q in held(filled) if "example.org" in str(q.graph_name)}  # type: ignore[union-attr]
    assert found == {(iri(g), o) for g, o in expected}


def test_to_and_from_the_default_graph(filled: KnowledgeGraph) -> None:
    run(filled, "MOVE DEFAULT TO ex:new")
    run(filled, "COPY ex:g TO DEFAULT")
    assert quad("ex:c", "ex:p", "3", "ex:new") in held(filled)
    assert quad("ex:a", "ex:p", "1", "graph:scratch") in held(filled)


def test_create_shows(kg: KnowledgeGraph) -> None:
    assert run(kg, "CREATE GRAPH ex:new").number == 1
    assert kg.store.has_graph(iri("ex:new"))
    with pytest.raises(Conflict):
        run(kg, "CREATE GRAPH ex:new")
    assert run(kg, "CREATE SILENT GRAPH ex:new").number == 1
    with pytest.raises(Forbidden):
        run(kg, "CREATE GRAPH <https://kg.example/graph/project/new>")


@pytest.mark.parametrize("verb", ["CLEAR", "DROP"])
def test_unknown_graphs(kg: KnowledgeGraph, verb: str) -> None:
    with pytest.raises(NotFound):
        run(kg, f"{verb} GRAPH ex:nowhere")
    assert run(kg, f"{verb} SILENT GRAPH ex:nowhere").number == 0
    assert run(kg, f"{verb} DEFAULT").number == 0


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("LOAD <http://127.0.0.1:9/>", Forbidden),
        ("LOAD SILENT <http://127.0.0.1:9/> INTO GRAPH ex:g", Forbidden),
        ("INSERT { ?s ?p ?o } WHERE { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", Forbidden),
        ("CLEAR GRAPH graph:ontology", Forbidden),
        ("DROP SILENT GRAPH graph:provenance", Forbidden),
        ("INSERT DATA { GRAPH <https://kg.example/view/everything> { ex:a ex:b 1 } }", Forbidden),
        (
            "INSERT DATA { GRAPH <https://kg.example/graph/subject/anna> { id:pain a ci:PainPoint } }",
            Conflict,
        ),
        ("MOVE <https://kg.example/graph/ontology> TO ex:mine", Forbidden),
        ("COPY ex:nowhere TO ex:mine", NotFound),
        ("LOADex:a", BadQuery),
    ],
)
def test_refusals(kg: KnowledgeGraph, text: str, error: type[KgError]) -> None:
    with pytest.raises(error):
        run(kg, text)
    assert (kg.head, held(kg)) == (0, set())


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("INSERT DATA { <a> <b> }", 1, 23),
        ("CLEAR ALL ;\nPREFIX x: <u:>\nINSERT DATA { x:a x:b ?c }", 3, 27),
        ("CLEAR ALL CLEAR ALL", 1, 14),
        ("DELETE DATA { <a> <b> _:c }", 1, 28),
        ("INSERT DATA { <a> <b> 'c }", 1, 23),
        ("INSERT DATA { <a> <b> <c> ", 1, 26),
    ],
)
def test_malformed_updates_say_where(kg: KnowledgeGraph, text: str, line: int, column: int) -> None:
    with pytest.raises(BadQuery) as caught:
        update(kg, text, origin=Origin())
    assert caught.value.line == line
    assert caught.value.column == column


def test_iris_are_resolved_against_the_base_in_force(kg: KnowledgeGraph) -> None:
    update(kg, "INSERT DATA { GRAPH <g> { <a> <b> <c> } }", origin=Origin())
    update(
        kg,
        "BASE <http://example.org/x/> INSERT DATA { GRAPH <g> { <a> <b> <c> } } ; BASE <../> CREATE GRAPH <h>",
        origin=Origin(),
    )
    names = {g.value for g in kg.store.graphs()}
    assert {"https://kg.example/g", "http://example.org/x/g", "http://example.org/h"} <= names


def test_an_empty_update_does_nothing(kg: KnowledgeGraph) -> None:
    assert run(kg, "").number == 0
