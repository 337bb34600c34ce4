"""Chains in a browser: the list of what they start from, the picture by mouse and keyboard, what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.clock import Clock
from kgservice.domain.principal import Role
from kgservice.settings import Settings
from kgservice.web.texts import LANGUAGES, catalogue
from tests.browser.visiting import Language, sign_in, visiting
from tests.http.keys import RESEARCH, make_key, serving
from tests.serving import Running

ID = "00000000-0000-4000-8000-"
PAIN, UNMEASURED = f"{ID}103000000001", f"{ID}103000000007"
WORDING = "Die Frühschicht findet dann eine kalte Anlage vor."


@pytest.fixture(scope="module")
def chains(
    demo_kg: KnowledgeGraph, clock: Clock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, clock, guarded=False)
        with serving(kg, tmp_path_factory.mktemp("chains")) as server:
            yield server
        kg.close()


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_from_the_list_to_the_picture(browser: Browser, chains: Running, language: Language) -> None:
    words = catalogue(language)
    with visiting(browser, chains, language) as visitor:
        page = visitor.open("/pages/traces")
        visitor.picture("traces")
        page.get_by_label(words["title-holds"]).fill({"de": "stillstand", "en": "standstill"}[language])
        page.get_by_role("button", name=words["show"]).click()
        expect(page.locator("main tbody tr")).to_have_count(1)
        page.locator("main tbody a").click()
        expect(page.locator("#network canvas").first).to_be_visible()
        expect(page.locator("#drawn")).to_be_hidden()
        expect(page.get_by_text(WORDING)).to_be_visible()
        expect(page.get_by_text(words["use-allowed"], exact=True).first).to_be_visible()
        expect(page.locator("main td strong").first).to_have_text(
            {"de": "14,5 Stunden", "en": "14.5 hours"}[language]
        )
        visitor.check()
        visitor.picture("trace")
        with page.expect_download() as saved:
            page.get_by_role("button", name=words["save-png"]).click()
        assert saved.value.path().read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.slow
@pytest.mark.parametrize(("language", "width"), [("de", 1440), ("en", 360)])
def test_the_list_is_filtered_while_somebody_types(
    browser: Browser, chains: Running, language: Language, width: int
) -> None:
    words = catalogue(language)
    with visiting(browser, chains, language, width=width) as visitor:
        page = visitor.open("/pages/traces")
        rows, field = page.locator("main tbody tr"), page.get_by_label(words["title-holds"])
        before = rows.count()
        field.press_sequentially({"de": "stillstand", "en": "standstill"}[language])
        expect(rows).to_have_count(1)
        expect(field).to_be_focused()
        expect(page.get_by_role("status")).to_contain_text("1")
        expect(page.locator(".language a")).to_have_attribute(
            "href", re.compile("[?&]q=standstill|stillstand")
        )
        visitor.check()
        page.reload()
        expect(rows).to_have_count(1)
        field.press_sequentially(" no such")
        expect(page.locator("#found")).to_have_text(words["no-starts"])
        field.fill("")
        expect(rows).to_have_count(before)
        page.locator("#f-kind").select_option("Impact")
        expect(page.locator("#found")).to_contain_text(words["start-Impact"])


def test_the_list_is_filtered_without_scripts(browser: Browser, chains: Running) -> None:
    with visiting(browser, chains, "en", script=False) as visitor:
        page = visitor.open("/pages/traces")
        page.get_by_label(catalogue("en")["title-holds"]).fill("standstill")
        page.get_by_role("button", name=catalogue("en")["show"]).click()
        expect(page.locator("main tbody tr")).to_have_count(1)


def test_the_picture_is_walked_through_by_the_keyboard(browser: Browser, chains: Running) -> None:
    with visiting(browser, chains, "en") as visitor:
        page = visitor.open(f"/pages/trace/{PAIN}")
        page.get_by_role("button", name=catalogue("en")["save-png"]).focus()
        page.keyboard.press("Tab")
        expect(page.locator("#network")).to_be_focused()
        said = page.locator("#network-said")
        page.keyboard.press("ArrowRight")
        expect(said).to_contain_text("Compressor standstill is noticed too late")
        page.keyboard.press("ArrowRight")
        expect(said).to_contain_text("Warning at least 24 hours before failure")
        page.keyboard.press("ArrowRight")
        expect(said).to_contain_text("Sensor kit with analytics in the cloud")
        page.keyboard.press("ArrowRight")
        expect(said).to_contain_text("Early warning")
        page.keyboard.press("+")
        page.keyboard.press("0")
        page.keyboard.press("Enter")
        page.wait_for_url("**/pages/record?**lang=en**")
        expect(page.locator("h1")).to_contain_text("Early warning")


def test_what_is_missing_is_said_with_since_when(browser: Browser, chains: Running) -> None:
    with visiting(browser, chains, "en", width=360, scheme="dark") as visitor:
        page = visitor.open(f"/pages/trace/{UNMEASURED}")
        gaps = page.locator(".gaps li")
        expect(gaps).to_have_count(1)
        expect(gaps).to_contain_text("no impact measured since Sep 2026")
        visitor.check()
        visitor.picture("trace-missing")


def test_without_javascript_the_picture_is_still(browser: Browser, chains: Running) -> None:
    base = chains.url.rstrip("/")
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    sign_in(page, base, chains.token)
    page.goto(f"{base}/pages/trace/{UNMEASURED}")
    expect(page.locator("#drawn svg.chain")).to_be_visible()
    expect(page.locator("#drawn svg .impact.none")).to_contain_text("no impact measured")
    expect(page.locator("#network-area")).to_be_hidden()
    context.close()


def test_a_reader_sees_the_chain_and_nobody_in_it(browser: Browser, chains: Running) -> None:
    key = make_key(chains.kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
    with visiting(browser, chains, "en", token=key) as visitor:
        page = visitor.open("/pages/traces?q=standstill")
        page.locator("main tbody a").click()
        expect(page.locator("#network canvas").first).to_be_visible()
        expect(page.locator("#pieces + p")).to_have_text("of fewer than 5 persons")
        assert WORDING not in page.content()
        expect(page.locator("main a[href*='100700000']")).to_have_count(0)  # persons
