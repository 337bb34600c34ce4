"""The steward's pages and the purpose switch, over a socket: what they show, and what their forms do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

import httpx
import pytest
from pyoxigraph import Literal, NamedNode, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links import records as link_records
from kgservice.application.links.proposing import propose
from kgservice.application.stewards import quarantine, stewarding
from kgservice.application.stewards.settling import LEAVING, Refusal
from kgservice.domain.change import Origin
from kgservice.phrases import Bilingual
from kgservice.web.texts import LANGUAGES, catalogue, counted
from tests.http.test_links import ODD, key_of
from tests.http.test_pages import checked
from tests.http.test_quarantine import ADDRESSES, BAD, HEAD, known, load, solution
from tests.serving import PLAIN, Running, running
from tests.unit.links import AMBROS, TILMAN, pair, run

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
def board(stewarded_kg: KnowledgeGraph) -> Iterator[Board]:
    kg = stewarded_kg
    with running(kg) as server, httpx.Client(base_url=server.url, timeout=30, verify=PLAIN) as browser:
        server.sign_in(browser)
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
    assert f"{total} {counted('findings-rows', total, language)}" in found.text
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
    shown = checked(board.get(f"{path}?lang=de")).text
    assert "local, bis 31.01.2027" in shown
    assert "2027-01-31" not in shown
    assert "Agreed" in board.get(f"{path}?lang=en").text
    assert board.post(path, do="reopen").status_code == 303
    assert stewarding.one(board.kg, key).status == "open"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_finding_says_what_to_do_and_which_terms_the_shape_names(board: Board, language: str) -> None:
    entry = next(entry for entry in stewarding.listed(board.kg, status="open")[0] if entry.rule == "R07")
    rule = entry.finding(board.kg).rule
    assert entry.messages[language] != rule.message[language]  # the demonstration has words of its own
    page = board.get(f"/pages/findings/{of(board.kg, status='open', rule='R07')}?lang={language}")
    text = checked(page).text
    assert entry.messages[language] in text
    assert rule.message[language] in text
    assert all(f"<code>{term}</code>" in page.text for term in rule.terms)


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
    board_ = checked(board.get("/pages/findings?lang=en")).text
    assert "This page shows everything" in board_
    assert "persons allow this" not in board_
    assert board.post("/pages/purpose", purpose="urn:none", to="/").status_code == 403
    assert board.post("/pages/purpose", purpose="everything", to="//evil.example/").headers["location"] == (
        "/evil.example/"
    )
    assert "54 persons" in checked(board.get("/?lang=en")).text


def held(board: Board) -> str:
    """The id of an entry that waits in quarantine: a solution that addresses nothing."""
    (entry,) = load(board.server, solution(BAD))["quarantined"]
    return str(entry["id"])


def test_what_a_purpose_does_not_show_says_so_and_lets_switch_back(board: Board) -> None:
    single = "/pages/journeys/00000000-0000-4000-8000-104000000002"
    narrow = {"purpose": "https://w3id.org/dpv#CustomerRelationshipManagement", "to": single}
    assert board.get(single).status_code == 200
    assert board.post("/pages/purpose", **narrow).status_code == 303
    for path in (single, "/id/00000000-0000-4000-8000-104000000002"):
        gone = board.get(f"{path}?lang=en")
        assert gone.status_code == 404
        assert "14 of 54 persons allow this" in checked(gone).text
        assert catalogue("en")["other-purpose"] in gone.text
    assert board.post("/pages/purpose", purpose="everything", to=single).headers["location"] == single
    assert board.get(single).status_code == 200


def test_an_entry_of_the_quarantine_is_mended_and_released(board: Board) -> None:
    key = held(board)
    path = f"/pages/quarantine/{key}"
    assert f'href="{path}?lang=en"' in board.get("/pages/quarantine?lang=en").text
    page = board.get(f"{path}?lang=en")
    assert "R03" in checked(page).text
    refused = board.post(f"{path}?lang=en", do="release")
    assert refused.status_code == 422
    assert "R03" in checked(refused).text
    assert board.post(path, do="mend", statements="no Turtle").status_code == 400
    stated = unescape(re.findall(r"<textarea[^>]*>(.*?)</textarea>", page.text, re.DOTALL)[0])
    mended = f"{HEAD}\n{stated}\n<https://kg.example/id/{BAD}> {ADDRESSES} ."
    assert board.post(path, do="mend", statements=mended).status_code == 303
    assert not known(board.kg, BAD)
    assert board.post(path, do="release").status_code == 303
    assert known(board.kg, BAD)
    page = board.get(f"{path}?lang=en")
    assert "released" in checked(page).text
    then = page.text.partition("Why it was not taken")[2].partition("As it came in")
    assert "R03" in then[0]
    assert "addresses" not in then[2]
    assert unescape(then[2]).count(f"<https://kg.example/id/{BAD}> ") == stated.strip().count("\n") + 1
    assert board.post(path, do="release").status_code == 409


def test_why_an_entry_waits_is_told_in_the_language_of_the_page(board: Board) -> None:
    broken = quarantine.one(board.kg, held(board)).reason
    assert isinstance(broken, Bilingual)
    assert broken.startswith("R03: ")
    reasons: list[tuple[str, str]] = [(str(broken), broken.german), (str(LEAVING), LEAVING.german)]
    assert all(english != german for english, german in reasons)
    said = [Triple(NamedNode(f"urn:{n}"), NamedNode("urn:says"), Literal("x")) for n in range(2)]
    old = "It was refused by an older release"
    by_hand = [({said[0]}, Refusal(LEAVING)), ({said[1]}, Refusal(old))]
    quarantine.hold(board.kg, ((what, quarantine.Source("x.ttl"), why) for what, why in by_hand), Origin())
    for entry in quarantine.listed(board.kg):
        (english, german) = next((one for one in reasons if one[0] == entry.reason), (old, old))
        for path in ("/pages/quarantine", f"/pages/quarantine/{entry.key}"):
            pages = {
                language: unescape(board.get(f"{path}?lang={language}").text) for language in ("de", "en")
            }
            assert (german in pages["de"], english in pages["en"]) == (True, True)
            assert old == english or (english not in pages["de"] and german not in pages["en"])
    told = board.server.get("/quarantine").json()["entries"]
    assert {entry["reason"] for entry in told} >= {old, *(english for english, _ in reasons)}


def test_an_entry_is_discarded_for_a_reason(board: Board) -> None:
    key = held(board)
    path = f"/pages/quarantine/{key}"
    assert board.post(path, do="discard", reason=" ").status_code == 400
    assert board.post(path, do="discard", reason="A test").status_code == 303
    assert quarantine.one(board.kg, key).status == "discarded"
    assert "A test" in checked(board.get(f"{path}?lang=en")).text
    assert board.get("/pages/quarantine?status=lost").status_code == 400
    assert board.get("/pages/quarantine/none").status_code == 404


def test_a_link_is_accepted_with_both_sides_seen_and_taken_back(board: Board) -> None:
    propose(board.kg, run(), [pair("77", TILMAN, 4.0), pair("78", AMBROS, 9.0), ODD])
    path = f"/pages/links/{key_of()}"
    listed = board.get("/pages/links?lang=en&source=erp")
    checked(listed)
    assert f'href="{path}?lang=en"' in listed.text
    page = board.get(f"{path}?lang=en")
    assert "TILMAN KANTWERK" in checked(page).text
    (picture,) = re.findall(r'src="(/links/[^"]+)"', page.text)
    drawn = board.browser.get(unescape(picture), headers={"Accept": "image/webp,image/*,*/*;q=0.8"})
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert board.post(path, do="accept", reason="I know him").status_code == 303
    assert link_records.one(board.kg, key_of()).standing.state == "accepted"
    assert "I know him" in board.get(f"{path}?lang=en").text
    assert board.post(path, do="undo", reason="I was wrong").status_code == 303
    assert link_records.one(board.kg, key_of()).standing.state == "candidate"
    assert board.post(path, do="marry", reason="x").status_code == 400
    assert board.get("/pages/links?state=lost").status_code == 400
    assert board.get("/pages/links/none").status_code == 404


def test_what_a_crm_says_is_shown_harmlessly(board: Board) -> None:
    propose(board.kg, run(), [ODD])
    page = board.get(f"/pages/links/{key_of(ODD.customer, ODD.record.key)}?lang=de")
    checked(page)
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
