"""From records to statements: DuckDB cleans and types the rows, SPARQL CONSTRUCT makes their graph."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from kgservice.application.imports.batches import Batch
from kgservice.application.imports.constructs import Constructs
from kgservice.application.imports.mapping import TableMapping
from kgservice.namespaces import XSD, Addresses
from kgservice.store.base import Engine
from kgservice.tabular.sandbox import Sandbox
from kgservice.tabular.sandbox import quoted as _quoted

# Facade-X, the row graph of SPARQL Anything: <row> xyz:column "value".
FACADE = "http://sparql.xyz/facade-x/data/"

# `instance(kind, [key, …])` is Addresses.instance: the UUID (version 5) of the deployment for these keys. The
# namespace is spelled out (in hexadecimal digits): a macro that reads it from a table is many times slower.
_INSTANCE = """
CREATE MACRO uuid_of(h) AS concat(
  h[1:8], '-', h[9:12], '-5', h[14:16], '-',
  substr('89ab', (position(h[17:17] IN '0123456789abcdef') - 1) % 4 + 1, 1), h[18:20], '-', h[21:32]
)::UUID;
CREATE MACRO instance(kind, keys) AS uuid_of(sha1(unhex('{namespace}') || encode(
  concat(kind, '|', array_to_string(list_transform(keys, lambda k: coalesce(k, '')), '|')))));
