"""How soon somebody sees a page with many customers: `python -m benchmarks.pages --customers 100000`.

The graph is that of `benchmarks.scale`. The service is a process of its own, as `kgservice serve` makes it;
each page is opened in Chromium by somebody who has signed in, with an empty cache. "First paint" is the
browser's own first contentful paint; the scripts are what it took over the wire, compressed.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright
from tests.browser.program import served
from tests.browser.visiting import installed_browser

from benchmarks.guard import say
from benchmarks.report import Figure, machine, of, report
from benchmarks.scale import HERE, loading

PAGES = {
    "start": ("/", 1000.0, 100.0),
    "questions": ("/pages/questions", 1000.0, 100.0),
    "a question": ("/pages/questions/deployed-without-impact", None, 100.0),
    "findings": ("/pages/findings", None, 100.0),
    "walls": ("/pages/walls", None, 100.0),
    "journeys": ("/pages/journeys", None, 100.0),
    "records": ("/pages/records", None, 100.0),
    "traces": ("/pages/traces", None, 100.0),
    "workbench": ("/pages/workbench", None, None),
}
"""What is opened: address, most milliseconds until the first paint, most kB of scripts."""

_PAINT = """async () => {
  const found = performance.getEntriesByName("first-contentful-paint");
  if (found.length) return found[0].startTime;
  return await new Promise(done => new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (entry.name === "first-contentful-paint") done(entry.startTime);
  }).observe({type: "paint", buffered: true}));
}"""
_SCRIPTS = """() => performance.getEntriesByType("resource")
  .filter(entry => entry.name.endsWith(".js")).reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""


def opened(browser: Browser, base: str, token: str, path: str) -> tuple[float, float, int]:
    """Milliseconds until the first paint and until all is there, and bytes of scripts, of one page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en")
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{base}/sign-in")
    page.locator("#token").fill(token)
    with page.expect_navigation(wait_until="commit"):
        page.locator("main button").click()
    page.goto("about:blank")
    page.goto(f"{base}{path}", wait_until="load")
    paint, scripts = page.evaluate(_PAINT), page.evaluate(_SCRIPTS)
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    context.close()
    return paint, loaded, scripts


def figures(base: str, token: str, rounds: int, customers: int) -> Iterator[Figure]:
    """What each page takes; the first of the rounds, where nothing is remembered, is told in the detail."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed_browser(), args=["--no-sandbox"])
        for name, (path, most, largest) in PAGES.items():
            taken = [opened(browser, base, token, path) for _ in range(rounds + 1)]
            paint = statistics.median(one[0] for one in taken[1:])
            loaded = statistics.median(one[1] for one in taken[1:])
            detail = f"the first time {taken[0][0]:.0f} ms; all there after {loaded:.0f} ms; {customers:,}"
            say(f"{name}: {paint:.0f} ms, the first time {taken[0][0]:.0f} ms")
            yield of(f"{name}: first contentful paint", paint, "ms", detail, most)
            yield of(f"{name}: scripts", taken[-1][2] / 1000, "kB", "compressed", largest)
        browser.close()


def main() -> None:
    """Measure, print the table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loaded", action="store_true", help="take the store of an earlier run")
    options = parser.parse_args()
    work = HERE / ".work"
    work.mkdir(exist_ok=True)
    if not options.loaded:
        loading(work, options.customers)
    with served(work / f"sparse-{options.customers}") as (base, token):
        found = list(figures(base, token, options.rounds, options.customers))
    report(found, machine(), options.customers, "pages-")


if __name__ == "__main__":
    main()
