"""Load RDF files and folders through a commit, and large N-Quads files past it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pyoxigraph import BlankNode, NamedNode, Quad, Triple

from kgservice.application.changes import record_texts
from kgservice.application.changes.counting import count
from kgservice.application.changes.effect import Effect
from kgservice.application.changes.modelfiles import NamedBlankNodes
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.stewards.mending import close_mended
from kgservice.application.stewards.quarantine import Quarantined, Source, hold
from kgservice.application.stewards.settling import settle, taken
from kgservice.application.views import building
from kgservice.domain.change import LOCAL, Change, Commit, Origin
from kgservice.domain.graphs import Graphs
from kgservice.errors import BadRdf, NotFound, UnsupportedMediaType
from kgservice.shacl.local import Difference
from kgservice.store.formats import N_QUADS, Format, graph_format_of
from kgservice.store.syntax import parse

# Called after each file with the file and the number of its statements.
Progress = Callable[[Path, int], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load read (`statements` of all `files`), changed (`commit`), and put into quarantine.

    `mended` are entries of the quarantine whose records came again, and were taken.
    """

    files: tuple[Path, ...]
    statements: int
    commit: Commit
    quarantined: tuple[Quarantined, ...] = ()
    mended: tuple[Quarantined, ...] = ()


def load_rdf(
    kg: KnowledgeGraph,
    paths: Iterable[Path],
    origin: Origin,
    progress: Progress | None = None,
    *,
    trusted: bool = False,
) -> Loaded:
    """Load RDF files, and the RDF files in folders, as one commit.

    Records that would bring a violation go into quarantine instead.

    Triples are loose statements: the router decides where they belong. Quads may name graphs. The guard does
    not judge what is `trusted`, and that may also name the graph of findings, which otherwise is read only.
    Relative IRIs are taken against the base of the deployment. Loading the same content twice changes
    nothing: blank nodes get IRIs made from the content of their file. Raises `NotFound`,
    `UnsupportedMediaType`, `BadRdf` with file, line and column, and what a commit raises.
    """
    files = tuple(_files(paths))
    quads = _quads(kg, files, progress)
    statements = len(quads)
    if trusted:
        return Loaded(files, statements, kg.commit(Change(add=tuple(quads), origin=origin, trusted=True)))
    with kg.writing:
        source = ", ".join(path.name for path in files)
        parts = _parts(quads, source, kg.graphs)
        commit, held = settle(kg, parts, lambda some: Change.adding(_all(some), origin))
        mended = close_mended(kg, taken(parts, held), Source(source), origin)
        entries = hold(kg, ((part.triples, part.source, refusal) for part, refusal in held), origin)
        return Loaded(files, statements, commit or kg.commit(Change()), tuple(entries), tuple(mended))


def _quads(kg: KnowledgeGraph, files: Iterable[Path], progress: Progress | None = None) -> list[Quad]:
    """What RDF files say, with IRIs made from them for blank nodes. Raises as `load_rdf` does."""
    quads: list[Quad] = []
    for path in files:
        fmt = graph_format_of(path)
        if fmt is None:
            raise UnsupportedMediaType(
                "no RDF format has the file name extension {suffix!r}", suffix=path.suffix, source=path.name
            )
        content = path.read_bytes()
        named = NamedBlankNodes(kg.graphs, hashlib.sha256(content).hexdigest())
        own = [named.quad(q) for q in parse(path, fmt, base=kg.settings.base)]
        quads += own
        if progress is not None:
            progress(path, len(own))
    return quads


@dataclass(frozen=True, slots=True)
class _Part:
    """What documents say of one record, with the blank nodes that belong to it."""

    quads: tuple[Quad, ...]
    own: frozenset[NamedNode]
    source: Source

    @property
    def triples(self) -> set[Triple]:
        return {quad.triple for quad in self.quads}


def _all(parts: Iterable[_Part]) -> Iterator[Quad]:
    return (quad for part in parts for quad in part.quads)


def _parts(quads: Iterable[Quad], source: str, graphs: Graphs) -> list[_Part]:
    """The quads by the record they are about: what is said of a blank node goes with what names it first."""
    found: dict[object, list[Quad]] = defaultdict(list)
    for quad in dict.fromkeys(quads):
        found[quad.subject].append(quad)
    above: dict[object, object] = {}
    for subject, said in found.items():
        for quad in said:
            if graphs.is_genid(quad.object) and quad.object != subject:
                above.setdefault(quad.object, subject)

    def root(node: object) -> object:
        seen = {node}
        while graphs.is_genid(node) and above.get(node) not in {None, *seen}:
            node = above[node]
            seen.add(node)
        return node

    by_root: dict[object, list[Quad]] = defaultdict(list)
    for subject, said in found.items():
        by_root[root(subject)] += said
    return [_part(said, source, graphs) for said in by_root.values()]


