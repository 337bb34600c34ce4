"""Queries on one view, and on nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO, NoReturn

from pyoxigraph import NamedNode, Triple

from kgservice.application.changes.copies import Copies
from kgservice.application.views.asking import explained, quickly, scanned
from kgservice.application.views.counts import Counts
from kgservice.application.views.few import Properties
from kgservice.application.views.search import Search
from kgservice.domain.clock import Clock
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import Model
from kgservice.domain.query_few import Few
from kgservice.domain.sparql_scan import place, uses
from kgservice.domain.sparql_search import searches, with_hits
from kgservice.errors import BadParameter, BadQuery, Forbidden
from kgservice.namespaces import Addresses
from kgservice.settings import Settings
from kgservice.store.allowance import Allowance
from kgservice.store.base import Choose, Dataset, Engine, Solutions, Store
from kgservice.store.formats import JSON
from kgservice.store.results import Gathered, read_solutions

_LARGEST = (
    128 * 2**20
)  # bytes of solutions, as JSON, that are read into memory: some five times as many there


class Reader:
    """What may be read of a knowledge graph: the view of everything, or that of one purpose.

    Any number of threads may read.
    """

    settings: Settings
    addresses: Addresses
    graphs: Graphs
    store: Store
    model: Model
    clock: Clock
    copies: Copies
    search: Search
    counts: Counts
    properties: Properties
    engine: Engine | None = None
    view: NamedNode
    purpose: str | None = None

    @property
    def state(self) -> int:
        """A number that is another one whenever an answer may be another one."""
        raise NotImplementedError

    @property
    def settled(self) -> bool:
        """Whether `state` is told at once: nothing has to be brought up before."""
        return True

    def dataset(
        self, text: str, default: Sequence[NamedNode] = (), named: Sequence[NamedNode] = ()
    ) -> Dataset:
        """The dataset a query runs on, by its text and the parameters of the protocol.

        Raises `Forbidden` if it would ask another service, or another graph than there is.
        """
        raise NotImplementedError

    def current(self) -> None:
        """Bring the view up to this moment, where dates have come since the last time."""

    def query(
        self,
        text: str,
        choose: Choose,
        out: BinaryIO,
        *,
        default: Sequence[NamedNode] = (),
        named: Sequence[NamedNode] = (),
        allowance: Allowance | None = None,
    ) -> None:
        """Write the answer of any query to `out` as bytes, in the format that `choose` gives for its kind.

        Raises `BadQuery` or `Forbidden` before anything is written; where there is an engine also `Busy`,
        `DeadlineExceeded`, `TooCostly`: it stops what takes more than its `allowance`.
        """
        dataset = self.dataset(text, default, named)
        self.current()
        asked, text = text, self.search.answered(text, dataset, self.view)
        base, state, engine = self.settings.base, self.state, self.engine
        allowed = allowance or Allowance(seconds=self.settings.deadline)

        def ask(text: str) -> None:
            if engine is None:
                self.copies.answering(dataset).query(text, dataset, choose, out, base=base)
            else:
                engine.query(text, dataset, choose, out, base=base, state=state, allowance=allowed)

        with explained(asked):
            quickly(ask, text, self._few(dataset))

    def solve(
        self,
        text: str,
        dataset: Dataset | None = None,
        *,
        allowance: Allowance | None = None,
        copy: Store | None = None,
        most: int | None = None,
    ) -> Solutions:
        """The solutions of a SELECT as `query` works it out: not all of its text is ours.

        On another dataset, or on a copy of the store, only if the text has been looked at. Where there is an
        engine, `most` of them (default: `query_rows` of the settings), else `TooCostly`.
        """
        asked = text
        if dataset is None:
            dataset = self.dataset(text)
            self.current()
            text = self.search.answered(text, dataset, self.view)
        elif searches(text):
            with_hits(text, _no_search)
        seen, state, engine = dataset, self.state, self.engine
        allowed = allowance or Allowance(seconds=self.settings.deadline)

        def ask(text: str) -> Solutions:
            if engine is None:
                return (copy or self.copies.answering(seen)).select(text, seen)
            out = Gathered(_LARGEST)
            engine.query(
                text, seen, lambda _: JSON, out, base=None, state=state, allowance=allowed, copy=copy
            )
            return read_solutions(out.getvalue(), self.settings.query_rows if most is None else most)

        with explained(asked):
            return quickly(ask, text, self._few(seen))

    def _few(self, dataset: Dataset) -> Few | None:
        return None if self.settings.remote else self.properties.rare(dataset, self.state)

    def select(self, text: str) -> Solutions:
        """The solutions of a SELECT on the view."""
        dataset = self.dataset(text)
        self.current()
        return self.copies.answering(dataset).select(text, dataset)

    def ask(self, text: str) -> bool:
        """The answer of an ASK on the view."""
        dataset = self.dataset(text)
        self.current()
        return self.copies.answering(dataset).ask(text, dataset)

    def construct(self, text: str) -> list[Triple]:
        """The triples of a CONSTRUCT or DESCRIBE on the view."""
        dataset = self.dataset(text)
        self.current()
        return self.copies.answering(dataset).construct(text, dataset)


class PurposeReader(Reader):
    """The view of one purpose: one graph, whatever a query names."""

    def __init__(self, whole: Whole, purpose: str) -> None:
        self._whole = whole
        self.settings = whole.settings
        self.addresses = whole.addresses
        self.graphs = whole.graphs
        self.store = whole.store
        self.model = whole.model
        self.clock = whole.clock
        self.copies = whole.copies
        self.search = whole.search
        self.counts = whole.counts
        self.properties = whole.properties
        self.engine = whole.engine
        self.purpose = purpose
        self.view = NamedNode(whole.addresses.view(purpose))

    @property
    def state(self) -> int:
        """The number of the last commit that changed this view."""
        self.current()
        return self._whole.changed(self.view)

    @property
    def settled(self) -> bool:
        """See `Reader.settled`: no date has come."""
        return self._whole.due is None or self.clock() < self._whole.due

    def current(self) -> None:
        """See `Reader.current`."""
        self._whole.catch_up()

    def dataset(
        self, text: str, default: Sequence[NamedNode] = (), named: Sequence[NamedNode] = ()
    ) -> Dataset:
        """See `Reader.dataset`: one graph; to name another is refused, whether there is one or not."""
        pieces = scanned(text)  # what a purpose shows goes to no other service
        clause = uses(pieces, "FROM")
        if clause is not None or named or not set(default) <= {self.view}:
            line, column = (None, None) if clause is None else place(text, clause.start)
            raise Forbidden(
                "For a purpose there is one graph, the view; name no other (FROM, dataset parameters)",
                line=line,
                column=column,
            )
        return Dataset((self.view,), ())


class Whole(Reader):
    """The view of everything, which knows when the others change; for a date next at `due`."""

    due: datetime | None

    def changed(self, graph: NamedNode) -> int:
        """The number of the last commit that changed the graph; before this start, the last one of all."""
        raise NotImplementedError

    def catch_up(self) -> None:
        """Bring the views of purposes up to this moment."""
        raise NotImplementedError

    def reach(self, number: int) -> None:
        """See that all views have the commit with this number. Raises `BadParameter` when there is none.

        Whatever is asked after a commit is answered from a state that has it: see `Engine.query`.
        """
        if number > self.state:
            raise BadParameter(
                "There is no commit {number} here; the last one is {state}", number=number, state=self.state
            )

    @property
    def reads(self) -> str:
        """Where queries on the view are answered from now: `memory` or `disk`."""
        if self.engine is not None:
            return "memory" if self.engine.holds(self.view) else "disk"
        return "disk" if self.copies.answering(Dataset((self.view,), ())) is self.store else "memory"

    def dataset(
        self, text: str, default: Sequence[NamedNode] = (), named: Sequence[NamedNode] = ()
    ) -> Dataset:
        """See `Reader.dataset`.

        Without parameters and FROM, the query runs on the view of everything, and GRAPH sees all graphs.
        """
        pieces = scanned(text, self.settings.services.split() if self.engine is not None else ())
        if default or named:
            return Dataset(tuple(default), tuple(named))
        if uses(pieces, "FROM") is not None:
            return Dataset((self.view,), from_clauses=True)
        return Dataset((self.view,), named=None if "GRAPH" in text.upper() else ())


def _no_search(_words: str) -> NoReturn:
    raise BadQuery("kg:matches is for queries, not for updates")
