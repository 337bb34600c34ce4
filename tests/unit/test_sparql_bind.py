"""Parameters of queries: bound as terms, wherever the variable stands."""

from __future__ import annotations

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, QuerySolutions, Store

from kgservice.domain.sparql_bind import bound
from kgservice.errors import BadQuery

A, B, P = (NamedNode(f"http://example.org/{name}") for name in "abp")


def rows(text: str, **bindings: NamedNode | Literal) -> list[dict[str, str]]:
    store = Store()
    store.extend([Quad(A, P, Literal(1)), Quad(A, P, Literal(2)), Quad(B, P, Literal(3))])
    found = store.query(bound(text, bindings))
    assert isinstance(found, QuerySolutions)
    names = [v.value for v in found.variables]
    return [
        {n: str(t).strip("<>") for n, t in zip(names, row, strict=True) if t is not None} for row in found
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT ?o { ?s ?p ?o } ", 2),
        ("SELECT ?s ?o { ?s ?p ?o }", 2),
        ("SELECT ?o WHERE { { ?s ?p ?o } UNION { ?t ?p ?o FILTER(?t = ?s) } }", 4),
        ("SELECT ?o { { SELECT ?s ?o { ?s ?p ?o } } }", 2),
        ("SELECT ?s (SUM(?o) AS ?n) { ?s ?p ?o } GROUP BY ?s HAVING (SUM(?o) > 0)", 1),
        ("SELECT ?o { ?s ?p ?o FILTER(BOUND(?s)) } ORDER BY ?s DESC(?o)", 2),
        ("SELECT DISTINCT ?s { ?s ?p ?o }", 1),
        ("SELECT ?o { ?x ?p ?o OPTIONAL { ?x ?p ?z FILTER(?x = ?s) } FILTER(BOUND(?z)) FILTER(?o = ?z) }", 2),
        ("SELECT ?o { VALUES ?q { 1 } ?s ?p ?o } VALUES ?o { 1 2 3 }", 2),
    ],
)
def test_a_variable_is_fixed_wherever_it_stands(text: str, expected: int) -> None:
    assert len(rows(text, s=A)) == expected


def test_a_projected_parameter_stays_a_column() -> None:
    assert rows("SELECT ?s ?o { ?s ?p ?o } ORDER BY ?o LIMIT 1", s=A)[0]["s"] == A.value


def test_text_that_looks_like_the_variable_stays() -> None:
    assert (
        bound("SELECT * { ?s ?p '?x', <u:?x> } # ?x", {"x": Literal("y")})
        == "SELECT * { ?s ?p '?x', <u:?x> } # ?x"
    )


@pytest.mark.parametrize("value", ["} UNION { ?a ?b ?c", '" } #', "\\", "a\nb"])
def test_no_value_becomes_syntax(value: str) -> None:
    assert rows("SELECT ?o { ?s ?p ?o FILTER(STR(?o) = ?x) }", x=Literal(value)) == []


@pytest.mark.parametrize("text", ["SELECT ?x { BIND(1 AS ?x) }", "SELECT ?x { VALUES ?x { 1 } }"])
def test_a_parameter_cannot_be_given_twice(text: str) -> None:
    with pytest.raises(BadQuery):
        bound(text, {"x": Literal("y")})


def test_blank_nodes_cannot_be_bound() -> None:
    with pytest.raises(BadQuery):
        bound("SELECT ?x { ?x ?p ?o }", {"x": BlankNode()})
