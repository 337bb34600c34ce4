"""Customers in a database in memory alone, indexed by their blocking keys, for new records to be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from kgservice.crm.candidates import Candidates
from kgservice.crm.canonical_rows import create, insert
from kgservice.crm.models import MatchModel
from kgservice.crm.normalise import normalise, prepare
from kgservice.domain.matching import BANDS, Pair
from kgservice.errors import StoreFailed

# Without a folder for what has no room in memory: nothing of anybody may get onto a disk.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "autoinstall_known_extensions": False,
    "temp_directory": "",
}


class CustomerIndex:
    """The customers (rows of the canonical table with source `graph`, at least one) as they are given.

    For one thread at a time; `close` frees its memory. Pairs of a probability below `least` are left out.
    Raises `StoreFailed` where the memory is not enough: more than `memory`, by default four fifths of the
    machine's.
    """

    def __init__(
        self,
        kind: str,
        customers: Sequence[Mapping[str, Any]],
        model: MatchModel,
        *,
        least: float = BANDS.candidate,
        memory: str = "80%",
    ) -> None:
        self._db = duckdb.connect(":memory:", config={**_CONFIG, "memory_limit": memory})
        try:
            self._index = self._made(kind, customers, model, least)
        except BaseException:
            self._db.close()
            raise

    def _made(
        self, kind: str, customers: Sequence[Mapping[str, Any]], model: MatchModel, least: float
    ) -> Candidates:
        with _enough():
            with self._db.cursor() as making:  # its temporary tables go with it
                create(making, kind)
                insert(making, kind, customers)
                prepare(making)
                normalise(making, kind)
            index = Candidates(self._db, kind, model, least=least)
            for table in (kind, f"blocks_{kind}", f"compared_{kind}"):  # the index has its own
                self._db.execute(f"DROP TABLE {table}")
            return index

    def of(self, rows: Sequence[Mapping[str, Any]]) -> list[Pair]:
        """The pairs of new records (rows of the canonical table) and customers, the likeliest first."""
        with _enough():
            return self._index.of(rows)

    def close(self) -> None:
        """Forget everything."""
        self._index.close()
        self._db.close()


@contextmanager
def _enough() -> Iterator[None]:
    """Tell what DuckDB has no memory for."""
    try:
        yield
    except duckdb.Error as error:  # what a commit has no memory for is not an OutOfMemoryException
        if not isinstance(error, duckdb.OutOfMemoryException) and "could not allocate" not in str(error):
            raise
        raise StoreFailed("There is not enough memory to compare so many customers") from None
