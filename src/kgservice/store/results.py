"""Answers of queries, read back."""

from __future__ import annotations

from pyoxigraph import QueryResultsFormat, QuerySolutions, parse_query_results

from kgservice.errors import BadQuery
from kgservice.store.base import Solutions


def read_solutions(document: bytes) -> Solutions:
    """The solutions of a SELECT, from JSON. Raises `BadQuery` for another answer."""
    results = parse_query_results(document, QueryResultsFormat.JSON)
    if not isinstance(results, QuerySolutions):
        raise BadQuery("this is no SELECT query")
    return Solutions(tuple(v.value for v in results.variables), [tuple(row) for row in results])
