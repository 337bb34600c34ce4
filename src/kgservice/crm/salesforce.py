"""Objects of Salesforce by its REST API, with simple-salesforce: what has changed, deleted ones too."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceError,
    SalesforceExpiredSession,
    SalesforceRefusedRequest,
)

from kgservice.crm.credentials import Secrets
from kgservice.crm.rows import Picker, Reading, Row
from kgservice.crm.settings import Source, Table
from kgservice.crm.web import Web, bad_setting
from kgservice.errors import KgError, SourceFailed, Unauthorised
from kgservice.tabular.headings import plain

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")


def read_salesforce(source: Source, table: Table, secrets: Secrets, since: str | None) -> Reading:
    """The records of an object; with a cursor those that have changed `since`, and then the ids of all.

    The fields are those of the object whose names the mapping knows. Raises `Unauthorised` when the
    credentials are refused, `SourceFailed` when Salesforce does not answer or refuses a query.
    """
    reader = _Reader(source, table, secrets)
    if since is None:
        return Reading(reader.rows(None), reader.picker.columns)
    return Reading(reader.rows(since), reader.picker.columns, complete=False, present=reader.keys)


class _Reader:
    """One object of one organisation."""

    def __init__(self, source: Source, table: Table, secrets: Secrets) -> None:
        self._source = source
        self._table = table
        self._secrets = secrets
        self._object = table.place["object"]
        if not _IDENTIFIER.fullmatch(self._object):
            raise bad_setting(f"tables.{table.name}.object", "is no name of an object")
        self._web = Web(source, secrets)
        self._version = self._web.rest.text("version", "60.0")
        self._web.rest.finish()
        self._web.busy = "REQUEST_LIMIT_EXCEEDED"
        self.picker = Picker(table)

    def rows(self, since: str | None) -> Generator[Row, None, None]:
        """The records, deleted ones too as far as Salesforce still has them."""
        try:
            client = self._client()
            fields = self._fields(client)
            self.picker.know(fields)
            query = f"SELECT {', '.join(fields)} FROM {self._object}"  # noqa: S608  (names from `_fields`)
            cursor = self._cursor(fields)
            if since is not None and cursor is not None:
                if not _MOMENT.fullmatch(since):
                    raise SourceFailed(
                        "has no moment to go on from: {since}", since=since, source=self._source.name
                    )
                query += f" WHERE {cursor} >= {since}"
            found = client.query_all_iter(query, include_deleted="IsDeleted" in fields)
            for line, record in enumerate(found, start=1):
                yield Row(line, self.picker.cells({k: v for k, v in record.items() if k != "attributes"}))
        except (SalesforceError, requests.RequestException) as error:
            raise self._told(error) from None
        self.picker.finish(self._source.name)

    def keys(self) -> set[str]:
        """The ids of all records that Salesforce still has."""
        try:
            client = self._client()
            query = f"SELECT Id FROM {self._object}"  # noqa: S608  (checked above)
            deleted = "IsDeleted" in self._fields(client)
            return {record["Id"] for record in client.query_all_iter(query, include_deleted=deleted)}
        except (SalesforceError, requests.RequestException) as error:
            raise self._told(error) from None

    def _client(self) -> Salesforce:
        """Logged in by a token, or as a connected app: at the organisation's own address."""
        token = self._secrets.get("token")
        if token is None:
            token = self._web.token(
                "services/oauth2/token",
                {
                    "grant_type": "client_credentials",
                    "client_id": self._secrets.need("consumer_key", self._source.name),
                    "client_secret": self._secrets.need("consumer_secret", self._source.name),
                },
            )
        return Salesforce(
            instance_url=self._web.url, session_id=token, session=self._web.session, version=self._version
        )

    def _fields(self, client: Salesforce) -> list[str]:
        """The names of the object's fields that the mapping knows, as Salesforce describes them."""
        described: Any = getattr(client, self._object).describe()
        known = {plain(title) for column in self._table.columns for title in column.titles}
        names = [field["name"] for field in described["fields"]]
        return [name for name in names if plain(name) in known and _IDENTIFIER.fullmatch(name)]

    def _cursor(self, fields: list[str]) -> str | None:
        """The field that the cursor column stands for: the first of its titles that there is."""
        titles = next((c.titles for c in self._table.columns if c.name == self._table.cursor), ())
        return next((name for title in titles for name in fields if plain(name) == plain(title)), None)

    def _told(self, error: Exception) -> KgError:
        refused = (SalesforceAuthenticationFailed, SalesforceExpiredSession, SalesforceRefusedRequest)
        if isinstance(error, refused):
            return Unauthorised("the credentials are refused", source=self._source.name)
        if isinstance(error, requests.RequestException):
            return self._web.told(error)
        return SourceFailed(
            "answers {status} about {name}",
            status=getattr(error, "status", ""),
            name=self._object,
            source=self._source.name,
        )
