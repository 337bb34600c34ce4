"""Takes the pictures of the pages for README and docs: `python -m tests.browser.pictures`, with Chromium.

Starts the service on the demonstration graph by itself, in a folder of its own.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, sync_playwright

from tests.browser.program import served
from tests.browser.visiting import installed_browser, sign_in

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
Scheme = Literal["light", "dark"]
# Name, address or a link to follow there, language, width, scheme.
TAKEN: tuple[tuple[str, tuple[str, ...], str, int, Scheme], ...] = (
    ("start", ("/",), "en", 1440, "light"),
    ("start-narrow", ("/",), "de", 390, "dark"),
    ("question", ("/pages/questions/deployed-without-impact",), "en", 1440, "light"),
    ("workbench", ("/pages/workbench",), "en", 1440, "light"),
    ("trace", ("/pages/traces", "main a[href*='/pages/trace/']"), "de", 1440, "light"),
    ("journey", ("/pages/journeys", "main a[href*='/pages/journeys/']"), "de", 1440, "light"),
    ("walls", ("/pages/walls",), "de", 1440, "light"),
    ("findings", ("/pages/findings",), "de", 1440, "dark"),
    (
        "finding",
        ("/pages/findings?severity=Warning", "main a[href*='/pages/findings/']"),
        "en",
        1440,
        "light",
    ),
    ("records", ("/pages/records",), "en", 1440, "light"),
    ("person", ("/pages/persons/00000000-0000-4000-8000-100700000005",), "de", 1440, "light"),
    ("administration", ("/pages/administration",), "en", 1440, "light"),
)


def take(page: Page, base: str, way: tuple[str, ...], language: str, path: Path) -> None:
    """Go there, and take one picture."""
    address, *links = way
    page.goto(f"{base}{address}{'&' if '?' in address else '?'}lang={language}")
    for link in links:
        page.locator(link).first.click()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path)


def main() -> None:
    """Take all of them, or those that are named."""
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder) / "store", "--demo") as (base, token),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=installed_browser(), args=["--no-sandbox"])
        for name, way, language, width, scheme in TAKEN:
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            context = browser.new_context(
                viewport={"width": width, "height": 900 if width > 500 else 780},
                locale=language,
                color_scheme=scheme,
            )
            page = context.new_page()
            sign_in(page, base, token)
            take(page, base, way, language, PICTURES / f"{name}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
