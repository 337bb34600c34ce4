"""The workbench in a browser: queries, completion, errors in their line, saved questions, history, the views."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.clock import Clock
from kgservice.domain.principal import Role
from kgservice.settings import Settings
from kgservice.web.texts import LANGUAGES, catalogue
from tests.browser.visiting import Language, Visitor, sign_in, visiting
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.serving import Running

GRAPH = """PREFIX ci: <https://w3id.org/kgservice/ci#>
CONSTRUCT { ?pain a ci:PainPoint ; ci:addressedBy ?solution } WHERE { ?pain ci:addressedBy ?solution }"""
PERSONS = "PREFIX ci: <https://w3id.org/kgservice/ci#> SELECT (COUNT(?p) AS ?n) { ?p a ci:Person }"


@pytest.fixture(scope="module")
def bench(
    demo_kg: KnowledgeGraph, clock: Clock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, clock, guarded=False)
        with serving(kg, tmp_path_factory.mktemp("bench")) as server:
            yield server
        kg.close()


def write(page: Page, query: str) -> None:
    """Put a query into the editor in front, as somebody who pastes it."""
    page.locator(".tabPanel.active .CodeMirror").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(query)


def run(page: Page) -> None:
    """Run it by the keyboard."""
    with page.expect_response("**/sparql"):
        page.keyboard.press("Control+Enter")


def refused(visitor: Visitor) -> None:
    """The browser notes an answer of 400 in the console; that is what was asked for."""
    assert [line for line in visitor.wrong if "status of 400" in line]
    visitor.wrong[:] = [line for line in visitor.wrong if "status of 400" not in line]


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_query_is_written_run_and_looked_at(browser: Browser, bench: Running, language: Language) -> None:
    words = catalogue(language)
    with visiting(browser, bench, language) as visitor:
        page = visitor.open("/pages/workbench")
        expect(page.locator("#plain")).to_be_hidden()
        write(page, "SELECT ?x\nWHERE { ?x a ci:PainPoint }")
        run(page)
        expect(page.get_by_role("alert")).to_contain_text(f"{words['line']} 2")
        expect(page.locator(".refused-sign")).to_have_count(1)
        expect(page.locator(".refused-line")).to_have_count(1)
        refused(visitor)
        write(page, GRAPH)
        expect(page.locator(".refused-sign")).to_have_count(0)
        run(page)
        expect(page.locator(".yasr_response_chip")).to_contain_text(words["results-in"])
        expect(page.locator(".yasr tbody tr").first).to_be_visible()
        visitor.picture("workbench")
        visitor.check()
        page.get_by_role("button", name=words["graph"], exact=True).click()
        picture = page.locator(".yasr_results .network canvas").first
        expect(picture).to_be_visible()
        page.get_by_role("button", name=words["as-raw"], exact=True).click()
        expect(page.locator(".yasr_results .CodeMirror")).to_contain_text("ci#addressedBy")
        link = page.locator(".yasr a.iri").first
        page.get_by_role("button", name=words["answer-as-table"], exact=True).click()
        with page.expect_popup() as opened:
            link.click()
        assert "/pages/record" in opened.value.url
        assert opened.value.url.startswith(visitor.base)
        opened.value.close()


def test_terms_of_the_ontology_are_completed(browser: Browser, bench: Running) -> None:
    with visiting(browser, bench, "de") as visitor:
        page = visitor.open("/pages/workbench")
        write(page, "PREFIX ci: <https://w3id.org/kgservice/ci#>\nSELECT * WHERE { ?x a ci:PainPoi")
        page.keyboard.press("Control+Space")
        hints = page.locator(".CodeMirror-hints li")
        expect(hints.first).to_be_visible()
        assert all("ci:PainPoi" in hint for hint in hints.all_inner_texts())
        page.keyboard.press("Enter")
        expect(page.locator(".tabPanel.active .CodeMirror-code").first).to_contain_text("ci:PainPoint")
        write(page, "SELECT * WHERE { ?x a Lösung")
        page.keyboard.press("Control+Space")
        expect(hints.filter(has_text="ci:Solution")).not_to_have_count(0)  # by the label, without a prefix
        visitor.wrong[:] = [line for line in visitor.wrong if "status of 400" not in line]


@pytest.mark.slow
def test_saved_questions_history_and_links(browser: Browser, bench: Running) -> None:
    with visiting(browser, bench, "en") as visitor:
        page = visitor.open("/pages/workbench")
        page.get_by_label("Saved question").select_option("impact-of-solution")
        page.get_by_role("button", name="Open in a tab").click()
        expect(page.locator("[role=tab]")).to_have_count(2)
        expect(page.locator(".tabPanel.active .CodeMirror-code").first).to_contain_text("PREFIX")
        write(page, PERSONS)
        run(page)
        page.get_by_text("History", exact=True).click()
        expect(page.locator("#past button").first).to_contain_text("SELECT (COUNT(?p) AS ?n)")
        page.get_by_role("button", name="Permanent link").click()
        address = page.locator("#address").input_value()
        page.reload()
        expect(page.locator("#past li")).to_have_count(1)
        expect(page.locator("[role=tab]")).to_have_count(2)
        kept = page.evaluate("JSON.stringify(localStorage)")
        assert "COUNT(?p)" in kept
        assert "http://www.w3.org/2001/XMLSchema#integer" not in kept  # no answer is kept
        page.get_by_text("History", exact=True).click()
        page.get_by_role("button", name="Clear the history").click()
        expect(page.locator("#past li")).to_have_count(0)
        page.goto(address)
        expect(page.locator("[role=tab]")).to_have_count(3)
        expect(page.locator("#plain-answer")).to_contain_text("54")  # what the server made of the address


def test_the_workbench_asks_for_the_purpose_of_the_page(browser: Browser, bench: Running) -> None:
    key = make_key(bench.kg.settings, Role.RESEARCHER, purposes=(RESEARCH,), default=RESEARCH)
    with visiting(browser, bench, "en", width=360, token=key) as visitor:
        page = visitor.open("/pages/workbench")
        write(page, PERSONS)
        run(page)
        expect(page.locator(".yasr tbody tr")).to_contain_text("37")
        visitor.check()
        visitor.picture("workbench")


def test_without_javascript_there_is_a_form(browser: Browser, bench: Running) -> None:
    base = bench.url.rstrip("/")
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    sign_in(page, base, bench.token)
    page.goto(f"{base}/pages/workbench")
    page.get_by_label("Query", exact=True).fill(PERSONS)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#plain-answer td")).to_have_text("54")
    expect(page.locator("#workbench-area")).to_be_hidden()
    context.close()


def test_a_reader_is_neither_offered_nor_given_it(browser: Browser, bench: Running) -> None:
    key = make_key(bench.kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
    with visiting(browser, bench, "en", token=key) as visitor:
        page = visitor.open("/")
        expect(page.locator('nav a[href*="workbench"]')).to_have_count(0)
    for path in ("/pages/workbench", "/pages/sparql?query=ASK%7B%7D", "/sparql?query=ASK%7B%7D"):
        assert asking(bench, path, key).status_code == 403


def test_the_former_address_leads_to_it(bench: Running) -> None:
    answer = bench.get("/pages/sparql?query=ASK%20%7B%7D&lang=en", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/pages/workbench?query=ASK+%7B%7D&lang=en",
    )
