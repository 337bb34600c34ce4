"""Records by spreadsheet over a socket: the template, the dry run, the good rows, and the refused ones."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from html import unescape

import httpx
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from pyoxigraph import Literal, NamedNode

from kgservice.application.forms import names as form_names
from kgservice.application.forms.sheets import MEDIA_TYPE
from kgservice.application.stewards import quarantine
from kgservice.errors import BadTable, TooLarge
from kgservice.namespaces import CI
from kgservice.tabular import workbooks
from kgservice.web.texts import catalogue
from tests.http.test_pages import checked
from tests.http.test_record_pages import HTML, Desk, desk

__all__ = ["desk"]
SHEET = "/pages/records/pain-points/sheet"
GOOD = {
    "type": "Pain Point",
    "title@de": "Kein Schatten am Kiosk",
    "painPointKind": "Problem",
    "detectedAt": "2025-03-04T09:30",
    "occursAt": "Alarm in der App",
}


class Book:
    """A workbook as somebody fills it in: by the names of columns without their namespace."""

    def __init__(self, content: bytes) -> None:
        self.book = openpyxl.load_workbook(io.BytesIO(content))
        sheet = self.book.worksheets[0]
        assert isinstance(sheet, Worksheet)
        self.sheet = sheet
        names = [str(cell.value or "") for cell in sheet[2]]
        self.at = {
            " ".join(part.rpartition("#")[2] for part in name.split(" ")): at
            for at, name in enumerate(names, start=1)
        }

    def fill(self, line: int, **values: str) -> None:
        """Type into a row."""
        for name, value in values.items():
            cell = self.sheet.cell(line, self.at[name])
            cell.value = value
            cell.data_type = "s" if not value.startswith("=") else "f"

    def content(self) -> bytes:
        """The file."""
        out = io.BytesIO()
        self.book.save(out)
        return out.getvalue()


def send(desk: Desk, content: bytes, name: str = "neu.xlsx") -> httpx.Response:
    """Upload a file as a browser does, and follow to the page of its rows."""
    headers = {**HTML, "Origin": desk.server.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    return desk.browser.post(
        f"{SHEET}?lang=de",
        files={"file": (name, content, MEDIA_TYPE)},
        headers=headers,
        follow_redirects=True,
    )


def take(desk: Desk, answer: httpx.Response) -> httpx.Response:
    """Press the button that takes the good rows."""
    (key,) = re.findall(r'name="key" value="([^"]*)"', answer.text)
    headers = {**HTML, "Origin": desk.server.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    return desk.browser.post(
        f"{SHEET}/take?lang=de", data={"key": key}, headers=headers, follow_redirects=True
    )


def states(answer: httpx.Response) -> list[str]:
    """What becomes of each row, in German."""
    return re.findall(r'<td><span class="chip[^"]*">([^<]*)</span>', answer.text)


@pytest.fixture
def good(desk: Desk) -> dict[str, str]:
    """A row that the guard takes: with evidence and the project of the touchpoint."""
    rows = desk.kg.select(
        f"SELECT ?project ?evidence WHERE {{ ?t <{CI}title> 'Alarm in der App'@de ; <{CI}inProject> ?project ."
        f" ?evidence <{CI}collectedAt> ?t }} ORDER BY ?evidence LIMIT 1"
    ).rows
    project, evidence = rows[0]
    assert isinstance(project, NamedNode)
    assert isinstance(evidence, NamedNode)
    return {**GOOD, "inProject": project.value, "evidencedBy": evidence.value}


def test_the_template_has_names_lists_and_notes(desk: Desk) -> None:
    checked(desk.open(f"{SHEET}?lang=de"))
    answer = desk.browser.get(f"{SHEET}/template?lang=de")
    assert answer.headers["content-type"] == MEDIA_TYPE
    book = Book(answer.content)
    sheet = book.sheet
    assert sheet.row_dimensions[2].hidden
    assert {"id", "title@de", "title@en", "painPointKind", "evidencedBy"} <= book.at.keys()
    assert "Art des Pain Points *" in [cell.value for cell in sheet[1]]
    assert all(cell.comment is not None for cell in sheet[1])
    kinds = book.book["lists"].cell(1, book.at["painPointKind"])
    assert kinds.value == "Problem"
    assert len({sheet.cell(line, 1).value for line in range(3, 103)}) == 100
    assert sheet.data_validations.count > 5
    wide = Book(desk.browser.get("/pages/records/impacts/sheet/template?lang=en").content)
    assert {"measurement value", "measurement unit", "baseline value"} <= wide.at.keys()


def test_rows_are_checked_taken_and_known_again(desk: Desk, good: dict[str, str]) -> None:
    book = Book(desk.browser.get(f"{SHEET}/template?lang=de").content)
    book.fill(3, **good)
    book.fill(4, **{**good, "title@de": '=HYPERLINK("http://evil.example","x")'})
    book.fill(5, **{**good, "evidencedBy": "", "title@de": "Ohne Beleg"})
    book.fill(6, **{**good, "painPointKind": "Ärger", "detectedAt": "gestern"})
    head = desk.kg.head
    dry = send(desk, book.content())
    assert dry.status_code == 200, unescape(dry.text)
    checked(dry)
    assert states(dry) == ["neu", "neu", "abgelehnt", "abgelehnt"]
    assert desk.kg.head == head
    text = unescape(dry.text)
    assert "R02" in text
    assert catalogue("de")["wrong-choice"] in text
    assert catalogue("de")["wrong-moment"] in text
    done = take(desk, dry)
    assert catalogue("de")["sheet-done"] in unescape(done.text)
    assert states(done) == states(dry)
    record = desk.kg.addresses.ids + str(book.sheet.cell(3, 1).value)
    other = desk.kg.addresses.ids + str(book.sheet.cell(4, 1).value)
    assert desk.says(record, "title") == {Literal(good["title@de"], language="de")}
    assert desk.says(other, "title") == {
        Literal('=HYPERLINK("http://evil.example","x")', language="de")  # text, never calculated
    }
    (waiting,) = quarantine.listed(desk.kg, quarantine.WAITING)
    assert waiting.source.line == 5
    assert waiting.source.file == "neu.xlsx"

    head = desk.kg.head
    again = send(desk, book.content())
    assert states(again) == ["unverändert", "unverändert", "abgelehnt", "abgelehnt"]
    assert 'name="key"' not in again.text  # nothing to take
    assert desk.kg.head == head

    (link,) = re.findall(r'href="([^"]*/refused[^"]*)"', done.text)
    refused = Book(desk.browser.get(unescape(link)).content)
    assert refused.sheet.max_row == 4
    reason = str(refused.sheet.cell(3, refused.sheet.max_column).value)
    assert reason.startswith("R02")
    refused.fill(3, evidencedBy=good["evidencedBy"])
    refused.sheet.delete_rows(4)
    refused.sheet.delete_cols(refused.sheet.max_column)
    mended = take(desk, send(desk, refused.content(), "besser.xlsx"))
    assert states(mended) == ["neu"]
    assert quarantine.listed(desk.kg, quarantine.WAITING) == []


def test_a_planned_method_is_made_for_a_touchpoint(desk: Desk) -> None:
    path = "/pages/records/planned-methods/new"
    desk.open(path)
    assert desk.send(path, method=f"{CI}UserTest").status_code == 422  # it is for nothing
    touchpoint = desk.one("Touchpoint")
    saved = desk.send(
        path, method=f"{CI}UserTest", plannedFor=touchpoint, declaresDataCategory=f"{CI}CommunicationData"
    )
    assert saved.status_code == 303, unescape(re.sub("<[^>]*>", " ", saved.text))
    record = desk.kg.addresses.ids + saved.headers["location"].rpartition("/")[2].partition("?")[0]
    assert desk.says(record, "plannedFor") == {NamedNode(touchpoint)}


def test_what_is_no_sheet_is_refused_in_words(desk: Desk) -> None:
    assert send(desk, b"PK no workbook").status_code == 400
    assert send(desk, b"").status_code == 400
    other = desk.browser.get("/pages/records/solutions/sheet/template").content
    book = Book(other)
    book.fill(3, **{"title@de": "x", "addresses": "y"})
    assert send(desk, book.content()).status_code == 400
    assert desk.open(f"{SHEET}?key=nothing").status_code == 404
    assert desk.browser.get(f"{SHEET}/refused", headers=HTML).status_code == 404


def test_a_cell_with_very_many_values_is_refused_without_looking_them_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(desk.browser.get(f"{SHEET}/template").content)
    book.fill(3, **{"title@de": "x", "evidencedBy": ";".join(f"a{n}" for n in range(3000))})
    monkeypatch.setattr(form_names, "MOST_ASKED", 0)
    answer = send(desk, book.content())
    assert answer.status_code == 200
    assert states(answer) == ["abgelehnt"]
    assert catalogue("de")["wrong-many"] in unescape(answer.text)
    book.fill(3, **{"title@de": "x", "evidencedBy": "a1"})
    assert send(desk, book.content()).status_code == 413


def bomb(old: bytes, new: bytes, member: str = "xl/worksheets/sheet1.xml") -> bytes:
    """A small workbook with something replaced in a member of its archive."""
    book, out = openpyxl.Workbook(), io.BytesIO()
    for _ in range(3):
        book.worksheets[0].append(["id"])
    book.save(out)
    changed = io.BytesIO()
    with zipfile.ZipFile(out) as whole, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in whole.namelist():
            content = whole.read(name)
            copy.writestr(name, content.replace(old, new) if name == member else content)
    return changed.getvalue()


END = b"</sheetData>"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (lambda: bomb(b"</cellXfs>", b"<xf/>" * 600_000 + b"</cellXfs>", "xl/styles.xml"), TooLarge),
        (lambda: bomb(END, b'<row><c r="ZZZ4"/></row>' * 300_000 + END), TooLarge),
        (lambda: bomb(END, b'<row r="9">' + b"<c/>" * 600_000 + b"</row>" + END), TooLarge),
        (lambda: bomb(b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet'), BadTable),
    ],
)
def test_a_small_file_cannot_become_a_large_one(content: Callable[[], bytes], error: type[Exception]) -> None:
    with pytest.raises(error):
        workbooks.read(content(), "bomb.xlsx")


def test_a_line_far_below_takes_no_time() -> None:
    far = bomb(END, b'<row r="999999999999"><c r="A999999999999"><v>1</v></c></row>' + END)
    assert [line.line for line in workbooks.read(far, "far.xlsx")] == [3]


@pytest.mark.parametrize(("charset", "status"), [("undefined", 400), ("unicode_escape", 200)])
def test_odd_names_of_files_do_no_harm(desk: Desk, charset: str, status: int) -> None:
    content = desk.browser.get(f"{SHEET}/template").content
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="\\ud800.xlsx"\r\n\r\n'
    answer = desk.browser.post(
        SHEET,
        content=head + content + b"\r\n--b--\r\n",
        headers={
            **HTML,
            "Origin": desk.server.url.rstrip("/"),
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": f"multipart/form-data; boundary=b; charset={charset}",
        },
        follow_redirects=True,
    )
    assert answer.status_code == status
