"""What all pages have, used: the menu, the purpose in the head. That all have it is in `test_every_page`."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visiting import visiting
from tests.serving import Running


@pytest.mark.slow
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
