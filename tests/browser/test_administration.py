"""Administration in a browser: a key made and revoked, a backup made, the audit log verified."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law.audit import opened
from kgservice.domain.principal import Role
from kgservice.settings import Settings
from kgservice.web.texts import catalogue
from tests.browser.visiting import Language, visiting
from tests.http.keys import RESEARCH, make_key
from tests.serving import Running, running


@pytest.fixture
def server(kg: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    """A service with an audit log, and with keys and backups of its own."""
    kg.settings = Settings(store=tmp_path / "store")
    with opened(kg.settings) as log, running(kg, audit=log) as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize(("language", "width"), [("en", 1440), ("de", 360)])
def test_the_service_is_run_by_pages(
    browser: Browser, server: Running, language: Language, width: int
) -> None:
    words = catalogue(language)
    with visiting(browser, server, language, width=width) as visitor:
        page = visitor.open("/pages/keys")
        page.get_by_label(words["key-name"]).fill("notebook")
        page.get_by_label(words["role-researcher"], exact=True).check()
        page.locator("#purpose-0").check()
        page.get_by_role("button", name=words["make-key"]).click()
        expect(page.get_by_label("notebook", exact=True)).to_have_value(re.compile("^kgs_"))
        visitor.check()
        visitor.picture("keys")
        page.get_by_role("button", name=words["revoke"]).click()
        expect(page.get_by_text(words["key-revoked"], exact=True)).to_be_visible()
        expect(page.locator("#new-key")).to_have_count(0)
        visitor.open("/pages/backups")
        page.get_by_role("button", name=words["make-backup"]).click()
        page.get_by_role("button", name=words["verify"]).click()
        expect(page.get_by_text(words["sound-verify"])).to_be_visible()
        visitor.check()
        visitor.picture("backups")
        visitor.open("/pages/audit")
        page.get_by_role("link", name=words["audit-verify"]).click()
        expect(page.get_by_text(words["audit-sound"])).to_be_visible()
        visitor.check()
        visitor.picture("audit")


@pytest.mark.slow
@pytest.mark.parametrize(("language", "script"), [("de", True), ("en", False)])
def test_a_check_is_followed_to_its_end(
    browser: Browser, server: Running, language: Language, script: bool
) -> None:
    words = catalogue(language)
    with visiting(browser, server, language, script=script) as visitor:
        page = visitor.open("/pages/administration")
        with server.kg.writing:  # the copy of the store waits
            page.get_by_role("button", name=words["check-now"]).click()
            expect(page.get_by_role("heading", name=words["job-check"])).to_be_visible()
            expect(page.get_by_text(words["step-store"])).to_be_visible()
            expect(page.get_by_role("link", name=words["refresh"])).to_be_visible(visible=not script)
            if script:
                visitor.check()
                visitor.picture("check")
        expect(page.get_by_text(words["sound-check"])).to_be_visible(timeout=30_000)


def test_a_reader_is_not_offered_it_and_refused(browser: Browser, server: Running) -> None:
    key = make_key(server.kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
    with visiting(browser, server, "en", token=key) as visitor:
        page = visitor.open("/")
        expect(page.locator("nav.side")).to_be_visible()
        for path in ("/pages/administration", "/pages/keys", "/pages/backups", "/pages/audit"):
            expect(page.locator(f'nav.side a[href^="{path}"]')).to_have_count(0)
            answer = page.request.get(f"{visitor.base}{path}", headers={"Accept": "text/html"})
            assert answer.status == 403, path
