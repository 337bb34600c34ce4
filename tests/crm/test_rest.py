"""Sources behind a REST API: paging, patience, and what is told when it does not work."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgservice.crm.canonical_tables import Difference
from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import TableCounts, look, sync
from kgservice.errors import BadInput, SourceFailed, Unauthorised
from tests.cli.commands import COMMAND, environment
from tests.crm.folders import people, rows
from tests.crm.servers import Answer, Crm, as_json, serving

PEOPLE = [
    {
        "number": n,
        "profile": {"name": f"Person {n}", "shoe": 40},
        "e-mail": f"p{n}@example.org",
        "changed": f"2026-01-{n:02}T10:00:00Z",
    }
    for n in range(1, 8)
]
MORE = '[credentials]\ntoken = { env = "CRM_TOKEN" }'
ENVIRON = {"CRM_TOKEN": "s3cret-token"}
PLACE = 'path = "v1/people"\noptions = { data = "results", params = { limit = 3 } }'


def paged(people: list[dict[str, Any]] = PEOPLE, size: int = 3) -> Any:
    """An API that wants a token and gives pages with a cursor; `since` gives what has changed."""

    def answer(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        if headers.get("Authorization") != "Bearer s3cret-token":
            return as_json({"message": "who are you?"}, 401)
        if path != "/v1/people":
            return as_json({"message": "nothing here"}, 404)
        start = int(query.get("after", 0))
        chosen = [one for one in people if one["changed"] >= query.get("since", "")]
        page: dict[str, Any] = {"results": chosen[start : start + size]}
        if start + size < len(chosen):
            page["paging"] = {"next": {"after": str(start + size)}}
        return as_json(page)

    return answer


def source(
    folder: Path,
    crm: Crm,
    *,
    place: str = PLACE,
    connection: str = "",
    more: str = MORE,
    attempts: int = 3,
) -> Source:
    connection = (
        connection
        or 'paginator = { type = "cursor", cursor_path = "paging.next.after", cursor_param = "after" }'
    )
    made = people(
        folder,
        place,
        kind="rest",
        connection=f'url = "{crm.url}"\nattempts = {attempts}\ntimeout = 1\n{connection}',
        more=more,
    )
    text = (folder / "source.toml").read_text(encoding="utf-8")
    (folder / "source.toml").write_text(
        text.replace('name = ["Name"]', 'name = ["profile.name"]'), encoding="utf-8"
    )
    assert made.kind == "rest"
    return read_source(folder)


def test_all_pages_are_read(tmp_path: Path) -> None:
    with serving(paged()) as crm:
        summary = sync(source(tmp_path / "s", crm), tmp_path / "crm", environ=ENVIRON)
        assert summary.tables["people"] == TableCounts(7, 7, 0, 0)
        assert [path.partition("?")[2] for path in crm.asked] == [
            "limit=3",
            "limit=3&after=3",
            "limit=3&after=6",
        ]
        assert rows(tmp_path / "crm", "SELECT full_name, email FROM persons WHERE key = '7'") == [
            ("Person 7", ["p7@example.org"])
        ]
        before = (tmp_path / "crm" / "crm.duckdb").read_bytes()
        again = sync(source(tmp_path / "s", crm), tmp_path / "crm", environ=ENVIRON)
        assert (again.run, again.changes["persons"]) == (0, Difference(unchanged=7))
        assert (tmp_path / "crm" / "crm.duckdb").read_bytes() == before
        crm.answer = paged(PEOPLE[1:])
        assert sync(source(tmp_path / "s", crm), tmp_path / "crm", environ=ENVIRON).changes[
            "persons"
        ] == Difference(gone=1, unchanged=6)


def test_a_cursor_asks_for_what_has_changed(tmp_path: Path) -> None:
    place = PLACE.replace("options = {", 'cursor = "changed"\noptions = { cursor_param = "since",')
    with serving(paged()) as crm:
        one = source(tmp_path / "s", crm, place=place)
        sync(one, tmp_path / "crm", environ=ENVIRON)
        crm.asked.clear()
        crm.answer = paged([*PEOPLE[:-1], PEOPLE[-1] | {"profile": {"name": "Neu"}}])
        again = sync(one, tmp_path / "crm", environ=ENVIRON)
        assert crm.asked == ["/v1/people?limit=3&since=2026-01-07T10%3A00%3A00Z"]
        assert (again.tables["people"].read, again.changes["persons"]) == (1, Difference(changed=1))
        assert rows(tmp_path / "crm", "SELECT count(*) FROM persons") == [(7,)]


@pytest.mark.parametrize(("moment", "taken"), [("31.01.2026", False), ("17", True), (17, True)])
def test_a_cursor_whose_order_is_not_that_of_time(tmp_path: Path, moment: object, taken: bool) -> None:
    place = PLACE.replace("options = {", 'cursor = "changed"\noptions = { cursor_param = "since",')
    with serving(lambda *_: as_json({"results": [PEOPLE[0] | {"changed": moment}]})) as crm:
        one = source(tmp_path / "s", crm, place=place)
        if taken:
            assert "changed" in look(one, environ=ENVIRON)["people"].found
        else:
            with pytest.raises(
                BadInput, match="the cursor changed holds texts whose order is not that of time"
            ):
                look(one, environ=ENVIRON)


@pytest.mark.slow
def test_busy_and_broken_for_a_moment(tmp_path: Path) -> None:
    """429 with Retry-After, then 500, then an answer."""
    ordinary: Callable[..., Answer] = paged()
    answers = [as_json({}, 429, **{"Retry-After": "1"}), as_json({}, 500)]

    def answer(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        return answers.pop(0) if answers else ordinary(path, query, headers)

    start = time.monotonic()
    with serving(answer) as crm:
        summary = sync(source(tmp_path / "s", crm), tmp_path / "crm", environ=ENVIRON)
        assert time.monotonic() - start >= 1
        assert (summary.changes["persons"], answers) == (Difference(new=7), [])


def answering(status: int) -> Any:
    return lambda *_: as_json({"message": "s3cret-token"}, status)


def slow(*_: object) -> Answer:
    threading.Event().wait(1.5)
    return as_json({"results": []})


@pytest.fixture(scope="module")
def synchronised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the records of a source, to be copied."""
    folder = tmp_path_factory.mktemp("synchronised")
    with serving(paged()) as crm:
        sync(source(folder / "s", crm), folder / "crm", environ=ENVIRON)
    return folder / "crm"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (answering(500), SourceFailed, "people: answers 500 at /v1/people"),
        (answering(404), SourceFailed, "people: answers 404 at /v1/people"),
        (answering(403), Unauthorised, "people: the credentials are refused"),
        (slow, SourceFailed, "does not answer in time"),
        (lambda *_: (200, {}, b"<html>maintenance</html>"), SourceFailed, "no JSON"),
        (lambda *_: as_json({"data": []}), SourceFailed, "answers without results"),
        (lambda *_: as_json({"results": None}), SourceFailed, "answers without results"),
        (lambda *_: as_json({"results": ["x"]}), SourceFailed, "records that are none"),
        (lambda *_: as_json({"results": [{"number": 1, "title": "x"}]}), BadInput, r"columns are missing: profile\.name; not known are: title"),
        (lambda *_: (302, {"Location": "http://127.0.0.2:1/"}, b""), SourceFailed, "leads to another address"),
    ],
)  # fmt: skip
def test_what_does_not_work_is_told_and_changes_nothing(
    tmp_path: Path, synchronised: Path, answer: Any, error: type[Exception], words: str
) -> None:
    shutil.copytree(synchronised, tmp_path / "crm")
    before = (tmp_path / "crm" / "crm.duckdb").read_bytes()
    with serving(answer) as crm:
        one = source(tmp_path / "s", crm, attempts=1)
        with pytest.raises(error, match=words) as told:
            sync(one, tmp_path / "crm", environ=ENVIRON)
        assert "s3cret" not in str(told.value)
        assert (tmp_path / "crm" / "crm.duckdb").read_bytes() == before
        assert [p.name for p in (tmp_path / "crm").iterdir()] == ["crm.duckdb"]


