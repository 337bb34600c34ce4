"""Links and consents of a source brought back to its CRM: what would be written there, and writing it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.export import exported, write_csv
from kgservice.crm import registry
from kgservice.crm.credentials import resolve
from kgservice.crm.tryton_notes import TrytonNotes, Written
from kgservice.domain.question import compact

Progress = Callable[[str, int, int], None]


def write(kg: KnowledgeGraph, name: str, out: BinaryIO, *, as_json: bool) -> None:
    """Write the links of a source with the consents of whom they mean, as CSV or as JSON.

    Raises `NotFound` for a source that was not added, before anything is written.
    """
    registry.find(kg.settings.crm_folder, name)
    rows = exported(kg, name)
    if not as_json:
        write_csv(rows, kg.settings.active_purposes, out)
        return
    between = b'{"links": [\n'
    for row in rows:
        out.write(between + json.dumps(row.to_json()).encode())
        between = b",\n"
    out.write(b"\n]}\n" if between == b",\n" else b'{"links": []}\n')


def into_crm(
    kg: KnowledgeGraph,
    name: str,
    *,
    apply: bool = False,
    told: Progress = lambda _what, _done, _all: None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Bring the notes at the records of a CRM to what the graph says of them, or tell what that would change.

    Only accepted links whose customers may be matched now; a note about anybody else goes. Where nothing
    differs, nothing is written. Raises `NotFound` for an unknown source, `BadInput` for one that is not
    written to, and what the CRM raises: `Unauthorised`, `SourceFailed`.
    """
    source = registry.find(kg.settings.crm_folder, name)
    secrets = resolve(source.credentials, source.secrets, source.name, environ)
    notes = TrytonNotes(source, secrets, f"kgservice {kg.settings.base} {source.name}")
    names = {purpose: compact(purpose) for purpose in kg.settings.active_purposes}
    wanted: dict[str, list[str]] = {}
    for row in exported(kg, name):
        wanted.setdefault(row.id.key, []).extend(row.lines(names))
    done = notes.bring(wanted, apply=apply, told=lambda count, of: told(name, count, of))
    return {"source": name, "applied": apply, **_told(done)}


def _told(done: Written) -> dict[str, Any]:
    return {
        "new": done.new,
        "changed": done.changed,
        "gone": done.gone,
        "unchanged": done.unchanged,
        "failed": [{"key": key, "reason": reason} for key, reason in done.failed],
    }
