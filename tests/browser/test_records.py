"""Records in a browser: made and changed by forms and by spreadsheet, findings mended, quality over time."""

from __future__ import annotations

import io
import re
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from playwright.sync_api import Browser, Page, expect

from kgservice.web.texts import catalogue
from tests.browser.visiting import Language, visiting
from tests.http.test_quarantine import ADDRESSES, BAD, HEAD, known, load, solution
from tests.serving import Running

BOTH: tuple[Language, Language] = ("de", "en")
IMPACT = "/pages/records/impacts/record/00000000-0000-4000-8000-103200000003"
NO_BASELINE = "/pages/findings/00000000-0000-4000-8000-108000000002"
PATHS = ("/pages/records", "/pages/records/touchpoints", "/pages/records/impacts/sheet", "/pages/quality")
LABELS = {
    "de": (
        "Phase des Touchpoints",
        "Markteinführung und Betrieb",
        "Messwert",
        "In Einheit",
        "Gemessen am",
    ),
    "en": ("Phase of the touchpoint", "market launch and operation", "Value", "Unit", "Measured at"),
}


def choose(page: Page, path: str, at: int = 1) -> None:
    """Choose one of what a pick list offers."""
    page.locator(f'[name="v.{path}.0"]').select_option(index=at)


@pytest.mark.slow
def test_a_touchpoint_is_made_by_a_form(browser: Browser, site: Running) -> None:
    for language in BOTH:
        make_touchpoint(browser, site, language)


def make_touchpoint(browser: Browser, site: Running, language: Language) -> None:
    """Make one by the form, refused first."""
    words = catalogue(language)
    with visiting(browser, site, language) as visitor:
        page = visitor.open("/pages/records")
        visitor.picture("records")
        page.get_by_role("link", name=words["records-touchpoints"], exact=True).click()
        expect(page.get_by_role("table")).to_be_visible()
        visitor.check()
        page.get_by_role("link", name=words["form-new"], exact=True).click()
        expect(page.get_by_label(re.compile(f"^{LABELS[language][0]}"))).to_be_visible()
        visitor.check()
        page.locator('[name="v.title.0"]').fill("Kiosk <script>alert(1)</script> \u202eabc")
        page.get_by_role("button", name=words["form-save"], exact=True).click()
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text(words["form-refused"])
        assert page.locator(".field.faulty").count() > 5
        visitor.check()
        visitor.picture("record-refused")
        visitor.wrong.clear()  # the browser reports the status 422
        for path in ("phase", "channel", "inProject", "initiator", "receiver", "communicationMode"):
            choose(page, path)
        choose(page, "plannedMethod")
        page.get_by_role("button", name=words["form-save"], exact=True).click()
        expect(page.get_by_role("status")).to_contain_text(words["form-saved"])
        expect(page.get_by_role("heading", level=1)).to_contain_text("Kiosk <script>")


@pytest.mark.slow
def test_there_is_room_for_it_on_a_telephone(browser: Browser, site: Running) -> None:
    with visiting(browser, site, "de", width=360, scheme="dark") as visitor:
        for path in (*PATHS, IMPACT, NO_BASELINE):
            visitor.open(path)
            visitor.check()
            visitor.picture(f"telephone{path[:40]}")


def test_one_more_value_is_added_by_keyboard_and_saved(browser: Browser, site: Running) -> None:
    with visiting(browser, site, "en") as visitor:
        page = visitor.open(IMPACT)
        uses = page.locator('[name^="v.impactUse."]')
        before = uses.count()
        page.get_by_role("button", name="One more value: Impact use", exact=False).first.focus()
        page.keyboard.press("Enter")
        expect(uses).to_have_count(before + 1)
        page.locator('[name="v.title.0"]').fill("Accepted at once")
        page.locator('[name="v.title.0"]').press("Enter")  # saves, and does not ask for one more place
        expect(page.get_by_role("status")).to_contain_text("Saved")


@pytest.mark.slow
def test_a_finding_is_mended_by_the_form_of_its_record(browser: Browser, site: Running) -> None:
    with visiting(browser, site, "de") as visitor:
        visitor.open(NO_BASELINE)
        visitor.check()
        visitor.picture("finding-form")
    words = catalogue("en")
    with visiting(browser, site, "en") as visitor:
        page = visitor.open(NO_BASELINE)
        page.locator('[name="v.baseline/value.0"]').fill("7")
        unit = page.locator('[name="v.measurement/unit.0"]').input_value()
        page.locator('[name="v.baseline/unit.0"]').select_option(unit)
        page.locator('[name="v.baseline/measuredAt.0"]').fill("2025-01-02T10:00")
        page.get_by_role("button", name=words["form-save"], exact=True).click()
        expect(page.get_by_role("status")).to_contain_text(words["finding-mended"])
        expect(page.locator(".chip", has_text=words["status-mended"])).to_be_visible()
        visitor.check()


