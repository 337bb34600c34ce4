"""Workbooks that people fill in: a sheet with headings, names of columns and pick lists; its rows read."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date, datetime
from xml.parsers import expat

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from kgservice.errors import BadTable, TooLarge
from kgservice.tabular.lines import MOST_ROWS, Column, Line

_CHARACTERS = 4 * 2**20  # of all cells together: they are kept in memory
_INFLATED = 64 * 2**20  # bytes of an archive's members together
_ELEMENTS = 500_000  # of XML in all members: each takes a hundred times its bytes once it is read
_LAST_LINE, _LAST_COLUMN = 2**20, 300  # of a sheet: what lies beyond is not read, and no room made for it
_PIECE = 64 * 2**10
_FIRST = 3  # the first line of data: headings and names of the columns come before
_LISTS = "lists"
# What a workbook raises whose archive, XML or values are broken.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    SyntaxError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
)


def written(title: str, columns: Sequence[Column], rows: Iterable[Sequence[str]], room: int) -> bytes:
    """A workbook with these rows; pick lists work in as many more rows as there is `room` for."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "".join(c for c in title if c not in "[]:*?/\\")[:31] or "data"
    lists = book.create_sheet(_LISTS)
    lists.sheet_state = "hidden"
    sheet.append([])
    last = _FIRST - 1
    for last, row in enumerate(rows, start=_FIRST):
        for at, value in enumerate(row, start=1):
            _put(sheet.cell(last, at), value)
    for at, column in enumerate(columns, start=1):
        _head(sheet, lists, at, column, max(last, _FIRST) + room)
    sheet.row_dimensions[2].hidden = True
    sheet.freeze_panes = "C3"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _head(sheet: Worksheet, lists: Worksheet, at: int, column: Column, last: int) -> None:
    """The heading of a column with its note, its name in the hidden line, its width and its pick list."""
    letter = get_column_letter(at)
    head = sheet.cell(1, at)
    _put(head, column.heading)
    head.font, head.fill = Font(bold=True), PatternFill("solid", fgColor="E3F1F3")
    head.alignment = Alignment(wrap_text=True, vertical="top")
    if column.note:
        head.comment = Comment(column.note, "kgservice", width=320, height=140)
    _put(sheet.cell(2, at), column.name)
    sheet.column_dimensions[letter].width = 40 if column.wide else 24
    if column.options:
        for line, option in enumerate(column.options, start=1):
            _put(lists.cell(line, at), option)
        place = f"'{_LISTS}'!${letter}$1:${letter}${len(column.options)}"
        rule = DataValidation("list", formula1=place, allow_blank=True, showErrorMessage=not column.free)
        sheet.add_data_validation(rule)
        rule.add(f"{letter}{_FIRST}:{letter}{last}")


def _put(cell: object, value: str) -> None:
    """A text as a text, also where it looks like a formula."""
    assert isinstance(cell, Cell)
    if value:
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)[:32_767]
        cell.data_type = "s"


def read(data: bytes, file: str) -> list[Line]:
    """The rows of the first sheet that are not empty; a formula is the text that it is written as.

    Raises `BadTable` for what is no such workbook, `TooLarge` for one that is larger than it may be.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _INFLATED:
                raise TooLarge("the workbook holds more than {most} bytes", most=_INFLATED)
            _count_elements(archive)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # styles and extensions that openpyxl leaves out
            book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        with closing(book):
            sheet = book.worksheets[0]
            sheet.reset_dimensions()
            rows = sheet.iter_rows(max_row=_LAST_LINE, max_col=_LAST_COLUMN, values_only=True)
            return _lines(rows, file)
    except (InvalidFileException, OSError, IndexError, *_BROKEN) as error:
        raise BadTable("is no workbook: {error}", error=str(error)[:200], source=file) from None


def _count_elements(archive: zipfile.ZipFile) -> None:
    """Raises `TooLarge` for more elements of XML than can be kept, `ValueError` for entities among them."""
    left = _ELEMENTS

    def element(_name: str, _attributes: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise TooLarge("the workbook has more than {most} elements of XML", most=_ELEMENTS)

    def doctype(*_declared: object) -> None:
        raise ValueError("its XML declares a document type")

    for member in archive.infolist():
        parser = expat.ParserCreate()
        parser.StartElementHandler, parser.StartDoctypeDeclHandler = element, doctype
        with archive.open(member) as file:
            try:
                while piece := file.read(_PIECE):
                    parser.Parse(piece)
            except expat.ExpatError:
                continue  # a picture; what should be XML is refused when it is read


def _lines(rows: Iterable[tuple[object, ...]], file: str) -> list[Line]:
    names: list[str] = []
    found: list[Line] = []
    characters = 0
    for line, row in enumerate(rows, start=1):
        if row.count(None) == len(row):
            continue
        texts = [_text(value) for value in row]
        if line == _FIRST - 1:
            names = texts
        if line < _FIRST or not any(texts):
            continue
        found.append(
            Line(line, {name: text for name, text in zip(names, texts, strict=False) if name and text})
        )
        characters += sum(map(len, texts))
        if len(found) > MOST_ROWS or characters > _CHARACTERS:
            most = f"{MOST_ROWS} rows, or {_CHARACTERS} characters"
            raise TooLarge("the sheet has more than {most}", most=most, source=file)
    if not any(names):
        raise BadTable("has no names of columns in its second, hidden line; use the template", source=file)
    return found


def _text(value: object) -> str:
    """A cell as people would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return "" if value is None else str(value).strip()
