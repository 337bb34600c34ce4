"""The steward's board and the purpose switch, over a socket: what they show, who may, and what forms do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

import httpx
import pytest

from kgservice.application import stewarding
from kgservice.application.graph import KnowledgeGraph
from kgservice.web.texts import LANGUAGES, catalogue
from tests.http.test_pages import checked
from tests.serving import Running, running

HTML = {"Accept": "text/html"}
RESEARCH = "https://w3id.org/dpv#ResearchAndDevelopment"


@dataclass
class Board:
    """A service of its own on the demonstration, and a browser that has signed in."""

    kg: KnowledgeGraph
    server: Running
    browser: httpx.Client

    def get(self, path: str) -> httpx.Response:
        """A page as a browser asks for it."""
        return self.browser.get(path, headers=HTML)

    def post(self, path: str, *, origin: str | None = None, **fields: str) -> httpx.Response:
        """A form as a browser sends it."""
        headers = {**HTML, "Origin": origin or self.server.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        if origin is not None:
            headers["Sec-Fetch-Site"] = "cross-site"
        return self.browser.post(path, data=fields, headers=headers)


@pytest.fixture
def board(demo_kg_guarded: KnowledgeGraph) -> Iterator[Board]:
    kg = demo_kg_guarded
    stewarding.refresh(kg)
    with running(kg) as server, httpx.Client(base_url=server.url, timeout=30) as browser:
        browser.get("/", params={"token": server.token}, headers=HTML)
        yield Board(kg, server, browser)


def of(kg: KnowledgeGraph, **given: str) -> str:
    """The id of the first finding that fits."""
    entries, _ = stewarding.listed(kg, **given)
    return entries[0].iri.value.removeprefix(kg.addresses.ids)


def test_the_catalogues_have_the_same_words() -> None:
    first, second = (catalogue(language) for language in LANGUAGES)
    assert first.keys() == second.keys()
    assert all(text.strip() for words in (first, second) for text in words.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_board_counts_what_the_list_finds(board: Board, language: str) -> None:
    answer = board.get(f"/pages/findings?lang={language}")
    assert answer.status_code == 200
    found = checked(answer)
    _, total = stewarding.listed(board.kg, status="open")
    assert total > 0
    assert f"{total} {catalogue(language)['findings-rows']}" in found.text
    rows = re.findall(r'<th scope="row">.*?</tr>', answer.text, re.DOTALL)
    numbers = [int(re.findall(r'class="number">(\d+)<', row)[0]) for row in rows]
    assert sum(numbers) == total


def test_the_filters_narrow_the_list(board: Board) -> None:
    entries, _ = stewarding.listed(board.kg, status="open")
    rule = entries[0].rule
    answer = board.get(f"/pages/findings?rule={rule}&severity=&owner=&lang=en")
    listed = re.findall(r'href="/pages/findings/[^"]+">(R\d\d) ', answer.text)
    assert set(listed) == {rule}
    assert board.get("/pages/findings?rule=R99&lang=en").text.count("No findings that fit") == 1
    assert board.get("/pages/findings?status=lost").status_code == 400


def test_a_finding_is_assigned_waived_and_opened_again(board: Board) -> None:
    key = of(board.kg, status="open", severity="Warning")
    path = f"/pages/findings/{key}"
    page = board.get(f"{path}?lang=en")
    assert checked(page).text.count("What to do") == 1
    choices = page.text.partition('id="owner"')[2]
    ((employee, name),) = re.findall(r'<option value="(https[^"]+)">([^<]+)</option>', choices)[:1]
    answer = board.post(f"{path}?lang=en", do="assign", owner=unescape(employee))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?lang=en")
    assert stewarding.one(board.kg, key).owner == unescape(employee)
    assert unescape(name) in board.get(f"{path}?lang=en").text
    refused = board.post(f"{path}?lang=en", do="waive", reason="Agreed", until="2020-01-01")
    assert refused.status_code == 400
    assert "must end in the future" in checked(refused).text
    assert board.post(path, do="waive", reason="Agreed", until="2027-01-31").status_code == 303
    assert stewarding.one(board.kg, key).status == "waived"
    assert "Agreed" in board.get(f"{path}?lang=en").text
    assert board.post(path, do="reopen").status_code == 303
    assert stewarding.one(board.kg, key).status == "open"


def test_a_form_that_no_page_has_does_nothing(board: Board) -> None:
    key, head = of(board.kg, status="open"), board.kg.head
    assert board.post(f"/pages/findings/{key}", do="forget").status_code == 400
    assert board.post("/pages/findings/none", do="reopen").status_code == 404
    twice = board.browser.post(
        f"/pages/findings/{key}",
        content="do=reopen&do=reopen",
        headers={
            **HTML,
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": board.server.url.rstrip("/"),
        },
    )
    assert twice.status_code == 400
    assert board.post(f"/pages/findings/{key}", origin="https://evil.example", do="reopen").status_code == 403
    assert board.kg.head == head


def test_the_purpose_is_switched_and_says_what_it_hides(board: Board) -> None:
    start = board.get("/?lang=en")
    choices = dict(re.findall(r'<option value="([^"]+)"(?: selected)?>([^<]+)</option>', start.text))
    assert {"everything", RESEARCH} <= choices.keys()
    assert "54 persons" in checked(start).text
    answer = board.post("/pages/purpose", purpose=RESEARCH, to="/pages/questions?lang=en")
    assert (answer.status_code, answer.headers["location"]) == (303, "/pages/questions?lang=en")
    page = board.get("/pages/questions?lang=en")
    assert re.search(rf'value="{re.escape(RESEARCH)}" selected', page.text)
    assert "37 of 54 persons allow this" in checked(page).text
    assert board.post("/pages/purpose", purpose="urn:none", to="/").status_code == 403
    assert board.post("/pages/purpose", purpose="everything", to="//evil.example/").headers["location"] == (
        "/evil.example/"
    )
    assert "54 persons" in checked(board.get("/?lang=en")).text