@pytest.mark.slow
@pytest.mark.parametrize("language", BOTH)
def test_records_come_by_spreadsheet(
    browser: Browser, site: Running, tmp_path: Path, language: Language
) -> None:
    words = catalogue(language)
    with visiting(browser, site, language) as visitor:
        page = visitor.open("/pages/records/planned-methods/sheet")
        with page.expect_download() as download:
            page.get_by_role("link", name=words["sheet-download"]).click()
        book = openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes()))
        sheet = book.worksheets[0]
        assert isinstance(sheet, Worksheet)
        at = {str(cell.value).rpartition("#")[2]: cell.column for cell in sheet[2]}
        assert isinstance(at["title@de"], int)
        sheet.cell(3, at["title@de"], "Befragung am Kiosk")
        file = tmp_path / "methoden.xlsx"
        book.save(file)
        page.get_by_label(words["sheet-file"]).set_input_files(file)
        page.get_by_role("button", name=words["sheet-check"]).click()
        expect(page.get_by_role("row", name="Befragung am Kiosk")).to_contain_text("R13")  # at no touchpoint
        visitor.check()
        visitor.picture("sheet-checked")
        with page.expect_download() as refused:
            page.get_by_role("link", name=words["sheet-refused-download"]).click()
        assert Path(refused.value.path()).stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize(("language", "script"), [("de", True), ("en", False)])
def test_what_waits_in_quarantine_is_mended_and_released(
    browser: Browser, site: Running, language: Language, script: bool
) -> None:
    words = catalogue(language)
    load(site, solution(BAD))
    with visiting(browser, site, language, script=script) as visitor:
        page = visitor.open("/pages/quarantine")
        if script:
            visitor.check()
        page.locator("main tbody a").first.click()
        expect(page.get_by_text("R03").first).to_be_visible()
        if script:
            visitor.check()
            visitor.picture("quarantined")
        stated = page.get_by_label(words["statements-to-mend"])
        mended = f"{HEAD}\n{stated.input_value()}\n<https://kg.example/id/{BAD}> {ADDRESSES} ."
        stated.fill(mended)
        page.get_by_role("button", name=words["save-and-check"]).click()
        expect(page.get_by_text(words["would-bring-nothing"])).to_be_visible()
        page.get_by_role("button", name=words["release"], exact=True).click()
        expect(page.locator(".chip", has_text=words["entry-released"])).to_be_visible()
        assert known(site.kg, BAD)


def test_what_waits_in_quarantine_is_discarded_for_a_reason(browser: Browser, site: Running) -> None:
    words = catalogue("de")
    load(site, solution(BAD))
    with visiting(browser, site, "de", width=360) as visitor:
        page = visitor.open("/pages/quarantine")
        page.locator("main tbody a").first.click()
        visitor.check()
        page.get_by_label(words["discard-reason"]).fill("Doppelt gemeldet")
        page.get_by_role("button", name=words["discard"], exact=True).click()
        expect(page.locator(".chip", has_text=words["entry-discarded"])).to_be_visible()
        expect(page.get_by_text("Doppelt gemeldet")).to_be_visible()
        assert not known(site.kg, BAD)


@pytest.mark.slow
@pytest.mark.parametrize("language", BOTH)
def test_a_finding_is_assigned_accepted_and_opened_again(
    browser: Browser, site: Running, language: Language
) -> None:
    words = catalogue(language)
    with visiting(browser, site, language) as visitor:
        page = visitor.open(NO_BASELINE)
        page.get_by_label(words["owner"], exact=True).select_option(label="Deniz Achberg")
        page.get_by_role("button", name=words["assign"]).click()
        expect(page.locator("dl.facts")).to_contain_text("Deniz Achberg")
        page.get_by_label(words["waive-reason"]).fill("Agreed")
        page.get_by_label(words["until"], exact=True).fill("2027-03-01")
        page.get_by_role("button", name=words["waive"], exact=True).click()
        expect(page.locator(".chip", has_text=words["status-waived"])).to_be_visible()
        expect(page.locator("dl.facts")).to_contain_text("Agreed")
        visitor.check()
        page.get_by_role("button", name=words["reopen"]).click()
        expect(page.locator(".chip", has_text=words["status-open"])).to_be_visible()


@pytest.mark.slow
def test_quality_is_shown_over_time(browser: Browser, site: Running) -> None:
    for language in BOTH:
        words = catalogue(language)
        with visiting(browser, site, language) as visitor:
            page = visitor.open("/pages/quality")
            expect(page.get_by_role("img", name=words["quality-trend"])).to_be_visible()
            unkept = page.get_by_text(words["quality-none"])
            if language == BOTH[0]:
                expect(unkept.first).to_be_visible()
            page.get_by_role("button", name=words["quality-keep"]).click()
            expect(unkept).to_have_count(0)
            page.get_by_text(words["quality-as-table"]).click()
            expect(page.get_by_role("table").first).to_be_visible()
            visitor.picture("quality")
