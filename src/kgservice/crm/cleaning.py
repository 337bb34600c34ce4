"""From raw rows to canonical ones: the SELECTs of a mapping, each row of which is made or refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import duckdb

from kgservice.crm.canonical import CANONICAL, NAMING
from kgservice.crm.cleaned import Cleaned, Reject
from kgservice.crm.extract import RAW
from kgservice.crm.settings import FILES, Source, Table
from kgservice.errors import BadTable
from kgservice.phrases import Phrase
from kgservice.tabular.sandbox import Sandbox, quoted

# Which of the rows that a SELECT made are taken.
_GOOD = "len(faults) = 0 AND key IS NOT NULL AND time = 1"
_SQL = Path(__file__).parent / "sql"


Headings = Mapping[str, Mapping[str, str]]


class Cleaning:
    """The SQL of one source at work, in a database that reaches nothing but the raw rows.

    That of each table has `seconds` to be done. Nobody is born after `today`. What is wrong
    with a column is told by the heading that it has in the source: `headings`, by table and column.
    """

    def __init__(self, source: Source, raw: Path, *, headings: Headings, today: date, seconds: float) -> None:
        self._source = source
        self._headings = headings
        self._today = today
        self._seconds = seconds
        self._sandbox = Sandbox(source.mapping or source.name)
        self._db = self._sandbox.db
        self._prepare(raw)

    def __enter__(self) -> Cleaning:
        return self

    def __exit__(self, *_: object) -> None:
        self._sandbox.close()

    def _prepare(self, raw: Path) -> None:
        """Attach the raw rows, define what mappings may use, and lock the database up."""
        writing = self._source.writing
        decimal = writing.decimal or ("" if self._source.kind in {"csv", "xlsx"} else ".")
        self._db.execute("SET TimeZone = 'UTC'")
        for name, value in (("decimal", decimal), ("dates", writing.dates), ("timezone", writing.timezone)):
            self._db.execute(f"SET VARIABLE {name} = ?", [value])
        self._db.execute("SET VARIABLE today = ?::DATE", [self._today])
        self._db.execute(
            "CREATE TABLE places AS FROM read_csv(?, delim = '\t', header = true, all_varchar = true)",
            [str(_SQL / "places.tsv")],
        )
        self._db.execute((_SQL / "cells.sql").read_text(encoding="utf-8"))
        self._db.execute(f"ATTACH '{str(raw).replace(chr(39), chr(39) * 2)}' AS delivered (READ_ONLY)")
        self._sandbox.lock()
        with self._sandbox.told():
            self._db.execute("SELECT TIMESTAMP '2024-01-01' AT TIME ZONE getvariable('timezone')")
            for table in self._source.tables:
                self._take(table)

    def _take(self, table: Table) -> None:
        """Make of a raw table the rows that can be told apart; the others are refused or repeated."""
        arrived, refused, doubles = (_name(table, part) for part in ("arrived", "refused", "doubles"))
        columns = ", ".join(quoted(c.name) for c in table.columns)
        self._db.execute(
            f"CREATE TABLE {arrived} AS SELECT line, fault, {columns} "  # noqa: S608
            f"FROM delivered.{RAW}.{quoted(table.name)}"
        )
        needed = [c for c in table.columns if c.required]
        empty = ", ".join(f"CASE WHEN {quoted(c.name)} IS NULL THEN ? END" for c in needed)
        self._db.execute(
            f"CREATE TABLE {refused} AS SELECT line, {quoted(table.key)} AS key, "  # noqa: S608
            f"coalesce(fault, array_to_string([{empty}], '; ')) AS reason FROM {arrived} "
            f"WHERE fault IS NOT NULL OR {' OR '.join(f'{quoted(c.name)} IS NULL' for c in needed)}",
            [f"{self._headings[table.name].get(c.name, c.titles[0])} is empty" for c in needed],
        )
        # Where only changes are read, the numbers of rows differ from run to run.
        cursor = self._cursor(table)
        order = f"{quoted(cursor)}, {columns}" if cursor else "line"
        first = f"OVER (PARTITION BY {quoted(table.key)} ORDER BY {order})"
        row = f"row({columns})"
        self._db.execute(
            f"CREATE TABLE {doubles} AS SELECT line, key, first_line, same FROM ("  # noqa: S608
            f"SELECT line, {quoted(table.key)} AS key, first_value(line) {first} AS first_line, "
            f"{row} IS NOT DISTINCT FROM first_value({row}) {first} AS same "
            f"FROM {arrived} WHERE line NOT IN (SELECT line FROM {refused})) WHERE line <> first_line"
        )
        self._db.execute(
            f"CREATE TABLE {quoted(table.name)} AS SELECT * EXCLUDE (fault) FROM {arrived} WHERE line NOT IN "  # noqa: S608
            f"(SELECT line FROM {refused} UNION ALL SELECT line FROM {doubles})"
        )

    def _cursor(self, table: Table) -> str | None:
        """The column by which only what has changed may be read of a table; files are read as a whole."""
        return table.cursor if self._source.kind not in FILES else None

    def cleaned(self) -> Iterator[Cleaned]:
        """What becomes of each table.

        Raises `BadTable` when the SQL fails, loses a row or makes one up, `DeadlineExceeded` when it is
        stopped.
        """
        for table in self._source.tables:
            with self._sandbox.told(), self._sandbox.within(self._seconds):
                found = self._clean(table)
            yield found

    def _clean(self, table: Table) -> Cleaned:
        there = self._headings[table.name]
        named = {title.lower(): there[c.name] for c in table.columns if c.name in there for title in c.titles}
        self._db.execute(
            "SET VARIABLE headings = MAP(?::VARCHAR[], ?::VARCHAR[])", [[*named], [*named.values()]]
        )
        arrived, refused, doubles = (_name(table, part) for part in ("arrived", "refused", "doubles"))
        one = self._sandbox.count
        cursor = _latest(table.cursor) if table.cursor else "NULL"
        latest = self._db.execute(f"SELECT {cursor} FROM {arrived}").fetchone()  # noqa: S608
        keys = self._db.execute(
            f"SELECT DISTINCT {quoted(table.key)} FROM {arrived} WHERE {quoted(table.key)} IS NOT NULL"  # noqa: S608
        ).fetchall()
        double = (
            "concat('another row has the key ', key, ', with other content')"
            if self._cursor(table)
            else "concat('the key ', key, ' stands on line ', first_line, ' with other content')"
        )
        told = self._db.execute(
            f"SELECT line, key, reason FROM {refused} UNION ALL "  # noqa: S608
            f"SELECT line, key, {double} FROM {doubles} WHERE NOT same"
        ).fetchall()
        found = Cleaned(
            table,
            rows=one(f"SELECT count(*) FROM {arrived}"),  # noqa: S608
            taken=0,
            repeated=one(f"SELECT count(*) FROM {doubles} WHERE same"),  # noqa: S608
            cursor=latest[0] if latest else None,
            keys={key for (key,) in keys},
            rejects=[Reject(table.name, line, key, reason, table.only) for line, key, reason in told],
        )
        self._db.execute(f"CREATE OR REPLACE VIEW raw AS SELECT * FROM {quoted(table.name)}")  # noqa: S608
        for canonical in table.primary:
            self._make(found, canonical)
        self._check_rows(table)
        good = " UNION ALL ".join(
            f"SELECT line FROM {_name(table, f'{kind} judged')} WHERE {_GOOD}"  # noqa: S608
            for kind in table.primary
        )
        # what else is made of a row is made of those that are taken
        self._db.execute(
            f"CREATE OR REPLACE VIEW raw AS SELECT * FROM {quoted(table.name)} WHERE line IN ({good})"  # noqa: S608
        )
        for canonical in table.into:
            if canonical not in table.primary:
                self._make(found, canonical)
        found.taken = sum(found.made[kind].num_rows for kind in table.primary)
        return found

    def _make(self, found: Cleaned, canonical: str) -> None:
        """Run one SELECT, look at its columns and rows, and keep what it made."""
        table, sql = found.table, found.table.into[canonical]
        made, judged = _name(table, canonical), _name(table, f"{canonical} judged")
        statements = self._db.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise self._wrong(table.name, canonical, "is not one SELECT")
        self._db.execute(f"CREATE TABLE {made} AS {sql}")
        self._check_columns(made, canonical, table)
        strange = self._sandbox.count(
            f"SELECT count(*) FROM {made} WHERE line IS NULL OR line NOT IN (SELECT line FROM raw)"  # noqa: S608
        )
        if strange:
            raise self._wrong(table.name, canonical, "makes up {count:row|rows}", count=strange)
        self._db.execute(
            f"CREATE TABLE {judged} AS SELECT *, row_number() OVER "  # noqa: S608
            f"(PARTITION BY key, len(faults) ORDER BY line) AS time FROM {made}"
        )
        bad = self._db.execute(
            "SELECT line, key, CASE WHEN len(faults) > 0 THEN array_to_string(faults, '; ') "  # noqa: S608
            "WHEN key IS NULL THEN 'it has no key' ELSE concat('the key ', key, ' stands there twice') END "
            f"FROM {judged} WHERE NOT ({_GOOD})"
        ).fetchall()
        where = table.name if canonical in table.primary else f"{table.name}/{canonical}"
        found.rejects += [Reject(where, line, key, reason, canonical) for line, key, reason in bad]
        there = {name for name, *_ in self._db.execute(f"DESCRIBE {made}").fetchall()}
        if "notes" in there:
            noted = self._db.execute(
                f"SELECT line, key, array_to_string(notes, '; ') FROM {judged} "  # noqa: S608
                f"WHERE {_GOOD} AND len(notes) > 0"
            ).fetchall()
            found.rejects += [
                Reject(where, line, key, why, canonical, taken=True) for line, key, why in noted
            ]
        columns = ", ".join(
            _column(name, kind, there=name in there) for name, kind in CANONICAL[canonical].items()
        )
        kept = self._db.sql(
            f"SELECT {columns}, line FROM {judged} WHERE {_GOOD}",  # noqa: S608
            params=[self._source.name],
        ).to_arrow_table()
        found.made[canonical], found.lines[canonical] = kept.drop_columns("line"), kept.column("line")

    def _check_rows(self, table: Table) -> None:
        """See that each row came out once of the SELECTs that share them. Raises `BadTable`."""
        out = " UNION ALL ".join(f"SELECT line FROM {_name(table, kind)}" for kind in table.primary)  # noqa: S608
        lost = self._sandbox.count(f"SELECT count(*) FROM raw WHERE line NOT IN ({out})")  # noqa: S608
        twice = self._sandbox.count(f"SELECT count(*) - count(DISTINCT line) FROM ({out})")  # noqa: S608
        into = ", ".join(table.primary)
        if lost:
            raise self._wrong(table.name, into, "loses {count:row|rows}", count=lost)
        if twice:
            raise self._wrong(table.name, into, "repeats {count:row|rows}", count=twice)

    def _check_columns(self, made: str, canonical: str, table: Table) -> None:
        types: dict[str, str] = {
            name: kind for name, kind, *_ in self._db.execute(f"DESCRIBE {made}").fetchall()
        }
        wanted: Mapping[str, str] = CANONICAL[canonical] | {
            "line": "BIGINT",
            "faults": "VARCHAR[]",
            "notes": "VARCHAR[]",
        }
        for name in ("line", "key", "faults"):
            if name not in types:
                raise self._wrong(table.name, canonical, "has no column {name}", name=name)
        for other in table.into if canonical in table.primary else ():
            name = NAMING.get(other, "")
            if other not in table.primary and name in CANONICAL[canonical] and name not in types:
                raise self._wrong(
                    table.name,
                    canonical,
                    "has no column {name} that names which of the {other} a row brings",
                    name=name,
                    other=other,
                )
        for name, kind in types.items():
            if name not in wanted or name == "source":
                raise self._wrong(
                    table.name,
                    canonical,
                    "makes a column {name} that {kind} has not",
                    name=name,
                    kind=canonical,
                )
            if kind != wanted[name]:
                raise self._wrong(
                    table.name,
                    canonical,
                    "makes {name} as {kind} instead of {wanted}",
                    name=name,
                    kind=kind,
                    wanted=wanted[name],
                )

    def _wrong(self, table: str, canonical: str, what: str, /, **values: object) -> BadTable:
        """The error that says what the SQL does, with `{name}` for each of the values."""
        said = Phrase(what, **values)
        return self._sandbox.broken(
            "the SQL of {table} into {kind} {what}", table=table, kind=canonical, what=said
        )


def _column(name: str, kind: str, *, there: bool) -> str:
    """A canonical column in a SELECT, whose first parameter is the source."""
    if name == "source":
        return "CAST(? AS VARCHAR) AS source"
    if kind.endswith("[]"):
        return (
            f"coalesce({quoted(name)}, []) AS {quoted(name)}"
            if there
            else f"CAST([] AS {kind}) AS {quoted(name)}"
        )
    return quoted(name) if there else f"CAST(NULL AS {kind}) AS {quoted(name)}"


def _name(table: Table, part: str) -> str:
    """The name of a table of ours about a table of the source, which no column of theirs is called."""
    return quoted(f"{table.name}: {part}")


def _latest(column: str) -> str:
    """The SQL for the largest value of a cursor: as numbers if they are some, else as texts."""
    name = quoted(column)
    return f"max_by({name}, row(try_cast({name} AS DOUBLE), {name}))"
