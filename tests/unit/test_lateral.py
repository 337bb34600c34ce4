"""Queries that are walked in their own order find the same, and what is not understood stays as it is."""

from __future__ import annotations

import pytest
from pyoxigraph import QuerySolutions, RdfFormat, Store

from kgservice.shacl.lateral import one_after_the_other

DATA = """
@prefix ex: <https://kg.example/test#> .
ex:a ex:p ex:b ; ex:q "x.y", 1 . ex:b ex:p ex:c ; ex:r ex:a . ex:c ex:q ex:a ; ex:r ex:c .
"""
GROUPS = [
    "?s ex:p/ex:p* ?o . FILTER NOT EXISTS { ?o ex:q ?z }",
    "?s ex:p ?o ; ex:q ?v . FILTER EXISTS { ?o (ex:p|^ex:r)*/ex:q ?z . ?z ex:p? ?y }",
    "?s ex:q/ex:p* ?o . FILTER NOT EXISTS { ?s ex:r|(ex:p/ex:r+) ?o }",
    "?s ?p ?o . OPTIONAL { ?o ^ex:p/!ex:q ?x } FILTER EXISTS { ?s ex:p|ex:r ?y }",
    '?s ex:q "x.y" . # ?s ex:p/ex:q* ?o .\n?s ex:p/ex:p ?x . FILTER EXISTS { ?s ex:p _:b . _:b ex:p ?c }',
    "{ ?s ex:p ?o } UNION { ?s ex:r ?o } FILTER NOT EXISTS { ?o ^(ex:p/ex:p) ?s }",
    "?s ex:p ?o . { SELECT ?s (COUNT(?v) AS ?x) { ?s ex:q ?v . FILTER EXISTS { ?s ex:p ?z } } GROUP BY ?s }",
]


def rows(query: str) -> list[list[str]]:
    store = Store()
    store.load(DATA, RdfFormat.TURTLE)
    found = store.query(query, prefixes={"ex": "https://kg.example/test#"})
    assert isinstance(found, QuerySolutions)
    return sorted([str(value) for value in row] for row in found)


@pytest.mark.parametrize("group", GROUPS)
def test_the_same_is_found(group: str) -> None:
    query = f"SELECT ?s ?v ?o ?x {{ {group} }}"
    walked = one_after_the_other(query)
    assert "LATERAL" in walked
    assert rows(walked) == rows(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * WHERE { ?s ex:p/ex:p* ?o }",
        "SELECT * WHERE { ?s ex:p [ ex:q ?o ] . FILTER EXISTS { [] ex:p ?s } }",
        'SELECT * WHERE { ?s ex:p """?a ex:p/ex:q* ?b .""" . FILTER EXISTS { ?s ex:p ?o } }',
    ],
)
def test_other_queries_stay_as_they_are(query: str) -> None:
    assert one_after_the_other(query) == query
