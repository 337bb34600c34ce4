"""Odoo by its external API, JSON-2 and JSON-RPC, against a stand-in: no Odoo can be had here.

A small server on this machine answers in the JSON that Odoo publishes and its source makes: `false` for what is
empty, `[id, name]` for another record, moments in UTC without a zone, statuses of HTTP for errors of JSON-2, and
200 with an `error` for those of JSON-RPC. It refuses to read a field that a model has not, as Odoo does.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kgservice.crm import odoo as reader
from kgservice.crm.canonical import DATABASE
from kgservice.crm.canonical_tables import Difference
from kgservice.crm.erased_rows import REASON
from kgservice.crm.forgetting import CanonicalTables
from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import TableCounts, look, sync
from kgservice.domain.matching import RecordId
from kgservice.errors import BadInput, SourceFailed, Unauthorised
from tests.crm.folders import example, rows
from tests.crm.servers import Answer, Crm, as_json, serving

KEY = "6578616d706c65"
TOKEN = 'token = { env = "ODOO_KEY" }'
LOGIN = 'user = { env = "ODOO_USER" }\npassword = { env = "ODOO_PASSWORD" }'
ENVIRON = {"ODOO_KEY": KEY, "ODOO_USER": "bot@example.org", "ODOO_PASSWORD": "s3cret"}
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {"=": operator.eq, ">": operator.gt, ">=": operator.ge}
Record = dict[str, Any]
KINDS = {
    "res.partner": {
        "id": "integer", "name": "char", "is_company": "boolean", "active": "boolean", "parent_id": "many2one",
        "email": "char", "phone": "char", "street": "char", "street2": "char", "zip": "char", "city": "char",
        "country_id": "many2one", "country_code": "char", "function": "char", "vat": "char", "website": "char",
        "lang": "selection", "comment": "html", "category_id": "many2many", "write_date": "datetime",
    },
    "crm.lead": {
        "id": "integer", "name": "char", "partner_id": "many2one", "stage_id": "many2one",
        "expected_revenue": "monetary", "company_currency": "many2one", "date_deadline": "date",
        "date_closed": "datetime", "write_date": "datetime",
    },
    "helpdesk.ticket": {
        "id": "integer", "name": "char", "description": "html", "partner_id": "many2one", "stage_id": "many2one",
        "priority": "selection", "channel_id": "many2one", "create_date": "datetime", "closed_date": "datetime",
        "write_date": "datetime",
    },
}  # fmt: skip


def partner(number: int, **other: Any) -> Record:
    """A contact as `search_read` gives it."""
    empty = dict.fromkeys(KINDS["res.partner"], False)
    return empty | {
        "id": number, "name": f"Änne Muster {number}", "active": True, "email": f"c{number}@example.org",
        "category_id": [], "write_date": f"2026-04-{number:02} 08:00:00",
    } | other  # fmt: skip


class Odoo:
    """An Odoo with records, by model; `before` are answers that are given first to `search_read`."""

    def __init__(self, records: dict[str, list[Record]]) -> None:
        self.records = records
        self.kinds = {model: dict(kinds) for model, kinds in KINDS.items()}
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.before: list[Answer] = []

    def __call__(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        body = json.loads(query["json"])
        if path == "/jsonrpc":
            return self.rpc(body)
        if headers.get("Authorization") != f"bearer {KEY}":
            return self.error(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
        assert headers["X-Odoo-Database"] == "crm"
        _, _, _, model, method = path.split("/")
        if model not in self.records:
            return self.error(404, "werkzeug.exceptions.NotFound", f"the model '{model}' does not exist")
        if method == "search_read" and self.before:
            return self.before.pop(0)
        try:
            return as_json(self.answer(model, method, body))
        except ValueError as error:
            return self.error(422, "builtins.ValueError", str(error))

    @staticmethod
    def error(status: int, name: str, message: str) -> Answer:
        """An error of JSON-2."""
        debug = f"Traceback (most recent call last):\n  bearer {KEY}\n{name}: {message}"
        return as_json(
            {"name": name, "message": message, "arguments": [message], "context": {}, "debug": debug}, status
        )

    def rpc(self, body: dict[str, Any]) -> Answer:
        """An answer of JSON-RPC 2.0: the result, or an error, with 200."""
        assert (body["jsonrpc"], body["method"]) == ("2.0", "call")
        service, method, args = (body["params"][part] for part in ("service", "method", "args"))
        told = {"jsonrpc": "2.0", "id": body["id"]}
        if (service, method) == ("common", "authenticate"):
            known = args[:3] == ["crm", "bot@example.org", "s3cret"]
            return as_json(told | {"result": 7 if known else False})
        assert (service, method, args[:3]) == ("object", "execute_kw", ["crm", 7, "s3cret"])
        model, called, positional, named = args[3:]
        assert positional == []
        if called == "search_read" and self.before:
            return self.before.pop(0)
        try:
            return as_json(told | {"result": self.answer(model, called, named)})
        except ValueError as error:
            data = {"name": "builtins.ValueError", "debug": "Traceback s3cret", "message": f"{error}\ns3cret",
                    "arguments": [str(error)], "context": {}}  # fmt: skip
            return as_json(told | {"error": {"code": 200, "message": "Odoo Server Error", "data": data}})

    def answer(self, model: str, method: str, said: dict[str, Any]) -> Any:
        """What a method of a model gives. Raises `ValueError` for what a model has not."""
        self.calls.append((model, method, said))
        if method == "fields_get":
            assert said["attributes"] == ["type"]
            return {name: {"type": kind} for name, kind in self.kinds[model].items()}
        assert method == "search_read"
        for name in said["fields"]:
            if name not in self.kinds[model]:
                raise ValueError(f"Invalid field {name!r} on {model!r}")
        assert said["order"] == "id"
        assert said["context"]["active_test"] is False
        found = sorted(self.records[model], key=lambda one: int(one["id"]))
        for name, compared, value in said["domain"]:
            found = [one for one in found if OPERATORS[compared](one[name], value)]
        return [
            {name: value for name, value in one.items() if name in {"id", *said["fields"]}}
            for one in found[: said["limit"]]
        ]


@pytest.fixture
def odoo() -> Odoo:
    company = partner(
        3, name="Pumpen Oder AG", is_company=True, vat="DE123456788", country_id=[57, "Alemania"],
        country_code="DE", street="Uferweg 2", street2="Halle 3",
    )  # fmt: skip
    person = partner(
        1,
        parent_id=[3, "Pumpen Oder AG"],
        function="Technische Leiterin",
        lang="de_DE",
        phone="+49 335 5550101",
    )
    gone = partner(2, email=False, active=False)
    return Odoo({"res.partner": [person, gone, company], "crm.lead": [], "helpdesk.ticket": []})


@pytest.fixture
def crm(odoo: Odoo) -> Iterator[Crm]:
    with serving(odoo) as crm:
        yield crm


def source(
    tmp_path: Path, crm: Crm, tables: str = "[tables.partners]", credentials: str = TOKEN, more: str = ""
) -> Source:
    copied = example("odoo-api", tmp_path) if not (tmp_path / "odoo-api").exists() else tmp_path / "odoo-api"
    (copied / "source.toml").write_text(
        f'name = "odoo"\nkind = "odoo"\nmapping = "odoo"\n[connection]\nurl = "{crm.url}"\n'
        f'database = "crm"\nattempts = 2\ntimeout = 5\n{more}\n[credentials]\n{credentials}\n{tables}\n',
        encoding="utf-8",
    )
    return read_source(copied)


def test_the_example_is_whole(tmp_path: Path) -> None:
    one = read_source(example("odoo-api", tmp_path))
    assert [(table.name, table.place["model"]) for table in one.tables] == [
        ("partners", "res.partner"), ("leads", "crm.lead"), ("tickets", "helpdesk.ticket"),
    ]  # fmt: skip


@pytest.mark.parametrize("credentials", [TOKEN, LOGIN], ids=["JSON-2", "JSON-RPC"])
def test_contacts_leads_and_tickets(
    tmp_path: Path, crm: Crm, odoo: Odoo, monkeypatch: pytest.MonkeyPatch, credentials: str
) -> None:
    """Page by page; false is nothing, and of another record both its number and its name are taken."""
    monkeypatch.setattr(reader, "_AT_ONCE", 2)
    odoo.records["crm.lead"] = [
        {"id": 12, "name": "Wartung", "partner_id": [1, "Pumpen Oder AG, Änne Muster 1"], "stage_id": [4, "Won"],
         "expected_revenue": 61200.5, "company_currency": [1, "EUR"], "date_deadline": False,
         "date_closed": "2026-03-28 14:00:00", "write_date": "2026-04-01 07:15:00"}
    ]  # fmt: skip
    odoo.records["helpdesk.ticket"] = [
        {"id": 5, "name": "Läuft trocken", "description": "<p>Alle 10 Minuten.</p>", "partner_id": False,
         "stage_id": [1, "New"], "priority": "1", "channel_id": [2, "E-mail"], "create_date": "2026-04-05 05:45:00",
         "closed_date": False, "write_date": "2026-04-05 05:45:00"}
    ]  # fmt: skip
    one = source(tmp_path, crm, "[tables.partners]\n[tables.leads]\n[tables.tickets]", credentials)
    summary = sync(one, tmp_path / "crm", environ=ENVIRON)
    assert summary.rejects == []
    assert summary.tables["partners"] == TableCounts(3, 3, 0, 0)
    folder = tmp_path / "crm"
    assert rows(
        folder,
        "SELECT key, full_name, email, organisation_key, organisation_name, job_title, language, deleted, city "
        "FROM persons ORDER BY key",
    ) == [
        ("1", "Änne Muster 1", ["c1@example.org"], "3", "Pumpen Oder AG", "Technische Leiterin", "de-DE", False, None),
        ("2", "Änne Muster 2", [], None, None, None, None, True, None),
    ]  # fmt: skip
    assert rows(folder, "SELECT key, name, vat_id, street, country, website, updated FROM organisations") == [
        ("3", "Pumpen Oder AG", "DE123456788", "Uferweg 2, Halle 3", "DE", None, datetime(2026, 4, 3, 8, 0))
    ]
    assert rows(folder, "SELECT title, stage, amount, currency, closed, person_key FROM deals") == [
        ("Wartung", "Won", Decimal("61200.50"), "EUR", datetime(2026, 3, 28, 14, 0), "1")
    ]
    assert rows(folder, "SELECT subject, text, status, channel, opened, closed, person_key FROM tickets") == [
        ("Läuft trocken", "Alle 10 Minuten.", "New", "E-mail", datetime(2026, 4, 5, 5, 45), None, None)
    ]
    pages = [said for model, method, said in odoo.calls if (model, method) == ("res.partner", "search_read")]
    assert [said["domain"] for said in pages] == [[["id", ">", 0]], [["id", ">", 2]]]
    assert "comment" not in pages[0]["fields"]  # nobody takes it, so nobody asks for it
    assert sync(one, folder, environ=ENVIRON).run == 0


def test_only_what_has_changed_and_what_is_gone(tmp_path: Path, crm: Crm, odoo: Odoo) -> None:
    one, folder = source(tmp_path, crm), tmp_path / "crm"
    sync(one, folder, environ=ENVIRON)
    first, _, company = odoo.records["res.partner"]
    odoo.records["res.partner"] = [
        first,
        company | {"name": "Pumpen SE", "write_date": "2026-05-01 08:00:00"},
    ]
    odoo.calls.clear()
    summary = sync(one, folder, environ=ENVIRON)
    assert summary.tables["partners"].read == 1
    assert summary.changes["persons"] == Difference(gone=1)
    assert summary.changes["organisations"] == Difference(changed=1)
    asked = [said for _, method, said in odoo.calls if method == "search_read"]
    assert asked[0]["domain"] == [["write_date", ">=", "2026-04-03 08:00:00"], ["id", ">", 0]]
    assert asked[1]["fields"] == ["id"]


def test_who_was_erased_is_told_each_time(tmp_path: Path, crm: Crm, odoo: Odoo) -> None:
    """Also where only what has changed is read."""
    one, folder = source(tmp_path, crm), tmp_path / "crm"
    sync(one, folder, environ=ENVIRON)
    (key, *_) = (key for (key,) in rows(folder, "SELECT key FROM persons ORDER BY key"))
    erased = RecordId(one.name, key)
    CanonicalTables(folder / DATABASE).forget([erased])
    for _ in range(3):
        done = sync(one, folder, environ=ENVIRON, erased=lambda record: record == erased)
        told = [r.key for r in done.rejects if r.reason == REASON and r.kind == "persons"]
        assert told == [key]
    assert rows(folder, "SELECT 1 FROM persons WHERE key = ?", key) == []


def test_a_domain_of_ones_own_and_a_language(tmp_path: Path, crm: Crm, odoo: Odoo) -> None:
    """Who is outside of it is not read, and gone if they were there; what the mapping needs is still needed."""
    one = source(
        tmp_path,
        crm,
        '[tables.partners]\noptions = { domain = [["is_company", "=", true]] }',
        more='language = "de_DE"',
    )
    assert one.tables[0].options["needed"]
    summary = sync(one, tmp_path / "crm", environ=ENVIRON)
    assert summary.tables["partners"].read == 1
    assert odoo.calls[-1][2]["domain"][0] == ["is_company", "=", True]
    assert odoo.calls[-1][2]["context"]["lang"] == "de_DE"


@pytest.mark.parametrize(
    ("credentials", "variable"), [(TOKEN, "ODOO_KEY"), (LOGIN, "ODOO_PASSWORD")], ids=["JSON-2", "JSON-RPC"]
)
def test_wrong_credentials(tmp_path: Path, crm: Crm, credentials: str, variable: str) -> None:
    one = source(tmp_path, crm, credentials=credentials)
    with pytest.raises(Unauthorised, match="the credentials are refused") as told:
        sync(one, tmp_path / "crm", environ=ENVIRON | {variable: "wr0ng"})
    assert "wr0ng" not in str(told.value)
    with pytest.raises(Unauthorised, match=f"{variable} is not set"):
        sync(one, tmp_path / "crm", environ={k: v for k, v in ENVIRON.items() if k != variable})


@pytest.mark.parametrize("credentials", [TOKEN, LOGIN], ids=["JSON-2", "JSON-RPC"])
def test_busy_then_an_answer(tmp_path: Path, crm: Crm, odoo: Odoo, credentials: str) -> None:
    odoo.before = [as_json({}, 429, **{"Retry-After": "1"})]
    summary = sync(source(tmp_path, crm, credentials=credentials), tmp_path / "crm", environ=ENVIRON)
    assert (summary.tables["partners"].read, odoo.before) == (3, [])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, {}, b"<html>maintenance</html>"), "what is no JSON"),
        (as_json({"name": "x", "message": "down"}, 503), r"answers 503 at /json/2/res\.partner/search_read"),
        (as_json({"records": []}), "records that are none"),
        (as_json([{"id": "1"}]), "records that are none"),
        (as_json([{"id": 1, "name": "again"}]), "records that are none"),
    ],
)
def test_a_broken_page_in_the_middle_changes_nothing(
    tmp_path: Path, crm: Crm, odoo: Odoo, monkeypatch: pytest.MonkeyPatch, answer: Answer, words: str
) -> None:
    """Also a page that goes back behind the last one, which would be asked for without end."""
    monkeypatch.setattr(reader, "_AT_ONCE", 2)
    first = odoo.answer(
        "res.partner",
        "search_read",
        {"fields": list(KINDS["res.partner"]), "domain": [], "order": "id", "limit": 2,
         "context": {"active_test": False}},
    )  # fmt: skip
    odoo.before = [as_json(first), answer, answer]
    with pytest.raises(SourceFailed, match=words):
        sync(source(tmp_path, crm), tmp_path / "crm", environ=ENVIRON)
    assert rows(tmp_path / "crm", "SELECT count(*) FROM persons") == [(0,)]
    odoo.before = []
    assert sync(source(tmp_path, crm), tmp_path / "crm", environ=ENVIRON).changes["persons"].new == 2


def test_a_renamed_field_and_one_that_this_odoo_has_not(tmp_path: Path, crm: Crm, odoo: Odoo) -> None:
    """`mobile` went with Odoo 19, and nobody asks for it there; without `email` all addresses would be gone."""
    one, folder = source(tmp_path, crm), tmp_path / "crm"
    assert "mobile" not in look(one, environ=ENVIRON)["partners"].found
    sync(one, folder, environ=ENVIRON)
    odoo.kinds["res.partner"]["x_email"] = odoo.kinds["res.partner"].pop("email")
    with pytest.raises(BadInput, match=r"odoo: res\.partner has no field email that this user may read"):
        sync(one, folder, environ=ENVIRON)
    assert rows(folder, "SELECT email FROM persons WHERE key = '1'") == [(["c1@example.org"],)]


def test_a_model_that_is_not_there(tmp_path: Path, crm: Crm) -> None:
    one = source(tmp_path, crm, '[tables.leads]\nmodel = "x.nothing"')
    with pytest.raises(SourceFailed, match=r"answers 404 at /json/2/x\.nothing/fields_get"):
        sync(one, tmp_path / "crm", environ=ENVIRON)
    with pytest.raises(BadInput, match=r"tables\.leads\.model is no name of a model"):
        sync(source(tmp_path, crm, '[tables.leads]\nmodel = "../2"'), tmp_path / "crm", environ=ENVIRON)


def test_what_odoo_refuses_is_told_without_its_traceback(tmp_path: Path, crm: Crm, odoo: Odoo) -> None:
    """A field that goes between two calls, by JSON-RPC, whose errors are answers of 200."""
    whole = odoo.answer

    def answer(model: str, method: str, said: dict[str, Any]) -> Any:
        found = whole(model, method, said)
        odoo.kinds["crm.lead"].pop("stage_id", None)
        return found

    odoo.answer = answer  # type: ignore[method-assign]
    words = r"odoo: refuses crm\.lead\.search_read: Invalid field 'stage_id' on 'crm\.lead'$"
    with pytest.raises(SourceFailed, match=words):
        sync(source(tmp_path, crm, "[tables.leads]", LOGIN), tmp_path / "crm", environ=ENVIRON)


@pytest.mark.parametrize(
    ("credentials", "more", "words"),
    [
        (LOGIN, "", "connection.database is missing"),
        (TOKEN, "colour = 1", "connection.colour is not known"),
        ('user = { env = "ODOO_USER" }', 'database = "crm"', "credentials.password is missing"),
    ],
)
def test_settings_that_cannot_be_used(
    tmp_path: Path, crm: Crm, credentials: str, more: str, words: str
) -> None:
    one = source(tmp_path, crm, credentials=credentials)
    path = one.folder / "source.toml"
    path.write_text(path.read_text().replace('database = "crm"', more), encoding="utf-8")
    with pytest.raises(BadInput, match=words):
        sync(read_source(one.folder), tmp_path / "crm", environ=ENVIRON)


def test_only_to_the_address_of_the_settings(tmp_path: Path) -> None:
    """Where an answer leads elsewhere, neither key nor login goes there."""
    with serving(lambda *_: as_json([])) as thief:
        away = (307, {"Location": f"{thief.url}json/2/res.partner/fields_get"}, b"")
        with serving(lambda *_: away) as crm, pytest.raises(SourceFailed, match="leads to another address"):
            sync(source(tmp_path, crm), tmp_path / "crm", environ=ENVIRON)
        assert thief.asked == []
