"""What answers of queries are written to, and answers read back."""

from __future__ import annotations

import io
from typing import Any, BinaryIO, cast

from pyoxigraph import QueryResultsFormat, QuerySolutions, parse_query_results

from kgservice.errors import BadQuery, TooCostly
from kgservice.store.base import Solutions, Term


def read_solutions(document: bytes, most: int | None = None) -> Solutions:
    """Solutions of a SELECT, from JSON. Raises `BadQuery` for another answer; `TooCostly` beyond `most`."""
    results = parse_query_results(document, QueryResultsFormat.JSON)
    if not isinstance(results, QuerySolutions):
        raise BadQuery("this is no SELECT query")
    rows: list[tuple[Term | None, ...]] = []
    for row in results:
        if len(rows) == most:
            raise TooCostly("The query has more than {most} solutions; use LIMIT", most=most)
        rows.append(tuple(row))
    return Solutions(tuple(v.value for v in results.variables), rows)


class Sink:
    """A stream for those that only write and flush, as whatever serialises an answer does."""

    @property
    def stream(self) -> BinaryIO:
        """This: an attribute would be a cycle, which waits with all that it holds to be found as garbage."""
        return cast(BinaryIO, self)


class Gathered(io.BytesIO):
    """Bytes in memory, up to so many."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = self._most = most

    def write(self, data: Any, /) -> int:
        """Keep it. Raises `TooCostly` beyond what there may be."""
        self._left -= len(data)
        if self._left < 0:
            raise TooCostly("The answer is larger than {most} MiB; use LIMIT", most=self._most // 2**20)
        return super().write(data)
