"""Records that somebody asks about, from JSON to rows of a canonical table, each cell looked at."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from kgservice.crm.canonical import CANONICAL
from kgservice.domain.consent import moment
from kgservice.errors import BadInput, BadParameter
from kgservice.phrases import Phrase

MOST = 1_000  # records in one question
LONGEST = 2_000  # characters of a text
MOST_TEXTS = 100  # in a list
SOURCE = "asked"
"""The source of all rows; the key of each is its number, counted from 1."""
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_BROKEN = re.compile(r"[\x00\ud800-\udfff]")  # DuckDB takes none of them

Row = dict[str, object]
Named = Callable[[int], str]
"""The name of a record by its index, for errors."""


def asked_rows(
    kind: str, records: object, named: Named = lambda index: f"records[{index}]", most: int | None = MOST
) -> list[Row]:
    """The rows of the canonical table that the records say, in their order; JSON objects by its columns.

    What a record leaves out, or says as null or an empty text, is not known of it. Raises `BadParameter` with
    the record and the column, and for more records than `most`.
    """
    if not isinstance(records, list) or not records:
        raise BadParameter(
            "{name!r} must be {expected}",
            name="records",
            expected=Phrase("a list of JSON objects"),
            source="records",
        )
    if most is not None and len(records) > most:
        raise BadParameter(
            "there are {count} records; at most {most} are looked up at once",
            count=len(records),
            most=most,
            source="records",
        )
    return [_row(kind, index, record, named(index)) for index, record in enumerate(records)]


def _row(kind: str, index: int, record: object, name: str) -> Row:
    if not isinstance(record, Mapping):
        raise BadInput("{what} must be a JSON object", what=Phrase("{name!r}", name=name), source=name)
    columns = CANONICAL[kind]
    for column in record:
        if column not in columns:
            shown = f"{name}.{str(column)[:80]}"
            raise BadParameter("there is no member {shown!r} here", shown=shown, source=shown)
    row = {column: _cell(record.get(column), of, f"{name}.{column}") for column, of in columns.items()}
    country = row.get("country")
    if isinstance(country, str):
        if not _COUNTRY.fullmatch(country):
            raise _wrong(f"{name}.country", Phrase("a country by its two letters (ISO 3166-1), such as DE"))
        row["country"] = country.upper()
    return {**row, "source": SOURCE, "key": str(index + 1)}


def _cell(value: Any, of: str, name: str) -> object:
    """A cell as DuckDB takes it for a column of a type: None, or an empty list, where nothing is said."""
    if of.endswith("[]"):
        return _texts(value, name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    match of:
        case "BOOLEAN":
            if not isinstance(value, bool):
                raise _wrong(name, Phrase("true or false"))
            return value
        case "DATE":
            try:
                return date.fromisoformat(_text(value, name))
            except ValueError:
                raise _wrong(name, Phrase("a day such as 1990-05-21")) from None
        case "TIMESTAMP":
            return moment(_text(value, name), name).replace(tzinfo=None)  # all are UTC
        case _:
            return _text(value, name)


def _texts(value: Any, name: str) -> list[str]:
    found = [] if value is None else value if isinstance(value, list) else [value]
    if len(found) > MOST_TEXTS:
        raise _wrong(name, Phrase("a list of 1 to {most} texts", most=MOST_TEXTS))
    return [text for one in found if (text := _text(one, name))]


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        raise _wrong(name, Phrase("a text of 1 to {most} characters", most=LONGEST))
    if _BROKEN.search(value):
        raise BadParameter("the text is not valid Unicode", source=name)
    return value.strip()


def _wrong(name: str, expected: Phrase) -> BadParameter:
    return BadParameter("{name!r} must be {expected}", name=name, expected=expected, source=name)
