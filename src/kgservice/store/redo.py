"""A large change to a store in a directory: made in two steps, and both of them or none."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyoxigraph
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Triple, serialize

from kgservice.domain.quads import Quads
from kgservice.errors import StoreFailed, Undecided
from kgservice.store.disk import sync
from kgservice.store.pending import Journal

# So many quads and more are added as tables of their own: of 2,000 it takes longer than in a transaction, of
# 10,000 two thirds of the time, of 50,000 a fifth.
LARGE = 10_000
_PIECE = 5_000  # statements that are in memory as text
_FAULTS = (SyntaxError, ValueError, OSError, RuntimeError)  # what Oxigraph raises


class Redo:
    """What is left to do of a large change, in files of the directory until it is done.

    Oxigraph writes many quads several times faster as tables of their own than in a transaction, and takes up
    such tables all at once; but no transaction can hold them. So the quads go first, and what else the change
    does follows as an update. Whoever opens the directory after an end in between does both once more: they
    say what is to be there afterwards, and can be done twice.
    """

    def __init__(self, folder: Path, settle: Callable[[], None] = lambda: None) -> None:
        """`settle` has on the disk what the store has written; it may raise `OSError`."""
        self._folder = folder
        self._settle = settle
        self._quads = folder / "REDO.nq"
        self._noted = folder / "REDO"  # written last: without it nothing was begun
        self._journal = Journal(self._noted)

    def make(self, store: pyoxigraph.Store, quads: Iterable[Quad], update: str) -> None:
        """Add the quads, then do the update, which touches none of them.

        Raises what the store raises when nothing was done, and `Undecided` when the update is left.
        """
        self._note(quads, update)
        try:
            store.bulk_load(path=self._quads, format=RdfFormat.N_QUADS)
        except _FAULTS:
            self._clear()
            raise
        self._follow(store, update)

    def finish(self, store: pyoxigraph.Store) -> None:
        """Do what an earlier `make` has left. Raises `Undecided`."""
        try:
            store.bulk_load(path=self._quads, format=RdfFormat.N_QUADS)
        except _FAULTS as error:
            raise Undecided(f"a change could not be finished: {error}") from error
        self._follow(store, self._journal.read())

    def tidy(self) -> None:
        """Take away the tables that were being written when a process was killed: they hold what came in."""
        for path in self._folder.glob("bulk-*.sst"):
            path.unlink(missing_ok=True)

    @property
    def left(self) -> bool:
        """Whether an earlier `make` has left something to do."""
        return bool(self._journal.read())

    def _note(self, quads: Iterable[Quad], update: str) -> None:
        try:
            with self._quads.open("wb") as file:
                _write(quads, file)
                file.flush()
                os.fsync(file.fileno())
            if update:  # the quads alone are taken up all at once
                self._journal.write(update)
            sync(self._folder)
        except (OSError, StoreFailed) as error:
            self._noted.unlink(missing_ok=True)  # nothing was begun, and nobody may finish it
            raise StoreFailed(f"what is to be written cannot be noted: {error}") from error

    def _follow(self, store: pyoxigraph.Store, update: str) -> None:
        try:
            if update:
                store.update(update)
                self._settle()  # or a loss of power would take the update, with nothing left to redo it
        except _FAULTS as error:
            raise Undecided(f"a change could not be finished: {error}") from error
        self._clear()

    def _clear(self) -> None:
        """Nothing is left to do; and nobody may think so later, when more has been written."""
        self._noted.unlink(missing_ok=True)
        self._quads.unlink(missing_ok=True)
        sync(self._folder)


def _write(quads: Iterable[Quad], file: BinaryIO) -> None:
    """Write the quads as N-Quads; of many, those of each graph at once."""
    if not isinstance(quads, Quads):
        file.writelines(f"{quad} .\n".encode() for quad in quads)
        return
    large = {graph: triples for graph, triples in quads.by_graph.items() if len(triples) > _PIECE}
    # Views mostly say the same, and so does the text of what they say.
    common = frozenset[Triple]().union(*list(large.values())[:1]).intersection(*large.values())
    _write_triples(common, list(large), file)
    for graph, triples in quads.by_graph.items():
        _write_triples(triples - common if graph in large else triples, [graph], file)


def _write_triples(triples: Iterable[Triple], graphs: Collection[object], file: BinaryIO) -> None:
    """Write the same statements in each of the graphs."""
    ends = [
        b" .\n" if isinstance(graph, DefaultGraph) else b" %s .\n" % str(graph).encode() for graph in graphs
    ]
    waiting = iter(triples)
    while piece := list(islice(waiting, _PIECE)):
        text = serialize(piece, format=RdfFormat.N_TRIPLES)
        assert text is not None
        # No line break is part of a term there.
        file.writelines(text.replace(b" .\n", end) for end in ends)


def apart(add: Quads, remove: Quads, drop: set[NamedNode]) -> Quads:
    """Which of the quads to `add` are worth to be added by `Redo`, before the rest of the change; or none."""
    if len(add) < LARGE:
        return Quads()
    found = add.less(remove).where(lambda graph: graph not in drop)
    return found if len(found) >= LARGE else Quads()
