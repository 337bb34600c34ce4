"""Queries that are written anew give the solutions of those that were asked, on random graphs."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import NamedNode, Quad, QuerySolutions, Store

from kgservice.domain.query_exists import nested
from kgservice.domain.query_few import apart
from kgservice.domain.query_rewrites import quicker

NODES, PREDICATES = [f"urn:n{i}" for i in range(5)], [f"urn:p{i}" for i in range(3)]

nodes = st.sampled_from(NODES).map(lambda iri: f"<{iri}>")
variables = st.sampled_from(["?x", "?y", "?z"])
predicates = st.sampled_from([f"<{iri}>" for iri in PREDICATES] + ["a", "<urn:none>"])
paths = st.recursive(
    predicates | st.tuples(predicates, predicates).map(lambda two: f"!({two[0]}|^{two[1]})"),
    lambda inner: (
        st.tuples(inner, st.sampled_from("+*?")).map(lambda made: f"({made[0]}){made[1]}")
        | st.tuples(inner, st.sampled_from("/|"), inner).map(lambda made: f"({made[0]}{made[1]}{made[2]})")
        | inner.map(lambda made: f"^({made})")
    ),
    max_leaves=5,
)
simple = st.tuples(predicates, st.sampled_from("+*")).map("".join)
patterns = st.tuples(nodes | variables, paths | simple, nodes | variables).map(" ".join)


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A query with patterns, some of them optional, alternative, taken away, or grouped."""
    parts = [draw(patterns)]
    for _ in range(draw(st.integers(0, 3))):
        pattern = draw(patterns)
        parts.append(
            draw(
                st.sampled_from(
                    [
                        pattern,
                        f"OPTIONAL {{ {pattern} }}",
                        f"{{ {pattern} }} UNION {{ {draw(patterns)} }}",
                        f"MINUS {{ {pattern} }}",
                        f"{{ SELECT DISTINCT ?x {{ {pattern} }} }}",
                        f"{pattern} ; {draw(predicates)} ?y",
                        "VALUES ?x { <urn:n1> <urn:n2> }",
                    ]
                )
            )
        )
    return "SELECT ?x ?y ?z WHERE { " + " . ".join(parts) + " }"


graphs = st.sets(
    st.tuples(st.sampled_from(NODES), st.sampled_from(PREDICATES), st.sampled_from(NODES)), max_size=12
)


def answer(store: Store, text: str) -> Counter[tuple[str, ...]]:
    """How often each solution comes."""
    results = store.query(text)
    assert isinstance(results, QuerySolutions)
    return Counter(tuple(str(term) for term in row) for row in results)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(graphs, queries())
def test_the_solutions_are_the_same(graph: set[tuple[str, str, str]], text: str) -> None:
    store = Store()
    store.extend(Quad(NamedNode(s), NamedNode(p), NamedNode(o)) for s, p, o in graph)
    assert answer(store, quicker(text)) == answer(store, text)


@settings(max_examples=200, deadline=None)
@given(paths | simple, nodes)
def test_each_repeated_path_of_a_known_node_is_put_apart(path: str, node: str) -> None:
    written = quicker(f"SELECT ?x {{ {node} {path} ?x . ?x a <urn:T> }}")
    assert ("SELECT ?x { { SELECT ?x {" in written) == ("+" in path or "*" in path)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT (?a + ?b AS ?c) { ?a <urn:p> ?b }",
        "SELECT * { ?s <urn:p> ?o }",
        "SELECT ?x { ?x <urn:p>+ ?y }",
        "SELECT ?x { <urn:s> <urn:p>+ ?x ; <urn:q> ?y }",
        "SELECT ?x { FILTER EXISTS { <urn:s> <urn:p>+ ?x } }",
        "SELECT ?x { GRAPH ?g { <urn:s> <urn:p>+ ?x } }",
        'SELECT ?x { ?x ?y "<urn:s> <urn:p>+ ?x ." }',
        "SELECT ?x { <urn:s> <urn:p>+ ",
        "no query + at all *",
    ],
)
def test_others_are_left_as_they_are(text: str) -> None:
    assert quicker(text) == text


