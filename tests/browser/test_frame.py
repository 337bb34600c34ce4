"""What all pages have: the head with the purpose, the navigation, the other language; at any width."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from kgservice.web.texts import LANGUAGES, catalogue
from tests.browser.visiting import Language, visiting
from tests.serving import Running


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_navigation_leads_everywhere(browser: Browser, site: Running, language: Language) -> None:
    words = catalogue(language)
    with visiting(browser, site, language) as visitor:
        page = visitor.open("/")
        places = [link.get_attribute("href") for link in page.locator("nav.side a").all()]
        assert len(places) > 5
        for place in places:
            if place and place.startswith("/"):
                page.goto(visitor.base + place)
                expect(page.locator('nav.side a[aria-current="page"]')).to_have_count(1)
                expect(page.locator("html")).to_have_attribute("lang", language)
                expect(page.get_by_label(words["purpose"], exact=True)).to_be_visible()


def test_the_menu_opens_where_there_is_little_room_and_by_keyboard_only(
    browser: Browser, site: Running
) -> None:
    with visiting(browser, site, "en", width=360) as visitor:
        page = visitor.open("/")
        expect(page.locator("nav.side")).not_to_be_visible()
        page.keyboard.press("Tab")  # to the content
        page.keyboard.press("Tab")  # the name of the service
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("nav.side")).to_be_visible()
        visitor.check()


def test_the_purpose_is_chosen_in_the_head(browser: Browser, site: Running) -> None:
    with visiting(browser, site, "en") as visitor:
        page = visitor.open("/")
        page.get_by_label("Purpose", exact=True).select_option(label="research and development")
        page.get_by_role("button", name="Switch").click()
        expect(page.locator("form.purpose .hint")).to_contain_text("of 54")
