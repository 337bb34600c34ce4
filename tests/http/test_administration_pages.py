"""The pages of those who run the service, over a socket: how it is, its keys, backups and audit log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyoxigraph import NamedNode, Quad

from kgservice.application.care.backups import Backups, faults_of
from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import api_keys
from kgservice.application.law.audit import opened
from kgservice.domain.principal import Role
from kgservice.settings import Settings
from kgservice.web.render import STATIC
from tests.http.keys import RESEARCH, asking, make_key
from tests.http.test_pages import checked
from tests.http.test_steward_pages import HTML, Board
from tests.serving import PLAIN, running

PAGES = ("/pages/administration", "/pages/keys", "/pages/backups", "/pages/audit")


@pytest.fixture
def board(kg: KnowledgeGraph, tmp_path: Path) -> Iterator[Board]:
    kg.settings = Settings(store=tmp_path / "store")
    with (
        opened(kg.settings) as log,
        running(kg, audit=log) as server,
        httpx.Client(base_url=server.url, timeout=60, verify=PLAIN) as browser,
    ):
        server.sign_in(browser)
        yield Board(kg, server, browser)


def ended(board: Board) -> Any:
    """The last job, when it has ended. Asking all the time would take the job its processor."""
    (job, *_others) = board.browser.get("/maintenance").json()["jobs"]
    told = board.browser.get(f"/maintenance/{job['id']}", headers={"Prefer": "wait=60"}).json()
    assert told["state"] != "running", told
    return told


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_page_in_both_languages(board: Board, language: str) -> None:
    for path in PAGES:
        answer = board.get(f"{path}?lang={language}")
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "no-store"
        assert checked(answer).all("html")[0]["lang"] == language


def test_the_service_tells_how_it_is(board: Board) -> None:
    page = board.get("/pages/administration?lang=en")
    told = checked(page).text
    assert f"Last commit{board.kg.head}" in "".join(told.split("\n")).replace("  ", "")
    rows = re.findall(r'<tr><th scope="row"(?: title="([^"]+)")?>', page.text)
    assert rows == ["", *board.kg.settings.active_purposes]
    assert "All is sound" not in told


def test_the_store_is_checked(board: Board) -> None:
    page = "/pages/administration?lang=en"
    assert board.post(page, do="check").headers["location"] == page
    job = ended(board)
    assert (job["work"], job["state"], job["faults"], job["problem"]) == ("check", "done", [], None)
    assert [step["name"] for step in job["progress"] if step["done"] < step["total"]] == []
    assert {"Copying the store", "Comparing the views"} <= {step["name"] for step in job["progress"]}
    assert "All is sound" in checked(board.get(page)).text
    wrong = NamedNode("urn:x:wrong")
    board.kg.store.apply(add=[Quad(wrong, wrong, wrong, board.kg.view)])
    board.post(page, do="check")
    assert any("urn:x:wrong" in fault for fault in ended(board)["faults"])
    told = checked(board.get(page)).text
    assert "holds, but should not: <urn:x:wrong>" in told
    assert "All is sound" not in told
    assert board.post(page, do="paint").status_code == 400


def test_each_step_has_a_name_on_the_page(demo_kg: KnowledgeGraph, tmp_path: Path) -> None:
    names = set[str]()

    def told(name: str, done: int, total: int) -> None:
        names.add(name)
        assert done <= total

    assert check(demo_kg, told) == []
    faults_of(Backups(demo_kg, tmp_path).make(told).folder, told)
    template = (STATIC.parent / "templates/job.html").read_text(encoding="utf-8")
    assert names == set(re.findall(r'^  "([^"]+)": t\("step-', template, re.MULTILINE))


def test_what_takes_long_shows_how_far_it_is_and_is_stopped(board: Board) -> None:
    page = "/pages/administration?lang=en"
    renewed = '<noscript><meta http-equiv="refresh"'
    assert renewed not in board.get(page).text
    with board.kg.writing:  # the copy of the store waits
        assert board.post(page, do="check").status_code == 303
        shown = board.get(page)
        checked(shown)
        assert renewed in shown.text
        assert "<span>Copying the store</span>" in shown.text
        assert renewed in board.get("/pages/backups").text
        (address,) = re.findall(r'data-run="([^"]+)"', shown.text)
        job = board.browser.get(address).json()
        assert (job["state"], job["endedAt"], job["progress"][0]["total"]) == ("running", None, 1)
        second = board.post("/pages/backups?lang=en", do="make")
        assert (second.status_code, "Something else is at work" in checked(second).text) == (409, True)
        assert board.post(page, do="stop", job=job["id"]).status_code == 303
    assert ended(board)["state"] == "stopped"
    after = board.get(page)
    assert "stopped" in checked(after).text
    assert renewed not in after.text
    assert board.post(page, do="stop", job=job["id"]).status_code == 409
    assert board.post(page, do="stop", job="none").status_code == 404
    assert board.browser.get("/maintenance/none").status_code == 404


def test_a_key_is_shown_once_works_and_is_revoked(board: Board) -> None:
    settings = board.kg.settings
    made = board.post(
        "/pages/keys?lang=en",
        do="make",
        name="notebook <b>",
        expires="30d",
        default=RESEARCH,
        **{"role-researcher": "yes", "purpose-0": RESEARCH},
    )
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    checked(made)
    assert "notebook <b>" not in made.text
    (key,) = set(re.findall(r"kgs_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", made.text))
    (kept,) = api_keys.kept(settings)
    assert set(kept.roles) == {Role.RESEARCHER}
    assert (kept.purposes, kept.default) == ((RESEARCH,), RESEARCH)
    assert kept.expires is not None
    assert (kept.expires - kept.created).days == 30
    assert asking(board.server, "/queries", key).status_code == 200
    again = board.get("/pages/keys?lang=en")
    assert kept.prefix in checked(again).text
    assert key not in again.text
    assert "scrypt" not in again.text
    assert board.post("/pages/keys", do="revoke", prefix=kept.prefix).status_code == 303
    assert asking(board.server, "/queries", key).status_code == 401
    assert board.post("/pages/keys", do="revoke", prefix="00000000").status_code == 404


def test_a_key_that_is_none_is_refused_and_what_was_typed_stays(board: Board) -> None:
    good = {"do": "make", "name": "n", "expires": "90d", "role-reader": "yes"}
    for wrong in (
        {"name": " "},
        {"role-reader": ""},
        {"expires": "soon"},
        {"purpose-0": "urn:x:none"},
        {"default": RESEARCH},
        {"do": "borrow"},
    ):
        answer = board.post("/pages/keys?lang=en", **{**good, **wrong})
        assert answer.status_code == 400, wrong
        checked(answer)
        assert "kgs_" not in answer.text
    assert 'value="n"' in answer.text
    assert api_keys.kept(board.kg.settings) == []
    foreign = board.post("/pages/keys", origin="https://evil.example", **good)
    assert foreign.status_code == 403


def test_a_backup_is_made_and_verified(board: Board) -> None:
    assert "There is no backup yet" in checked(board.get("/pages/backups?lang=en")).text
    assert board.post("/pages/backups?lang=en", do="make").headers["location"] == "/pages/backups?lang=en"
    job = ended(board)
    (made,) = Backups(board.kg, board.kg.settings.backup_folder).all()
    name = made.folder.name
    assert (job["work"], job["state"], job["about"]) == ("backup", "done", name)
    copied = len(list((made.folder / "store").iterdir()))
    assert job["progress"] == [{"name": "Copying files", "done": copied, "total": copied}]
    told = checked(board.get("/pages/backups?lang=en")).text
    assert "The backup is made" in told
    assert name in told
    board.post("/pages/backups", do="verify", backup=name)
    assert ended(board)["faults"] == []
    assert "is whole and unchanged" in checked(board.get("/pages/backups?lang=en")).text
    (made.folder / "store" / "LOG-of-somebody").write_text("x", encoding="utf-8")
    board.post("/pages/backups", do="verify", backup=name)
    assert ended(board)["faults"] == ["store/LOG-of-somebody does not belong to the backup"]
    assert "is damaged" in checked(board.get("/pages/backups?lang=en")).text
    for nothing in ("none", "..", "../store"):
        assert board.post("/pages/backups", do="verify", backup=nothing).status_code == 404
    assert board.post("/pages/backups", do="burn").status_code == 400


def test_the_audit_log_is_filtered_and_verified(board: Board) -> None:
    board.post("/pages/keys", do="make", name="n", expires="90d", **{"role-reader": "yes"})
    page = board.get("/pages/audit?lang=en&action=key")
    assert re.findall(r"<td><code>([^<]+)</code>", page.text) == ["POST /pages/keys"]
    assert checked(page).text.count("No entries that fit") == 0
    assert "No entries that fit" in checked(board.get("/pages/audit?lang=en&until=2020-01-01")).text
    wrong = board.get("/pages/audit?lang=en&action=lost")
    assert (wrong.status_code, "is none of" in checked(wrong).text) == (400, True)
    (export,) = re.findall(r'href="(/audit\?[^"]*format=csv)"', page.text)
    assert board.browser.get(export.replace("&amp;", "&")).headers["content-type"].startswith("text/csv")
    assert "as it was written" in checked(board.get("/pages/audit?lang=en&verify=yes")).text


def test_who_may_not_is_refused_and_not_offered_it(board: Board) -> None:
    settings = board.kg.settings
    for role in set(Role) - {Role.MONITOR}:
        key = make_key(settings, role, purposes=settings.active_purposes, default=RESEARCH)
        start = asking(board.server, "/", key, headers=HTML).text
        for path in PAGES:
            audit = path == "/pages/audit"
            may = role is Role.ADMINISTRATOR or (audit and role is Role.PRIVACY_OFFICER)
            assert (asking(board.server, path, key, headers=HTML).status_code == 403) != may, (role, path)
            assert (f'href="{path}"' in start) == may
        if role is not Role.ADMINISTRATOR:
            sent = {"do": "make", "name": "n", "expires": "90d", "role-administrator": "yes"}
            assert asking(board.server, "/pages/keys", key, "POST", data=sent).status_code == 403
    assert all(one.name == "test" for one in api_keys.kept(settings))