def test_one_that_dies_in_the_middle_of_the_second_page(tmp_path: Path) -> None:
    with serving(paged()) as crm:
        one = source(tmp_path / "s", crm, attempts=2)

        ordinary: Callable[..., Answer] = paged()

        def dying(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
            crm.cut = 20 if "after" in query else 0
            return ordinary(path, query, headers)

        crm.answer = dying
        with pytest.raises(SourceFailed, match="broke off"):
            sync(one, tmp_path / "crm", environ=ENVIRON)
        assert rows(tmp_path / "crm", "SELECT count(*) FROM persons") == [(0,)]
        crm.answer, crm.cut = paged(), 0
        assert sync(one, tmp_path / "crm", environ=ENVIRON).changes["persons"] == Difference(new=7)


def test_a_page_without_records_is_not_the_end(tmp_path: Path) -> None:
    """Null where the records should be: who is on the pages that follow is not gone."""
    with serving(paged()) as crm:
        one = source(tmp_path / "s", crm)
        sync(one, tmp_path / "crm", environ=ENVIRON)
        ordinary: Callable[..., Answer] = paged()

        def broken(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
            return as_json({"results": None}) if "after" in query else ordinary(path, query, headers)

        crm.answer = broken
        with pytest.raises(SourceFailed, match="answers without results"):
            sync(one, tmp_path / "crm", environ=ENVIRON)
    assert rows(tmp_path / "crm", "SELECT count(*) FROM persons") == [(7,)]


def test_a_cursor_that_leads_nowhere(tmp_path: Path) -> None:
    answer = as_json({"results": PEOPLE[:1], "paging": {"next": {"after": "same"}}})
    with serving(lambda *_: answer) as crm:
        with pytest.raises(SourceFailed, match="people: leads to the same page again"):
            sync(source(tmp_path / "s", crm), tmp_path / "crm", environ=ENVIRON)
        assert len(crm.asked) == 3


def test_refused_and_missing_credentials(tmp_path: Path) -> None:
    with serving(paged()) as crm:
        one = source(tmp_path / "s", crm)
        with pytest.raises(Unauthorised, match="refused") as told:
            sync(one, tmp_path / "crm", environ={"CRM_TOKEN": "wrong-token"})
        assert "wrong-token" not in str(told.value)
        with pytest.raises(Unauthorised, match="CRM_TOKEN is not set"):
            sync(one, tmp_path / "crm", environ={})


def test_a_next_page_elsewhere_gets_no_credentials(tmp_path: Path) -> None:
    with serving(lambda *_: as_json({"results": []})) as thief:
        first = as_json({"results": PEOPLE[:1], "next": f"{thief.url}v1/people?page=2"})
        with serving(lambda *_: first) as crm:
            one = source(
                tmp_path / "s", crm, connection='paginator = { type = "json_link", next_url_path = "next" }'
            )
            with pytest.raises(SourceFailed, match="leads to another address"):
                sync(one, tmp_path / "crm", environ=ENVIRON)
        assert thief.asked == []


def test_other_ways_to_say_who_asks(tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    def answer(_: str, __: dict[str, str], headers: dict[str, str]) -> Answer:
        seen.append(headers)
        return as_json({"results": PEOPLE})

    with serving(answer) as crm:
        sync(
            source(tmp_path / "a", crm, connection='token_header = "X-Api-Key"'),
            tmp_path / "crm",
            environ=ENVIRON,
        )
        more = '[credentials]\nuser = { env = "U" }\npassword = { env = "P" }'
        sync(source(tmp_path / "b", crm, more=more), tmp_path / "crm", environ={"U": "anna", "P": "geheim"})
    assert seen[0]["X-Api-Key"] == "s3cret-token"
    assert "Authorization" not in seen[0]
    assert seen[1]["Authorization"] == "Basic YW5uYTpnZWhlaW0="


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ('paginator = { type = "telepathy" }', "connection.paginator cannot be used"),
        ("colour = 1", "connection.colour is not known"),
        (
            'headers = { Authorization = "Bearer s3cret" }',
            "headers.Authorization is a credential that is written down",
        ),
        ('headers = { x-api-key = "s3cret" }', "headers.x-api-key is a credential that is written down"),
        ('headers = { Cookie = "s3cret" }', "headers.Cookie is a credential that is written down"),
        (
            'headers = { X-Auth-Token = "s3cret" }',
            "headers.X-Auth-Token is a credential that is written down",
        ),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, connection: str, words: str) -> None:
    with serving(paged()) as crm, pytest.raises(BadInput, match=words):
        sync(source(tmp_path / "s", crm, connection=connection), tmp_path / "crm", environ=ENVIRON)


def test_credentials_are_in_no_parameter_and_no_address(tmp_path: Path) -> None:
    place = PLACE.replace("limit = 3", 'api_key = "s3cret"')
    with serving(paged()) as crm:
        with pytest.raises(BadInput, match=r"params\.api_key is a credential that is written down"):
            look(source(tmp_path / "a", crm, place=place), environ=ENVIRON)
        crm.url += "?key=s3cret"
        with pytest.raises(BadInput, match=r"connection\.url holds a query") as told:
            look(source(tmp_path / "b", crm), environ=ENVIRON)
        assert "s3cret" not in str(told.value)
        assert crm.asked == []


def test_other_headers_are_sent(tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    def answer(_: str, __: dict[str, str], headers: dict[str, str]) -> Answer:
        seen.append(headers)
        return as_json({"results": PEOPLE})

    with serving(answer) as crm:
        look(source(tmp_path / "s", crm, connection='headers = { X-Tenant = "nord" }'), environ=ENVIRON)
    assert seen[0]["X-Tenant"] == "nord"


def test_only_https_or_this_machine(tmp_path: Path) -> None:
    one = source(tmp_path / "s", Crm(paged(), url="http://crm.example/"))
    with pytest.raises(BadInput, match="no https address"):
        sync(one, tmp_path / "crm", environ=ENVIRON)


def test_looking_reads_the_first_records(tmp_path: Path) -> None:
    with serving(paged()) as crm:
        found = look(source(tmp_path / "s", crm), environ=ENVIRON, most=2)["people"]
        assert ([*found.found], found.ignored) == (["changed", "mail", "name", "number"], ("profile.shoe",))
        assert len(crm.asked) == 1


@pytest.mark.slow
def test_looking_at_many_records_ends_quietly(tmp_path: Path) -> None:
    """Of what is not read to its end nothing is left for the end of the process."""
    many = [PEOPLE[0] | {"number": n} for n in range(150)]
    with serving(lambda *_: as_json({"results": many})) as crm:
        one = source(tmp_path / "s", crm, more="")
        added = subprocess.run(
            [*COMMAND, "crm", "add", one.folder, "--store", tmp_path / "store"],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (added.returncode, added.stderr) == (0, "1 row\n")
