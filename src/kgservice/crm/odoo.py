"""Records of Odoo by its external API: those that have changed, with the fields that the mapping knows."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from kgservice.crm.credentials import Secrets
from kgservice.crm.declared import Declared
from kgservice.crm.odoo_api import OdooApi
from kgservice.crm.rows import Picker, Reading, Row
from kgservice.crm.settings import SETTINGS, Source, Table
from kgservice.crm.web import bad_setting
from kgservice.errors import BadInput, SourceFailed
from kgservice.tabular.headings import plain

_AT_ONCE = 500
_MODEL = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
# What follows the name of a field for the key of the other record, as in Odoo's own exports.
_KEY = "/id"


def read_odoo(source: Source, table: Table, secrets: Secrets, since: str | None) -> Reading:
    """The records of a model; with a cursor those that have changed `since`, and then the ids of all.

    The fields are those of the model that the mapping knows: an Odoo refuses to read one that it has not.
    Raises `Unauthorised` when the credentials are refused, `BadInput` when a field is missing that is needed,
    `SourceFailed` when Odoo does not answer or refuses a call: from going through the rows.
    """
    reader = _Reader(source, table, secrets)
    if since is None:
        return Reading(reader.rows(None), reader.picker.columns)
    return Reading(reader.rows(since), reader.picker.columns, complete=False, present=reader.keys)


class _Reader:
    """One model of one database."""

    def __init__(self, source: Source, table: Table, secrets: Secrets) -> None:
        self._source = source
        self._table = table
        self._api = OdooApi(source, secrets)
        self._model = table.place["model"]
        if not _MODEL.fullmatch(self._model):
            raise bad_setting(f"tables.{table.name}.model", "is no name of a model")
        options = Declared(table.options, SETTINGS, f"tables.{table.name}.options.")
        self._domain = options.listed("domain")
        self._needed = options.texts("needed")
        options.finish()
        self.picker = Picker(table)

    def rows(self, since: str | None) -> Generator[Row, None, None]:
        """The records, archived ones too, by id."""
        kinds = self._kinds()
        self.picker.know(path for name, kind in kinds.items() for path in _paths(name, kind))
        cursor = self._cursor(kinds)
        changed = [[cursor, ">=", since]] if since is not None and cursor is not None else []
        line = 0
        for records in self._pages(changed, list(kinds)):
            for record in records:
                line += 1
                yield Row(line, self.picker.cells(_plain(record, kinds)))
        self.picker.finish(self._source.name)

    def keys(self) -> set[str]:
        """The ids of all records that are there now."""
        return {str(record["id"]) for records in self._pages([], ["id"]) for record in records}

    def _pages(self, domain: list[Any], fields: list[str]) -> Iterator[list[dict[str, Any]]]:
        """The records that a domain finds, in parts: each goes on after the last id of the one before."""
        last = 0
        while True:
            found = self._api.call(
                self._model,
                "search_read",
                domain=[*self._domain, *domain, ["id", ">", last]],
                fields=fields,
                limit=_AT_ONCE,
                order="id",
            )
            if not isinstance(found, list) or not all(_is_record(one, last) for one in found):
                raise SourceFailed("answers with records that are none", source=self._source.name)
            if found:
                yield found
            if len(found) < _AT_ONCE:
                return
            last = found[-1]["id"]

    def _kinds(self) -> dict[str, str]:
        """The types of the model's fields that the mapping knows, by their names."""
        described = self._api.call(self._model, "fields_get", attributes=["type"])
        if not isinstance(described, dict):
            raise SourceFailed("answers with records that are none", source=self._source.name)
        for name in self._needed:
            if name not in described:
                raise BadInput(
                    "{model} has no field {name} that this user may read",
                    model=self._model,
                    name=name,
                    source=self._source.name,
                )
        known = {plain(title) for column in self._table.columns for title in column.titles}
        return {
            name: str(field.get("type")) if isinstance(field, dict) else ""
            for name, field in sorted(described.items())
            if plain(name) in known or plain(f"{name}{_KEY}") in known
        }

    def _cursor(self, kinds: Mapping[str, str]) -> str | None:
        """The field that the cursor column stands for: the first of its titles that there is."""
        titles = next((c.titles for c in self._table.columns if c.name == self._table.cursor), ())
        return next((name for title in titles for name in kinds if plain(name) == plain(title)), None)


def _is_record(one: Any, last: int) -> bool:
    """Whether this is a record that comes after the id `last`."""
    return isinstance(one, dict) and isinstance(one.get("id"), int) and one["id"] > last


def _paths(name: str, kind: str) -> Iterator[str]:
    """The fields of a row that a field of this type becomes; see `_plain`."""
    yield name
    if kind == "many2one":
        yield f"{name}{_KEY}"


def _plain(record: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    """A record as a row: Odoo says false where a field is empty, and [id, name] for another record.

    >>> kinds = {"id": "integer", "email": "char", "active": "boolean", "parent_id": "many2one"}
    >>> _plain({"id": 7, "email": False, "active": False, "parent_id": [31, "Pumpen AG"]}, kinds)
    {'id': 7, 'email': None, 'active': False, 'parent_id': 'Pumpen AG', 'parent_id/id': 31}
    """
    found: dict[str, Any] = {}
    for name, value in record.items():
        kind = kinds.get(name)
        if value is False and kind != "boolean":
            found[name] = None
        elif kind == "many2one" and isinstance(value, list):
            key, shown = [*value, None, None][:2]
            found |= {name: shown, f"{name}{_KEY}": key}
        else:
            found[name] = value
    return found
