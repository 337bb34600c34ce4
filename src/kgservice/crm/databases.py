"""Tables and queries in SQLite, PostgreSQL and MariaDB: as a whole, or what has changed."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchTableError, SQLAlchemyError

from kgservice.crm.credentials import Secrets
from kgservice.crm.rows import (
    Columns,
    Headings,
    Reading,
    Row,
    Since,
    check_cursor,
    recognised,
    text_of,
    unreadable,
)
from kgservice.crm.settings import SETTINGS, Source, Table
from kgservice.errors import BadInput, KgError, SourceFailed, Unauthorised

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}
_FEW = 500  # keys in one statement
_STREAMED = {"stream_results": True, "yield_per": 5_000}
# What PostgreSQL and MariaDB say when they refuse who asks, or what is asked of them.
_REFUSED = re.compile(
    r"password authentication failed|authentication failed|Access denied|no password supplied"
    r"|permission denied|command denied to user"
)


def read_database(source: Source, table: Table, secrets: Secrets, since: Since | None) -> Reading:
    """The rows of a table or query; with `since` those that may have changed, and then the keys of all.

    These are rows whose cursor is at least that of `since`, those whose key is not among the taken, and all
    others of the same keys, since which of them counts is said by all together.

    Raises `BadInput` for settings that lead nowhere, `Unauthorised` when the server refuses who asks,
    `SourceFailed` when it does not answer or breaks off: from going through the rows.
    """
    reader = _Reader(source, table, secrets)
    if since is None:
        return Reading(reader.rows(None), reader.columns)
    return Reading(reader.rows(since), reader.columns, complete=False, present=reader.keys)


class _Reader:
    """One table or query of one database."""

    def __init__(self, source: Source, table: Table, secrets: Secrets) -> None:
        self._source = source
        self._table = table
        self._secrets = secrets
        self._headings = Headings({}, ())

    def columns(self) -> Columns:
        """Which columns were found."""
        return self._headings.columns()

    def rows(self, since: Since | None) -> Generator[Row, None, None]:
        """The rows, in parts from the server, which are not held together in memory."""
        table = self._table
        try:
            with self._connected() as connection:
                chosen = self._chosen(connection)
                selected = sa.select(chosen)
                if since is not None and table.cursor is not None:
                    selected = self._changed(connection, chosen, table.cursor, since)
                with _streamed(connection, selected) as result:
                    self._headings = recognised(table, tuple(result.keys()), self._called())
                    place = self._headings.positions.get(table.cursor or "")
                    for line, values in enumerate(result, start=1):
                        if place is not None:
                            check_cursor(table, values[place], self._source.name)
                        yield Row(line, self._headings.cells(table, values))
        except (SQLAlchemyError, ValueError) as error:
            raise self._told(error) from None

    def _changed(
        self, connection: sa.Connection, chosen: sa.FromClause, name: str, since: Since
    ) -> sa.Select[Any]:
        """The statement for the rows that may have changed; for all, if too many keys are not known."""
        key, cursor = self._column(chosen, self._table.key), self._column(chosen, name)
        # Of a row without a moment nobody knows when it changed.
        late = sa.or_(cursor >= _bound(cursor, since.cursor), cursor.is_(None), key.is_(None))
        before = connection.execute(sa.select(key).where(sa.not_(late)).distinct())
        new = [value for (value,) in before if text_of(value) not in since.taken]
        if len(new) > _FEW or unreadable(map(text_of, new)):
            return sa.select(chosen)
        fitting = sa.or_(late, key.in_(sa.select(key).where(late)), *([key.in_(new)] if new else []))
        return sa.select(chosen).where(fitting)

    def keys(self) -> set[str]:
        """The keys of all rows that are there now."""
        try:
            with self._connected() as connection:
                key = self._column(self._chosen(connection), self._table.key)
                found = {text_of(value) for (value,) in connection.execute(sa.select(key))}
                return {text for text in found if text is not None}
        except (SQLAlchemyError, ValueError) as error:
            raise self._told(error) from None

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        engine = sa.create_engine(self._url(), poolclass=sa.NullPool)
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":  # which keeps any bytes as text
                own: Any = connection.connection.driver_connection
                own.text_factory = lambda read: read.decode("utf-8", "surrogateescape")
            yield connection

    def _url(self) -> sa.URL:
        """The address with user and password, which settings do not hold. Raises `BadInput`."""
        text = self._source.connection.get("url")
        if not isinstance(text, str):
            raise BadInput("connection.url is missing", source=SETTINGS)
        try:
            url = sa.make_url(text)
        except SQLAlchemyError:
            raise BadInput("connection.url is no address of a database", source=SETTINGS) from None
        if url.drivername not in _DRIVERS:
            raise BadInput(
                "connection.url begins with none of {names}", names=", ".join(_DRIVERS), source=SETTINGS
            )
        asked = {name.lower() for name in url.query}
        if url.password is not None or url.username is not None or asked & {"user", "password", "passfile"}:
            raise BadInput(
                "connection.url holds a user or a password; name them in credentials", source=SETTINGS
            )
        if url.drivername == "sqlite":
            path = (self._source.folder / Path(url.database or "")).resolve()
            if not path.is_file():
                raise BadInput("is not there", source=url.database)
            return sa.URL.create("sqlite", database=f"file:{path}", query={"mode": "ro", "uri": "true"})
        return url.set(
            drivername=_DRIVERS[url.drivername],
            username=self._secrets.get("user"),
            password=self._secrets.get("password"),
        )

    def _chosen(self, connection: sa.Connection) -> sa.FromClause:
        """The table, as the database describes it, or the query as a subquery."""
        place = self._table.place
        if "query" in place:
            query = sa.text(place["query"].rstrip().rstrip(";"))
            whole = sa.select(sa.text("*")).select_from(query.columns().subquery())
            with connection.execute(whole.limit(0)) as described:
                return query.columns(*map(sa.column, described.keys())).subquery("chosen")
        schema, _, name = place["table"].rpartition(".")
        try:
            found = sa.Table(
                name, sa.MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False
            )
        except NoSuchTableError:
            raise BadInput(
                "there is no table {name}", name=place["table"], source=self._source.name
            ) from None
        if connection.dialect.name == "sqlite":  # whose types say little of what is in a column
            return sa.table(name, *(sa.column(c.name) for c in found.columns))
        return found

    def _column(self, chosen: sa.FromClause, name: str) -> sa.ColumnElement[Any]:
        """A column of ours as the database calls it."""
        names = [c.name for c in chosen.columns]
        headings = recognised(self._table, names, self._called())
        if name not in headings.positions:
            raise BadInput("the column {name} is not there", name=name, source=self._source.name)
        return list(chosen.columns)[headings.positions[name]]

    def _called(self) -> str:
        return self._table.place.get("table", self._table.name)

    def _told(self, error: Exception) -> KgError:
        """What an error of a database is to people: without the statement, the address and credentials."""
        said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        said = self._secrets.hidden(said.strip().splitlines()[0] if said.strip() else type(error).__name__)[
            :300
        ]
        if _REFUSED.search(said):
            return Unauthorised(said, source=self._source.name)
        return SourceFailed(said, source=self._source.name)


@contextmanager
def _streamed(connection: sa.Connection, selected: sa.Select[Any]) -> Iterator[sa.CursorResult[Any]]:
    """The rows of a statement, in parts; one of MariaDB that is left before their end is not read on."""
    with connection.execute(selected, execution_options=_STREAMED) as result:
        try:
            yield result
        except BaseException:  # also of who wants no more rows
            # PyMySQL would read all that is left when it closes a result, even from a connection that is lost
            left = getattr(result.cursor, "_result", None)
            if left is not None:
                left.unbuffered_active = False
                connection.invalidate()
            raise


def _bound(column: sa.ColumnElement[Any], since: str) -> sa.ColumnElement[Any]:
    """The value of a cursor, which is kept as text, in the type of its column if that is known."""
    kind = column.type
    if isinstance(kind, sa.Integer | sa.Numeric):
        return sa.literal(kind.python_type(since))
    if isinstance(kind, sa.DateTime | sa.Date):
        return sa.literal(kind.python_type.fromisoformat(since), kind)
    return sa.literal(since, sa.types.NullType())  # the database knows how to read it