"""
_LEXICAL = {
    "DATE": ("strftime({0}, '%Y-%m-%dT00:00:00Z')", "dateTime"),
    "TIMESTAMP": ("strftime({0}, '%Y-%m-%dT%H:%M:%SZ')", "dateTime"),
    "BOOLEAN": ("CAST({0} AS VARCHAR)", "boolean"),
    "VARCHAR": ("{0}", "string"),
}
_INTEGERS = {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")}
_INTEGERS |= {"INTEGER", "UINTEGER"}
_DECIMAL = re.compile(r"DECIMAL\(\d+,\d+\)")
# The longest row that is read, in bytes; fields are limited to 128 KiB before.
_LONGEST = 64 * 1024 * 1024
# The rows of `good` as lexical forms. The SQL of a mapping has run when it is made, and cannot alter it.
_FORMS = '"the forms of good"'


class Workbench:
    """A private DuckDB that holds one table and can reach nothing else.

    The SQL of the mapping finds the table `raw` (`line` and the columns of the schema, trimmed text or NULL;
    each key once, all required cells filled) and makes `good` (with `line`) and `rejects` (`line`, `reason`).
    A column of `good` becomes a term by its type: UUID an instance of the deployment, DATE and TIMESTAMP
    xsd:dateTime in UTC, BOOLEAN, whole numbers and DECIMAL their XSD types, VARCHAR a string; a list of these
    several terms; NULL none.

    `seconds`: so long may the SQL take, and the CONSTRUCT queries for one batch, which `engine` answers.
    """

    def __init__(
        self, mapping: TableMapping, addresses: Addresses, *, seconds: float, engine: Engine | None = None
    ) -> None:
        self._mapping = mapping
        self._addresses = addresses
        self._columns: list[tuple[str, str]] = []
        self._rejects: list[tuple[int, str]] = []
        self.repeated = 0
        """How many rows stand in the file before, word for word."""
        self._seconds = seconds
        self._constructs = Constructs(mapping, addresses.base, seconds, engine)
        self._sandbox = Sandbox(mapping.title)
        self._db = self._sandbox.db
        self._told, self._broken, self._one = self._sandbox.told, self._sandbox.broken, self._sandbox.count

    def __enter__(self) -> Workbench:
        return self

    def __exit__(self, *_: object) -> None:
        self._sandbox.close()

    def fill(self, rows: Iterator[tuple[int, Sequence[str | None]]]) -> int:
        """Take in the rows (line, one value for each column of the schema), clean and type them; the count.

        Raises `BadTable` when the SQL of the mapping fails or forgets a row, or when a column of `good`
        makes no term; `DeadlineExceeded`.
        """
        names = ["line", *(c.name for c in self._mapping.columns)]
        count = 0
        path = self._sandbox.folder / "rows.ndjson"
        with path.open("w", encoding="utf-8") as out:
            for line, values in rows:
                out.write(json.dumps(dict(zip(names, (line, *values), strict=True))))
                out.write("\n")
                count += 1
        with self._told(), self._sandbox.within(self._seconds):
            self._take_in(path)
            self._clean()
            self._type()
        return count

    def _take_in(self, path: Path) -> None:
        """Make `raw` of the rows, and lock the database up."""
        self._db.execute(f"CREATE TABLE arrived (line BIGINT, {self._listed('{} VARCHAR')})")
        columns = "{line: 'BIGINT', " + self._listed("{}: 'VARCHAR'") + "}"
        self._db.execute(
            "INSERT INTO arrived SELECT * FROM read_json(?, format = 'newline_delimited', "  # noqa: S608
            f"columns = {columns}, maximum_object_size = {_LONGEST})",
            [str(path)],
        )
        path.unlink()
        self._sandbox.lock()
        self._deduplicate()
        space = uuid.uuid5(uuid.NAMESPACE_URL, self._addresses.base)
        self._db.execute(_INSTANCE.replace("{namespace}", space.hex))

    def _clean(self) -> None:
        """Run the SQL of the mapping, and see that each row came out of it once."""
        self._db.execute(self._mapping.sql)
        lost = self._one(
            "SELECT count(*) FROM raw "
            "WHERE (line IN (SELECT line FROM good)) = (line IN (SELECT line FROM rejects))"
        )
        if lost:
            raise self._broken(
                "the SQL puts {count:row|rows} in neither or both of good and rejects", count=lost
            )
        made_up = self._one(
            "SELECT count(*) FROM (SELECT line FROM good UNION ALL SELECT line FROM rejects) AS made "
            "WHERE line IS NULL OR line NOT IN (SELECT line FROM raw)"
        )
        if made_up:
            raise self._broken("the SQL makes {count:row|rows} with a line that raw has not", count=made_up)
        self._rejects += self._db.execute(
            "SELECT CAST(line AS BIGINT) AS line, "
            "max(coalesce(CAST(reason AS VARCHAR), 'refused without a reason')) FROM rejects GROUP BY 1"
        ).fetchall()

    def _type(self) -> None:
        """Work out the lexical forms of all good rows: one that fails does so before the first commit."""
        columns = [
            (name, *self._term_kind(name, kind))
            for name, kind, *_ in self._db.execute("DESCRIBE good").fetchall()
            if name.lower() != "line"
        ]
        self._columns = [(name, kind) for name, _, kind in columns]
        if not columns:
            raise self._broken("the SQL of the mapping fails: good has no column besides line")
        missing = set(self._mapping.own) - {name for name, kind in self._columns if kind == "UUID"}
        if missing:
            raise self._broken(
                "own columns that good has not as UUID: {names}", names=", ".join(sorted(missing))
            )
        forms = "".join(f", {sql} AS {_quoted(name)}" for name, sql, _ in columns)
        self._db.execute(
            f"CREATE TEMP TABLE {_FORMS} AS SELECT CAST(line AS BIGINT) AS line{forms} FROM good"  # noqa: S608
        )

    def rejects(self) -> list[tuple[int, str]]:
        """The rows that were refused (line, reason), by line."""
        return sorted(self._rejects)

    def batches(self, size: int) -> Iterator[Batch]:
        """The statements of the good rows, `size` rows at a time, in the order of the file."""
        with self._told():
            cursor = self._db.execute(f"SELECT * FROM {_FORMS} ORDER BY line")  # noqa: S608
            while rows := cursor.fetchmany(size):
                yield from self._batches([rows])

    def singles(self, batch: Batch) -> list[Batch]:
        """Each row of the batch as a batch of its own."""
        with self._told():
            return self._batches([[row] for row in batch.forms])

    def _batches(self, parts: Sequence[Sequence[tuple[Any, ...]]]) -> list[Batch]:
        """The rows of each part, all of the same number, as a batch."""
        graphs = [NamedNode(f"urn:kgservice:rows:{number}") for number in range(len(parts))]
        quads: list[Quad] = []
        own = [self._graph(rows, graph, quads) for rows, graph in zip(parts, graphs, strict=True)]
        made = self._constructs.made(quads, graphs, len(parts[0]))
        return [Batch(tuple(r), m, frozenset(o)) for r, m, o in zip(parts, made, own, strict=True)]

    def _graph(self, rows: Sequence[tuple[Any, ...]], graph: NamedNode, quads: list[Quad]) -> set[NamedNode]:
        """Put what the rows say into the quads; the instances that belong to one of them alone."""
        ids, own = self._addresses.ids, set()
        plan = [
            (
                i,
                NamedNode(FACADE + name),
                None if kind == "UUID" else NamedNode(XSD + kind),
                name in self._mapping.own,
            )
            for i, (name, kind) in enumerate(self._columns, start=1)
        ]
        for row in rows:
            node = BlankNode()
            for i, predicate, datatype, is_own in plan:
                cell = row[i]
                if cell is None:
                    continue
                for value in cell if isinstance(cell, list) else (cell,):
                    if value is None:
                        continue
                    term = NamedNode(ids + value) if datatype is None else Literal(value, datatype=datatype)
                    quads.append(Quad(node, predicate, term, graph))
                    if is_own:
                        own.add(cast(NamedNode, term))
        return own

    def _term_kind(self, name: str, kind: str) -> tuple[str, str]:
        """The SQL that gives a column's lexical form, and `UUID` or the local name of its XSD type."""
        try:
            NamedNode(FACADE + name)
        except ValueError:
            raise self._broken("the column {name!r} makes no IRI", name=name) from None
        element = kind.removesuffix("[]")
        if element == "UUID":
            form, datatype = "CAST({0} AS VARCHAR)", "UUID"
        elif element in _INTEGERS:
            form, datatype = "CAST({0} AS VARCHAR)", "integer"
        elif _DECIMAL.fullmatch(element):
            form, datatype = "CAST({0} AS VARCHAR)", "decimal"
        elif element in _LEXICAL:
            form, datatype = _LEXICAL[element]
        else:
            raise self._broken(
                "the column {name} is {kind}: no term can be made of that", name=name, kind=kind
            )
        quoted = _quoted(name)
        if kind != element:
            return f"list_transform({quoted}, lambda x: {form.format('x')})", datatype
        return form.format(quoted), datatype

    def _deduplicate(self) -> None:
        """Make `raw` of what arrived, less `incomplete` rows and those whose key came before (`doubles`)."""
        needed = [c for c in self._mapping.columns if c.required or c.name in self._mapping.key]
        faults = ", ".join(f"CASE WHEN {_quoted(c.name)} IS NULL THEN ? END" for c in needed)
        self._db.execute(
            f"CREATE TABLE incomplete AS SELECT line, array_to_string([{faults}], '; ') AS reason "  # noqa: S608
            f"FROM arrived WHERE {' OR '.join(f'{_quoted(c.name)} IS NULL' for c in needed)}",
            [f"{c.title} is empty" for c in needed],
        )
        first = f"OVER (PARTITION BY {', '.join(map(_quoted, self._mapping.key))} ORDER BY line)"
        row = f"row({self._listed('{}')})"
        self._db.execute(
            "CREATE TABLE doubles AS SELECT line, first_line, same FROM ("  # noqa: S608
            f"SELECT line, first_value(line) {first} AS first_line, "
            f"{row} IS NOT DISTINCT FROM first_value({row}) {first} AS same "
            "FROM arrived WHERE line NOT IN (SELECT line FROM incomplete)) WHERE line <> first_line"
        )
        self._db.execute(
            "CREATE TABLE raw AS SELECT * FROM arrived "
            "WHERE line NOT IN (SELECT line FROM incomplete UNION ALL SELECT line FROM doubles)"
        )
        self.repeated = self._one("SELECT count(*) FROM doubles WHERE same")
        self._rejects = self._db.execute(
            "SELECT line, reason FROM incomplete UNION ALL "
            "SELECT line, concat('the key stands on line ', first_line, ' with other content') "
            "FROM doubles WHERE NOT same"
        ).fetchall()
        for table in ("arrived", "doubles", "incomplete"):
            self._db.execute(f"DROP TABLE {table}")

    def _listed(self, form: str) -> str:
        """The column names, quoted, each in `form`."""
        return ", ".join(form.format(_quoted(c.name)) for c in self._mapping.columns)
