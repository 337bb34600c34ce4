"""Which properties some statements of a view have, and not many, so that queries can be written for it."""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import islice

from pyoxigraph import NamedNode

from kgservice.application.changes.copies import Copies
from kgservice.domain.query_few import Few
from kgservice.store.base import Dataset

MOST = 500
"""Statements that are few: to read them takes a quarter of a millisecond in memory."""
_BELIEVED = 1_000  # commits after which it is looked up again; a wrong answer costs time, nothing else
_REMEMBERED = 10_000  # properties, also such as do not exist


class Properties:
    """Looks it up when it is asked for the first time, and again when much has been written since."""

    def __init__(self, copies: Copies) -> None:
        self._copies = copies
        self._is_rare = lru_cache(maxsize=_REMEMBERED)(self._look)

    def rare(self, dataset: Dataset, state: int) -> Few:
        """Tells it of the view that a query sees; of none where it sees something else."""
        if len(dataset.default) != 1 or dataset.from_clauses:
            return lambda _: False
        return partial(self._is_rare, dataset.default[0], state // _BELIEVED)

    def _look(self, view: NamedNode, _age: int, iri: str) -> bool:
        try:
            pattern = (None, NamedNode(iri), None)
        except ValueError:  # no IRI: the engine will say so
            return False
        found = self._copies.of_view(view).match([pattern], view)
        return 1 <= sum(1 for _ in islice(found, MOST + 1)) <= MOST
