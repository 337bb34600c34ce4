"""The pages of sources, runs and differences over a socket, and the way from one link to the next."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.proposing import propose
from kgservice.application.links.records import DECISIONS, after, found
from kgservice.application.sources.field_decisions import conflicts, settled, shown
from kgservice.application.sources.records import take
from kgservice.crm import registry
from kgservice.crm.settings import read_source
from kgservice.domain.link import PERSONS, State
from kgservice.domain.principal import Role
from tests.crm.folders import example, people
from tests.crm.servers import Answer, as_json
from tests.crm.servers import serving as serving_crm
from tests.crm.test_runs import Slow
from tests.http.keys import asking, make_key, serving
from tests.http.test_pages import checked
from tests.http.test_steward_pages import Board
from tests.serving import PLAIN
from tests.unit.links import AMBROS, TILMAN, pair, run
from tests.unit.test_crm_records import EMAIL, TILMANS, of, row, taking


@pytest.fixture
def board(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> Iterator[Board]:
    with (
        serving(demo_kg_guarded, tmp_path) as server,
        httpx.Client(base_url=server.url, timeout=60, verify=PLAIN) as browser,
    ):
        server.sign_in(browser)
        yield Board(demo_kg_guarded, server, browser)


def ended(board: Board, path: str) -> str:
    """The page once no run is at work."""
    for _ in range(300):
        page = board.get(f"{path}?lang=en").text
        if "data-run=" not in page:
            return page
        time.sleep(0.1)
    raise AssertionError("the run does not end")


def test_a_source_is_read_and_its_rejects_are_told(board: Board, tmp_path: Path) -> None:
    folder = board.kg.settings.crm_folder
    assert "No source is set up here" in checked(board.get("/pages/sources?lang=en")).text
    registry.add(folder, read_source(example("vertrieb", tmp_path)))
    path = "/pages/sources/vertrieb"
    assert "nothing read yet" in checked(board.get(f"{path}?lang=en")).text
    assert board.post(f"{path}?lang=en", do="run").headers["location"] == f"{path}?lang=en"
    page = ended(board, path)
    assert "Geändert am cannot be read: morgen" in unescape(page)
    kind, line = re.findall(r'<td>([^<]*)</td><td class="number">(\d+)</td><td>K-108</td>', page)[0]
    assert (kind, line) == ("persons", "9")
    assert "Personen9K-108" in checked(board.get(f"{path}?lang=de")).text
    listed = checked(board.get("/pages/sources?lang=de")).text
    assert "7 Personen" in listed
    assert board.get("/pages/sources/nobody").status_code == 404
    assert board.post(path, do="forget").status_code == 400
    assert board.post(path, do="stop", run="none").status_code == 404
    assert board.post("/pages/sources/nobody", do="run").status_code == 404


REST = 'path = "v1/people"\noptions = { data = "results" }'
FAILING = {
    "busy": (REST, "answers 503 at /v1/people", "Die Quelle antwortet 503 unter /v1/people"),
    "odd": (
        REST,
        "columns are missing: Name; not known are: title",
        "Es fehlen Spalten: Name; nicht bekannt sind: title",
    ),
    "gone": ('file = "gone"', "is not there", "Die Datei fehlt"),
    "sql": ('query = "SELEKT"', "no such table: SELEKT", "no such table: SELEKT"),
}


def failing(path: str, *_: object) -> Answer:
    return (
        as_json({"results": [{"number": 1, "title": "x"}]}) if path.startswith("/odd") else as_json({}, 503)
    )


@pytest.mark.parametrize("name", FAILING)
def test_why_a_run_failed_is_told_in_the_language_of_the_page(
    board: Board, tmp_path: Path, name: str
) -> None:
    """As the journal of runs has it, so also after a restart; what a database says itself stays English."""
    place, english, german = FAILING[name]
    kind = {"gone": "csv", "sql": "sql"}.get(name, "rest")
    path = "/pages/sources/people"
    with serving_crm(failing) as crm:
        url = {"odd": f"{crm.url}odd", "busy": crm.url, "sql": "sqlite:///people.sqlite"}.get(name)
        connection = f'url = "{url}"' + ("\nattempts = 1" if kind == "rest" else "") if url else ""
        made = people(tmp_path / "people", place, kind=kind, connection=connection)
        (made.folder / "people.sqlite").touch()
        registry.add(board.kg.settings.crm_folder, made)
        assert board.post(path, do="run").status_code == 303
        ended(board, path)
    where = "gone" if name == "gone" else "people"
    for language, words in (("en", english), ("de", german)):
        answer = board.get(f"{path}?lang={language}")
        checked(answer)
        (told,) = re.findall(r'<td><span( lang="en")?>([^<]*)</span></td>', answer.text)
        assert unescape(told[1]) == f"{where}: {words}"
        assert (told[0] != "") == (language == "en" or german == english)
    (kept,) = board.server.get("/imports/people/runs").json()["runs"]
    assert (kept["problem"], "said" in kept) == (f"{where}: {english}", False)


def test_settings_that_are_wrong_are_told_in_the_language_of_the_page(board: Board, tmp_path: Path) -> None:
    made = people(tmp_path / "people", 'file = "people.csv"')
    registry.add(board.kg.settings.crm_folder, made)
    (made.folder / "source.toml").write_text('name = "people"\nkind = "telepathy"\n', encoding="utf-8")
    for language, words in (("en", "kind is none of csv, xlsx"), ("de", "kind ist keines von csv, xlsx")):
        refused = board.post(f"/pages/sources/people?lang={language}", do="run")
        assert (refused.status_code, words in checked(refused).text) == (400, True)


def test_a_run_is_shown_while_it_works_and_stopped(board: Board, tmp_path: Path) -> None:
    slow = Slow()
    try:
        registry.add(board.kg.settings.crm_folder, slow.source(tmp_path / "people"))
        path = "/pages/sources/people"
        assert board.post(path, do="run").status_code == 303
        assert slow.asked.wait(30)
        page = board.get(f"{path}?lang=en")
        checked(page)
        (address,) = re.findall(r'data-run="([^"]+)"', page.text)
        assert board.browser.get(address).json()["state"] == "running"
        assert 'value="run"' not in page.text  # nothing else can be started meanwhile
        again = board.post(f"{path}?lang=en", do="run")
        assert again.status_code == 409
        checked(again)
        assert board.post(path, do="stop", run=address.rpartition("/")[2]).status_code == 303
        slow.go_on.set()
        assert "stopped" in ended(board, path)
    finally:
        slow.close()


def test_a_difference_is_settled_and_that_taken_back(board: Board) -> None:
    kg = board.kg
    propose(kg, run(), [pair("77", TILMAN, 9.0)])
    assert take(kg, PERSONS, [row(email=[EMAIL])], taking()).open == 1
    page = board.get("/pages/conflicts?lang=en")
    (path,) = re.findall(r'href="(/pages/conflicts/[^"?]+)', page.text)
    told = checked(page).text
    assert EMAIL in told
    assert TILMANS in told
    assert settled(kg) == []
    one = board.get(f"{path}?lang=en")
    assert EMAIL in checked(one).text
    refused = board.post(f"{path}?lang=en", do="take", reason=" ")
    assert (refused.status_code, "say why" in checked(refused).text) == (400, True)
    assert board.post(path, do="take", reason="the old one bounces").status_code == 303
    assert of(kg, TILMAN, "emailAddress") == {EMAIL}
    assert conflicts(kg) == []
    assert [each["stands"] for each in settled(kg)] == ["CrmValueTaken"]
    decided = board.get(f"{path}?lang=en")
    assert "the old one bounces" in checked(decided).text
    assert path in board.get("/pages/conflicts").text
    assert board.post(path, do="undo", reason="it was right").status_code == 303
    key = path.rpartition("/")[2]
    assert [each["verdict"] for each in shown(kg, key)["decisions"]] == [
        "CrmValueTaken",
        "FieldDecisionUndone",
    ]
    assert settled(kg) == []
    assert board.post(path, do="keep", reason="asked him").status_code == 303
    assert shown(kg, key)["stands"] == "GraphValueKept"
    assert board.post(path, do="marry", reason="x").status_code == 400
    assert board.get("/pages/conflicts/none").status_code == 404


def test_one_link_leads_to_the_next(board: Board) -> None:
    kg = board.kg
    propose(kg, run(), [pair("77", TILMAN, 4.0), pair("78", AMBROS, 3.0)])
    links, total = found(kg, {"state": State.CANDIDATE.value})
    order = [link.node for link in links]
    assert total == len(order) >= 2
    seen = [order[0]]
    while (following := after(kg, seen[-1])) != order[0]:
        seen.append(following)
    assert seen == order  # each once, then the first again
    ids = [one.removeprefix(kg.addresses.ids) for one in order]
    path = f"/pages/links/{ids[0]}"
    page = board.get(f"{path}?lang=en")
    checked(page)
    assert f'href="/pages/links/{ids[1]}?lang=en" data-key="s"' in page.text
    on = board.post(f"{path}?lang=en", do="reject", reason="another", then="next")
    assert on.headers["location"] == f"/pages/links/{ids[1]}?done={ids[0]}&lang=en"
    told = board.get(on.headers["location"])
    assert "Decided, rejected" in " ".join(checked(told).text.split())
    assert f'href="{path}?lang=en"' in told.text
    assert board.get(f"/pages/links/{ids[1]}?done=%3Cscript%3E").status_code == 200
    assert DECISIONS.keys() == set(State)


def test_others_are_refused_and_not_offered_it(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    with serving(demo_kg_guarded, tmp_path) as server:
        purposes = server.kg.settings.active_purposes
        for role in set(Role) - {Role.MONITOR}:
            key = make_key(server.kg.settings, role, purposes=purposes, default=purposes[0])
            may = role in {Role.STEWARD, Role.ADMINISTRATOR}
            start = asking(server, "/", key, headers={"Accept": "text/html"}).text
            for path in ("/pages/sources", "/pages/conflicts"):
                answer = asking(server, path, key, headers={"Accept": "text/html"})
                assert (answer.status_code == 403) != may, (role, path)
                assert (f'href="{path}"' in start) == may
            if not may:
                assert asking(server, "/pages/sources", key, "POST", data={"do": "match"}).status_code == 403
