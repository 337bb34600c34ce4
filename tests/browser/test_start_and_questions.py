"""The start page and the questions in a browser, for those who see everything and for a reader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.guard import Guard
from kgservice.domain.clock import Clock
from kgservice.domain.principal import Role
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.web.texts import LANGUAGES, catalogue
from tests.browser.visiting import Language, visiting
from tests.http.keys import IMPROVING, RESEARCH, make_key, serving
from tests.serving import Running

DAY = {"de": "Markteinführung und Betrieb", "en": "market launch and operation"}
COSTS = "What did each method cost and yield?"


@pytest.fixture(scope="module")
def served(
    stewarded: OxigraphStore, clock: Clock, guard: Guard, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """One service for all tests here: none of them changes anything."""
    with stewarded.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, clock)
        kg.guard = guard
        with serving(kg, tmp_path_factory.mktemp("browser")) as server:
            yield server
        kg.close()


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_start_page_leads_to_what_it_counts(
    browser: Browser, served: Running, language: Language
) -> None:
    words = catalogue(language)
    with visiting(browser, served, language) as visitor:
        page = visitor.open("/")
        for heading in ("matrix", "open-pains", "last-release", "findings", "ending", "last-imports"):
            expect(page.get_by_role("heading", name=words[heading])).to_be_visible()
        visitor.picture("start")
        page.get_by_role("link", name=f"6 {words['element-pain-points']}, {DAY[language]}").click()
        expect(page.locator("h1")).to_have_text(f"{words['element-pain-points']}: {DAY[language]}")
        expect(page.locator("tbody tr")).to_have_count(6)
        visitor.check()
        visitor.picture("elements")
        page.get_by_role("link", name=words["show-trace"]).first.click()
        page.wait_for_url("**/pages/trace/**")


@pytest.mark.slow
def test_questions_are_found_while_somebody_types(browser: Browser, served: Running) -> None:
    with visiting(browser, served, "en") as visitor:
        page = visitor.open("/pages/questions")
        whole = page.locator("#found li").count()
        page.get_by_label(catalogue("en")["search-questions"]).press_sequentially("cost method")
        expect(page.get_by_role("link", name=COSTS)).to_be_visible()
        expect(page.get_by_role("status")).to_contain_text("cost method")
        assert page.locator("#found li").count() < whole
        visitor.check()
        page.get_by_role("link", name=COSTS).click()
        page.wait_for_url("**/pages/questions/method-cost-and-yield**")


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_is_found_asked_and_drawn(browser: Browser, served: Running, language: Language) -> None:
    words = catalogue(language)
    with visiting(browser, served, language) as visitor:
        page = visitor.open("/")
        page.get_by_label(words["search-questions"]).fill(
            {"de": "Kosten Methode", "en": "cost method"}[language]
        )
        page.get_by_role("button", name=words["search"], exact=True).click()
        expect(page.locator("main")).to_contain_text(words["all-questions"])
        visitor.check()
        visitor.picture("questions found")
        page.locator('a[href*="method-cost-and-yield"]').click()
        expect(page.locator("svg.bars")).to_be_visible()
        page.get_by_role("link", name={"de": "Erkenntnisse", "en": "Insights"}[language], exact=True).click()
        expect(page.locator(".drawn a[aria-current]")).to_have_text(
            {"de": "Erkenntnisse", "en": "Insights"}[language]
        )
        visitor.check()
        visitor.picture("question")
        with page.expect_download() as begun:
            page.get_by_role("link", name=words["as-parquet"]).click()
        assert begun.value.suggested_filename == "method-cost-and-yield.parquet"
        page.get_by_role("link", name=words["open-in-workbench"]).click()
        assert "query=" in page.url


@pytest.mark.slow
def test_both_fit_on_a_narrow_screen(browser: Browser, served: Running) -> None:
    with visiting(browser, served, "de", width=360, scheme="dark") as visitor:
        for name, path in (
            ("start", "/"),
            ("questions", "/pages/questions"),
            ("map of phases", "/pages/questions/moments-of-truth"),
            ("contents", "/pages/contents"),
        ):
            visitor.open(path)
            visitor.check()
            visitor.picture(f"{name} dark")


def test_a_parameter_is_given_by_keyboard_only(browser: Browser, served: Running) -> None:
    with visiting(browser, served, "en") as visitor:
        page = visitor.open("/pages/questions/unsolved-pain-points")
        page.get_by_label("Minimum age in days").focus()
        page.keyboard.press("Control+A")
        page.keyboard.type("400")
        page.keyboard.press("Enter")
        page.wait_for_url("**/*minimumAge=400*")
        expect(page.get_by_label("Minimum age in days")).to_have_value("400")
        expect(page.locator("main table tbody tr")).to_have_count(1)


@pytest.mark.slow
def test_a_reader_is_offered_no_more_than_they_may(browser: Browser, served: Running) -> None:
    reader = make_key(served.kg.settings, Role.READER, purposes=(RESEARCH, IMPROVING), default=RESEARCH)
    words = catalogue("en")
    with visiting(browser, served, "en", token=reader) as visitor:
        page = visitor.open("/")
        for heading in ("findings", "ending", "last-imports"):
            expect(page.get_by_role("heading", name=words[heading])).to_have_count(0)
        expect(page.get_by_role("heading", name=words["open-pains"])).to_be_visible()
        assert page.locator("td.customer-data a").count() == 0
        visitor.check()
        visitor.picture("start of a reader")
        refused = page.request.get(f"{visitor.base}/pages/elements?element=customer-data&phase=MarketLaunch")
        assert refused.status == 403
        page = visitor.open("/pages/questions/method-cost-and-yield")
        expect(page.get_by_role("link", name=words["open-in-workbench"])).to_have_count(0)
        expect(page.get_by_role("link", name=words["as-parquet"])).to_be_visible()
        visitor.check()
