"""Records to be looked up, from a file that somebody has at hand: CSV with headings, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kgservice.application.sources.asked_records import Named
from kgservice.crm.canonical import CANONICAL
from kgservice.errors import BadInput, BadTable
from kgservice.tabular.csv_records import Dialect, Record, encoding_of, records
from kgservice.tabular.headings import plain

_DELIMITERS = ",;\t"
_BETWEEN = ";"  # the texts of a list in one cell
_TRUTH = {"true": True, "false": False}


def read_records(path: Path, kind: str) -> tuple[list[Any], Named]:
    """The records of a file, and what to call each of them by its index when one is wrong.

    JSON (by the name of the file): a list of objects, or an object with such a list as `records`. All else is
    read as CSV, with columns of the canonical table as headings, parted by commas, semicolons or tabs;
    several texts of one cell are parted by semicolons. Raises `BadInput` with the place where it is neither.
    """
    if path.suffix.lower() == ".json":
        found = _json(path)
        return found, lambda index: f"{path.name}: records[{index}]"
    lines = list(_csv(path, kind))
    if not lines:
        raise BadTable("there is no record in it", source=path.name)
    return [record for _, record in lines], lambda index: f"{path.name}, line {lines[index][0]}"


def _json(path: Path) -> list[Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise BadInput(
            "it is no JSON: {error}", error=error.msg, line=error.lineno, column=error.colno, source=path.name
        ) from None
    except (RecursionError, ValueError):  # too deep, half a character, or thousands of digits
        raise BadInput("it is no JSON that can be read", source=path.name) from None
    except OSError as error:
        raise BadTable("cannot be read: {error}", error=error.strerror, source=path.name) from None
    found = said.get("records") if isinstance(said, dict) else said
    if not isinstance(found, list) or not found:
        raise BadTable("there is no record in it", source=path.name)
    return found


def _csv(path: Path, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records with the line of each."""
    listed = records(path, _dialect(path))
    head = next(listed, None)
    if head is None:
        raise BadTable("is empty", source=path.name)
    columns = _columns(kind, _fields(head, path), path.name)
    types = CANONICAL[kind]
    for record in listed:
        cells = zip(columns, _fields(record, path), strict=True)
        yield record.line, {name: _cell(text.strip(), types[name]) for name, text in cells if text.strip()}


def _dialect(path: Path) -> Dialect:
    """How the file is written down, by its first line."""
    with path.open(encoding=encoding_of(path, "utf-8"), errors="replace") as text:
        line = text.readline()
    return Dialect(delimiter=max(_DELIMITERS, key=line.count))


def _fields(record: Record, path: Path) -> Sequence[str]:
    if record.fault:
        raise BadTable("cannot be read: {error}", error=record.fault, line=record.line, source=path.name)
    return record.fields


def _columns(kind: str, headings: Sequence[str], source: str) -> list[str]:
    known = {plain(name): name for name in CANONICAL[kind]}
    found: list[str] = []
    for heading in headings:
        name = known.get(plain(heading))
        if name is None:
            raise BadTable(
                "{heading!r} is none of the columns {known}",
                heading=heading[:80],
                known=", ".join(CANONICAL[kind]),
                source=source,
            )
        if name in found:
            raise BadTable("the column {heading!r} stands there twice", heading=heading[:80], source=source)
        found.append(name)
    return found


def _cell(text: str, of: str) -> Any:
    if of.endswith("[]"):
        return [part for part in map(str.strip, text.split(_BETWEEN)) if part]
    return _TRUTH.get(text.lower(), text) if of == "BOOLEAN" else text
