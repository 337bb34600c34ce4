"""Building views from their definition, in bounded memory. Not atomic: meanwhile readers see a part."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import ExitStack
from datetime import datetime
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application import streams, views
from kgservice.application.dues import DUE
from kgservice.application.dues import quad as due_note
from kgservice.application.scene import Common, Scene
from kgservice.application.view_facts import PartFacts, ViewFacts
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Model
from kgservice.domain.visibility import LEVELS, Sight
from kgservice.namespaces import CI
from kgservice.store.base import Dataset, Store
from kgservice.store.formats import N_QUADS, N_TRIPLES

if TYPE_CHECKING:
    from kgservice.application.graph import KnowledgeGraph

_AT_ONCE = 50_000
# What the graph of one person can say of another, and decides about showing.
_RESTRICTS = NamedNode(f"{CI}restricts")
_ACROSS = [f"<{CI}{name}>" for name in ("authorises", "authorisationFor", "restricts")]

_PERHAPS_SECRET = f"""SELECT ?node WHERE {{
  {{ ?node <{CI}confidentiality> ?level }} UNION {{ ?node <{CI}hasTombstone> ?stone }}
  UNION {{ ?node a <{CI}Tombstone> }} }}"""


def clear(store: Store, graph: NamedNode) -> None:
    """Remove what a graph holds, piece by piece: one transaction for all would take all memory."""
    query = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ ?s ?p ?o }} LIMIT {_AT_ONCE}"
    while found := store.construct(query, Dataset((graph,), ())):
        store.apply(remove=(Quad(t.subject, t.predicate, t.object, graph) for t in found))
    store.apply(drop=[graph])


# The view of everything


def extend(store: Store, model: Model, graphs: Graphs, *, view: NamedNode | None = None) -> None:
    """Add to the view all that its definition says, and remove nothing."""
    with tempfile.TemporaryFile() as spool:
        entailing = _Entailing(spool, model)
        for name in store.graphs():
            if graphs.in_view(name):
                record = graphs.is_record(name)
                store.dump(cast(BinaryIO, entailing if record else spool), N_TRIPLES, graph=name)
        _load(store, spool, view or NamedNode(graphs.addresses.everything))


class _Entailing:
    """A file that takes N-Triples and adds what each statement entails.

    It works on the text of the terms, which is the same for the same term: ten times as fast as terms.
    """

    def __init__(self, file: IO[bytes], model: Model) -> None:
        self._file = file
        self._begun = b""
        self._above = {
            _text(cls): [_text(c) for c in above] for cls, above in model.superclasses.items() if above
        }
        self._straight: dict[bytes, list[bytes]] = defaultdict(list)
        self._turned: dict[bytes, list[bytes]] = defaultdict(list)
        for prop, directions in model.directions.items():
            for target, turned in directions:
                (self._turned if turned else self._straight)[_text(prop)].append(_text(target))
        self.flush = file.flush

    def write(self, data: bytes) -> int:
        lines, end, self._begun = (self._begun + data).rpartition(b"\n")
        self._file.write(lines + end)
        straight, turned, above = self._straight, self._turned, self._above
        found = []
        for line in lines.split(b"\n") if end else ():
            s, p, rest = line.split(b" ", 2)
            if p == _TYPE:
                found += [b"%s %s %s .\n" % (s, p, cls) for cls in above.get(rest[:-2], ())]
            if p in straight:
                found += [b"%s %s %s\n" % (s, prop, rest) for prop in straight[p]]
            if p in turned and rest.startswith(b"<"):
                found += [b"%s %s %s .\n" % (rest[:-2], prop, s) for prop in turned[p]]
        self._file.write(b"".join(found))
        return len(data)


def _text(node: NamedNode) -> bytes:
    return str(node).encode()


_TYPE = _text(TYPE)


# The views of purposes


def build_purposes(kg: KnowledgeGraph, purposes: Set[str]) -> None:
    """Fill the views of these purposes, which hold nothing, and note when they change by themselves.

    The view of everything is there. What is noted of persons is made anew.
    """
    _Building(kg, purposes).build()


def rebuild_purposes(kg: KnowledgeGraph) -> None:
    """Build all views of purposes anew."""
    for purpose in kg.settings.active_purposes:
        clear(kg.store, NamedNode(kg.addresses.view(purpose)))
    build_purposes(kg, frozenset(kg.settings.active_purposes))


class _Building:
    def __init__(self, kg: KnowledgeGraph, purposes: Set[str]) -> None:
        self._kg = kg
        self._purposes = sorted(purposes)
        self._level = LEVELS.index(kg.settings.confidentiality)
        self._now = kg.clock()
        self._planner = kg.planner()
        self._others = ViewFacts(kg.store, kg.view)
        self._common = Common.of(kg.policy, self._others)
        self._across = self._read_across()
        self._spools: Mapping[str, IO[bytes]] = {}
        self._state = NamedNode(kg.addresses.state)
        self._dues: list[datetime] = []

    def build(self) -> None:
        kg = self._kg
        old = list(kg.store.match([(None, DUE, None)], self._state))
        kg.store.apply(remove=old)
        with ExitStack() as open_files:
            self._spools = {p: open_files.enter_context(tempfile.TemporaryFile()) for p in self._purposes}
            notes = open_files.enter_context(tempfile.TemporaryFile())
            self._restrictions(notes)
            secret = self._secret()
            for graph in kg.store.graphs():
                if kg.graphs.is_subject(graph):
                    self._subject(graph, notes)
                elif kg.graphs.is_model(graph) or kg.graphs.is_project(graph):
                    self._project(graph, secret)
            for purpose, spool in self._spools.items():
                _load(kg.store, spool, NamedNode(kg.addresses.view(purpose)))
            if self._dues:
                notes.write(f"{due_note(self._state, min(self._dues), self._state)} .\n".encode())
            notes.seek(0)
            kg.store.load(cast(BinaryIO, notes), N_QUADS)

    def _project(self, graph: NamedNode, secret: set[NamedNode]) -> None:
        """What concerns nobody is in all the views, unless it is secret."""
        quads: Iterable[Quad] = (
            Quad(t.subject, t.predicate, t.object, graph) for t in streams.triples(self._kg.store, graph)
        )
        if secret and self._kg.graphs.is_project(graph):
            quads = (q for q in quads if q.subject not in secret and q.object not in secret)
        for piece in _pieces(quads):
            lines = self._lines(piece)
            for spool in self._spools.values():
                spool.write(lines)

    def _subject(self, graph: NamedNode, notes: IO[bytes]) -> None:
        stated = list(streams.triples(self._kg.store, graph))
        consent = NamedNode(self._kg.addresses.consent(graph.value.rpartition("/")[2]))
        evidence = streams.triples(self._kg.store, consent) if self._kg.store.has_graph(consent) else ()
        facts = PartFacts((*stated, *evidence), self._kg.model, self._across, self._others)
        scene = Scene(self._planner, facts, self._common, self._now)
        person, grants = scene.person(graph), scene.grants(graph)
        if person is None or grants is None:
            return
        self._note(notes, person, scene.next_change(person, grants.subject))
        quads = [Quad(t.subject, t.predicate, t.object, graph) for t in stated]
        for purpose, spool in self._spools.items():
            spool.write(self._lines(q for q in quads if scene.shows(q, purpose, self._level)))

    def _restrictions(self, notes: IO[bytes]) -> None:
        sight = Sight(self._kg.model, self._kg.graphs, self._common.concepts, self._others, self._now)
        for triple in self._across:
            if triple.predicate == _RESTRICTS and isinstance(triple.subject, NamedNode):
                period = sight.period(triple.subject)
                self._note(notes, triple.subject, period.next_change(self._now))

    def _note(self, notes: IO[bytes], node: NamedNode, due: datetime | None) -> None:
        if due is not None:
            self._dues.append(due)
            notes.write(f"{due_note(node, due, self._state)} .\n".encode())

    def _lines(self, quads: Iterable[Quad]) -> bytes:
        said = views.said(quads, self._kg.model, self._kg.graphs)
        return "".join(f"{t.subject} {t.predicate} {t.object} .\n" for t in said).encode()

    def _read_across(self) -> list[Triple]:
        ways = " ".join(_ACROSS)
        query = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ VALUES ?p {{ {ways} }} ?s ?p ?o }}"
        return self._kg.store.construct(query, Dataset((self._kg.view,), ()))

    def _secret(self) -> set[NamedNode]:
        """The nodes above the level of the views, with what belongs to them."""
        sight = Sight(self._kg.model, self._kg.graphs, self._common.concepts, self._others, self._now)
        rows = self._kg.store.select(_PERHAPS_SECRET, Dataset((self._kg.view,), ())).rows
        waiting = [node for (node,) in rows if isinstance(node, NamedNode)]
        found: set[NamedNode] = set()
        while waiting:
            node = waiting.pop()
            if node not in found and sight.traits(node).level > self._level:
                found.add(node)
                waiting += sight.dependents(node)
                parts = self._kg.store.match([(node, None, None)], self._kg.view)
                waiting += [
                    q.object
                    for q in parts
                    if isinstance(q.object, NamedNode) and self._kg.graphs.is_genid(q.object)
                ]
        return found


def _pieces(quads: Iterable[Quad]) -> Iterator[list[Quad]]:
    piece: list[Quad] = []
    for quad in quads:
        piece.append(quad)
        if len(piece) >= _AT_ONCE:
            yield piece
            piece = []
    yield piece


def _load(store: Store, spool: IO[bytes], graph: NamedNode) -> None:
    if spool.tell():
        spool.seek(0)
        store.load(cast(BinaryIO, spool), N_TRIPLES, graph=graph)
