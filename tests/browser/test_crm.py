"""Links, differences and sources in a browser: decided by keys alone, a run followed and stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.proposing import propose
from kgservice.application.sources.records import take
from kgservice.crm import registry
from kgservice.domain.link import PERSONS
from kgservice.web.texts import catalogue
from tests.browser.visiting import Language, visiting
from tests.crm.test_runs import Slow
from tests.http.keys import serving
from tests.serving import Running
from tests.unit.links import AMBROS, TILMAN, pair, run
from tests.unit.test_crm_records import EMAIL, row, taking

LANGUAGES: tuple[Language, ...] = ("de", "en")


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_links_are_decided_by_keys_one_after_another(
    browser: Browser, site: Running, language: Language
) -> None:
    words = catalogue(language)
    propose(site.kg, run(), [pair("77", TILMAN, 4.0), pair("78", AMBROS, 3.0)])
    with visiting(browser, site, language) as visitor:
        page = visitor.open("/pages/links")
        page.locator("main tbody th a").first.press("Enter")
        page.wait_for_url("**/pages/links/**")
        visitor.check()
        visitor.picture("link")
        first = page.url
        page.keyboard.press("s")
        expect(page).not_to_have_url(first)
        second = page.url
        page.keyboard.press("r")
        page.keyboard.type("as another")  # what is typed is no key of the page
        page.keyboard.press("Enter")
        expect(page.locator(".done")).to_contain_text(words["link-rejected"])
        expect(page).not_to_have_url(second)
        page.get_by_label(words["keys-work"]).press("Space")
        here = page.url
        page.keyboard.press("s")
        expect(page).to_have_url(here)


@pytest.mark.parametrize(("language", "width"), [("de", 1440), ("en", 360)])
def test_a_difference_is_settled(browser: Browser, site: Running, language: Language, width: int) -> None:
    words = catalogue(language)
    propose(site.kg, run(), [pair("77", TILMAN, 9.0)])
    take(site.kg, PERSONS, [row(email=[EMAIL])], taking())
    with visiting(browser, site, language, width=width) as visitor:
        page = visitor.open("/pages/conflicts")
        visitor.check()
        page.get_by_role("link", name=words["field-email"]).click()
        visitor.check()
        visitor.picture("difference")
        page.locator("#reason-keep").fill("asked him")
        page.get_by_role("button", name=words["conflict-keep"]).click()
        expect(page.get_by_role("button", name=words["conflict-undo"])).to_be_visible()
        expect(page.get_by_text("asked him")).to_be_visible()


@pytest.mark.slow
def test_a_run_is_followed_until_it_is_stopped(
    browser: Browser, demo_kg_guarded: KnowledgeGraph, tmp_path: Path
) -> None:
    slow = Slow()
    try:
        with serving(demo_kg_guarded, tmp_path) as server:
            registry.add(server.kg.settings.crm_folder, slow.source(tmp_path / "people"))
            with visiting(browser, server, "en") as visitor:
                page = visitor.open("/pages/sources")
                visitor.check()
                page.get_by_role("link", name="people").click()
                page.get_by_role("button", name="Read now").click()
                expect(page.locator(".running")).to_be_visible()
                expect(page.get_by_role("link", name="Refresh")).not_to_be_visible()
                visitor.check()
                assert slow.asked.wait(30)
                page.get_by_role("button", name="Stop").click()
                slow.go_on.set()
                expect(page.locator(".running")).to_have_count(0, timeout=20_000)
                expect(page.get_by_text("stopped")).to_be_visible()
                visitor.picture("source")
    finally:
        slow.close()