# Few nodes and predicates, and many statements of them, so that patterns often have a solution, and not all.
few = st.sampled_from(["<urn:n0>", "<urn:n1>", "<urn:n2>"])
said = st.sampled_from(["<urn:p0>", "<urn:p1>"])
ends = variables | variables | st.sampled_from(["?v", "?w"]) | few
inner = st.tuples(
    ends,
    st.lists(
        st.tuples(
            st.one_of(
                said,
                st.tuples(said, st.sampled_from("/|"), said).map("".join),
                st.tuples(said, st.sampled_from("+*")).map("".join),
                said.map("^{}".format),
            ),
            st.lists(ends, min_size=1, max_size=2).map(" , ".join),
        ).map(" ".join),
        min_size=1,
        max_size=2,
    ).map(" ; ".join),
).map(" ".join)
dense = st.sets(
    st.tuples(st.sampled_from(NODES[:3]), st.sampled_from(PREDICATES[:2]), st.sampled_from(NODES[:3])),
    min_size=3,
    max_size=14,
)
filters = st.sampled_from(
    ["?x != ?y", "BOUND(?z)", "?x = <urn:n1> || ?z != ?y", "ISIRI(?y) && ?y != <urn:n2>"]
)


@st.composite
def groups(draw: st.DrawFn, depth: int = 2) -> str:
    """What stands in an EXISTS: patterns, filters, and EXISTS again."""
    parts = draw(st.lists(inner, min_size=1, max_size=3))
    if draw(st.integers(0, 2)):
        parts.insert(draw(st.integers(0, len(parts))), f"FILTER({draw(filters)})")
    if depth and draw(st.booleans()):
        word = draw(st.sampled_from(["EXISTS", "NOT EXISTS"]))
        parts.append(f"FILTER {word} {{ {draw(groups(depth - 1))} }}")
    if draw(st.integers(0, 9)) == 0:
        parts.append(f"OPTIONAL {{ {draw(patterns)} }}")
    return " . ".join(parts).replace(". FILTER", " FILTER")


@st.composite
def asking(draw: st.DrawFn) -> str:
    """A query with EXISTS: as a filter, or as a value."""
    group = draw(groups())
    told = draw(
        st.sampled_from(
            [
                f"FILTER EXISTS {{ {group} }}",
                f"FILTER NOT EXISTS {{ {group} }}",
                f"BIND(EXISTS {{ {group} }} AS ?told)",
                f"OPTIONAL {{ ?x {draw(said)} ?z FILTER EXISTS {{ {group} }} }}",
                f"FILTER(?x = <urn:n1> || NOT EXISTS {{ {group} }})",
            ]
        )
    )
    return f"SELECT * WHERE {{ ?x {draw(said)} ?y . {draw(inner)} {told} }}"


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(dense, asking())
def test_nested_exists_gives_the_same_solutions(graph: set[tuple[str, str, str]], text: str) -> None:
    store = Store()
    store.extend(Quad(NamedNode(s), NamedNode(p), NamedNode(o)) for s, p, o in graph)
    assert answer(store, nested(text)) == answer(store, text)


@pytest.mark.parametrize(
    ("group", "becomes"),
    [
        ("?x <urn:p> ?b . ?b <urn:q> ?c", "?x <urn:p> ?b FILTER EXISTS { ?b <urn:q> ?c }"),
        ("?b <urn:q> ?c . ?x <urn:p> ?b", "?x <urn:p> ?b FILTER EXISTS { ?b <urn:q> ?c }"),
        ("?b a <urn:T> ; <urn:p> ?x", "?b <urn:p> ?x FILTER EXISTS { ?b a <urn:T> }"),
        ("?x <urn:p>/<urn:q> 'a'@en", "?x <urn:p> ?between1 FILTER EXISTS { ?between1 <urn:q> 'a'@en }"),
        (
            "?x <urn:p> ?b FILTER(?b > ?y) ?b <urn:q>* ?c",
            "?x <urn:p> ?b FILTER EXISTS { ?b <urn:q>* ?c FILTER(?b > ?y) }",
        ),
    ],
)
def test_exists_of_several_patterns_is_nested(group: str, becomes: str) -> None:
    text = "SELECT ?x ?y { ?x <urn:r> ?y FILTER NOT EXISTS { %s } }"
    assert nested(text % group) == text % becomes


@pytest.mark.parametrize(
    "group",
    [
        "?x <urn:p> ?b",
        "?x <urn:p> ?b OPTIONAL { ?b <urn:q> ?c }",
        "?b <urn:p> ?c . ?c <urn:q> ?d",
        "?x <urn:p> [ <urn:q> ?c ]",
        "{ ?x <urn:p> ?b } UNION { ?x <urn:q> ?b } ?b <urn:r> ?c",
        "GRAPH ?g { ?x <urn:p> ?b . ?b <urn:q> ?c }",
        "",
    ],
)
def test_other_exists_are_left_as_they_are(group: str) -> None:
    text = f"SELECT ?x {{ ?x <urn:r> ?y FILTER EXISTS {{ {group} }} }}"
    assert nested(text) == text


