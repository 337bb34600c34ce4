"""What runs do: a source synchronised, and all sources matched; what of it is kept in the journal of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from kgservice.application.background.started import Progress
from kgservice.application.graph.erased import Erased
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.sources.matching import match
from kgservice.application.sources.runs import Doing
from kgservice.crm import registry
from kgservice.crm.canonical_tables import opened, overview, rejects_of
from kgservice.crm.sync import sync
from kgservice.domain.change import Origin
from kgservice.domain.clock import Clock
from kgservice.errors import Conflict


def syncing(
    folder: Path, clock: Clock, name: str, erased: Erased, *, seconds: float, allow_empty: bool = False
) -> Doing:
    """Synchronise a source of a folder, without the `erased`; the SQL of each table may take `seconds`.

    Raises `NotFound` for one that was not added, before it begins.
    """
    source = registry.find(folder, name)

    def doing(told: Progress) -> tuple[dict[str, Any], Mapping[str, Any]]:
        summary = sync(
            source,
            folder,
            lambda table, done, total: told(f"{name} {table}", done, total),
            allow_empty=allow_empty,
            erased=erased.holds,
            clock=clock,
            seconds=seconds,
        )
        result = asdict(summary)
        kept = {key: result[key] for key in ("run", "read", "tables", "changes")}
        return result, {**kept, "rejected": sum(not one.taken for one in summary.rejects)}

    return doing


def matching(kg: KnowledgeGraph, by: Origin) -> Doing:
    """Match what the sources hold with the graph, and take it over.

    Whoever asks for it need not answer for privacy: what a source says of consents, opt-outs and deletions is
    taken over as its settings say, which are made on the machine and never by a request.
    """
    service = replace(by, privacy=True)

    def doing(told: Progress) -> tuple[dict[str, Any], Mapping[str, Any]]:
        result = match(kg, by=service, told=told).to_json()
        links = {kind: _numbers(counts) for kind, counts in result["links"].items()}
        records = {
            name: {kind: _numbers(counts) for kind, counts in of.items()}
            for name, of in result["records"].items()
        }
        return result, {"links": links, "records": records}

    return doing


def _numbers(counts: Mapping[str, Any]) -> dict[str, int]:
    """Counts as they are, lists by their length: whom they name is not kept."""
    return {name: value if isinstance(value, int) else len(value) for name, value in counts.items()}


def sources(folder: Path) -> list[dict[str, Any]]:
    """The sources that were added, with the rows that each holds; without these while a run writes them."""
    try:
        held: Mapping[str, Mapping[str, Any]] | None = overview(folder)
    except Conflict:
        held = None
    names = {*registry.names(folder), *(held or {})}
    return [
        {"name": name, "rows": None if held is None else dict(held.get(name, {}))} for name in sorted(names)
    ]


def source(folder: Path, name: str, limit: int = 100) -> dict[str, Any]:
    """One source: its kind, its rows, and those refused at its last reading, or taken without a cell.

    `limit` of them.

    Raises `NotFound`, `BadInput` when its settings are wrong, `Conflict` while a run writes its rows.
    """
    found = registry.find(folder, name)
    (told,) = [one for one in sources(folder) if one["name"] == name]
    rejects = []
    if told["rows"]:
        with opened(folder, read_only=True) as db:
            rejects = rejects_of(db, name)
    return {
        **told,
        "kind": found.kind,
        "mapping": found.mapping or None,
        "tables": [table.name for table in found.tables],
        "rejected": sum(not one.taken for one in rejects),
        "rejects": [asdict(one) for one in rejects[:limit]],
    }
