"""Extraction: dlt takes the rows of a source into a DuckDB of their own, all or none of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from kgservice.crm.credentials import Secrets
from kgservice.crm.rows import Columns, Reading, Row, Since, column_names, unreadable
from kgservice.crm.settings import FILES, Source, Table
from kgservice.errors import KgError, SourceFailed

Progress = Callable[[str, int, int], None]
"""Called with a table's name, the rows done and the rows to do (0: not known)."""

RAW = "delivery"
_CHUNK = 5_000
# dlt works where it is told, asks nobody, tells nobody, and takes no settings from elsewhere.
_SILENT = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "DLT_DISABLE_PLUGINS": "1",
    "EXTRACT__WORKERS": "1",
    "NORMALIZE__WORKERS": "1",
    "LOAD__WORKERS": "1",
    "RESTORE_FROM_DESTINATION": "false",  # there is nothing before
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "false",
}


@dataclass(slots=True)
class Delivered:
    """A table as it has arrived: the number of its rows, and what `Reading` says of it."""

    rows: int = 0
    complete: bool = True
    present: set[str] | None = None
    columns: Columns = field(default_factory=lambda: Columns({}, ()))


def reading(source: Source, table: Table, secrets: Secrets, since: Since | None) -> Reading:
    """How a table of a source is read: as a whole, or what has changed `since`.

    Nothing is read before the rows are gone through.
    """
    if source.kind in FILES:
        from kgservice.crm.files import read_file  # noqa: PLC0415  (each kind needs its own library)

        return read_file(source, table)
    if source.kind == "sql":
        from kgservice.crm.databases import read_database  # noqa: PLC0415

        return read_database(source, table, secrets, since)
    moment = since.cursor if since is not None else None
    if source.kind == "tryton":
        from kgservice.crm.tryton import read_tryton  # noqa: PLC0415

        return read_tryton(source, table, secrets, moment)
    if source.kind == "salesforce":
        from kgservice.crm.salesforce import read_salesforce  # noqa: PLC0415

        return read_salesforce(source, table, secrets, moment)
    if source.kind == "odoo":
        from kgservice.crm.odoo import read_odoo  # noqa: PLC0415

        return read_odoo(source, table, secrets, moment)
    from kgservice.crm.rest import read_rest  # noqa: PLC0415

    return read_rest(source, table, secrets, moment)


def extract(
    source: Source, secrets: Secrets, since: Mapping[str, Since], work: Path, progress: Progress
) -> dict[str, Delivered]:
    """Take the tables of a source into `work`/raw.duckdb, schema `delivery`: of those in `since` what is new.

    Each raw table has `line`, `fault` and the columns of the table as text. Raises what the readers raise;
    `SourceFailed` for what dlt reports. Nothing is kept of a run that fails.
    """
    with silent(work):
        readings = {t.name: reading(source, t, secrets, since.get(t.name)) for t in source.tables}
        delivered = {name: Delivered(complete=r.complete) for name, r in readings.items()}
        import dlt  # noqa: PLC0415  (costs more than a second)
        from dlt.pipeline.exceptions import PipelineStepFailed  # noqa: PLC0415

        resources = [
            dlt.resource(
                _chunks(t, readings[t.name].rows, delivered[t.name], progress),
                name=t.name,
                write_disposition="replace",
            )
            for t in source.tables
        ]
        # Told a path, dlt would open and close the file for each thing that it does.
        with duckdb.connect(str(work / "raw.duckdb")) as db:
            pipeline = dlt.pipeline(
                pipeline_name="crm",
                pipelines_dir=str(work / "dlt"),
                destination=dlt.destinations.duckdb(db),
                dataset_name=RAW,
            )
            try:
                pipeline.run(resources, loader_file_format="parquet")
            except PipelineStepFailed as error:
                raise _reason(error, secrets, source) from None
            finally:
                pipeline.deactivate()
        for name, r in readings.items():
            delivered[name].columns = r.columns()
            if r.present is not None:
                delivered[name].present = {key for key in r.present() if unreadable([key]) is None}
    return delivered


def _chunks(
    table: Table, rows: Iterable[Row], delivered: Delivered, progress: Progress
) -> Iterator[pa.Table]:
    """The rows in parts, as Arrow tables; the first comes even if it is empty."""
    names = column_names(table.columns)
    fields = [("line", pa.int64()), ("fault", pa.string()), *((name, pa.string()) for name in names)]
    schema = pa.schema(fields)
    left = iter(rows)
    while True:
        part = list(islice(left, _CHUNK))
        if not part and delivered.rows:
            return
        try:
            columns = _columns(part, len(names))
        except UnicodeEncodeError:  # seldom, so cells are looked at one by one only then
            columns = None
        if columns is None or any(pc.any(pc.match_substring(c, "\0")).as_py() for c in columns[2:]):
            columns = _columns([_checked(row) for row in part], len(names))
        delivered.rows += len(part)
        progress(table.name, delivered.rows, 0)
        yield pa.Table.from_arrays(columns, schema=schema)
        if len(part) < _CHUNK:
            return


def _columns(part: Sequence[Row], width: int) -> list[pa.Array]:
    """Rows as columns: line, fault and the cells, which a row with a fault has not."""
    empty = [None] * width
    cells = [row.cells if row.fault is None else empty for row in part]
    return [
        pa.array([row.line for row in part], pa.int64()),
        pa.array([row.fault for row in part], pa.string()),
        *(pa.array([row[i] for row in cells], pa.string()) for i in range(width)),
    ]


def _checked(row: Row) -> Row:
    """A row, or its fault if a cell of it is no text."""
    fault = row.fault or unreadable(row.cells)
    return row if fault is None else Row(row.line, fault=fault)


@contextmanager
def silent(work: Path) -> Iterator[None]:
    """The environment in which dlt works in one folder and speaks to nobody."""
    wanted = _SILENT | {"DLT_DATA_DIR": str(work), "DLT_PROJECT_DIR": str(work), "DLT_LOCAL_DIR": str(work)}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _reason(error: BaseException, secrets: Secrets, source: Source) -> KgError:
    """Our own error among the causes of one of dlt's, or what dlt says, without credentials."""
    cause: BaseException | None = error
    last = error
    while cause is not None:
        if isinstance(cause, KgError):
            return cause
        last, cause = cause, cause.__cause__ or cause.__context__
    said = secrets.hidden(str(last))[:500]
    return SourceFailed(said, source=source.name)
