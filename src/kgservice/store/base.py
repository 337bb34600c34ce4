"""The store port: the few things that the service needs of a store.

All that goes through it is standard SPARQL over named graphs, so that any SPARQL 1.1 server can stand behind
it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Protocol

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from kgservice.store.allowance import Allowance
from kgservice.store.figures import Figures
from kgservice.store.formats import Format

Term = NamedNode | BlankNode | Literal | Triple


class Kind(Enum):
    """What a query answers with: solutions (SELECT), a boolean (ASK) or a graph (CONSTRUCT, DESCRIBE)."""

    SOLUTIONS = "solutions"
    BOOLEAN = "boolean"
    GRAPH = "graph"


@dataclass(frozen=True, slots=True)
class Dataset:
    """The RDF dataset of one query.

    `default`: the graphs whose merge is the default graph; `named`: the graphs that `GRAPH` can see, None for
    all (without `default` also those that the store keeps for itself). `from_clauses`: the query's own FROM
    clauses decide instead of both.
    """

    default: tuple[NamedNode, ...] = ()
    named: tuple[NamedNode, ...] | None = None
    from_clauses: bool = False


@dataclass(frozen=True, slots=True)
class Solutions:
    """The rows of a SELECT: `variables` without `?`; each row has one term or None for each variable."""

    variables: tuple[str, ...]
    rows: list[tuple[Term | None, ...]]


@dataclass(frozen=True, slots=True)
class Standing:
    """How another server is that answers queries, too: whether it is used, and how many changes it lacks."""

    used: bool
    lag: int


# Subject, predicate and object; None fits everything.
Pattern = tuple[NamedNode | BlankNode | None, NamedNode | None, Term | None]

Choose = Callable[[Kind], Format]


class Memory(Protocol):
    """What holds graphs besides the store, and follows its changes."""

    def load(self, source: BinaryIO, fmt: Format) -> None:
        """Hold what a document says, all or nothing. Raises `BadRdf`, `StoreFailed`, what reading it does."""

    def apply(
        self,
        *,
        add: Iterable[Quad] = (),
        remove: Iterable[Quad] = (),
        create: Iterable[NamedNode] = (),
        drop: Iterable[NamedNode] = (),
    ) -> None:
        """See `Store.apply`."""

    def close(self) -> None:
        """Hold nothing any more."""


class Engine(Protocol):
    """What answers queries of others in a way that they can be stopped."""

    def query(
        self,
        text: str,
        dataset: Dataset,
        choose: Choose,
        out: BinaryIO,
        *,
        base: str | None,
        state: int,
        allowance: Allowance,
        copy: Store | None = None,
    ) -> None:
        """See `Store.query`; the answer is of the commit `state` or a later one, or of a `copy` of the store.

        Raises `Busy`, `DeadlineExceeded` and `TooCostly`, too.
        """

    def construct(
        self,
        queries: Sequence[str],
        quads: Iterable[Quad],
        graphs: Sequence[NamedNode],
        *,
        base: str,
        seconds: float,
        most: int,
    ) -> list[set[Triple]]:
        """What CONSTRUCT queries together make of each of the `graphs` of `quads`, which nobody else sees.

        `seconds` are for all together, `most` statements for each graph. Raises `BadQuery`,
        `DeadlineExceeded`, `TooCostly` and `StoreFailed`.
        """

    def holds(self, view: NamedNode) -> bool:
        """Whether queries on the view are answered from memory."""

    @property
    def figures(self) -> Figures:
        """What it is doing, and has done since it began."""

    def stop(self, views: Collection[object]) -> None:
        """Nothing of what these graphs held before now may be told any more: stop who still reads it."""


class Store(Protocol):
    """One RDF dataset.

    Every method may raise `StoreFailed`; `query`, `select`, `ask`, `construct` raise `BadQuery` with line and
    column for malformed SPARQL; `load` raises `BadRdf` and then has written nothing.
    """

    def query(
        self,
        text: str,
        dataset: Dataset,
        choose: Choose,
        out: BinaryIO,
        *,
        base: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """Write the answer of a query to `out` as bytes, in the format that `choose` gives for its kind.

        `seconds`: after which a store that can gives it up, and raises `DeadlineExceeded`.

        Nothing is written before the query has been parsed and `choose` has answered. It may be asked again
        after it has raised something, and about a query that proves to be none.
        Values that come from outside go into the text as terms: see `kgservice.domain.question.with_values`.
        """

    def select(self, text: str, dataset: Dataset) -> Solutions:
        """The solutions of a SELECT, in memory."""

    def ask(self, text: str, dataset: Dataset) -> bool:
        """The answer of an ASK."""

    def construct(self, text: str, dataset: Dataset) -> list[Triple]:
        """The triples of a CONSTRUCT or DESCRIBE, in memory."""

    def apply(
        self,
        *,
        add: Iterable[Quad] = (),
        remove: Iterable[Quad] = (),
        create: Iterable[NamedNode] = (),
        drop: Iterable[NamedNode] = (),
    ) -> None:
        """Drop graphs, remove quads, create graphs and add quads, in this order, all or nothing."""

    def empty(self, graph: NamedNode, keep: Sequence[NamedNode] = ()) -> None:
        """Remove what `graph` holds, except what the graphs `keep` hold, too; in pieces, however much it is.

        Without `keep` the graph is dropped.
        """

    def match(self, patterns: Iterable[Pattern], graph: NamedNode | None = None) -> Iterator[Quad]:
        """Every quad of the named graphs, or of one, that fits one of `patterns`.

        More than once if it fits several.
        """

    def used(self, nodes: Collection[NamedNode], *, as_object: bool) -> set[NamedNode]:
        """Those of the nodes that a statement of any named graph has as its subject, or `as_object`."""

    def normalised(self, terms: Iterable[Literal]) -> dict[Literal, Literal]:
        """The literals of `terms` that the store would give back in another form, with that form."""

    def load(
        self, source: BinaryIO | Path, fmt: Format, *, graph: NamedNode | None = None, base: str | None = None
    ) -> None:
        """Load a large document (all or nothing), triples into `graph` or else the default graph."""

    def dump(self, out: BinaryIO, fmt: Format, *, graph: NamedNode | None = None) -> None:
        """Write one graph, or without `graph` the whole dataset, to `out`."""

    def graphs(self) -> list[NamedNode]:
        """The named graphs that exist, perhaps empty."""

    def has_graph(self, graph: NamedNode) -> bool:
        """Whether the named graph exists."""

    def optimize(self) -> None:
        """Put what is stored into the best order for reading, after a large load; it may take a while."""

    def backup(self, target: Path) -> None:
        """Make a consistent copy in the new directory `target`, while reading and writing go on."""

    def checkpoint(self) -> AbstractContextManager[Path]:
        """The directory of a copy as it is now, to read its files; gone after the block."""

    @property
    def copied_at_once(self) -> bool:
        """Whether `copy` takes but a moment, however large the store is."""

    @property
    def seeks(self) -> bool:
        """Whether it goes straight to the statements with two given terms, as on a disk of this machine.

        In memory Oxigraph goes through all that have one of them; a server takes a request.
        """

    def settle(self) -> None:
        """Make once more the change that `apply` left `Undecided`, if there is one. Raises as that does."""

    def copy(self, memory: int = 0, without: Collection[NamedNode] = ()) -> AbstractContextManager[Store]:
        """A private, writable copy as it is now; it is gone after the `with` block.

        It is in memory if it surely takes less than so many bytes there. Graphs that it may be `without` need
        not be in it.
        """

    def still(self) -> AbstractContextManager[tuple[Store, Path]]:
        """The dataset as it is now, to read only, and a directory for what is made of it; gone afterwards."""

    def mark(self, text: str) -> None:
        """Keep a short text beside the data: what it says of them shows later whether some were lost."""

    def marked(self) -> str:
        """The text that was kept last; empty when there is none."""

    def healthy(self) -> bool:
        """Whether the store answers a trivial query."""

    def standings(self) -> Sequence[Standing]:
        """How the other servers are that answer queries, too, in the order of the settings."""

    @property
    def writable(self) -> bool:
        """Whether the store takes changes now: there is room, and no fault since it was opened."""

    def close(self) -> None:
        """Flush and release the store."""
