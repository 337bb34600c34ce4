"""Load RDF files and folders through a commit, and large N-Quads files past it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import Quad

from kgservice.application.graph import KnowledgeGraph
from kgservice.application.modelfiles import NamedBlankNodes
from kgservice.domain.change import Change, Commit, Origin
from kgservice.errors import NotFound, UnsupportedMediaType
from kgservice.store.formats import graph_format_of
from kgservice.store.syntax import parse

# Called after each file with the file and the number of its statements.
Progress = Callable[[Path, int], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load read (`statements` of all `files`) and what it changed (`commit`)."""

    files: tuple[Path, ...]
    statements: int
    commit: Commit


def load_rdf(
    kg: KnowledgeGraph, paths: Iterable[Path], origin: Origin, progress: Progress | None = None
) -> Loaded:
    """Load RDF files, and the RDF files in folders, as one commit.

    Triples are loose statements: the router decides where they belong. Relative IRIs are taken against the base
    of the deployment. Loading the same content twice changes nothing: blank nodes get IRIs made from the content
    of their file. Raises `NotFound`, `UnsupportedMediaType`, `BadRdf` with file, line and column, and what a
    commit raises.
    """
    files = tuple(_files(paths))
    quads: list[Quad] = []
    statements = 0
    for path in files:
        fmt = graph_format_of(path)
        if fmt is None:
            raise UnsupportedMediaType(
                f"no RDF format has the file name extension {path.suffix!r}", source=str(path)
            )
        content = path.read_bytes()
        named = NamedBlankNodes(kg.graphs, hashlib.sha256(content).hexdigest())
        own = [named.quad(q) for q in parse(path, fmt, base=kg.settings.base)]
        quads += own
        statements += len(own)
        if progress is not None:
            progress(path, len(own))
    return Loaded(files, statements, kg.commit(Change.adding(quads, origin)))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.is_file() and graph_format_of(p) is not None)
        elif path.is_file():
            yield path
        else:
            raise NotFound(f"there is no file or folder {path}")