def _part(quads: Sequence[Quad], source: str, graphs: Graphs) -> _Part:
    own = frozenset(quad.subject for quad in quads if isinstance(quad.subject, NamedNode))
    about = frozenset(node for node in own if not graphs.is_genid(node))
    return _Part(tuple(quads), own, Source(source, about=about))


def previewed(kg: KnowledgeGraph, source: BinaryIO, fmt: Format, origin: Origin = LOCAL) -> Difference:
    """What loading a document would do to the findings: the dry run.

    Raises `BadRdf` with line and column, and what a commit raises.
    """
    return kg.preview(Change.adding(named_quads(kg, source, fmt), origin))


def previewed_files(kg: KnowledgeGraph, paths: Iterable[Path], origin: Origin = LOCAL) -> Difference:
    """What loading RDF files, and those in folders, would do to the findings. Raises as `load_rdf` does."""
    return kg.preview(Change.adding(_quads(kg, _files(paths)), origin))


def named_quads(kg: KnowledgeGraph, source: BinaryIO, fmt: Format) -> Iterator[Quad]:
    """The quads of a document, with IRIs made from it for blank nodes. Raises `BadRdf` with the place."""
    content = source.read()
    named = NamedBlankNodes(kg.graphs, hashlib.sha256(content).hexdigest())
    return (named.quad(quad) for quad in parse(content, fmt, base=kg.settings.base))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.is_file() and graph_format_of(p) is not None)
        elif path.is_file():
            yield path
        else:
            raise NotFound("there is no file or folder {path}", path=path)


def bulk_load(
    kg: KnowledgeGraph,
    path: Path,
    origin: Origin | None = None,
    told: record_texts.Progress = record_texts.silent,
) -> Commit:
    """Load a large N-Quads file whose statements already name their graphs: a backup, or generated data.

    Oxigraph reads it directly, at its own speed; then the views get what they are to hold of it, and one
    commit records it. `told` hears how far it is. The names are trusted (`check` tells whether each statement
    is where it belongs); statements without a graph go to the scratch graph. Nothing may use the store
    meanwhile: readers would see the views grow. If the process stops in between, the next
    `KnowledgeGraph.open` builds the views anew. Raises `BadRdf` with line and column, also for blank nodes
    (an export has none), and then nothing has changed.
    """
    _refuse_blank_nodes(path)
    with kg.writing:
        before = _count(kg)
        with kg.building():
            with record_texts.step(f"Loading {path.name}", told):
                kg.store.load(path, N_QUADS, graph=NamedNode(kg.addresses.scratch))
            building.build_all(kg, told)
            with record_texts.step("Putting the store in order", told):
                kg.store.optimize()
        effect = Effect(added=_count(kg) - before)
        return kg.write(effect, origin or Origin(source=path.name))


_PIECE = 16 * 1024 * 1024


def _refuse_blank_nodes(path: Path) -> None:
    before = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            piece += file.readline()
            at = piece.find(b"_:")
            while at >= 0:
                # The characters may also stand in a text.
                start, end = piece.rfind(b"\n", 0, at) + 1, piece.find(b"\n", at)
                end = len(piece) if end < 0 else end
                if _has_blank_node(piece[start:end]):
                    line = before + piece.count(b"\n", 0, start) + 1
                    raise BadRdf("a bulk load takes no blank nodes", line=line, column=1, source=path.name)
                at = piece.find(b"_:", end)
            before += piece.count(b"\n")


def _has_blank_node(line: bytes) -> bool:
    try:
        quads = list(parse(line, N_QUADS))
    except BadRdf:
        return False  # the store says where in the file
    return any(isinstance(t, BlankNode) for q in quads for t in (q.subject, q.object, q.graph_name))


def _count(kg: KnowledgeGraph) -> int:
    """The number of statements that are not of the service's own making."""
    own = [
        graph
        for graph in kg.store.graphs()
        if graph.value.startswith(kg.addresses.views) or graph.value == kg.addresses.state
    ]
    # To look at the name of the graph of each statement would take ten times as long.
    return count(kg.store) - sum(count(kg.store, graph) for graph in own)
