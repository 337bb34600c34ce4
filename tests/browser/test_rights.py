"""Persons, consents and requests in a browser: found, decided, withdrawn, asked for, erased."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Role
from kgservice.web.texts import LANGUAGES, catalogue
from tests.browser.visiting import Language, visiting
from tests.http.keys import RESEARCH, make_key, serving
from tests.serving import Running


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_consent_is_looked_at_and_withdrawn(browser: Browser, site: Running, language: Language) -> None:
    words = catalogue(language)
    with visiting(browser, site, language) as visitor:
        page = visitor.open("/pages/persons")
        page.get_by_label(words["find-by"]).fill("cordula")
        page.get_by_role("button", name=words["find"], exact=True).click()
        visitor.check()
        page.get_by_role("link", name="Cordula Fernbach").click()
        expect(page.get_by_role("img", name=words["consents-over-time"])).to_be_visible()
        visitor.check()
        visitor.picture("person")
        page.get_by_label(words["consent-categories"], exact=True).select_option(index=2)
        page.get_by_role("button", name=words["ask"], exact=True).click()
        expect(page.locator(".verdict")).to_be_visible()
        page.get_by_role("link", name=words["withdraw-or-renew"]).click()
        visitor.check()
        visitor.picture("consent")
        page.get_by_label(words["how-told"]).first.fill("e-mail")
        page.get_by_role("button", name=words["withdraw"]).click()
        expect(page.locator("h1")).to_have_text("Cordula Fernbach")
        expect(page.get_by_text(words["state-withdrawn"], exact=True).first).to_be_visible()


@pytest.mark.slow
def test_a_request_comes_and_ends_with_an_erasure_on_a_narrow_screen(browser: Browser, site: Running) -> None:
    with visiting(browser, site, "en", width=360) as visitor:
        page = visitor.open("/pages/persons/00000000-0000-4000-8000-100700000026")
        visitor.check()
        page.get_by_label("Right", exact=True).select_option(label="erasure")
        page.get_by_role("button", name="Record it").click()
        visitor.open("/pages/requests")
        visitor.check()
        visitor.picture("requests")
        page.get_by_role("link", name="Cordula Fernbach").click()
        page.get_by_role("link", name="On to the erasure").click()
        visitor.check()
        visitor.picture("erasure")
        page.get_by_label("Yes, this person is to be erased for good.").check()
        page.get_by_role("button", name="Erase now").click()
        expect(page.locator("h1")).to_have_text("The person is erased")
        visitor.check()
        page.get_by_role("link", name="Request: erasure").click()
        expect(page.get_by_text("fulfilled")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_request_of_somebody_unknown_comes_and_is_answered(
    browser: Browser, site: Running, language: Language
) -> None:
    words = catalogue(language)
    reference = f"DSR-2026-{LANGUAGES.index(language)}"
    with visiting(browser, site, language) as visitor:
        page = visitor.open("/pages/requests")
        page.get_by_label(words["reference"], exact=True).fill(reference)
        page.get_by_role("button", name=words["record-request"]).click()
        expect(page.get_by_text(reference)).to_be_visible()
        visitor.check()
        page.get_by_role("button", name=words["answer-request"]).click()
        expect(page.get_by_text(words["outcome-nothing-held"]).first).to_be_visible()
        visitor.open("/pages/requests")
        visitor.check()
        expect(page.get_by_role("row").filter(has_text=reference)).to_be_visible()


def test_a_reader_is_not_offered_persons_and_refused(
    browser: Browser, demo_kg_guarded: KnowledgeGraph, tmp_path: Path
) -> None:
    with serving(demo_kg_guarded, tmp_path) as server:
        key = make_key(server.kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
        refused(browser, server, key)


def refused(browser: Browser, server: Running, key: str) -> None:
    """The pages are neither offered to whoever has the key nor shown."""
    with visiting(browser, server, "en", token=key) as visitor:
        page = visitor.open("/")
        expect(page.locator("nav.side")).to_be_visible()
        expect(page.locator('nav.side a[href^="/pages/persons"]')).to_have_count(0)
        answer = page.request.get(f"{visitor.base}/pages/persons?lang=en", headers={"Accept": "text/html"})
        assert answer.status == 403
        assert "privacy-officer" in answer.text()
