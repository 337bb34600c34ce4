"""Somebody at a browser: opens pages of a running service, and sees whether they behave."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from tests.serving import Running

SCREENSHOTS = Path(__file__).parent / "screenshots"
"""Pictures of what the tests saw, taken where `SCREENSHOTS` is set; git ignores them."""
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first has no windows at all, and takes less time for each page."""
GRAVE = ("serious", "critical")
_AT_REST = """() => new Promise(done =>
    requestAnimationFrame(() => requestIdleCallback(() => done(), {timeout: 1000})))"""
"""Once the page has been drawn again and has nothing more to do."""
_VIOLATIONS = "axe.run({resultTypes: ['violations']}).then(found => found.violations)"
Language = Literal["de", "en"]
Scheme = Literal["light", "dark"]


def installed_browser() -> str | None:
    """The path of a browser of this machine."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@dataclass
class Visitor:
    """One who has signed in, with one page open."""

    page: Page
    base: str
    language: Language
    script: bool = True
    """Whether its pages may run scripts."""
    wrong: list[str] = field(default_factory=list)
    asked: int = 0
    """How many requests its pages have made."""
    waiting: set[Request] = field(default_factory=set)
    """Those that are not answered yet."""

    def open(self, path: str) -> Page:
        """Go to a page of the service in the language of the visitor, and wait until it is at rest."""
        sign = "&" if "?" in path else "?"
        self.page.goto(f"{self.base}{path}{sign}lang={self.language}")
        self._rest()
        return self.page

    def _rest(self) -> None:
        """Wait until the page has twice been drawn with nothing to do, and has asked nothing meanwhile.

        Playwright's own `networkidle` takes half a second at each page. A page without scripts is at rest once it is loaded.
        """
        end, quiet = time.monotonic() + 20, 0
        while self.script and quiet < 2:
            assert time.monotonic() < end, f"{self.page.url} does not come to rest: {self.waiting}"
            before = self.asked
            self.page.evaluate(_AT_REST)
            quiet = quiet + 1 if self.asked == before and not self.waiting else 0

    def check(self, *, but: tuple[str, ...] = ()) -> None:
        """The page is accessible (axe-core: nothing serious, but the rules named) and does not scroll sideways."""
        faults = self.faults(but=but)
        assert not faults, "\n".join(faults)

    def faults(self, *, but: tuple[str, ...] = ()) -> list[str]:
        """What `check` finds wrong."""
        before = len(self.wrong)
        self.page.evaluate(Axe().axe_script)
        found = self.page.evaluate(_VIOLATIONS)  # not all that `Axe().run` hands over: that is much
        del self.wrong[before:]  # what axe-core itself may not do here
        grave = [
            f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:3]]}"
            for one in found
            if one["impact"] in GRAVE and one["id"] not in but
        ]
        wide, room = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        if wide > room:
            grave.append(f"it is {wide} pixels wide, and there is room for {room}")
        return [f"{self.page.url}: {fault}" for fault in grave]

    def picture(self, name: str) -> None:
        """Keep a picture of the whole page, for who asks for them: taking one takes longer than opening the page."""
        if "SCREENSHOTS" not in os.environ:
            return
        size = self.page.viewport_size or {"width": 0}
        SCREENSHOTS.mkdir(exist_ok=True)
        safe = re.sub(r"[^a-z0-9-]+", "-", name.lower())
        path = SCREENSHOTS / f"{safe}-{self.language}-{size['width']}.png"
        self.page.screenshot(path=path, full_page=True)


def sign_in(page: Page, base: str, token: str) -> None:
    """Sign in with the token of the service or a key, which leads to the start page."""
    page.goto(f"{base}/sign-in")
    page.locator("#token").fill(token)
    page.locator("main button").click()
    page.wait_for_url(f"{base}/")


@contextmanager
def visiting(
    browser: Browser,
    server: Running,
    language: Language = "de",
    width: int = 1440,
    scheme: Scheme = "light",
    token: str | None = None,
    script: bool = True,
) -> Iterator[Visitor]:
    """A visitor who signs in: with the token of the service, or with a key. At the end: no console error, and no request to another origin."""
    base = server.url.rstrip("/")
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        locale=language,
        color_scheme=scheme,
        accept_downloads=True,
        java_script_enabled=script,
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    visitor = Visitor(page, base, language, script)

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            visitor.wrong.append(f"{page.url}: {message.text}")

    def asked(request: Request) -> None:
        visitor.asked += 1
        visitor.waiting.add(request)
        if not request.url.startswith((base, "data:", "blob:")):
            visitor.wrong.append(f"{page.url} asks {request.url}")

    def answered(request: Request) -> None:
        visitor.waiting.discard(request)

    page.on("console", said)
    page.on("pageerror", lambda error: visitor.wrong.append(f"{page.url}: {error}"))
    page.on("request", asked)
    page.on("requestfinished", answered)
    page.on("requestfailed", answered)
    try:
        sign_in(page, base, token or server.token)
        yield visitor
        assert not visitor.wrong, "\n".join(visitor.wrong)
    finally:
        context.close()
