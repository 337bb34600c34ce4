"""How many statements graphs hold."""

from __future__ import annotations

from pyoxigraph import Literal, NamedNode

from kgservice.store.base import Dataset, Store


def count(store: Store, graph: NamedNode | None = None) -> int:
    """The number of statements of a graph; without `graph`, of all named ones."""
    rows = store.select(
        f"SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH {graph or '?g'} {{ ?s ?p ?o }} }}", Dataset()
    ).rows
    (number,) = rows[0]
    assert isinstance(number, Literal)
    return int(number.value)
