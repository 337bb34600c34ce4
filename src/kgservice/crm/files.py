"""Tables in files: delimited text, workbooks and Parquet, row by row with the place of each."""

from __future__ import annotations

import codecs
import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kgservice.crm.rows import Headings, Reading, Row, recognised
from kgservice.crm.settings import Source, Table
from kgservice.errors import BadInput, BadTable
from kgservice.tabular.csv_records import Record, records

# The most characters that the bytes beyond ASCII, in their order, are in encodings of several bytes.
_PAIRS = 64
# What a workbook raises whose archive, XML or values are broken.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, SyntaxError, KeyError, ValueError)


def read_file(source: Source, table: Table) -> Reading:
    """The rows of a table in a file.

    Raises `BadInput` when the file is not there or is none of its kind, or when columns are missing.
    """
    headings, rows = _open(source, table)
    return Reading(rows, headings.columns)


def _open(source: Source, table: Table) -> tuple[Headings, Generator[Row, None, None]]:
    path = source.folder / table.place["file"]
    if not path.is_file():
        raise BadInput("is not there", source=table.place["file"])
    if source.kind == "csv":
        return _csv(path, source, table)
    return _xlsx(path, table) if source.kind == "xlsx" else _parquet(path, table)


def _csv(path: Path, source: Source, table: Table) -> tuple[Headings, Generator[Row, None, None]]:
    _check_encoding(path, source.dialect.encoding)
    listed = records(path, source.dialect)
    head = next(listed, None)
    if head is None:
        raise BadTable("is empty", source=path.name)
    if head.fault:
        raise BadTable(
            "the headings cannot be read: {fault}", fault=head.fault, line=head.line, source=path.name
        )
    headings = recognised(table, head.fields, path.name)

    def row(record: Record) -> Row:
        if record.fault:
            return Row(record.line, fault=record.fault)
        return Row(record.line, headings.cells(table, record.fields))

    return headings, (row(record) for record in listed)


def _check_encoding(path: Path, declared: str) -> None:
    """Refuse a file in UTF-8 that is declared to be in an encoding of single bytes.

    Each byte means something there, so names would be taken wrongly, and no row would be refused. Text in
    such an encoding that has letters beyond ASCII is hardly ever valid UTF-8.
    """
    if len(bytes(range(0x80, 0x100)).decode(declared, "ignore")) <= _PAIRS:
        return
    decoder, beyond = codecs.getincrementaldecoder("utf-8")(), False
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                beyond = beyond or not block.isascii()
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return
    if beyond:
        raise BadTable("is utf-8, not {encoding}", encoding=declared, source=path.name)


def _xlsx(path: Path, table: Table) -> tuple[Headings, Generator[Row, None, None]]:
    """A sheet of a workbook: values, and where a formula has none stored, a fault."""
    rows = _sheet(path, table)
    head = next((values for _, values, _ in rows if any(v is not None for v in values)), None)
    if head is None:
        raise BadTable("is empty", source=path.name)
    width = max(i for i, v in enumerate(head) if v is not None) + 1
    headings = recognised(table, ["" if v is None else str(v) for v in head[:width]], path.name)
    used = set(headings.positions.values())

    def read() -> Generator[Row, None, None]:
        for line, values, formulas in rows:
            if all(v is None for v in values) and not formulas:
                continue
            unknown = sorted(formulas & used)
            if unknown:
                yield Row(line, fault=f"the formula in {head[unknown[0]]} has no stored value")
                continue
            padded = [*values[:width], *[None] * (width - len(values))]
            yield Row(line, headings.cells(table, padded))

    return headings, read()


def _sheet(path: Path, table: Table) -> Iterator[tuple[int, tuple[object, ...], set[int]]]:
    """The rows of a sheet: line, stored values, and the positions of formulas that have none."""
    from openpyxl import load_workbook  # noqa: PLC0415  (takes half a second, which other files need not)
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    with ExitStack() as files:
        try:
            one, other = (files.enter_context(path.open("rb")) for _ in range(2))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # styles and extensions that openpyxl leaves out
                stored = load_workbook(one, read_only=True, data_only=True)
                written = load_workbook(other, read_only=True)
        except (InvalidFileException, OSError, *_BROKEN) as error:
            raise BadTable("is no workbook: {error}", error=error, source=path.name) from None
        name = table.place.get("sheet", stored.sheetnames[0])
        if name not in stored.sheetnames:
            raise BadTable(
                "has no sheet {name!r}; it has {names}",
                name=name,
                names=", ".join(stored.sheetnames),
                source=path.name,
            )
        sheets = [
            files.enter_context(closing(book[name].iter_rows(values_only=True))) for book in (stored, written)
        ]
        try:
            for line, (values, texts) in enumerate(zip_longest(*sheets, fillvalue=()), start=1):
                formulas = {
                    i
                    for i, (value, text) in enumerate(zip(values, texts, strict=False))
                    if value is None and text is not None
                }
                yield line, values, formulas
        except _BROKEN as error:
            raise BadTable("is broken: {error}", error=error, source=path.name) from None


def _parquet(path: Path, table: Table) -> tuple[Headings, Generator[Row, None, None]]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadTable("is no Parquet: {error}", error=error, source=path.name) from None
    headings = recognised(table, file.schema_arrow.names, path.name)

    def read() -> Generator[Row, None, None]:
        line = 0
        with file:
            try:
                for batch in file.iter_batches():
                    columns = [column.to_pylist() for column in batch.columns]
                    for values in zip(*columns, strict=True):
                        line += 1
                        yield Row(line, headings.cells(table, values))
            except (pa.ArrowException, OSError) as error:
                raise BadTable("is broken: {error}", error=error, source=path.name) from None

    return headings, read()
