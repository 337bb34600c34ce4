"""A browser of the machine (`make test` installs Chromium where it can) and a service in front of a graph."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from kgservice.application.graph.graph import KnowledgeGraph
from tests.browser.visiting import installed_browser
from tests.serving import Running, running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window; tests that need it are skipped, with the reason, where there is none.

    For one file of tests: while Playwright runs, its loop of events runs in this thread, and others can have none.
    """
    path = installed_browser()
    if path is None:
        pytest.skip("there is no Chromium on this machine: no test in a browser was run")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def site(stewarded_kg: KnowledgeGraph) -> Iterator[Running]:
    """A service on the demonstration, with its findings."""
    with running(stewarded_kg) as server:
        yield server
