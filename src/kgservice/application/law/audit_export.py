"""Entries of the audit log for those who read it: which are asked for, and as JSON lines or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, BinaryIO

from kgservice.application.law.audit import AuditLog
from kgservice.domain.audit import Action, Line
from kgservice.domain.consent import moment
from kgservice.errors import BadInput, BadParameter
from kgservice.store.audit_file import Filter
from kgservice.tabular.spreadsheet import cell

LIMIT, MOST = 100, 1000  # entries of a page: usually, and at most
FILTERS = ("since", "until", "principal", "action", "before")
FORMATS = ("jsonl", "csv")
COLUMNS = (
    "number",
    "moment",
    "action",
    "principal",
    "roles",
    "resource",
    "view",
    "purpose",
    "query",
    "outcome",
    "ticket",
    "person",
    "count",
    "since",
    "anchor",
    "previous",
    "hash",
)


def wanted(given: Mapping[str, str]) -> Filter:
    """The filter that these parameters make. Raises `BadParameter` for a value that cannot be read."""
    action = given.get("action")
    if action is not None and action not in set(Action):
        raise BadParameter(
            "{action!r} is none of {actions}", action=action[:80], actions=", ".join(Action), source="action"
        )
    return Filter(
        since=when(given["since"], "since") if "since" in given else None,
        until=when(given["until"], "until") if "until" in given else None,
        principal=given.get("principal"),
        action=action,
        before=_whole(given["before"], "before", 2**62) if "before" in given else None,
    )


def when(value: str, source: str) -> datetime:
    """A moment with time zone, or a day, which begins at midnight UTC. Raises `BadParameter`."""
    try:
        return datetime.combine(date.fromisoformat(value), time(), UTC)
    except ValueError:
        return moment(value, source)


def limited(value: str | None) -> int:
    """How many entries a page may have. Raises `BadParameter` for what is no such number."""
    return LIMIT if value is None else _whole(value, "limit", MOST)


def page(log: AuditLog, given: Mapping[str, str]) -> dict[str, Any]:
    """The newest entries that fit, and the number `before` which the next page begins, if there is one."""
    limit = limited(given.get("limit"))
    found = log.entries(wanted(given), limit + 1)
    more = len(found) > limit
    return {
        "entries": [line.to_json() for line in found[:limit]],
        "next": found[limit - 1].number if more else None,
        "head": str(log.head()),
    }


def write(lines: Iterable[Line], fmt: str, out: BinaryIO) -> None:
    """Write entries as JSON lines (which `read` reads and `verify` takes) or as CSV."""
    if fmt == "csv":
        table = io.StringIO()
        rows = csv.writer(table)
        rows.writerow(COLUMNS)
        for line in lines:
            said = line.to_json()
            said["roles"] = " ".join(said.get("roles", ()))
            rows.writerow([cell(said.get(column)) for column in COLUMNS])
            out.write(table.getvalue().encode(errors="replace"))
            table.seek(0)
            table.truncate()
        out.write(table.getvalue().encode())  # the heads, where there is nothing below them
        return
    for line in lines:
        out.write(json.dumps(line.to_json(), ensure_ascii=False).encode(errors="replace") + b"\n")


def read(source: BinaryIO, name: str) -> Iterator[Line]:
    """The entries of a file of JSON lines. Raises `BadInput`, which names the line, for anything else."""
    for number, text in enumerate(source, 1):
        try:
            yield Line.of_json(json.loads(text, object_pairs_hook=_object))
        except (KeyError, TypeError, ValueError, RecursionError):
            raise BadInput("this is no entry of an audit log", line=number, source=name) from None


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, none of whose members comes twice: of those, only one would be in the chain."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member comes twice")
    return found


def _whole(value: str, source: str, most: int) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 20 and 0 < int(value) <= most):
        raise BadParameter(
            "{value!r} is no whole number from 1 to {most}", value=value[:80], most=most, source=source
        )
    return int(value)
