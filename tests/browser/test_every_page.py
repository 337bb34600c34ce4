"""All pages that links lead to: in the frame, accessible, within the width, without an error; also with hostile texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Dialog, Page

from kgservice import resources
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import load_rdf
from kgservice.application.stewards import stewarding
from kgservice.domain.change import LOCAL
from kgservice.domain.clock import Clock
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.web.texts import catalogue
from tests.browser.crawling import every_kind
from tests.browser.visiting import Language, Scheme, visiting
from tests.serving import Running, running

pytestmark = pytest.mark.slow

KINDS = {"/", "/pages/questions", "/pages/questions/…", "/pages/trace/…", "/id/…", "/pages/findings"}
"""Some that must be found, else the test has followed no links."""
_TEXTS = ("title", "personName", "content", "description", "behaviour", "occupation", "preference")
_TEXT = re.compile(rf'(ci:(?:{"|".join(_TEXTS)}) )"((?:[^"\\]|\\.)*)"')
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>' onfocus=alert(3) x='\u202e{{7*7}}\u2066"
LONG = "W" * 10_000


def places(page: Page) -> set[str]:
    """Where the navigation leads to."""
    links = page.locator("nav.side a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    return {urlsplit(link).path for link in links if link.startswith("/")}


@pytest.mark.parametrize(("language", "width", "scheme"), [("de", 1440, "light"), ("en", 360, "dark")])
def test_every_page_is_accessible(
    browser: Browser, site: Running, language: Language, width: int, scheme: Scheme
) -> None:
    with visiting(browser, site, language, width, scheme) as visitor:
        words, found, reached, faults = catalogue(language), set(), set(), []
        for kind, page in every_kind(visitor):
            assert page.locator("h1").count() == 1, kind
            assert page.locator("html").get_attribute("lang") == language, kind
            purpose = page.get_by_label(words["purpose"], exact=True)
            assert purpose.count() == 1, kind
            assert purpose.is_visible() or width < 1440, kind
            if kind in places(page):
                assert page.locator('nav.side a[aria-current="page"]').count() == 1, kind
                reached.add(kind)
            faults += visitor.faults()
            visitor.picture(f"page {kind} {scheme}")
            found.add(kind)
        assert not faults, "\n".join(faults)
        assert found >= KINDS
        assert reached == places(page)
        assert len(reached) > 5


@pytest.fixture
def hostile(model_only: OxigraphStore, clock: Clock, tmp_path: Path) -> Iterator[Running]:
    """A service on the demonstration, where each text of the records is hostile, and some are long."""
    files = sorted(resources.folder("demo").glob("*.ttl"))
    for number, path in enumerate(files):
        turtle = path.read_text(encoding="utf-8")
        evil = HOSTILE + (LONG if number % 2 else "")
        turtle = _TEXT.sub(lambda found: f'{found[1]}"""{evil} {found[2]}"""', turtle)  # noqa: B023
        (tmp_path / path.name).write_text(turtle, encoding="utf-8")
    with model_only.copy() as store:
        kg: KnowledgeGraph = KnowledgeGraph.open(Settings(), store, clock)
        load_rdf(kg, sorted(tmp_path.glob("*.ttl")), LOCAL, trusted=True)
        stewarding.refresh(kg)
        with running(kg) as server:
            yield server
        kg.close()


def test_hostile_texts_are_shown_and_do_nothing(browser: Browser, hostile: Running) -> None:
    with visiting(browser, hostile, "de", 1440) as visitor:
        said: list[str] = []

        def dismissed(dialog: Dialog) -> None:
            said.append(dialog.message)
            dialog.dismiss()

        visitor.page.on("dialog", dismissed)
        shown = set()
        for kind, page in every_kind(visitor):
            wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide <= room, f"{kind} is {wide} pixels wide"
            assert page.locator("main img[src=x], main script:not([src]):not([type])").count() == 0, kind
            if "<script>alert(1)</script>" in (page.locator("main").text_content() or ""):
                shown.add(kind)
        assert shown >= {"/", "/id/…", "/pages/trace/…"}
        assert not said
