"""Which keys a table of the source keeps for itself, though it makes no row of them in this run."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from kgservice.crm.cleaned import Cleaned, Reject
from kgservice.crm.erased_rows import known
from kgservice.crm.extract import Delivered
from kgservice.tabular.sandbox import quoted


def reserved(
    db: duckdb.DuckDBPyConnection,
    source: str,
    kind: str,
    one: Cleaned,
    *,
    delivered: Delivered,
    refused: Sequence[Reject],
) -> set[str]:
    """The keys of rows for the canonical table `kind` that were not read now, or are `refused`.

    What a row that was not read has become, the canonical tables tell.
    """
    kept = [r for r in refused if r.table == one.table.name and r.kind in {kind, None}]
    unread = sorted((delivered.present or set()) - one.keys)
    others = (
        f"AND key NOT IN (SELECT key FROM {quoted(other)} WHERE source = $source)"  # noqa: S608
        for other in one.table.primary
        if other != kind
    )
    held = db.execute(
        f"SELECT key FROM {quoted(kind)} WHERE source = $source AND key IN (SELECT unnest($unread)) "  # noqa: S608
        + " ".join(others),
        {"source": source, "unread": unread},
    ).fetchall()
    return {key for (key,) in held}.union(known(kept))
