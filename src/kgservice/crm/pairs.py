"""Scored pairs as they leave DuckDB: their weights, and of each field what it says and what it compared."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from kgservice.crm.fields import APART, FIELDS, SURE
from kgservice.crm.levels import DIALECTS, Field
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


def _joined(condition: str, left: str = "c", right: str = "r") -> str:
    """A condition over a pair (`…_l`, `…_r`), about the rows that stand under these names in a query."""
    sides = {"l": left, "r": right}
    words = condition.format(**DIALECTS["duckdb"])
    return re.sub(r"\b([a-z_]+)_([lr])\b", lambda found: f"{sides[found[2]]}.{found[1]}", words)


def _differs(field: Field, left: str, right: str) -> str:
    levels = " OR ".join(f"({level.condition})" for level in field.levels)
    return _joined(f"NOT ({field.unknown}) AND NOT ({levels})", left, right)


_DIFFERS = {
    kind: " OR ".join(f"coalesce(mw_{field.name} < 0, FALSE)" for field in fields if field.doubts) or "FALSE"
    for kind, fields in FIELDS.items()
}
# A small table does not tell how rare a name is, so there a name alone is for a person.
_DOUBTED = {
    (kind, trained): _DIFFERS[kind] if trained else f"{_DIFFERS[kind]} OR NOT ({_joined(SURE[kind])})"
    for kind in FIELDS
    for trained in (True, False)
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
    (kind, trained, asked): f"SELECT r.source, r.key, c.key, match_weight, match_probability, {doubted}, "
    f"[{', '.join(map(_weight, FIELDS[kind]))}], "
    f"[{', '.join(_shown(field.shown, 'r') for field in FIELDS[kind])}], "
    f"[{', '.join(_shown(field.shown, 'c') for field in FIELDS[kind])}] "
    f"{(_ASKED if asked else _BULK).format(kind=kind)} "
    for (kind, trained), doubted in _DOUBTED.items()
    for asked in (False, True)
}
_ONLY = "SEMI JOIN pairs_wanted w ON (w.source, w.record, w.customer) = (r.source, r.key, c.key) "
_ORDER = "ORDER BY match_weight DESC, r.source, r.key, c.key"
_WEIGHTS = {
    (kind, trained): f"SELECT r.source, r.key, c.key, match_weight, match_probability, {doubted} "
    f"{_BULK.format(kind=kind)} {_ORDER}"
    for (kind, trained), doubted in _DOUBTED.items()
}
_CONTRADICTING = {
    kind: "SELECT DISTINCT one.source, one.key, other.key FROM matching_scored s"  # noqa: S608
    " JOIN matching_scored t ON s.unique_id_l = t.unique_id_l AND s.unique_id_r < t.unique_id_r"
    f" JOIN compared_{kind} one ON one.id = s.unique_id_r"
    f" JOIN compared_{kind} other ON other.id = t.unique_id_r"
    f" WHERE one.source = other.source AND {_differs(field, 'one', 'other')}"
    for kind, fields in FIELDS.items()
    for field in fields
    if field.name == APART[kind]
}


def contradicting(db: duckdb.DuckDBPyConnection, kind: str) -> set[frozenset[RecordId]]:
    """Two records each, of one source and like one customer in `matching_scored`, that are not the same."""
    rows = db.execute(_CONTRADICTING[kind]).fetchall()
    return {frozenset((RecordId(source, one), RecordId(source, other))) for source, one, other in rows}


def read_weights(db: duckdb.DuckDBPyConnection, kind: str, *, trained: bool = True) -> Iterator[Pair]:
    """The pairs in `matching_scored`, the likeliest first, with their weights only.

    What each field says takes ten times the room; it is read of those that are proposed. `trained`: whether
    the model that scored them was trained on the tables.
    """
    nothing: dict[str, Any] = {}
    with db.cursor() as cursor:
        cursor.execute(_WEIGHTS[kind, trained])
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
        cursor.execute(
            f"{_PAIRS[kind, model.frequencies, asked]} {_ONLY if only is not None else ''} {_ORDER}"
        )
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
