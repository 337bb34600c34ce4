"""The store behind a SPARQL 1.1 server: queries, updates and graphs over HTTP; see `sparql_http`."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import pyoxigraph
from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    Quad,
)

from kgservice.errors import BadRdf, StoreFailed, Undecided
from kgservice.store.base import Standing, Store
from kgservice.store.documents import check_document
from kgservice.store.formats import N_QUADS, Format
from kgservice.store.forms import ANY, placed, typed
from kgservice.store.oxigraph import OxigraphStore
from kgservice.store.pending import Journal
from kgservice.store.server_reader import CREATED, GRAPH, TYPE, ServerReader
from kgservice.store.sparql_http import Client, Server, Unreachable
from kgservice.store.syntax import reading_rdf
from kgservice.store.updates import all_of, update_text

_AGAIN = 0.5  # seconds until a change is sent again
_KNOWN = 100_000  # literals whose form in the store is remembered


class RemoteStore(ServerReader):
    """An RDF dataset behind a server. Only this process writes there.

    One change is one request. When the connection breaks before the server has answered, it is sent again
    for `patience` seconds: it says what is to be there afterwards, so that it can be made twice. Meanwhile it
    is in the file `journal`, so that another process can finish what this one leaves. Raises `Undecided` when
    that is over; the next change comes after it.
    """

    def __init__(self, server: Server, journal: Path | None = None, patience: float = 20.0) -> None:
        super().__init__(Client(server))
        self._journal = None if journal is None else Journal(journal)
        self._patience = patience
        self._unfinished = "" if self._journal is None else self._journal.read()
        self._writing = threading.Lock()
        self._forms: OrderedDict[Literal, Literal] = OrderedDict()

    def normalised(self, terms: Iterable[Literal]) -> dict[Literal, Literal]:
        """See `Store.normalised`: the store is asked, once for each literal."""
        asked = typed(terms)
        new = [term for term in asked if term not in self._forms]
        if new:
            self._learn(new)
        return {term: form for term in asked if (form := self._forms[term]) != term}

    def _learn(self, terms: Sequence[Literal]) -> None:
        graph = NamedNode(f"urn:kgservice:forms:{uuid.uuid4()}")
        places = placed(terms, graph)
        self._change(update_text(add=places.values()), [graph])
        try:
            back = {quad.subject: quad.object for quad in self.match([(None, ANY, None)], graph)}
        finally:
            self._change(f"DROP SILENT GRAPH {graph}", [graph])
        for place, term in zip(places, terms, strict=True):
            form = back.get(place)
            if not isinstance(form, Literal):
                raise StoreFailed(f"the server does not keep {term}", within=self.client.server.name)
            self._forms[term] = form
        while len(self._forms) > _KNOWN:
            self._forms.popitem(last=False)

    @property
    def writable(self) -> bool:
        """See `Store.writable`: as the server was found by the last change or look at it."""
        return self.reached and not self.closed

    def standings(self) -> Sequence[Standing]:
        """See `Store.standings`: there are none."""
        return ()

    def mark(self, text: str) -> None:
        """See `Store.mark`: what the server keeps is for the server to know."""

    def marked(self) -> str:
        """See `Store.marked`."""
        return ""

    # Writing

    def apply(
        self,
        *,
        add: Iterable[Quad] = (),
        remove: Iterable[Quad] = (),
        create: Iterable[NamedNode] = (),
        drop: Iterable[NamedNode] = (),
    ) -> None:
        """See `Store.apply`: one request."""
        add, remove, create, drop = list(add), list(remove), list(create), list(drop)
        if any(isinstance(term, BlankNode) for q in (*add, *remove) for term in (q.subject, q.object)):
            raise BadRdf("the statements cannot be written: there is a blank node")
        filled = {q.graph_name for q in add}
        remove += [_there(graph) for graph in {*drop, *filled} if isinstance(graph, NamedNode)]
        add += [_there(graph) for graph in create if graph not in filled]
        text = update_text(add=add, remove=remove, drop=drop)
        if text:
            self._change(text, {*filled, *drop, *create, *(quad.graph_name for quad in remove)})

    def _change(self, text: str, graphs: Collection[object] | None) -> None:
        """Have an update made, which changes these graphs; None: any."""
        if self.closed:
            raise StoreFailed("the store is closed")
        with self._writing:
            self._finish()
            self._make(text, graphs)

    def _make(self, text: str, graphs: Collection[object] | None) -> None:  # noqa: ARG002 - for others to know
        if self._journal is not None:
            self._journal.write(text)
        self._unfinished = text
        self._finish()

    def settle(self) -> None:
        """See `Store.settle`."""
        with self._writing:
            self._finish()

    def _finish(self) -> None:
        """Have the change made that is not known to be made, until the server says what became of it."""
        end = time.monotonic() + self._patience
        while self._unfinished:
            try:
                self.client.update(self._unfinished)
            except Undecided:
                self.reached = False
                if time.monotonic() > end:
                    raise
                time.sleep(_AGAIN)
                continue
            except Unreachable as error:
                self.reached = False
                if time.monotonic() > end:
                    raise Undecided(error.detail, within=error.within) from error
                time.sleep(_AGAIN)
                continue
            except StoreFailed:
                self._done()  # the server has refused it
                raise
            self._done()

    def _done(self) -> None:
        self._unfinished, self.reached = "", True
        if self._journal is not None:
            self._journal.clear()

    def empty(self, graph: NamedNode, keep: Sequence[NamedNode] = ()) -> None:
        """See `Store.empty`: the server does it in one piece."""
        if not keep:
            self.apply(drop=[graph])
            return
        held, gone = all_of(graph, keep)
        self._change(f"DELETE {{ {held} }} WHERE {{ {gone} }}", [graph])

    def load(
        self,
        source: BinaryIO | Path,
        fmt: Format,
        *,
        graph: NamedNode | None = None,
        base: str | None = None,
    ) -> None:
        """See `Store.load`: it is read here first, so that the server gets nothing that is wrong."""
        name = source.name if isinstance(source, Path) else None
        check_document(source, fmt)
        with tempfile.TemporaryFile() as file, reading_rdf(name):
            given = source.open("rb") if isinstance(source, Path) else source
            try:
                quads = pyoxigraph.parse(given, fmt.rdf, base_iri=base, rename_blank_nodes=True)
                placed = quads if graph is None else (_in(graph, quad) for quad in quads)
                pyoxigraph.serialize(placed, cast(BinaryIO, file), N_QUADS.rdf)
            finally:
                if isinstance(source, Path):
                    given.close()
            file.seek(0)
            with self._writing:
                self.client.post(file, N_QUADS.media_type)

    def optimize(self) -> None:
        """See `Store.optimize`: that is for the server to do."""

    # Copies

    def backup(self, target: Path) -> None:
        """See `Store.backup`: an embedded store with the same content."""
        if target.exists():
            raise StoreFailed(f"{target} exists already")
        twin = OxigraphStore(target)
        self._fill(twin)
        twin.close()

    def _fill(self, twin: Store) -> None:
        with tempfile.TemporaryFile() as file:
            self.dump(cast(BinaryIO, file), N_QUADS)
            file.seek(0)
            twin.load(cast(BinaryIO, file), N_QUADS)
        known = set(twin.graphs())
        twin.apply(create=[graph for graph in self.graphs() if graph not in known])

    @property
    def copied_at_once(self) -> bool:
        """See `Store.copied_at_once`."""
        return False

    @property
    def seeks(self) -> bool:
        """See `Store.seeks`."""
        return False

    @contextmanager
    def copy(
        self,
        memory: int = 0,  # noqa: ARG002 - there is no other place for it
        without: Collection[NamedNode] = (),  # noqa: ARG002 - all of it is fetched
    ) -> Iterator[Store]:
        """See `Store.copy`: in memory, however much it takes."""
        twin = OxigraphStore()
        self._fill(twin)
        yield twin
        twin.close()

    @contextmanager
    def checkpoint(self) -> Iterator[Path]:
        """See `Store.checkpoint`: an embedded store in a temporary directory."""
        folder = Path(tempfile.mkdtemp(prefix="kgservice-"))
        try:
            self.backup(folder / "copy")
            yield folder / "copy"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def still(self) -> Iterator[tuple[Store, Path]]:
        """See `Store.still`."""
        with self.checkpoint() as folder, closing(OxigraphStore.reading(folder)) as copy:
            yield copy, folder.parent

    def close(self) -> None:
        """See `Store.close`."""
        self.closed = True
        self.client.close()


def _there(graph: NamedNode) -> Quad:
    """What says that a graph is there, though it is empty."""
    return Quad(graph, TYPE, GRAPH, CREATED)


def _in(graph: NamedNode, quad: Quad) -> Quad:
    return Quad(quad.subject, quad.predicate, quad.object, graph)
