"""One way to load what a user points at: RDF files, folders of them, and tables with their mapping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import load_rdf
from kgservice.application.imports.tables import TableSummary, is_mapping, load_tables
from kgservice.application.stewards.quarantine import Quarantined
from kgservice.domain.change import Origin
from kgservice.errors import BadInput
from kgservice.store.formats import graph_format_of

Progress = Callable[[str, int, int], None]
"""Called with the name of what is read, how much of it is done and how much there is (rows, or files)."""
_DELIMITED = {".csv", ".tsv", ".txt"}


def load(
    kg: KnowledgeGraph,
    paths: Sequence[Path],
    origin: Origin,
    progress: Progress | None = None,
    *,
    discreet: bool = False,
    rejects: Path | None = None,
) -> list[dict[str, Any]]:
    """Load files and folders; one summary (JSON values) for each table, and one for all RDF files together.

    Delimited files beside the folder of one mapping are loaded by it, in place of the folder's own.
    `discreet`: for who may not see everything, the summaries say nothing that would tell of what is stored:
    what is new is null, since the same statement counts once, and refusals name only the rules. `rejects`:
    the folder for files of refused rows, if there are to be such. Raises `BadInput` for a path that holds
    nothing to load, before anything is loaded; `BadRdf` and `BadTable` for what cannot be read.
    """
    tables = [folder for path in paths for folder in _mappings(path)]
    deliveries = [path for path in paths if path.suffix.lower() in _DELIMITED and path.is_file()]
    if deliveries and len(tables) != 1:
        raise BadInput(
            "a table comes with the folder of its mapping, and of no other", source=deliveries[0].name
        )
    documents = [file for path in paths if path not in deliveries for file in _documents(path, tables)]
    summaries = [
        _table(
            load_tables(kg, folder, progress, deliveries or None, rejects=rejects, origin=origin),
            discreet=discreet,
        )
        for folder in tables
    ]
    if documents:
        summaries.append(_rdf(kg, documents, origin, progress, discreet=discreet))
    return summaries


def _changed(
    added: int, removed: int, commit: int, mended: Sequence[Quarantined], *, discreet: bool
) -> dict[str, Any]:
    """What an import changed; for who may not see everything it would tell what there was."""
    if discreet:
        return {"added": None, "removed": None, "commit": None, "mended": []}
    told = [entry.to_json() for entry in mended]
    return {"added": added, "removed": removed, "commit": commit, "mended": told}


def _rdf(
    kg: KnowledgeGraph,
    documents: Sequence[Path],
    origin: Origin,
    progress: Progress | None,
    *,
    discreet: bool,
) -> dict[str, Any]:
    read = 0

    def count(path: Path, statements: int) -> None:  # noqa: ARG001
        nonlocal read
        read += 1
        if progress is not None:
            progress("RDF", read, len(documents))

    loaded = load_rdf(kg, documents, origin, count)
    commit = loaded.commit
    return {
        "title": "RDF",
        "files": [path.name for path in loaded.files],
        "statements": loaded.statements,
        "quarantined": [e.discreet() if discreet else e.to_json() for e in loaded.quarantined],
        **_changed(commit.added, commit.removed, commit.number, loaded.mended, discreet=discreet),
    }


def _table(summary: TableSummary, *, discreet: bool) -> dict[str, Any]:
    return {
        "title": summary.title,
        "files": summary.files,
        "rows": summary.rows,
        "taken": summary.taken,
        "repeated": summary.repeated,
        "refused": [
            {"file": r.file, "line": r.line, "reason": r.told if discreet else r.reason, "row": r.row}
            for r in summary.refused
        ],
        "quarantined": [e.discreet() if discreet else e.to_json() for e in summary.quarantined],
        "rejects": [str(path) for path in summary.rejects],
        "records": summary.records,
        **_changed(summary.added, summary.removed, summary.commit, summary.mended, discreet=discreet),
    }


def _mappings(path: Path) -> list[Path]:
    """The folders with a mapping that a path means: itself, or those below it."""
    if not path.is_dir():
        return []
    folders = (path, *sorted(p for p in path.rglob("*") if p.is_dir()))
    return [folder for folder in folders if is_mapping(folder)]


def _documents(path: Path, tables: Sequence[Path]) -> list[Path]:
    """The RDF files that a path means, less those that belong to a mapping.

    Raises `BadInput` when there is nothing to load.
    """
    candidates = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    found = [p for p in candidates if graph_format_of(p) and not any(p.is_relative_to(t) for t in tables)]
    if not found and not any(table.is_relative_to(path) for table in tables):
        if path.is_dir():
            raise BadInput("the folder has neither RDF files nor a mapping", source=path.name)
        raise BadInput("the name is not one of an RDF file", source=path.name)
    return found
