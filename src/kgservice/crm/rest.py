"""Tables behind a REST API that answers page by page, by the REST client of dlt."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Any

import requests
from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.rest_api.config_setup import create_paginator

from kgservice.crm.credentials import Secrets, not_written
from kgservice.crm.declared import Declared
from kgservice.crm.rows import Picker, Reading, Row, check_cursor, column_names
from kgservice.crm.settings import SETTINGS, Source, Table
from kgservice.crm.web import Web, bad_setting
from kgservice.errors import SourceFailed

_NUMBER = re.compile(r"\d+(\.\d+)?")


def read_rest(source: Source, table: Table, secrets: Secrets, since: str | None) -> Reading:
    """The records at the path of a table, page by page.

    With a `cursor_param` in its options, those that have changed `since` a value of the cursor. Raises
    `BadInput` for settings that cannot be used; going through the rows `Unauthorised` and `SourceFailed`.
    """
    reader = _Reader(source, table, secrets)
    incremental = since is not None and bool(reader.cursor_param)
    return Reading(
        reader.rows(since if incremental else None), reader.picker.columns, complete=not incremental
    )


class _Reader:
    """One path of one API."""

    def __init__(self, source: Source, table: Table, secrets: Secrets) -> None:
        self._source = source
        self._table = table
        self._web = Web(source, secrets)
        connection = self._web.rest
        options = Declared(table.options, SETTINGS, f"tables.{table.name}.options.")
        self.picker = Picker(table)
        self._answered = set[tuple[Any, ...]]()
        self.cursor_param = options.text("cursor_param", "")
        self._data = options.text("data", "")
        self._params: dict[str, str] = options.strings("params")
        not_written(options, "params", self._params)
        options.finish()
        self._paginator: Mapping[str, Any] = connection.anything("paginator")
        self._headers: dict[str, str] = connection.strings("headers")
        not_written(connection, "headers", self._headers)
        token_header = connection.text("token_header", "")
        connection.finish()
        token, user, password = (secrets.get(name) for name in ("token", "user", "password"))
        if token is not None:
            name, value = (token_header, token) if token_header else ("Authorization", f"Bearer {token}")
            self._headers[name] = value
        elif user is not None:
            self._web.session.auth = (user, password or "")

    def rows(self, since: str | None) -> Generator[Row, None, None]:
        """The records of all pages."""
        self._answered.clear()
        params = self._params | ({self.cursor_param: since} if since is not None else {})
        try:
            paginator = create_paginator(dict(self._paginator) if self._paginator else "single_page")  # type: ignore[arg-type]
        except (ValueError, TypeError) as error:
            raise bad_setting("connection.paginator", "cannot be used: {error}", error=error) from None
        client = RESTClient(
            self._web.url, headers=self._headers, session=self._web.session, paginator=paginator
        )
        pages = client.paginate(
            self._table.place["path"],
            params=params,
            data_selector=self._data or "$",
            hooks={"response": [self._check]},
        )
        line, place = 0, self._cursor_at()
        try:
            for page in pages:
                for item in page:
                    if not isinstance(item, dict):
                        raise SourceFailed("answers with records that are none", source=self._source.name)
                    line += 1
                    cells = self.picker.cells(item)
                    if place is not None and not _NUMBER.fullmatch(cells[place] or ""):
                        check_cursor(self._table, cells[place], self._source.name)
                    yield Row(line, cells)
        except requests.RequestException as error:
            raise self._web.told(error) from None
        except ValueError as error:  # what dlt's paginators say of an answer that they cannot follow
            raise SourceFailed(
                "cannot be paged through: {error}", error=error, source=self._source.name
            ) from None
        self.picker.finish(self._source.name)

    def _cursor_at(self) -> int | None:
        """The place of the cursor among the columns, if it is sent to the API."""
        names = column_names(self._table.columns)
        return names.index(self._table.cursor) if self.cursor_param and self._table.cursor else None

    def _check(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """Refuse an answer without records where they should be, and one to what was answered before.

        Errors are tried again elsewhere.
        """
        if response.is_redirect or not response.ok:
            return
        name = self._data or "$"
        found = jsonpath.find_values(name, self._web.answer(response))
        if not found or found == [None]:  # which is no empty list
            raise SourceFailed("answers without {name}", name=name, source=self._source.name)
        asked = response.request.url, response.request.body
        if asked in self._answered:
            raise SourceFailed("leads to the same page again", source=self._source.name)
        self._answered.add(asked)
