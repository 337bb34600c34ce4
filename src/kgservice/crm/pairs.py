"""Scored pairs as they leave DuckDB: their weights, and of each field what it says and what it compared."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from kgservice.crm.fields import FIELDS
from kgservice.crm.levels import Field
from kgservice.crm.models import MatchModel
from kgservice.domain.matching import Pair, RecordId

AT_ONCE = 10_000

# Of each field its weight, and what it compared of the two, as text.
_LISTS = ("given_parts", "name_parts", "email", "phone", "iban", "domain")


def _shown(columns: tuple[str, ...], side: str) -> str:
    texts = [
        f"array_to_string({side}.{name}, ', ')" if name in _LISTS else f"{side}.{name}" for name in columns
    ]
    return f"concat_ws(' ', {', '.join(texts)})"


def _weight(field: Field) -> str:
    frequent = any(level.frequent for level in field.levels)
    return f"mw_{field.name} + mw_tf_adj_{field.name}" if frequent else f"mw_{field.name}"


_DOUBTED = {
    kind: " OR ".join(f"coalesce(mw_{field.name} < 0, FALSE)" for field in fields if field.doubts) or "FALSE"
    for kind, fields in FIELDS.items()
}
# In bulk the numbers are those of the compared rows; of new records they are those of asked pairs, each of
# which stands with all columns in the tables that were scored.
_BULK = (
    "FROM matching_scored JOIN compared_{kind} c ON c.id = unique_id_l"
    " JOIN compared_{kind} r ON r.id = unique_id_r"
)
_ASKED = (
    "FROM asking.asked_scored_{kind} JOIN asking.asked_customers_{kind} c ON c.unique_id = unique_id_l"
    " JOIN asking.asked_records_{kind} r ON r.unique_id = unique_id_r"
)
_PAIRS = {
    (kind, asked): f"SELECT r.source, r.key, c.key, match_weight, match_probability, {_DOUBTED[kind]}, "
    f"[{', '.join(map(_weight, fields))}], "
    f"[{', '.join(_shown(field.shown, 'r') for field in fields)}], "
    f"[{', '.join(_shown(field.shown, 'c') for field in fields)}] "
    f"{(_ASKED if asked else _BULK).format(kind=kind)} "
    for kind, fields in FIELDS.items()
    for asked in (False, True)
}
_ONLY = "SEMI JOIN pairs_wanted w ON (w.source, w.record, w.customer) = (r.source, r.key, c.key) "
_ORDER = "ORDER BY match_weight DESC, r.source, r.key, c.key"
_WEIGHTS = {
    kind: f"SELECT r.source, r.key, c.key, match_weight, match_probability, {_DOUBTED[kind]} "
    f"{_BULK.format(kind=kind)} {_ORDER}"
    for kind in FIELDS
}


def read_weights(db: duckdb.DuckDBPyConnection, kind: str) -> Iterator[Pair]:
    """The pairs in `matching_scored`, the likeliest first, with their weights only.

    What each field says takes ten times the room; it is read of those that are proposed.
    """
    nothing: dict[str, Any] = {}
    with db.cursor() as cursor:
        cursor.execute(_WEIGHTS[kind])
        while batch := cursor.fetchmany(AT_ONCE):
            for source, key, customer, weight, probability, doubted in batch:
                yield Pair(RecordId(source, key), customer, weight, probability, nothing, nothing, doubted)


def read_pairs(
    db: duckdb.DuckDBPyConnection,
    kind: str,
    model: MatchModel,
    *,
    asked: bool = False,
    only: Collection[Pair] | None = None,
) -> Iterator[Pair]:
    """The pairs in `matching_scored` (`asked`: in `asked_scored_…`) with weights and values of each field.

    The likeliest come first; with `only`, no others than these.
    """
    names = [field.name for field in FIELDS[kind]]
    prior = math.log2(model.prior / (1 - model.prior))
    with db.cursor() as cursor:
        if only is not None:
            cursor.register("pairs_wanted", _table(only))
        cursor.execute(f"{_PAIRS[kind, asked]} {_ONLY if only is not None else ''} {_ORDER}")
        while batch := cursor.fetchmany(AT_ONCE):
            for source, key, customer, weight, probability, doubted, weights, ours, theirs in batch:
                yield Pair(
                    RecordId(source, key),
                    customer,
                    weight,
                    probability,
                    {"prior": prior, **dict(zip(names, weights, strict=True))},
                    dict(zip(names, zip(ours, theirs, strict=True), strict=True)),
                    doubted,
                )


def _table(pairs: Collection[Pair]) -> pa.Table:
    return pa.table(
        {
            "source": pa.array([pair.record.source for pair in pairs], type=pa.string()),
            "record": pa.array([pair.record.key for pair in pairs], type=pa.string()),
            "customer": pa.array([pair.customer for pair in pairs], type=pa.string()),
        }
    )