@pytest.mark.parametrize(
    "group",
    [
        "?x <urn:p> ?b . . ?b <urn:q> ?c",
        ". ?x <urn:p> ?b . ?b <urn:q> ?c",
        "?x ?p/?q ?b . ?b <urn:q> ?c",
        "?x (<urn:p> <urn:r>) ?b . ?b <urn:q> ?c",
        "?x <urn:p> ?b ?b <urn:q> ?c",
        "?x <urn:p> ?b , . ?b <urn:q> ?c",
        "?x <urn:p>/ ?b . ?b <urn:q> ?c",
        "?x <urn:p> ?b FILTER . ?b <urn:q> ?c",
    ],
)
def test_what_is_malformed_stays_malformed(group: str) -> None:
    text = f"SELECT ?x {{ ?x <urn:r> ?y FILTER EXISTS {{ {group} }} }}"
    for asked in (text, nested(text)):
        with pytest.raises(SyntaxError):
            Store().query(asked)


@pytest.mark.parametrize("group", ["?x <urn:p> ?y", "?x <urn:p> ?y . ?y <urn:q> ?x", "{ ?x <urn:p> ?y }"])
def test_exists_that_are_deep_in_one_another_take_no_time(group: str) -> None:
    deep = 300
    text = "SELECT * { ?x ?p ?y " + f"FILTER EXISTS {{ {group} " * deep + "} " * deep + "}"
    start = time.process_time()
    nested(text)
    assert time.process_time() - start < 10  # twice as long for each of them would not end


def test_exists_of_many_patterns_is_left_as_it_is() -> None:
    few = "SELECT * { ?a a ?c FILTER EXISTS { ?a <urn:p> " + " , ".join(["?b"] * 20) + " } }"
    assert nested(few).count("EXISTS") == 20
    many = "SELECT * { ?a a ?c FILTER EXISTS { ?a <urn:p> " + ",".join(["?b"] * 6600) + " } }"
    start = time.process_time()
    assert nested(many) == many
    assert time.process_time() - start < 3  # to order them would take longer for each than for the one before


def test_exists_is_not_nested_deeper_than_the_engine_bears() -> None:
    text = "SELECT * { ?a a ?c "
    for n in range(15):
        text += f"FILTER EXISTS {{ ?a <urn:p{n}> " + " , ".join(["?b"] * 15) + " . "
    text += "} " * 15 + "}"
    assert nested(text).count("EXISTS") <= 15 + 2 * 20
    list(Store().query(nested(text)))  # type: ignore[arg-type]


def test_a_text_without_a_query_is_left_as_it_is() -> None:
    assert nested("# EXISTS") == "# EXISTS"


AGGREGATES = [
    "(COUNT(*) AS ?n)",
    "(COUNT(DISTINCT ?y) AS ?n)",
    "(COUNT(DISTINCT *) AS ?n)",
    "(MIN(?z) AS ?n)",
]


@st.composite
def counting(draw: st.DrawFn, depth: int = 2) -> str:
    """A SELECT of patterns and filters, which may stand beside or in another one."""
    group = " . ".join(draw(st.lists(inner, min_size=1, max_size=3)))
    if draw(st.integers(0, 2)) == 0:
        group += f" . FILTER({draw(filters)})"
    for _ in range(draw(st.integers(0, 2)) if depth else 0):
        other = draw(counting(depth - 1))
        group += draw(
            st.sampled_from(
                [
                    f" . {{ {other} }}",
                    f" OPTIONAL {{ {{ {other} }} }}",
                    f" MINUS {{ {draw(inner)} }}",
                    f" FILTER NOT EXISTS {{ {draw(inner)} }}",
                    f" FILTER EXISTS {{ {{ {other} }} }}",
                    " VALUES ?v { <urn:n1> }",
                ]
            )
        )
    told = draw(st.sampled_from(["?x ?y ?z", "DISTINCT ?y ?z", *(f"?x {one}" for one in AGGREGATES)]))
    after = "GROUP BY ?x" if "AS ?n" in told else ""
    return f"SELECT {told} WHERE {{ {group} }} {after}"


@pytest.mark.slow
@settings(max_examples=800, deadline=None)
@given(dense, counting(), st.sets(st.sampled_from(PREDICATES[:2]), min_size=1))
def test_what_few_have_put_apart_gives_the_same_solutions(
    graph: set[tuple[str, str, str]], text: str, rare: set[str]
) -> None:
    store = Store()
    store.extend(Quad(NamedNode(s), NamedNode(p), NamedNode(o)) for s, p, o in graph)
    try:
        before = answer(store, text)
    except SyntaxError:
        with pytest.raises(SyntaxError):
            store.query(apart(text, rare.__contains__))
    else:
        assert answer(store, apart(text, rare.__contains__)) == before


