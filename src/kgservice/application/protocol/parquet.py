"""The solutions of a query as Parquet: a column for each variable, of the type that all its values have."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO

from pyoxigraph import BlankNode, Literal, NamedNode

from kgservice.namespaces import XSD
from kgservice.store.base import Solutions, Term
from kgservice.tabular.sandbox import Sandbox, quoted

_INTEGERS = frozenset(
    f"{XSD}{name}"
    for name in ("integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger")
)
_NUMBERS = _INTEGERS | {f"{XSD}{name}" for name in ("decimal", "double", "float")}
_MOMENTS = frozenset(f"{XSD}{name}" for name in ("dateTime", "dateTimeStamp"))
_DAYS, _TRUTHS = frozenset({f"{XSD}date"}), frozenset({f"{XSD}boolean"})


def write(solutions: Solutions, out: BinaryIO) -> None:
    """Write a Parquet file to `out`.

    Whole numbers are `BIGINT`, other numbers `DOUBLE`, moments `TIMESTAMP WITH TIME ZONE`, days `DATE`,
    truth values `BOOLEAN`; a column with anything else, or with several of these, holds texts. What is
    unbound is null.
    """
    with Sandbox("parquet") as box:
        rows, made = box.folder / "rows.ndjson", box.folder / "made.parquet"
        box.db.execute("SET enable_progress_bar = false")  # it would write into the output of commands
        box.db.execute("SET TimeZone = 'UTC'")
        types = _put(solutions, rows)
        columns = ", ".join(
            f"CAST(c{at} AS {type_}) AS {quoted(name)}"
            for at, (name, type_) in enumerate(zip(_distinct(solutions.variables), types, strict=True))
        )
        texts = box.db.read_json(
            str(rows),
            format="newline_delimited",
            columns={f"c{at}": "VARCHAR" for at in range(len(types))},
        )
        texts.project(columns).write_parquet(str(made), compression="zstd")
        with made.open("rb") as file:
            shutil.copyfileobj(file, out)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of columns, which differ by more than capitals: `x` and `X` are one name in SQL."""
    found: list[str] = []
    for name in names:
        new, number = name, 2
        while new.lower() in {known.lower() for known in found}:
            new, number = f"{name}_{number}", number + 1
        found.append(new)
    return found


def _put(solutions: Solutions, path: Path) -> list[str]:
    """Write the rows as texts; the SQL type of each column."""
    columns = [_column([row[at] for row in solutions.rows]) for at in range(len(solutions.variables))]
    with path.open("w", encoding="utf-8") as file:
        for row in zip(*(texts for _, texts in columns), strict=True):
            file.write(json.dumps({f"c{at}": text for at, text in enumerate(row)}) + "\n")
    return [type_ for type_, _ in columns]


def _column(terms: Sequence[Term | None]) -> tuple[str, list[str | None]]:
    """The type of a column, and its values as texts that SQL casts to it."""
    types = {term.datatype.value if isinstance(term, Literal) else "" for term in terms if term is not None}
    for type_, kinds, written in _TYPES:
        if types and types <= kinds:
            try:
                return type_, [written(term.value) if isinstance(term, Literal) else None for term in terms]
            except (ValueError, KeyError, OverflowError):
                break  # one is not what it says that it is, or too large
    return "VARCHAR", [_text(term) for term in terms]


def _whole(lexical: str) -> str:
    number = int(lexical)
    if not -(2**63) <= number < 2**63:
        raise OverflowError(lexical)
    return str(number)


def _moment(lexical: str) -> str:
    moment = datetime.fromisoformat(lexical)
    if moment.tzinfo is None:
        raise ValueError(lexical)
    return moment.astimezone(UTC).isoformat()


def _truth(lexical: str) -> str:
    return {"true": "true", "1": "true", "false": "false", "0": "false"}[lexical]


_TYPES: tuple[tuple[str, frozenset[str], Callable[[str], str]], ...] = (
    ("BIGINT", _INTEGERS, _whole),
    ("DOUBLE", frozenset(_NUMBERS), lambda lexical: str(float(lexical))),
    ("TIMESTAMPTZ", _MOMENTS, _moment),
    ("DATE", _DAYS, lambda lexical: date.fromisoformat(lexical).isoformat()),
    ("BOOLEAN", _TRUTHS, _truth),
)


def _text(term: Term | None) -> str | None:
    if isinstance(term, NamedNode | Literal):
        return term.value
    if isinstance(term, BlankNode):
        return f"_:{term.value}"
    return None if term is None else str(term)
