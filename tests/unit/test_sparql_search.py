"""Where `kg:matches` may stand in a query, and what is put in its place."""

from __future__ import annotations

import pyoxigraph
import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.domain.sparql_search import Row, with_hits
from kgservice.errors import BadQuery
from kgservice.namespaces import KG

ONE = Literal(1)
PREFIX = f"PREFIX kg: <{KG}> "


def a(name: str) -> NamedNode:
    return NamedNode(f"urn:{name}")


STORE = pyoxigraph.Store()
STORE.extend(
    [
        Quad(a("s"), a("title"), Literal("leaking")),
        Quad(a("s"), a("note"), Literal("leaking")),
        Quad(a("s"), a("note"), Literal("leaking again")),
        Quad(a("s"), a("of"), a("t")),
        Quad(a("t"), a("title"), Literal("noisy")),
        Quad(a("gone"), a("title"), Literal("other")),
    ]
)


def find(text: str) -> list[Row]:
    """An index that knows of a text, too, which the data no longer says."""
    texts = ("leaking", "leaking again", "noisy", "withdrawn")
    hits = [t for t in texts if set(text.split()) <= set(t.split())]
    return [(Literal(i), Literal(t), Literal(len(hits))) for i, t in enumerate(hits)]


def rows(query: str) -> list[tuple[str, ...]]:
    """The rows of a query, and before them the variables."""
    solutions = STORE.query(with_hits(PREFIX + query, find))
    assert isinstance(solutions, pyoxigraph.QuerySolutions)
    names = [v.value for v in solutions.variables]
    found = [tuple(s[n].value if s[n] is not None else "" for n in names) for s in solutions]
    return [tuple(names), *sorted(found)]


@pytest.mark.parametrize(
    "query",
    [
        'SELECT * { ?s kg:matches "leaking" }',
        "SELECT * { ?s kg:matches 'leaking' . }",
        'SELECT * WHERE { ?s kg:matches """leaking""" ; }',
        'SELECT * { ?s kg:matches "leaking" ; <urn:title> "leaking" . }',
        'SELECT * { ?s <urn:of> <urn:t> . ?s kg:matches "leak\\u0069ng" ; ; <urn:of> <urn:t> }',
        'SELECT * { ?s kg:matches "leaking" . ?s <urn:of> <urn:t> FILTER(ISIRI(?s)) }',
        'SELECT * { (?s) kg:matches "leaking" }',
        f'PREFIX other: <{KG}> SELECT * {{ ?s other:matches "leaking" }}',
        f'SELECT * {{ ?s <{KG}matches> "leaking" }}',
        'SELECT ?s { VALUES ?w { "leaking" } ?s kg:matches ?w }',
        'SELECT ?s { VALUES $w { "leaking" } { VALUES ?w { "leaking" } ?s kg:matches ?w } }',
        'SELECT * { { ?s kg:matches "leaking" } UNION { ?s kg:matches "nothing" } }',
        'SELECT ?s { ?s kg:matches "leaking" . ?s <urn:of> ?o . ?o kg:matches "noisy" }',
        'SELECT * { ?s kg:matches "leaking" MINUS { ?s kg:matches "noisy" } }',
    ],
)
def test_each_thing_is_found_once_and_no_other_variables_come(query: str) -> None:
    assert rows(query) == [("s",), ("urn:s",)]


def test_the_score_the_text_and_the_total_can_be_asked_for() -> None:
    assert rows('SELECT ?s ?score ?text ?n { (?s ?score ?text ?n) kg:matches "leaking" }') == [
        ("s", "score", "text", "n"),
        ("urn:s", "0", "leaking", "2"),
        ("urn:s", "1", "leaking again", "2"),
    ]
    assert rows('SELECT ?s ?score ?o { (?s ?score) kg:matches "leaking" ; <urn:of> ?o }')[1:] == [
        ("urn:s", "0", "urn:t"),
        ("urn:s", "1", "urn:t"),
    ]


def test_what_the_data_no_longer_says_is_not_told() -> None:
    assert rows('SELECT ?s ?text { (?s ?score ?text) kg:matches "withdrawn" }') == [("s", "text")]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT * { ?s kg:matches ?w }", "needs its words"),
        ("SELECT * { VALUES ?w { UNDEF } ?s kg:matches ?w }", "needs its words"),
        ('SELECT * { VALUES ?w { "a" "b" } ?s kg:matches ?w }', "needs its words"),
        ('SELECT * { { VALUES ?w { "a" } } { VALUES ?w { "b" } ?s kg:matches ?w } }', "needs its words"),
        ('SELECT * { BIND("a" AS ?w) ?s kg:matches ?w }', "needs its words"),
        ('SELECT * { ?s a <urn:C> ; kg:matches "a" }', "cannot be answered here"),
        ('SELECT * { <urn:s> kg:matches "a" }', "cannot be answered here"),
        ('SELECT * { [] kg:matches "a" }', "cannot be answered here"),
        ('SELECT * { (?s ?s) kg:matches "a" }', "cannot be answered here"),
        ('SELECT * { (?s ?a ?b ?c ?d) kg:matches "a" }', "cannot be answered here"),
        ('SELECT * { (?s <urn:a>) kg:matches "a" }', "cannot be answered here"),
        ('SELECT * { ?s ^kg:matches "a" }', "cannot be answered here"),
        ('SELECT * { ?s kg:matches/<urn:of> "a" }', "cannot be answered here"),
        ("SELECT * { ?s ?p ?o FILTER(?p = kg:matches) }", "cannot be answered here"),
        ("SELECT * { VALUES ?p { kg:matches } ?s ?p ?o }", "cannot be answered here"),
        ("SELECT * { ?s kg:matches <urn:a> }", "cannot be answered here"),
        ("SELECT * { ?s kg:matches", "cannot be answered here"),
        ('SELECT * { ?s kg:matches "a"@en }', "one text without a language"),
        ('SELECT * { ?s kg:matches "a"^^<urn:t> }', "one text without a language"),
        ('SELECT * { ?s kg:matches "a", "b" }', "one text without a language"),
        ('CONSTRUCT { ?s kg:matches "a" } WHERE { ?s ?p ?o }', "not in what is constructed"),
        ('CONSTRUCT WHERE { ?s kg:matches "a" }', "not in what is constructed"),
        ('SELECT * FROM <urn:g> { ?s kg:matches "a" }', "name no other graph"),
        ('SELECT * { GRAPH ?g { ?s kg:matches "a" } }', "name no other graph"),
        ('SELECT * { SERVICE <urn:g> { ?s kg:matches "a" } }', "name no other graph"),
    ],
)
def test_it_is_refused_with_its_place_where_it_cannot_be_answered(query: str, words: str) -> None:
    with pytest.raises(BadQuery, match=words) as refused:
        with_hits(PREFIX + query, find)
    assert refused.value.line == 1
    assert refused.value.column is not None


def test_values_never_become_query_text() -> None:
    said: list[str] = []

    def noted(text: str) -> list[Row]:
        said.append(text)
        return [(ONE, Literal('" } } INSERT'), ONE)]

    text = with_hits(PREFIX + r"""SELECT * { ?s kg:matches 'a" \\ \'\t\U0001F600' }""", noted)
    assert said == ["a\" \\ '\t😀"]
    assert list(STORE.query(text)) == []  # type: ignore[arg-type]


def test_other_queries_stay_as_they_are() -> None:
    for query in (
        "SELECT * { ?s ?p 'kg:matches' }",
        "# kg:matches\nASK {}",
        PREFIX + "ASK { ?s kg:other ?o }",
    ):
        assert with_hits(query, find) == query
