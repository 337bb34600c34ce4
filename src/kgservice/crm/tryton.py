"""Records of Tryton, by its JSON-RPC: found by search, read with the fields that the mapping names."""

from __future__ import annotations

import datetime
from collections.abc import Generator, Iterator, Mapping
from decimal import Decimal
from typing import Any

from kgservice.crm.credentials import Secrets
from kgservice.crm.declared import Declared
from kgservice.crm.rows import Picker, Reading, Row
from kgservice.crm.settings import SETTINGS, Source, Table
from kgservice.crm.tryton_api import TrytonApi

_AT_ONCE = 500


def read_tryton(source: Source, table: Table, secrets: Secrets, since: str | None) -> Reading:
    """The records of a model; with a cursor those that have changed `since`, and then the ids of all.

    Raises `Unauthorised` when the login is refused, `SourceFailed` when Tryton does not answer or refuses
    a call: from going through the rows.
    """
    reader = _Reader(source, table, secrets)
    if since is None:
        return Reading(reader.rows([]), reader.picker.columns)
    return Reading(
        reader.rows(reader.changed(since)), reader.picker.columns, complete=False, present=reader.keys
    )


class _Reader:
    """One model of one database."""

    def __init__(self, source: Source, table: Table, secrets: Secrets) -> None:
        self._source = source
        self._api = TrytonApi(source, secrets)
        options = Declared(table.options, SETTINGS, f"tables.{table.name}.options.")
        self._model = table.place["model"]
        self._fields = list(options.texts("fields"))
        self._changed = options.texts("changed")
        # Of a field that is a list of records: their field that names a kind, and the one with the value.
        self._pivot = {name: (one.text("by"), one.text("value")) for name, one in options.tables("pivot")}
        options.finish()
        self.picker = Picker(table)

    def rows(self, domain: list[Any]) -> Generator[Row, None, None]:
        """The records that a domain finds, by id."""
        line = 0
        for ids in self._ids(domain):
            found = {
                record["id"]: record for record in self._api.call(self._model, "read", ids, self._fields)
            }
            for one in ids:
                if one in found:  # else it was deleted between the two calls
                    line += 1
                    yield Row(line, self.picker.cells(self._pivoted(found[one])))
        self.picker.finish(self._source.name)

    def keys(self) -> set[str]:
        """The ids of all records that are there now."""
        return {str(one) for ids in self._ids([]) for one in ids}

    def changed(self, since: str) -> list[Any]:
        """The domain of what was made or changed at or after a moment."""
        moment = datetime.datetime.fromisoformat(since)
        sent = {"__class__": "datetime"} | {
            part: getattr(moment, part)
            for part in ("year", "month", "day", "hour", "minute", "second", "microsecond")
        }
        return [["OR", *([field, ">=", sent] for field in ("create_date", "write_date", *self._changed))]]

    def _ids(self, domain: list[Any]) -> Iterator[list[int]]:
        """The ids that a domain finds, archived ones too, in parts."""
        last = 0
        both = ["active", "in", [True, False]] if "active" in self._fields else ["id", ">", 0]
        while True:
            found = self._api.call(
                self._model, "search", [*domain, both, ["id", ">", last]], 0, _AT_ONCE, [["id", "ASC"]]
            )
            if not found:
                return
            last = found[-1]
            yield found

    def _pivoted(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record with its values decoded, and lists of kinds and values by kind (`contacts.email`)."""
        plain = {name.rstrip("."): _decoded(value) for name, value in record.items()}
        for name, (by, value) in self._pivot.items():
            kinds: dict[str, list[str]] = {}
            for one in plain.pop(name, None) or ():
                kinds.setdefault(str(one.get(by)), []).append(str(one.get(value)))
            plain[name] = {kind: list(values) for kind, values in kinds.items()}
        return plain


def _decoded(value: Any) -> Any:  # noqa: PLR0911  (a table of types)
    """A value of Tryton's JSON; records within it have the names of their fields without the dot."""
    if isinstance(value, list):
        return [_decoded(one) for one in value]
    if not isinstance(value, dict):
        return value
    given = {name: part for name, part in value.items() if name != "__class__"}
    match value.get("__class__"):
        case "datetime":
            return datetime.datetime(**given)
        case "date":
            return datetime.date(**given)
        case "Decimal":
            return Decimal(given["decimal"])
        case None:
            return {name.rstrip("."): _decoded(part) for name, part in given.items()}
        case _:
            return str(given)
