"""The pages of persons, consents and requests over a socket: what they show, and what their forms do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import restricting, subjects, tickets
from kgservice.application.law.audit import opened
from kgservice.application.law.consent_records import recorded
from kgservice.application.law.decisions import decide, stamp
from kgservice.application.links.proposing import propose
from kgservice.application.links.statements import link_iri
from kgservice.domain.change import Change
from kgservice.domain.matching import RecordId
from kgservice.domain.principal import Role
from kgservice.errors import NotFound
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.web.dates import minute
from kgservice.web.texts import LANGUAGES, catalogue
from tests.conftest import NOON
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.http.persons import PERSON
from tests.http.test_consents import RENEWED
from tests.http.test_pages import checked
from tests.http.test_requests import ERASURE
from tests.http.test_steward_pages import Board
from tests.serving import PLAIN, running
from tests.unit.links import TILMAN, pair, run

PAGE = f"/pages/persons/{PERSON}"
FREE = "00000000-0000-4000-8000-100700000026"
"""A person with a consent in force and no request."""


@pytest.fixture
def board(demo_kg_guarded: KnowledgeGraph) -> Iterator[Board]:
    with (
        running(demo_kg_guarded) as server,
        httpx.Client(base_url=server.url, timeout=60, verify=PLAIN) as browser,
    ):
        server.sign_in(browser)
        yield Board(demo_kg_guarded, server, browser)


@pytest.mark.parametrize(
    ("whom", "found"),
    [
        ("walburga fries", True),
        ("sales-crm:CON-1005", True),
        ("WALBURGA.FRIESINGER@metallbau-rotensteig.example", True),
        (PERSON, True),
        (f"https://kg.example/id/{PERSON}", True),
        ("nobody of this name", False),
        ("nobody@no.example", False),
        ("no-such-system:7", False),
    ],
)
def test_a_person_is_found_by_what_is_known(board: Board, whom: str, found: bool) -> None:
    answer = board.post("/pages/persons?lang=en", whom=whom)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (f'href="{PAGE}?lang=en"' in answer.text) == found
    assert ("Nobody fits" in checked(answer).text) != found


def test_who_says_nothing_is_told_so_and_names_are_shown_harmlessly(board: Board) -> None:
    assert board.post("/pages/persons", whom="  ").status_code == 400
    answer = board.post("/pages/persons?lang=en", whom='<script>"x')
    checked(answer)
    assert "<script>" not in answer.text
    assert subjects.find(board.kg, {"name": "FRIESINGER"})["matches"][0]["key"] == PERSON


@pytest.mark.parametrize(
    ("language", "moment", "end"),
    [
        ("de", r"\d\d\.\d\d\.\d{4}, \d\d:\d\d UTC", "26.05.2028"),
        ("en", r"\d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC", "26 May 2028"),
    ],
)
def test_a_person_is_shown_with_consents_over_time(
    board: Board, language: str, moment: str, end: str
) -> None:
    answer = board.get(f"/pages/persons/{FREE}?lang={language}")
    found = checked(answer)
    assert answer.status_code == 200
    # The picture and the table tell the same events.
    assert len(re.findall(r"<circle class=\"(?:given|ended|asked)\"", answer.text)) == 5
    assert len(re.findall(rf'<li>[^<]+, <time datetime="[^"]+Z">{moment}</time>', answer.text)) == 5
    assert len(re.findall(rf"<title>[^<]+[, ]{moment}</title>", answer.text)) >= 5
    assert re.search(r'<rect class="held"', answer.text)
    assert re.search(r'<rect class="ahead"', answer.text)
    assert found.text.count(end) >= 2
    assert board.get("/pages/persons/none").status_code == 404


def test_the_decision_is_the_one_of_the_interface(board: Board) -> None:
    asked = {"category": f"{CI}CommunicationData", "use": RESEARCH, "at": "2026-05-01T00:00"}
    for key in (FREE, PERSON):
        answer = board.browser.get(f"/pages/persons/{key}", params={**asked, "lang": "en"})
        found = decide(board.kg, key, asked["category"], RESEARCH, f"{asked['at']}Z")
        told = found.to_json(lambda at, language: minute(stamp(at), language))
        assert "(1 May 2026, 00:00 UTC)" in told["words"]["en"]
        assert told["words"]["en"] in unescape(checked(answer).text)
        assert ("verdict allowed" in answer.text) == told["allowed"]
    wrong = board.browser.get(PAGE, params={"category": "urn:x:none", "use": RESEARCH, "lang": "en"})
    assert (wrong.status_code, "there is no category" in checked(wrong).text) == (400, True)


def test_a_consent_is_withdrawn_and_renewed(board: Board) -> None:
    key = re.findall(r"/pages/consents/([^\"?]+)", board.get(f"/pages/persons/{FREE}").text)[0]
    path = f"/pages/consents/{key}"
    assert checked(board.get(f"{path}?lang=en")).text.count("in force") == 1
    lacking = board.post(f"{path}?lang=en", do="withdraw", method="", by="GuardianOfDataSubject")
    assert lacking.status_code == 400
    assert '<option value="GuardianOfDataSubject" selected>' in lacking.text
    done = board.post(f"{path}?lang=en", do="withdraw", method="letter", by="DataSubject", time="")
    assert (done.status_code, done.headers["location"]) == (303, f"/pages/persons/{FREE}?lang=en")
    assert recorded(board.kg, key).state_name == "withdrawn"
    assert 'value="withdraw"' not in board.get(path).text
    board.kg.clock = lambda: NOON + timedelta(days=1)
    early = board.post(path, do="renew", method="portal", expires="2020-01-01")
    assert early.status_code == 400
    assert 'value="2020-01-01"' in early.text
    assert board.post(path, do="renew", method="portal", expires="2028-01-31").status_code == 303
    assert recorded(board.kg, key).state_name == "in-force"
    assert board.post(path, do="forget").status_code == 400
    assert board.get(f"/pages/consents/{RENEWED}").status_code == 200
    assert board.get("/pages/consents/none").status_code == 404


def test_what_a_person_asks_for_is_recorded_and_done(board: Board) -> None:
    kg, path = board.kg, f"/pages/persons/{FREE}"
    person = subjects.one(kg, FREE)
    assert board.post(path, do="request", kind="access", received="2026-10-05T09:00").status_code == 303
    assert board.post(path, do="object", received="").status_code == 303
    theirs = tickets.of(kg, person)
    assert [ticket.right for ticket in theirs] == ["access", "objection"]
    assert "request overdue" in checked(board.get(f"{path}?lang=en")).text
    assert board.post(path, do="restrict", reason="They contest it").status_code == 303
    (restriction,) = restricting.of(kg, person)
    assert (restriction["holds"], restriction["reason"]) == (True, "They contest it")
    assert board.post(path, do="lift", restriction=restriction["id"]).status_code == 400
    assert board.post(path, do="lift", restriction=restriction["id"], informed="yes").status_code == 303
    assert not restricting.of(kg, person)[0]["holds"]
    late = board.post(f"{path}?lang=en", do="request", kind="access", received="2099-01-01T09:00")
    assert (late.status_code, "lies in the future" in checked(late).text) == (400, True)
    assert 'value="2099-01-01T09:00"' in late.text


def test_one_value_is_put_right_and_the_others_stay(board: Board) -> None:
    path = f"/pages/persons/{FREE}"
    page = board.get(f"{path}?lang=en").text
    ((entry, old),) = re.findall(r'<option value="([0-9a-f]{32})">(?:name|person name): ([^<]+)<', page)[:1]
    answer = board.post(path, do="rectify", entry=entry, value="Cordula Fernbach-Test")
    assert answer.status_code == 303, answer.text
    told = subjects.summary(board.kg, FREE)
    assert (old, told["name"]) == ("Cordula Fernbach", "Cordula Fernbach-Test")
    again = board.post(path, do="rectify", entry=entry, value="x")
    assert (again.status_code, 'value="x"' in again.text) == (409, True)


def test_a_request_is_extended_and_answered(board: Board) -> None:
    kg = board.kg
    listed = board.get("/pages/requests?lang=en&status=open")
    assert len(re.findall(r"<th scope=\"row\">", checked(listed).text and listed.text)) == 3
    assert board.get("/pages/requests?status=lost").status_code == 400
    path = f"/pages/requests/{ERASURE}"
    assert "Walburga Friesinger" in checked(board.get(f"{path}?lang=en")).text
    assert board.post(path, do="extend", months="1").status_code == 400  # no reason
    assert board.post(path, do="extend", months="1", reason="many records").status_code == 303
    assert tickets.one(kg, ERASURE).outcome == "Extended"
    refused = board.post(f"{path}?lang=en", do="answer", outcome="refused", reason="")
    assert refused.status_code == 400
    told = board.post(f"{path}?lang=en", do="answer", outcome="fulfilled")
    assert (told.status_code, "R37" in checked(told).text) == (422, True)
    assert board.post(path, do="answer", outcome="refused", reason="An invoice is open").status_code == 303
    assert "An invoice is open" in checked(board.get(f"{path}?lang=en")).text
    kg.clock = lambda: NOON + timedelta(days=21)
    assert checked(board.get("/pages/requests?lang=en&status=overdue")).text.count("overdue") >= 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_request_of_somebody_unknown_is_recorded_by_its_reference(board: Board, language: str) -> None:
    kg, path = board.kg, f"/pages/requests?lang={language}"
    letter = {"do": "request", "kind": "access", "received": "2026-10-31T09:00"}
    assert catalogue(language)["unknown-request-came"] in checked(board.get(path)).text
    head = kg.head
    assert board.post(path, origin="https://other.example", **letter, reference="DSR-1").status_code == 403
    for wrong in ("", "Frau Krüger", "erika@example.org"):
        refused = board.post(path, **letter, reference=wrong)
        assert (refused.status_code, refused.headers["cache-control"]) == (400, "no-store")
        assert f'value="{wrong}"' in refused.text
        assert '<option value="access" selected>' in refused.text
    assert board.post(path, **letter | {"do": "drop"}, reference="DSR-1").status_code == 400
    assert kg.head == head
    done = board.post(path, **letter, reference="DSR-2026-17")
    (ticket,) = [one for one in tickets.listed(kg)["requests"] if one["reference"] == "DSR-2026-17"]
    assert (ticket["due"], ticket["subject"]) == ("2026-11-30T09:00:00Z", None)
    assert (done.status_code, done.headers["location"]) == (
        303,
        f"/pages/requests/{kg.addresses.key(ticket['id'])}?lang={language}",
    )
    assert "DSR-2026-17" in checked(board.get(done.headers["location"])).text


def test_an_erasure_takes_two_steps_and_tells_what_it_did(board: Board) -> None:
    path = f"{PAGE}/erasure"
    page = checked(board.get(f"{path}?lang=en")).text
    assert "Nobody can take this back" in page
    head = board.kg.head
    assert board.post(path, sure="").status_code == 400
    assert board.kg.head == head
    done = board.post(f"{path}?lang=en", sure="yes", otherBasis="erase")
    assert done.status_code == 200, done.text
    assert done.headers["cache-control"] == "no-store"
    told = checked(done).text
    assert "statements are erased" in told
    assert "sales-crm CON-1005" in " ".join(told.split())
    with pytest.raises(NotFound, match="was erased"):
        subjects.one(board.kg, PERSON)
    assert board.get(PAGE).status_code == 404
    assert board.post(path, sure="yes").status_code == 404
    ticket = tickets.one(board.kg, ERASURE)
    assert (ticket.outcome, ticket.subject) == ("Fulfilled", "")
    assert "erased person" in checked(board.get(f"/pages/requests/{ERASURE}?lang=en")).text


def test_an_erasure_names_who_may_be_the_same_before_and_after(board: Board) -> None:
    kg = board.kg
    path = f"/pages/persons/{kg.addresses.key(TILMAN)}/erasure"
    propose(kg, run(), [pair("E-77", TILMAN, 2.0)])
    stated = {quad.object for quad in subjects.quads_of(kg, NamedNode(TILMAN)) if "emailA" in str(quad)}
    email = next(value for value in stated if isinstance(value, Literal))
    other = NamedNode(kg.addresses.ids + FREE)
    kg.commit(Change(add=(Quad(other, NamedNode(f"{CI}emailAddress"), email, DefaultGraph()),)))
    before = board.get(f"{path}?lang=en")
    assert "Decide first: what is accepted is erased" in checked(before).text
    link = kg.addresses.key(link_iri(kg.addresses, RecordId("erp", "E-77"), TILMAN).value)
    assert f'<a href="/pages/links/{link}?lang=en">erp E-77</a>' in before.text
    assert f'<a href="/pages/persons/{FREE}?lang=en">Cordula Fernbach</a>' in before.text
    after = board.post(f"{path}?lang=en", sure="yes", otherBasis="erase")
    told = " ".join(checked(after).text.split())
    assert "and stay, also their rows here; please decide on them in the CRMerp E-77" in told
    assert "please decide whether they are the sameCordula Fernbach" in told


def test_others_are_refused_and_not_offered_it(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    kg = demo_kg_guarded
    paths = ("/pages/persons", PAGE, f"{PAGE}/erasure", "/pages/requests", f"/pages/consents/{RENEWED}")
    with serving(kg, tmp_path) as server:
        settings, head = kg.settings, kg.head
        purposes = settings.active_purposes
        for role in Role:
            key = make_key(settings, role, purposes=purposes, default=purposes[0])
            may = role in {Role.PRIVACY_OFFICER, Role.ADMINISTRATOR}
            for path in paths:
                answer = asking(server, path, key, headers={"Accept": "text/html"})
                assert (answer.status_code == 403) != may, (role, path)
                assert may or "Friesinger" not in answer.text
            if not may:
                sent = asking(server, f"{PAGE}/erasure", key, "POST", data={"sure": "yes"})
                assert sent.status_code == 403
            if role is not Role.MONITOR:
                start = asking(server, "/", key, headers={"Accept": "text/html"}).text
                assert ('href="/pages/persons"' in start) == may
        assert kg.head == head


def test_the_audit_log_says_what_a_page_does(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    kg = demo_kg_guarded
    kg.settings = Settings(store=tmp_path / "store")
    consent = RENEWED
    with opened(kg.settings) as log:
        with running(kg, audit=log) as server:
            server.get(PAGE)
            server.post("/pages/persons", data={"whom": "Walburga"})
            server.post(f"/pages/consents/{consent}", data={"do": "withdraw", "method": ""})
            server.get("/pages/requests")
        lines = [line.to_json() for line in log.entries()]
    told = {line["resource"]: line["action"] for line in lines}
    assert told["GET /pages/persons/{}"] == "right"
    assert told["POST /pages/persons"] == "right"
    assert told["POST /pages/consents/{}"] == "consent"
    assert told["GET /pages/requests"] == "right"
    assert not any("Walburga" in str(line) for line in lines)
