"""Full-text search in the views: one index for each, which knows the texts of that view and no others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from threading import Lock

from pyoxigraph import Literal, NamedNode

from kgservice.application.changes.copies import Copies
from kgservice.application.changes.replica import Budget, Replica
from kgservice.domain.search_words import MOST_WORDS, asked
from kgservice.domain.sparql_search import Row, searches, with_hits
from kgservice.errors import BadQuery, Busy, Forbidden, StoreFailed
from kgservice.namespaces import XSD
from kgservice.store.base import Dataset, Store
from kgservice.store.texts import Texts

MOST = 2000
"""Texts that one search finds at most, the best ones."""
_LARGEST = 4 * 2**20  # characters of them together: they are read with the query
_MIB = 2**20
_DECIMAL, _INTEGER = NamedNode(f"{XSD}decimal"), NamedNode(f"{XSD}integer")


class Search:
    """The indexes of the views of one knowledge graph, within so many MiB of memory; 0: there are none.

    A service has them filled by `start`. Elsewhere the first search in a view waits for its index.
    """

    def __init__(self, store: Store, copies: Copies, memory: int) -> None:
        self._store = store
        self._copies = copies
        self._budget = Budget(memory * _MIB, each=1)
        self._filling: dict[NamedNode, Replica] = {}
        self._ready: dict[NamedNode, Texts] = {}
        self._waits = True
        self._lock = Lock()
        self._turn = Lock()  # filling takes the processor, so one index is filled after the other

    @property
    def used(self) -> int:
        """Bytes of memory that the indexes take."""
        return self._budget.used

    def start(self, *views: NamedNode) -> None:
        """Fill the indexes of these views in threads; no search waits for them."""
        self._waits = False
        for view in views if self._budget.most else ():
            self.keep(view)

    def keep(self, view: NamedNode) -> Replica:
        """Fill the index of the view, and follow its changes."""
        texts = Texts(partial(self._said, view), self._budget.take, self._turn)

        def told(ready: bool) -> None:
            if ready:
                self._ready[view] = texts
            else:
                self._ready.pop(view, None)
                texts.close()

        self._filling[view] = self._copies.keep_texts(view, texts, told)
        return self._filling[view]

    def answered(self, text: str, dataset: Dataset, view: NamedNode) -> str:
        """A query on the view with the answers of its searches in it: texts, which the view has to say still.

        Raises `BadQuery` where it searches in a wrong way, `DeadlineExceeded`, and what `index` raises.
        """
        if not searches(text):
            return text
        return with_hits(text, partial(self._rows, dataset, view))

    def index(self, view: NamedNode) -> Texts:
        """The index of a view. Raises `Busy` while it is being filled, `Forbidden` and `StoreFailed`."""
        if not self._budget.most:
            raise Forbidden("Full-text search is switched off here (setting `search`)")
        if self._waits and view not in self._ready:
            with self._lock:
                if view not in self._ready:
                    self.keep(view).wait()
        texts = self._ready.get(view)
        if texts is None:
            filling = self._filling.get(view)
            if filling is not None and filling.is_filling:
                raise Busy("The texts of this view are still being read for full-text search", after=5)
            raise StoreFailed("The texts of this view are not held for full-text search; the log says why")
        return texts

    def _rows(self, dataset: Dataset, view: NamedNode, text: str) -> Sequence[Row]:
        if dataset.default != (view,) or dataset.named:
            raise BadQuery("kg:matches searches the view that a query reads, so name no other graph")
        wanted = asked(text)
        if sum(len(one.words) for one in wanted) > MOST_WORDS:
            raise BadQuery("kg:matches takes at most {most} words", most=MOST_WORDS)
        found = self.index(view).search(wanted, MOST)
        total = Literal(str(found.total), datatype=_INTEGER)
        sizes = accumulate(len(hit.text.value) for hit in found.hits)
        fitting = [hit for hit, size in zip(found.hits, sizes, strict=True) if size <= _LARGEST]
        return [(_score(hit.score), hit.text, total) for hit in fitting]

    def _said(self, view: NamedNode, text: Literal) -> bool:
        """Whether the view says the text of anything: in the store, since a copy may follow later."""
        return any(True for _ in self._store.match([(None, None, text)], view))


def _score(share: float) -> Literal:
    """The share, rounded up, so that none is 0.

    >>> _score(1 / 3).value, _score(1 / 5000).value
    ('0.334', '0.001')
    """
    return Literal(f"{math.ceil(share * 1000) / 1000:g}", datatype=_DECIMAL)