FEW = {"urn:x#few"}
PREFIX = "PREFIX x: <urn:x#> "


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        (
            "SELECT ?o { ?s x:p ?t . ?t x:few ?o }",
            "SELECT ?o { ?s x:p ?t . { SELECT * { ?t x:few ?o } } }",
        ),
        (
            "SELECT ?o { ?s x:p/<urn:x#few> ?o ; x:q $r }",
            "SELECT ?o { ?s x:p ?between1 . { SELECT * { ?between1 <urn:x#few> ?o } } ?s x:q $r . }",
        ),
        (
            "SELECT (COUNT(?s) AS ?n) (EXISTS { ?t x:few ?u } AS ?e) { ?s x:p ?t . ?t x:few ?o . FILTER(?s > ?t) }",
            "SELECT (COUNT(?s) AS ?n) (EXISTS { ?t x:few ?u } AS ?e) "
            "{ ?s x:p ?t . { SELECT * { ?t x:few ?o } } FILTER(?s > ?t) . }",
        ),
        (
            "SELECT ?o ?u { ?s x:p/x:few ?o ; x:q/x:few ?u }",
            "SELECT ?o ?u { ?s x:p ?between1 . { SELECT * { ?between1 x:few ?o } } "
            "?s x:q ?between2 . { SELECT * { ?between2 x:few ?u } } }",
        ),
        (
            "ASK { { SELECT ?s { ?s x:p ?t . ?t x:few ?o } } UNION { ?s x:p ?t . ?t x:few ?o } }",
            "ASK { { SELECT ?s { ?s x:p ?t . { SELECT * { ?t x:few ?o } } } } "
            "UNION { ?s x:p ?t . ?t x:few ?o } }",
        ),
    ],
)
def test_what_few_have_is_put_apart(text: str, becomes: str) -> None:
    written = apart(PREFIX + text, FEW.__contains__)
    assert " ".join(written.split()) == PREFIX + becomes
    Store().query(written)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?s x:p ?t . ?t x:few ?o }",
        "SELECT (COUNT(DISTINCT *) AS ?n) { ?s x:p/x:few ?o }",
        "SELECT ?o { ?t x:few ?o }",  # nothing else leads to it
        "SELECT ?o { x:s x:p ?t . ?t x:p ?o }",  # many have it
        "SELECT ?o { ?s x:p ?t . ?t x:few x:a }",
        "SELECT ?o { ?s x:p x:t . x:t x:few ?o }",
        "SELECT ?o { ?s x:p ?t . ?t x:few ?s }",
        "SELECT ?o { ?s x:p ?t . ?t x:few ?o . ?o x:p ?v }",  # more would be looked up from it
        "SELECT ?o { ?s x:p ?t . ?t x:few ?o . OPTIONAL { ?o x:p ?v } }",
        "SELECT ?o { ?t x:p ?s . ?t x:few ?o }",  # only what is said of the same node leads to it
        "SELECT ?o { ?s x:p ?t . ?t x:few+ ?o }",
        "SELECT ?o { ?s x:p ?t . ?t <urn:x#few>|<urn:x#few> ?o }",
        "SELECT ?o { ?s x:p ?t . ?t ^x:few ?o }",
        "SELECT ?o { ?s x:p ?t . ?t ?few ?o }",
        "SELECT ?o { ?s x:p [ x:few ?o ] }",
        "SELECT ?o { ?s x:p ?o OPTIONAL { ?s x:p ?t . ?t x:few ?o } }",
        "SELECT ?o { ?s x:p ?o FILTER EXISTS { ?s x:p ?t . ?t x:few ?u } }",
        "SELECT ?o { GRAPH ?g { ?s x:p ?t . ?t x:few ?o } }",
        "SELECT ?o { ?s x:p ?t . ?t x:few ?o MINUS { ?s x:q ?s } }",
        "SELECT ?o { ?s x:p ?t . ?t x:few ?o VALUES ?s { x:a } }",
        "CONSTRUCT { ?s x:p ?t . ?t x:few ?o } WHERE { ?s x:p ?t . ?t x:few ?o }",
        "DESCRIBE ?t { ?s x:p ?t . ?t x:few ?o }",
        "INSERT { ?s x:q ?o } WHERE { ?s x:p ?t . ?t x:few ?o }",
        "SELECT ?o { ?s x:p ?t . ?t x:few ?o",
        "SELECT ?o { ?s x:p ?t . . ?t x:few ?o }",
        "SELECT ?o { ?s x:p ?t ?t x:few ?o }",
        "",
    ],
)
def test_other_patterns_stay_where_they_are(text: str) -> None:
    assert apart(PREFIX + text, FEW.__contains__) == PREFIX + text
    assert apart(text, FEW.__contains__) == text
