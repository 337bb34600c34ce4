"""One way to load what a user points at: RDF files, folders of them, and tables with their mapping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kgservice.application.graph import KnowledgeGraph
from kgservice.application.load import load_rdf
from kgservice.application.tables import is_mapping, load_tables
from kgservice.domain.change import Origin
from kgservice.errors import BadInput
from kgservice.store.formats import graph_format_of

Progress = Callable[[str, int, int], None]
"""Called with the name of what is read, how much of it is done and how much there is."""


def load(
    kg: KnowledgeGraph, paths: Sequence[Path], origin: Origin, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Load files and folders; one summary for each folder with a mapping, one for all RDF files.

    Raises `BadInput` for a path that holds nothing to load, `BadRdf` and `BadTable` for what cannot be read.
    """
    tables = [path for path in paths if path.is_dir() and is_mapping(path)]
    documents = [file for path in paths if path not in tables for file in _documents(path)]
    summaries = [load_tables(kg, folder, progress).to_json() for folder in tables]
    if documents:
        summaries.append(load_rdf(kg, documents, origin, progress).to_json())
    return summaries


def _documents(path: Path) -> list[Path]:
    """The RDF files that a path means. Raises `BadInput` when there is none."""
    found = sorted(p for p in path.rglob("*") if graph_format_of(p)) if path.is_dir() else [path]
    found = [p for p in found if graph_format_of(p)]
    if not found:
        kind = (
            "folder holds neither RDF files nor a mapping" if path.is_dir() else "file is no RDF by its name"
        )
        raise BadInput(f"the {kind}", source=str(path))
    return found
