"""From the navigation to one page of each kind: what a visitor finds by following links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.browser.visiting import Visitor

_PAGE = re.compile(r"/pages/[a-z-]+(/.+)?$|/(id|ontology)/|/$")


def kind_of(path: str) -> str:
    """The part of a path that tells which page it is: what comes after is what it shows.

    >>> kind_of("/pages/findings/abc"), kind_of("/pages/record"), kind_of("/id/abc"), kind_of("/")
    ('/pages/findings/…', '/pages/record', '/id/…', '/')
    """
    parts = path.split("/")
    kept = 3 if parts[1] == "pages" else 2
    return path if len(parts) <= kept else "/".join([*parts[:kept], "…"])


def every_kind(visitor: Visitor) -> Iterator[tuple[str, Page]]:
    """Each kind of page that links lead to from the page to start at, opened, by its kind."""
    seen: set[str] = set()
    ahead = ["/"]
    while ahead:
        path = ahead.pop(0)
        kind = kind_of(urlsplit(path).path)
        if kind in seen:
            continue
        seen.add(kind)
        page = visitor.open(path)
        yield kind, page
        found = page.locator("nav.side a, main a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
        ahead += [
            re.sub(r"[?&]lang=(de|en)", "", address)
            for address in found
            if address and _PAGE.match(urlsplit(address).path) and not urlsplit(address).netloc
        ]
