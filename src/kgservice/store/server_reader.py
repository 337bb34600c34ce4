"""What is asked of a SPARQL server: queries, single statements, graphs; see `sparql_http`."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

import pyoxigraph
from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    Triple,
    parse_query_results,
)

from kgservice.errors import BadQuery, DeadlineExceeded, NotAcceptable, StoreFailed
from kgservice.namespaces import NOTES, RDF
from kgservice.store.base import Choose, Dataset, Kind, Pattern, Solutions, Term
from kgservice.store.formats import BOOLEAN_FORMATS, JSON, N_TRIPLES, Format, prefixes_for
from kgservice.store.results import read_solutions
from kgservice.store.sparql_http import Client
from kgservice.store.syntax import bad_query, check_query, reading_rdf

NOTHING = NamedNode("urn:kgservice:nothing")
"""A graph that is never there: some servers take no graph for all graphs."""
CREATED = NamedNode("urn:kgservice:graphs")
"""The graph that says which empty graphs are there: most servers keep none."""
SAMPLES = (NamedNode("urn:kgservice:samples:1"), NamedNode("urn:kgservice:samples:2"))
"""The graphs that servers which follow another one are tried on."""
GRAPH = NamedNode("urn:kgservice:Graph")
TYPE = NamedNode(f"{RDF}type")
_AT_ONCE = 500  # patterns in one query
_SOON = 0.5  # seconds in which a server that is well says so


class ServerReader:
    """The reading half of the store behind a server."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.closed = False
        self.reached = True  # when it was last asked whether it is well, or to change something

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
        """See `Store.query`. Solutions pass as the server writes them; graphs are written here."""
        kind = _kind(text, base)
        fmt = choose(kind)
        if kind is Kind.GRAPH:
            rdf = fmt.rdf
            if rdf is None:
                raise NotAcceptable(f"{fmt.name} cannot carry a graph")
            with self._asked(text, dataset, N_TRIPLES, base, seconds) as pieces, reading_rdf():
                triples = pyoxigraph.parse(cast(BinaryIO, _Stream(pieces)), N_TRIPLES.rdf)
                found = (quad.triple for quad in triples)
                pyoxigraph.serialize(found, out, rdf, prefixes=prefixes_for(fmt))
            return
        if fmt.results is None or (kind is Kind.BOOLEAN and fmt not in BOOLEAN_FORMATS):
            raise NotAcceptable(f"{fmt.name} cannot carry this answer")
        with self._asked(text, dataset, fmt, base, seconds) as pieces:
            for piece in pieces:
                out.write(piece)

    @contextmanager
    def _asked(
        self,
        text: str,
        dataset: Dataset,
        fmt: Format,
        base: str | None = None,
        seconds: float | None = None,
    ) -> Iterator[Iterator[bytes]]:
        if self.closed:
            raise StoreFailed("the store is closed")
        whole = f"BASE <{base}>\n{text}" if base else text
        with self.client.query(whole, fmt.media_type, self._parameters(dataset), seconds) as pieces:
            yield pieces

    def _parameters(self, dataset: Dataset) -> list[tuple[str, str]]:
        if dataset.from_clauses or (not dataset.default and dataset.named is None):
            return []  # nothing is ever in the default graph of the server
        named = self.graphs() if dataset.named is None else dataset.named
        return [
            *(("default-graph-uri", graph.value) for graph in dataset.default or (NOTHING,)),
            *(("named-graph-uri", graph.value) for graph in named or (NOTHING,)),
        ]

    def _solutions(self, text: str, dataset: Dataset) -> Solutions:
        with self._asked(text, dataset, JSON) as pieces:
            return read_solutions(b"".join(pieces))

    def select(self, text: str, dataset: Dataset) -> Solutions:
        """See `Store.select`."""
        if _kind(text) is not Kind.SOLUTIONS:
            raise BadQuery("this is no SELECT query")
        return self._solutions(text, dataset)

    def ask(self, text: str, dataset: Dataset) -> bool:
        """See `Store.ask`."""
        if _kind(text) is not Kind.BOOLEAN:
            raise BadQuery("this is no ASK query")
        with self._asked(text, dataset, JSON) as pieces:
            return _truth(b"".join(pieces))

    def construct(self, text: str, dataset: Dataset) -> list[Triple]:
        """See `Store.construct`."""
        if _kind(text) is not Kind.GRAPH:
            raise BadQuery("this is no CONSTRUCT or DESCRIBE query")
        with self._asked(text, dataset, N_TRIPLES) as pieces, reading_rdf():
            return [quad.triple for quad in pyoxigraph.parse(b"".join(pieces), N_TRIPLES.rdf)]

    def match(self, patterns: Iterable[Pattern], graph: NamedNode | None = None) -> Iterator[Quad]:
        """See `Store.match`: one query for all patterns that say the same places."""
        alike: dict[tuple[bool, bool, bool], list[Pattern]] = {}
        for pattern in patterns:
            if not any(isinstance(term, BlankNode) for term in pattern):  # there are none in the store
                s, p, o = pattern
                alike.setdefault((s is not None, p is not None, o is not None), []).append(pattern)
        for given, found in alike.items():
            for start in range(0, len(found), _AT_ONCE):
                yield from self._matched(given, found[start : start + _AT_ONCE], graph)

    def _matched(
        self, given: tuple[bool, bool, bool], patterns: Sequence[Pattern], graph: NamedNode | None
    ) -> Iterator[Quad]:
        names = [name for name, is_given in zip(("?s", "?p", "?o"), given, strict=True) if is_given]
        rows = (f"({' '.join(str(term) for term in pattern if term is not None)})" for pattern in patterns)
        values = f"VALUES ({' '.join(names)}) {{ {' '.join(rows)} }}" if names else ""
        # A graph in VALUES of its own has Oxigraph read all of that graph.
        place, named = ("?g", "?g") if graph is None else (str(graph), "")
        for *of, s, p, o in self._solutions(
            f"SELECT {named} ?s ?p ?o WHERE {{ {values} GRAPH {place} {{ ?s ?p ?o }} }}", Dataset()
        ).rows:
            if graph is not None or not _is_own(of[0]):
                yield Quad(s, p, o, of[0] if graph is None else graph)  # type: ignore[arg-type]

    def used(self, nodes: Collection[NamedNode], *, as_object: bool) -> set[NamedNode]:
        """See `Store.used`: many nodes with each query."""
        statement = "?s ?p ?node" if as_object else "?node ?p ?o"
        asked, found = list(nodes), set()
        for start in range(0, len(asked), _AT_ONCE):
            values = " ".join(map(str, asked[start : start + _AT_ONCE]))
            there = f"GRAPH ?g {{ {statement} }} FILTER(!STRSTARTS(STR(?g), {Literal(NOTES)}))"
            text = f"SELECT ?node WHERE {{ VALUES ?node {{ {values} }} FILTER EXISTS {{ {there} }} }}"
            rows = self._solutions(text, Dataset()).rows
            found |= {node for (node,) in rows if isinstance(node, NamedNode)}
        return found

    def dump(self, out: BinaryIO, fmt: Format, *, graph: NamedNode | None = None) -> None:
        """See `Store.dump`."""
        if fmt.rdf is None:
            raise NotAcceptable(f"{fmt.name} cannot carry a graph")
        if graph is None and not fmt.quads:
            raise NotAcceptable(f"{fmt.name} cannot carry more than one graph")
        if graph is not None:
            with self._all(graph) as found:  # not touched here, which would take twice as long
                pyoxigraph.serialize(found, out, fmt.rdf, prefixes=prefixes_for(fmt))
            return
        pyoxigraph.serialize(self._everything(), out, fmt.rdf, prefixes=prefixes_for(fmt))

    def _everything(self) -> Iterator[Quad]:
        for graph in self._filled():
            with self._all(graph) as found:
                for quad in found:
                    yield Quad(quad.subject, quad.predicate, quad.object, graph)

    @contextmanager
    def _all(self, graph: NamedNode) -> Iterator[Iterator[Quad]]:
        """All of a graph, as it comes: in no graph."""
        text = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH {graph} {{ ?s ?p ?o }} }}"
        with self._asked(text, Dataset(), N_TRIPLES) as pieces, reading_rdf():
            yield pyoxigraph.parse(cast(BinaryIO, _Stream(pieces)), N_TRIPLES.rdf)

    def graphs(self) -> list[NamedNode]:
        """See `Store.graphs`."""
        created = (q.subject for q in self.match([(None, TYPE, GRAPH)], CREATED))
        found = dict.fromkeys((*self._filled(), *created))
        return [graph for graph in found if isinstance(graph, NamedNode)]

    def _filled(self) -> list[NamedNode]:
        rows = self._solutions("SELECT DISTINCT ?g WHERE { GRAPH ?g { ?s ?p ?o } }", Dataset()).rows
        return [graph for (graph,) in rows if isinstance(graph, NamedNode) and not _is_own(graph)]

    def has_graph(self, graph: NamedNode) -> bool:
        """See `Store.has_graph`."""
        created = f"GRAPH {CREATED} {{ {graph} a {GRAPH} }}"
        return self.ask(f"ASK {{ {{ GRAPH {graph} {{ ?s ?p ?o }} }} UNION {{ {created} }} }}", Dataset())

    def healthy(self) -> bool:
        """See `Store.healthy`."""
        try:
            with self._asked("ASK {}", Dataset(), JSON, seconds=_SOON) as pieces:
                self.reached = _truth(b"".join(pieces))
        except (DeadlineExceeded, StoreFailed):
            self.reached = False
        return self.reached


class _Stream(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = piece
        found, self._left = (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
        return found


def _is_own(graph: Term | None) -> bool:
    """Whether a store keeps the graph for itself, perhaps since a process was killed that would remove it."""
    return isinstance(graph, NamedNode) and graph.value.startswith(NOTES)


def _kind(text: str, base: str | None = None) -> Kind:
    """What a query answers with. Raises `BadQuery`, in the words of the embedded store, before it is sent."""
    check_query(text)
    try:
        results = pyoxigraph.Store().query(text, base_iri=base)
    except (SyntaxError, ValueError) as error:
        raise bad_query(error) from error
    except (OSError, RuntimeError) as error:
        raise BadQuery(str(error)) from error
    if isinstance(results, QuerySolutions):
        return Kind.SOLUTIONS
    return Kind.BOOLEAN if isinstance(results, QueryBoolean) else Kind.GRAPH


def _truth(document: bytes) -> bool:
    try:
        results = parse_query_results(document, QueryResultsFormat.JSON)
    except (SyntaxError, ValueError) as error:
        raise StoreFailed(f"the server's answer cannot be read: {error}") from error
    if not isinstance(results, QueryBoolean):
        raise StoreFailed("the server does not answer ASK with a boolean")
    return bool(results)
