"""The embedded store: Oxigraph, on disk or in memory."""

from __future__ import annotations

import gc
import glob
import shutil
import tempfile
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import pyoxigraph
from pyoxigraph import (
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Triple,
)

from kgservice.domain.quads import Quads
from kgservice.errors import BadQuery, BadRdf, NotAcceptable, StoreFailed
from kgservice.store.base import Choose, Dataset, Kind, Pattern, Solutions, Standing, Store
from kgservice.store.disk import Disk
from kgservice.store.documents import check_document
from kgservice.store.formats import BOOLEAN_FORMATS, N_QUADS, N_TRIPLES, Format, prefixes_for
from kgservice.store.forms import placed, typed
from kgservice.store.redo import Redo, apart
from kgservice.store.results import Sink
from kgservice.store.syntax import bad_query, bad_rdf, check_query
from kgservice.store.updates import all_of, update_text

_Results = QuerySolutions | QueryBoolean | QueryTriples
_AT_ONCE = 50_000  # statements removed in one transaction
_IN_MEMORY = 16 * 1024 * 1024  # bytes of one graph as text
_SAID = 300  # characters of an error: it may be a page that an endpoint has answered
_MEMORY_FOR_TEXT = 2  # bytes for each byte of N-Quads: 370 a quad, which takes 200 as text


