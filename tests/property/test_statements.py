"""What the guard remembers of the records is what the store holds, after each of random commits."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad
from rdflib.term import Node, URIRef

from kgservice.application.guard import statements
from kgservice.application.guard.statements import Records, Stored, triples
from kgservice.domain.graphs import Graphs
from kgservice.namespaces import Addresses
from kgservice.shacl.reach import Triple
from kgservice.shacl.terms import to_rdflib
from kgservice.store.oxigraph import OxigraphStore

ADDRESSES = Addresses("https://kg.example/")
NODES = [NamedNode(f"https://kg.example/id/{name}") for name in "abc"]
PROPERTIES = [NamedNode(f"https://kg.example/test#{name}") for name in "pq"]
VALUES: list[NamedNode | Literal] = [*NODES, Literal("x"), Literal("y", language="de")]
# Two record graphs, and the view, which holds the same and is none.
GRAPHS = [NamedNode(name) for name in (ADDRESSES.project("1"), ADDRESSES.subject("2"), ADDRESSES.everything)]

quads = st.builds(
    Quad,
    st.sampled_from(NODES),
    st.sampled_from(PROPERTIES),
    st.sampled_from(VALUES),
    st.sampled_from(GRAPHS),
)
commits = st.lists(st.tuples(st.sets(quads, max_size=6), st.sets(quads, max_size=4)), min_size=1, max_size=6)


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three statements about a node count as many, so that small graphs have such nodes."""
    monkeypatch.setattr(statements, "MANY", 3)
    monkeypatch.setattr(statements, "_CROWDED", 5)


NODES_ASKED: list[Node] = [to_rdflib(value) for value in VALUES]
PREDICATES: list[URIRef | None] = [None, *(URIRef(p.value) for p in PROPERTIES)]


def looked_up(known: Stored | Records) -> list[frozenset[Triple]]:
    """All that is said of and with each node."""
    every = product(NODES_ASKED, PREDICATES)
    return [frozenset(found(*key)) for key in every for found in (known.of, known.to)]


def some_of(known: Stored | Records, whole: list[frozenset[Triple]]) -> list[int]:
    """How many of some statements there are, which must be among the `whole`; all of them different."""
    counts = []
    for number, (node, predicate) in enumerate(product(NODES_ASKED, PREDICATES)):
        for most, back in product((1, 2), (False, True)):
            some = known.some(node, predicate, most, back=back)
            assert len(set(some)) == len(some)
            assert set(some) <= whole[2 * number + back]
            counts.append(len(some))
    return counts


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sets(quads, max_size=10), commits)
def test_what_is_remembered_is_what_is_stored(
    start: set[Quad], changes: list[tuple[set[Quad], set[Quad]]]
) -> None:
    store, graphs = OxigraphStore(), Graphs(ADDRESSES)
    store.apply(add=start)
    held = set(start)
    # The second is only asked for some, and so remembers nothing else.
    known, few = Stored(store, graphs), Stored(store, graphs)
    looked_up(known)
    some_of(few, looked_up(Stored(store, graphs)))
    for add, remove in changes:
        removed, added = held & (remove - add), add - held
        gone = known.gone(quad for quad in removed if graphs.is_record(quad.graph_name))
        new = triples(quad for quad in added if graphs.is_record(quad.graph_name))
        after = [Records(one, gone=gone, added=new) for one in (known, few)]
        foreseen = looked_up(after[0])
        some_foreseen = some_of(after[1], foreseen)
        gone, new = gone - new, new - known.holds(new)
        store.apply(add=added, remove=removed)
        held = (held - removed) | added
        known.follow(gone, new)
        few.follow(gone, new)
        fresh = looked_up(Stored(store, graphs))
        assert looked_up(known) == foreseen == fresh
        assert some_of(few, fresh) == some_foreseen == some_of(Stored(store, graphs), fresh)
        said = triples(quad for quad in held if graphs.is_record(quad.graph_name))
        assert frozenset().union(*fresh[::2]) == said