class _Watched(Sink):
    """A stream that remembers its own error, so that it is not taken for one of the store."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.error: Exception | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._out.write(data)
        except Exception as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._out.flush()


class OxigraphStore:
    """An RDF dataset in a directory that this process owns, or with `path` None in memory.

    Reading is free for all threads; each reader sees one state of the store. Writing goes one at a time, as
    far as the `disk` under the directory allows it; None: it is not asked.
    Raises `StoreFailed` if the directory cannot be opened, for example because another process owns it.
    """

    def __init__(self, path: Path | None = None, disk: Disk | None = None) -> None:
        self.path = path
        self._disk = disk
        self._writing = threading.Lock()
        self._redo: Redo | None = None
        self._open: pyoxigraph.Store | None
        if path is None:
            self._open = pyoxigraph.Store()
            return
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds personal data
            self._open = _opened(path)
        except (OSError, RuntimeError) as error:
            if "lock" in str(error).lower():
                raise StoreFailed(
                    f"another process uses the store {path}: a service that is starting, or a command that "
                    "is still running; try again in a moment"
                ) from error
            raise _failed(f"cannot open the store {path}", error) from error
        self._redo = Redo(path, disk.settle if disk else lambda: None)
        self._redo.tidy()
        self.settle()
        # Only who owns the store copies it: these are of a process that was killed.
        for folder in path.parent.glob(f"{glob.escape(_copies_of(path))}*"):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _store(self) -> pyoxigraph.Store:
        if self._open is None:
            raise StoreFailed("the store is closed")
        return self._open

    # Reading

    def _evaluate(self, text: str, dataset: Dataset, base: str | None = None) -> _Results:
        store = self._store
        check_query(text)
        try:
            if dataset.from_clauses:
                return store.query(text, base_iri=base)
            return store.query(
                text,
                base_iri=base,
                default_graph=list(dataset.default),
                named_graphs=None if dataset.named is None else list(dataset.named),
            )
        except (SyntaxError, ValueError) as error:
            raise bad_query(error) from error
        except (OSError, RuntimeError) as error:
            if str(error).startswith("The custom function"):  # an endpoint may say something like it
                raise BadQuery(str(error)) from error
            raise _failed("the query failed", error) from error

    def query(
        self,
        text: str,
        dataset: Dataset,
        choose: Choose,
        out: BinaryIO,
        *,
        base: str | None = None,
        seconds: float | None = None,  # noqa: ARG002 - nothing stops Oxigraph but the end of its process
    ) -> None:
        """See `Store.query`. Oxigraph serialises, in the calling thread, in pieces of some kilobytes."""
        results = self._evaluate(text, dataset, base)
        watched = _Watched(out)
        try:
            with self._answering(watched):
                if isinstance(results, QueryTriples):
                    results.serialize(watched.stream, _rdf(choose(Kind.GRAPH)))
                elif isinstance(results, QueryBoolean):
                    fmt = choose(Kind.BOOLEAN)
                    if fmt not in BOOLEAN_FORMATS:
                        raise NotAcceptable(f"{fmt.name} cannot carry the answer of an ASK")
                    results.serialize(watched.stream, _results(fmt))
                else:
                    results.serialize(watched.stream, _results(choose(Kind.SOLUTIONS)))
        finally:
            del results  # the frame of an error may live on, and only this thread may end them

    @contextmanager
    def _answering(self, watched: _Watched) -> Iterator[None]:
        """What the stream raises passes as it is; what the store raises becomes `StoreFailed`."""
        try:
            yield
        except (OSError, RuntimeError) as error:
            if watched.error is not None:
                raise
            raise _failed("the answer broke off", error) from error

    def select(self, text: str, dataset: Dataset) -> Solutions:
        """See `Store.select`; `BadQuery` if the query is no SELECT."""
        results = self._evaluate(text, dataset)
        try:
            if not isinstance(results, QuerySolutions):
                raise BadQuery("this is no SELECT query")
            with _reading():
                return Solutions(tuple(v.value for v in results.variables), [tuple(row) for row in results])
        finally:
            del results

    def ask(self, text: str, dataset: Dataset) -> bool:
        """See `Store.ask`; `BadQuery` if the query is no ASK."""
        results = self._evaluate(text, dataset)
        try:
            if not isinstance(results, QueryBoolean):
                raise BadQuery("this is no ASK query")
            return bool(results)
        finally:
            del results

    def construct(self, text: str, dataset: Dataset) -> list[Triple]:
        """See `Store.construct`; `BadQuery` if the query is no CONSTRUCT or DESCRIBE."""
        results = self._evaluate(text, dataset)
        try:
            if not isinstance(results, QueryTriples):
                raise BadQuery("this is no CONSTRUCT or DESCRIBE query")
            with _reading():
                return list(results)
        finally:
            del results

    def match(self, patterns: Iterable[Pattern], graph: NamedNode | None = None) -> Iterator[Quad]:
        """See `Store.match`."""
        find = self._store.quads_for_pattern
        try:  # entering `_reading` for each of many calls costs as much as what they do
            for s, p, o in patterns:
                for quad in find(s, p, o, graph):
                    if isinstance(quad.graph_name, NamedNode):
                        yield quad
        except (OSError, RuntimeError) as error:
            raise _failed("the store cannot be read", error) from error

    def used(self, nodes: Collection[NamedNode], *, as_object: bool) -> set[NamedNode]:
        """See `Store.used`."""
        if as_object:
            return {node for node in nodes if any(True for _ in self.match([(None, None, node)]))}
        return {node for node in nodes if any(True for _ in self.match([(node, None, None)]))}

    def normalised(self, terms: Iterable[Literal]) -> dict[Literal, Literal]:
        """See `Store.normalised`: Oxigraph keeps numbers, moments and durations as values, not as written."""
        asked = placed(typed(terms))
        if not asked:
            return {}
        store = pyoxigraph.Store()
        store.extend(asked.values())
        kept = ((asked[q.subject].object, q.object) for q in store if isinstance(q.subject, NamedNode))
        return {
            given: back
            for given, back in kept
            if isinstance(given, Literal) and isinstance(back, Literal) and back != given
        }

    def dump(self, out: BinaryIO, fmt: Format, *, graph: NamedNode | None = None) -> None:
        """See `Store.dump`; `NotAcceptable` for the whole dataset in a format without named graphs."""
        rdf = _rdf(fmt)
        if graph is None and not fmt.quads:
            raise NotAcceptable(f"{fmt.name} cannot carry more than one graph")
        store, watched = self._store, _Watched(out)
        with self._answering(watched):
            store.dump(watched.stream, rdf, from_graph=graph, prefixes=prefixes_for(fmt))

    def graphs(self) -> list[NamedNode]:
        """See `Store.graphs`."""
        store = self._store
        with _reading():
            return [name for name in store.named_graphs() if isinstance(name, NamedNode)]

    def has_graph(self, graph: NamedNode) -> bool:
        """See `Store.has_graph`."""
        store = self._store
        with _reading():
            return store.contains_named_graph(graph)

    def healthy(self) -> bool:
        """See `Store.healthy`."""
        try:
            return self.ask("ASK {}", Dataset())
        except StoreFailed:
            return False

    def standings(self) -> Sequence[Standing]:
        """See `Store.standings`: there are none."""
        return ()

    # Writing

    def apply(
        self,
        *,
        add: Iterable[Quad] = (),
        remove: Iterable[Quad] = (),
        create: Iterable[NamedNode] = (),
        drop: Iterable[NamedNode] = (),
    ) -> None:
        """See `Store.apply`. All of it is one SPARQL update, which Oxigraph does in one transaction; on disk
        many quads are added apart: see `Redo`.

        No quad may have a blank node: SPARQL cannot remove it by name.
        """
        add, remove, create, drop = Quads.of(add), Quads.of(remove), set(create), set(drop)
        if self._redo is None and not (remove or create or drop):  # in memory: no text need be read
            with self._changing() as store:
                store.extend(add)
            return
        many = apart(add, remove, drop) if self._redo else Quads()
        text = update_text(add=add.less(many), remove=remove, create=create, drop=drop)
        if many or text:
            self.change(text, many)

    def change(self, text: str, many: Collection[Quad] = ()) -> None:
        """Do a SPARQL update that this service has written itself, after adding `many` quads."""
        with self._changing() as store:
            try:
                if self._redo is not None and many:
                    self._redo.make(store, many, text)
                else:
                    store.update(text)
            except (SyntaxError, ValueError) as error:
                raise BadRdf(f"the statements cannot be written: {error}") from error

    @contextmanager
    def _changing(self) -> Iterator[pyoxigraph.Store]:
        """The store for one change, which is on the disk at the end of the block, if that was asked for."""
        with self._writing:
            store = self._store
            if self._disk is None:
                with _told("the store did not take the change"):
                    yield store
                return
            self._disk.check()
            try:
                yield store
                self._disk.settle()
            except (OSError, RuntimeError) as error:
                raise self._disk.failed(error) from error

    @property
    def writable(self) -> bool:
        """See `Store.writable`."""
        return self._open is not None and (self._disk is None or self._disk.writable)

    def mark(self, text: str) -> None:
        """See `Store.mark`: a file in the directory; in memory there is nothing to lose."""
        if self._disk is not None:
            with _told("the store cannot be marked"):
                self._disk.mark(text)

    def marked(self) -> str:
        """See `Store.marked`."""
        if self._disk is None:
            return ""
        with _told("the mark of the store cannot be read"):
            return self._disk.marked()

    def empty(self, graph: NamedNode, keep: Sequence[NamedNode] = ()) -> None:
        """See `Store.empty`: all in one transaction would take all memory."""
        held, gone = all_of(graph, keep)
        piece = f"SELECT ?s ?p ?o WHERE {{ {gone} }} LIMIT {_AT_ONCE}"
        while self.ask(f"ASK {{ {gone} }}", Dataset()):
            self.change(f"DELETE {{ {held} }} WHERE {{ {piece} }}")
        if not keep:
            self.apply(drop=[graph])

    def load(
        self,
        source: BinaryIO | Path,
        fmt: Format,
        *,
        graph: NamedNode | None = None,
        base: str | None = None,
    ) -> None:
        """See `Store.load`."""
        with self._changing() as store:
            try:
                check_document(source, fmt)
                if isinstance(source, Path):
                    store.bulk_load(path=source, format=_rdf(fmt), base_iri=base, to_graph=graph)
                else:
                    store.bulk_load(source, _rdf(fmt), base_iri=base, to_graph=graph)
            except (SyntaxError, ValueError, MemoryError) as error:
                raise bad_rdf(error, source.name if isinstance(source, Path) else None) from error
            except (OSError, RuntimeError) as error:  # it may be the document that cannot be read
                raise StoreFailed(f"the store did not take the document: {error}") from error

    def optimize(self) -> None:
        """See `Store.optimize`: Oxigraph compacts its files."""
        with self._writing, _reading():
            self._store.optimize()

    def backup(self, target: Path) -> None:
        """See `Store.backup`: on the same file system by hard links, in a moment."""
        try:
            if self.path is not None:
                with self._writing:  # not between the two steps of a large change
                    self._store.backup(target)
                return
            if target.exists():
                raise StoreFailed(f"{target} exists already")
            _fill(pyoxigraph.Store(target), self._store)
        except (OSError, RuntimeError) as error:
            raise StoreFailed(f"the backup failed: {error}") from error

    @property
    def copied_at_once(self) -> bool:
        """See `Store.copied_at_once`."""
        return self.path is not None

    @property
    def seeks(self) -> bool:
        """See `Store.seeks`."""
        return self.path is not None

    def settle(self) -> None:
        """See `Store.settle`: what is left of a large change is done."""
        if self._redo is not None and self._redo.left:
            with self._changing() as store:
                self._redo.finish(store)

    @contextmanager
    def copy(self, memory: int = 0, without: Collection[NamedNode] = ()) -> Iterator[Store]:
        """See `Store.copy`: on disk a hard-linked checkpoint beside the store, made in milliseconds."""
        twin = OxigraphStore()
        if self.path is None:
            _fill(twin._store, self._store)
            yield twin
            return
        if memory and self._taken_over(twin, memory, without):
            yield twin
            return
        with self.checkpoint() as folder:
            twin = OxigraphStore(folder)
            try:
                yield twin
            finally:
                twin.close()

    def _taken_over(self, twin: OxigraphStore, most: int, without: Collection[NamedNode]) -> bool:
        """Load all but some graphs into a store in memory, if that takes less than `most` bytes there.

        Whether it does.
        """
        graphs = [graph for graph in self.graphs() if graph not in without]
        with tempfile.TemporaryFile() as file:
            for graph in graphs:
                with tempfile.SpooledTemporaryFile(_IN_MEMORY) as text:
                    self.dump(cast(BinaryIO, text), N_TRIPLES, graph=graph)
                    text.seek(0)
                    end = b" %s .\n" % str(graph).encode()
                    for line in text:
                        file.write(line[:-3] + end)
                if file.tell() * _MEMORY_FOR_TEXT > most:
                    return False
            file.seek(0)
            twin.load(cast(BinaryIO, file), N_QUADS)
        for graph in graphs:
            twin._store.add_graph(graph)
        return True

    @contextmanager
    def still(self) -> Iterator[tuple[Store, Path]]:
        """See `Store.still`: a checkpoint, and what is beside it."""
        with self.checkpoint() as folder, closing(OxigraphStore.reading(folder)) as copy:
            yield copy, folder.parent

    @classmethod
    def reading(cls, path: Path) -> OxigraphStore:
        """The dataset in a directory that nobody writes to, to read only."""
        store = cls()
        try:
            store._open = pyoxigraph.Store.read_only(str(path))
        except (OSError, RuntimeError) as error:
            raise _failed(f"cannot open the store {path}", error) from error
        return store

    @contextmanager
    def checkpoint(self) -> Iterator[Path]:
        """See `Store.checkpoint`: beside the store by hard links, in milliseconds."""
        beside = None if self.path is None else self.path.parent
        folder = Path(tempfile.mkdtemp(prefix=_copies_of(self.path or Path("store")), dir=beside))
        try:
            self.backup(folder / "copy")
            yield folder / "copy"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """See `Store.close`. Queries that still run keep the files open until they end."""
        with self._writing:
            if self._open is None:
                return
            store, self._open = self._open, None
            if self.path is not None and not (self._disk is not None and self._disk.broken):
                with _told("the store cannot be flushed"):
                    store.flush()


def _opened(path: Path) -> pyoxigraph.Store:
    """Open a directory; what this process has closed may still hold it, in the frames of an error."""
    try:
        return pyoxigraph.Store(path)
    except OSError as error:
        if "lock hold by current process" not in str(error):
            raise
    gc.collect()
    return pyoxigraph.Store(path)


def _copies_of(path: Path) -> str:
    """How the names of copies of a store begin."""
    return f".{path.name}.copy-"


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise _failed(what, error) from error


def _failed(what: str, error: Exception) -> StoreFailed:
    """What to raise for an error of the engine, with the way back where files are damaged or gone.

    What RocksDB says of damage begins with that word; what an endpoint of SERVICE says may hold it, too.
    """
    damaged = isinstance(error, FileNotFoundError) or str(error).startswith("Corruption")
    way = ". The store is damaged: move it away and restore a backup (kgservice restore)" if damaged else ""
    said = " ".join(str(error).split())
    cut = f"{said[:_SAID]} …" if len(said) > _SAID else said
    return StoreFailed(f"{what}: {cut}{way}")


_reading = partial(_told, "the store cannot be read")


def _rdf(fmt: Format) -> RdfFormat:
    if fmt.rdf is None:
        raise NotAcceptable(f"{fmt.name} cannot carry a graph")
    return fmt.rdf


def _results(fmt: Format) -> QueryResultsFormat:
    if fmt.results is None:
        raise NotAcceptable(f"{fmt.name} cannot carry query results")
    return fmt.results


def _fill(target: pyoxigraph.Store, source: pyoxigraph.Store) -> None:
    target.bulk_extend(source)
    _add_graphs(target, source)


def _add_graphs(target: pyoxigraph.Store, source: pyoxigraph.Store) -> None:
    """The graphs that are empty, too."""
    for name in source.named_graphs():
        target.add_graph(name)
