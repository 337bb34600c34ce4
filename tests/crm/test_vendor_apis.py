"""The APIs of HubSpot, Pipedrive, EspoCRM, SuiteCRM and Dynamics 365, each against a stand-in.

None of them can be had here. A small server on this machine answers in the JSON that the vendor publishes, pages as
it does, and wants the credentials where it does. That shows that the ready sources of examples/crm ask and read
as published; it does not show that a vendor keeps to that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kgservice.crm.canonical_tables import Difference
from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import TableCounts, look, sync
from kgservice.errors import SourceFailed, Unauthorised
from tests.crm.folders import example, rows
from tests.crm.servers import Answer, Crm, as_json, serving

TOKEN = "s3cret-token"
Records = dict[str, list[dict[str, Any]]]
Vendor = Callable[[Records], Callable[[str, dict[str, str], dict[str, str]], Answer]]


def source(name: str, folder: Path, crm: Crm, *tables: str) -> Source:
    """The example of this name, at the address of the stand-in, with some of its tables."""
    copied = example(name, folder)
    text = (copied / "source.toml").read_text(encoding="utf-8")
    settings = f'[connection]\nurl = "{crm.url}"\nattempts = 2\ntimeout = 5\n'
    text = re.sub(r'\[connection\]\nurl = ".*"\n', "", text)
    text = (
        text[: text.index("\n[tables.")]
        + "\n"
        + settings
        + "".join(f"[tables.{table}]\n" for table in tables)
    )
    (copied / "source.toml").write_text(text, encoding="utf-8")
    return read_source(copied)


def environ(source: Source, token: str = TOKEN) -> dict[str, str]:
    return {str(credential.env): token for credential in source.credentials.values()}


def hubspot(records: Records) -> Callable[[str, dict[str, str], dict[str, str]], Answer]:
    """CRM objects v3: `results`, and `paging.next.after` while there are more; only the properties asked for."""

    def answer(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            message = "The OAuth token used to make this call expired 3 hour(s) ago."
            return as_json({"status": "error", "message": message, "category": "EXPIRED_AUTHENTICATION"}, 401)
        listed = records[path.removeprefix("/crm/v3/objects/")]
        start, asked = int(query.get("after", 0)), query["properties"].split(",")
        page: dict[str, Any] = {"results": []}
        for one in listed[start : start + 2]:
            given = {name: one["properties"].get(name) for name in asked} | {"hs_object_id": one["id"]}
            page["results"].append(
                {k: v for k, v in one.items() if k != "associations"} | {"properties": given}
            )
            if "associations" in one and "associations" in query:
                page["results"][-1]["associations"] = one["associations"]
        if start + 2 < len(listed):
            link = f"https://api.hubapi.com{path}?after={start + 2}"
            page["paging"] = {"next": {"after": str(start + 2), "link": link}}
        return as_json(page)

    return answer


def hubspot_object(
    number: int, associations: dict[str, list[int]] | None = None, **properties: str
) -> dict[str, Any]:
    """An object as HubSpot gives it."""
    made: dict[str, Any] = {
        "id": str(number),
        "properties": properties,
        "createdAt": "2026-01-01T08:00:00.000Z",
        "updatedAt": "2026-04-02T07:15:00.123Z",
        "archived": False,
    }
    if associations:
        made["associations"] = {
            kind: {"results": [{"id": str(n), "type": f"to_{kind}"} for n in numbers]}
            for kind, numbers in associations.items()
        }
    return made


@pytest.mark.slow
def test_hubspot(tmp_path: Path) -> None:
    contacts = [
        hubspot_object(n, firstname="Änne", lastname=f"Muster {n}", email=f"c{n}@example.org", hs_email_optout="true",
                       associatedcompanyid="901", lastmodifieddate="2026-04-02T07:15:00.123Z", hs_language="de")
        for n in range(1, 6)
    ]  # fmt: skip
    ticket = hubspot_object(
        7001, {"contacts": [3, 4], "companies": [901]}, subject="Anzeige friert ein", hs_pipeline_stage="1",
        createdate="2026-04-05T05:45:00Z", closed_date="",
    )  # fmt: skip
    company = hubspot_object(
        901, name="Anlagenbau Nord GmbH", domain="anlagenbau-nord.example", country="Germany"
    )
    deal = hubspot_object(
        801, {"companies": [901]}, dealname="Wartung", amount="1200.50", deal_currency_code="EUR",
        closedate="2026-06-30T00:00:00Z",
    )  # fmt: skip
    records = {"contacts": contacts, "companies": [company], "tickets": [ticket], "deals": [deal]}
    with serving(hubspot(records)) as crm:
        one = source("hubspot-api", tmp_path, crm, *records)
        summary = sync(one, tmp_path / "crm", environ=environ(one))
        assert summary.tables["contacts"] == TableCounts(5, 5, 0, 0)
        assert len([path for path in crm.asked if "objects/contacts" in path]) == 3
        assert sync(one, tmp_path / "crm", environ=environ(one)).run == 0
        records["contacts"] = contacts[1:]
        assert sync(one, tmp_path / "crm", environ=environ(one)).changes["persons"] == Difference(
            gone=1, unchanged=4
        )
    folder = tmp_path / "crm"
    assert rows(
        folder,
        "SELECT key, family_name, organisation_key, opted_out, deleted, updated FROM persons WHERE key = '2'",
    ) == [("2", "Muster 2", "901", True, False, datetime(2026, 4, 2, 7, 15, 0, 123000))]
    assert rows(folder, "SELECT name, website, country FROM organisations") == [
        ("Anlagenbau Nord GmbH", "anlagenbau-nord.example", "DE")
    ]
    assert rows(folder, "SELECT subject, person_key, organisation_key, closed FROM tickets") == [
        ("Anzeige friert ein", "3", "901", None)
    ]
    assert rows(folder, "SELECT amount, currency, person_key, organisation_key FROM deals") == [
        (Decimal("1200.50"), "EUR", None, "901")
    ]


@pytest.mark.slow
def test_hubspot_when_there_are_too_many_requests_or_the_token_expired(tmp_path: Path) -> None:
    contact = hubspot_object(1, lastname="Muster", email="c@example.org")
    ordinary, asked = hubspot({"contacts": [contact]}), []
    limit = {"status": "error", "message": "You have reached your ten_secondly_rolling limit.",
             "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}  # fmt: skip

    def busy(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        asked.append(path)
        return (
            as_json(limit, 429, **{"Retry-After": "1"}) if len(asked) == 1 else ordinary(path, query, headers)
        )

    with serving(busy) as crm:
        one = source("hubspot-api", tmp_path, crm, "contacts")
        assert sync(one, tmp_path / "crm", environ=environ(one)).changes["persons"] == Difference(new=1)
        assert len(asked) == 2
        with pytest.raises(Unauthorised, match="the credentials are refused") as told:
            sync(one, tmp_path / "crm", environ=environ(one, "0ld-token"))
        assert "0ld" not in str(told.value)
        crm.answer = lambda *_: as_json(limit, 429)
        with pytest.raises(SourceFailed, match="answers 429 at /crm/v3/objects/contacts"):
            sync(one, tmp_path / "crm", environ=environ(one))
    assert rows(tmp_path / "crm", "SELECT count(*) FROM persons") == [(1,)]


def pipedrive(records: Records) -> Callable[[str, dict[str, str], dict[str, str]], Answer]:
    """API v2: `data`, and `additional_data.next_cursor` until it is null."""

    def answer(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        if headers.get("x-api-token") != TOKEN:
            return as_json({"success": False, "error": "unauthorized access", "errorCode": 401}, 401)
        listed, start = records[path.removeprefix("/api/v2/")], int(query.get("cursor", "c0")[1:])
        after = f"c{start + 2}" if start + 2 < len(listed) else None
        return as_json(
            {"success": True, "data": listed[start : start + 2], "additional_data": {"next_cursor": after}}
        )

    return answer


def test_pipedrive(tmp_path: Path) -> None:
    persons: list[dict[str, Any]] = [
        {
            "id": n, "name": f"Änne Muster {n}", "first_name": "Änne", "last_name": f"Muster {n}", "org_id": 71,
            "owner_id": 1, "add_time": "2026-01-01T08:00:00Z", "update_time": "2026-04-02T07:15:00Z",
            "is_deleted": False, "visible_to": 3, "label_ids": [], "picture_id": None, "custom_fields": {},
            "emails": [{"value": f"p{n}@work.example", "primary": True, "label": "work"},
                       {"value": f"p{n}@home.example", "primary": False, "label": "home"}],
            "phones": [{"value": "+49 30 5550304", "primary": True, "label": "work"}],
        }
        for n in range(1, 6)
    ]  # fmt: skip
    organisation = {
        "id": 71, "name": "Bremstechnik Harz GmbH", "update_time": "2026-04-02T07:15:00Z", "is_deleted": False,
        "address": {"value": "Rammelsberger Straße 8, 38640 Goslar, Germany", "country": "Germany", "locality": "Goslar",
                    "route": "Rammelsberger Straße", "street_number": "8", "postal_code": "38640"},
    }  # fmt: skip
    deal = {
        "id": 501, "title": "Sensorik", "person_id": 2, "org_id": 71, "stage_id": 4, "value": 18400.5,
        "currency": "EUR", "status": "won", "update_time": "2026-03-02T16:05:00Z", "is_deleted": False,
        "close_time": "2026-03-02T16:05:00Z", "won_time": "2026-03-02T16:05:00Z", "lost_time": None,
        "expected_close_date": "2026-03-31",
    }  # fmt: skip
    records: Records = {"persons": persons, "organizations": [organisation], "deals": [deal]}
    folder = tmp_path / "crm"
    with serving(pipedrive(records)) as crm:
        one = source("pipedrive-api", tmp_path, crm, *records)
        summary = sync(one, folder, environ=environ(one))
        assert summary.tables["persons"] == TableCounts(5, 5, 0, 0)
        assert crm.asked[:3] == [
            "/api/v2/persons?limit=500",
            "/api/v2/persons?limit=500&cursor=c2",
            "/api/v2/persons?limit=500&cursor=c4",
        ]
        with pytest.raises(Unauthorised):
            sync(one, folder, environ=environ(one, "wrong"))
    assert rows(
        folder, "SELECT list_sort(email), phone, organisation_key, updated FROM persons WHERE key = '5'"
    ) == [(["p5@home.example", "p5@work.example"], ["+49 30 5550304"], "71", datetime(2026, 4, 2, 7, 15))]
    assert rows(folder, "SELECT street, postal_code, city, country FROM organisations") == [
        ("Rammelsberger Straße 8", "38640", "Goslar", "DE")
    ]
    assert rows(
        folder, "SELECT stage, amount, currency, person_key, organisation_key, closed FROM deals"
    ) == [("won", Decimal("18400.50"), "EUR", "2", "71", datetime(2026, 3, 2, 16, 5))]


def espocrm(records: Records) -> Callable[[str, dict[str, str], dict[str, str]], Answer]:
    """`list` and `total`, by `offset` and `maxSize`, which is 200 at most."""

    def answer(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        if headers.get("X-Api-Key") != TOKEN:
            return 401, {}, b""
        listed, start, size = (
            records[path.removeprefix("/api/v1/")],
            int(query["offset"]),
            int(query["maxSize"]),
        )
        assert size <= 200
        return as_json({"total": len(listed), "list": listed[start : start + size]})

    return answer


def test_espocrm(tmp_path: Path) -> None:
    contacts = [
        {
            "id": f"{n:017x}", "name": f"Änne Muster {n}", "firstName": "Änne", "lastName": f"Muster {n}",
            "emailAddress": f"c{n}@example.org", "emailAddressIsOptedOut": n == 1, "phoneNumber": "+49345555040",
            "addressStreet": None, "accountId": "a1", "accountName": "Ventilwerk", "modifiedAt": "2026-04-02 07:15:00",
            "deleted": False, "accountRole": "Leiterin",
        }
        for n in range(450)
    ]  # fmt: skip
    case = {"id": "c1", "name": "Ventil klemmt", "status": "New", "priority": "High", "accountId": "a1",
            "contactId": f"{7:017x}", "createdAt": "2026-04-01 06:30:00", "description": "Bei Kälte."}  # fmt: skip
    folder = tmp_path / "crm"
    with serving(espocrm({"Contact": contacts, "Case": [case]})) as crm:
        one = source("espocrm-api", tmp_path, crm, "contacts", "cases")
        summary = sync(one, folder, environ=environ(one))
        assert summary.tables == {"contacts": TableCounts(450, 450, 0, 0), "cases": TableCounts(1, 1, 0, 0)}
        assert [re.findall(r"offset=(\d+)", path) for path in crm.asked[:3]] == [["0"], ["200"], ["400"]]
        assert len([path for path in crm.asked if "Contact" in path]) == 3
        with pytest.raises(Unauthorised):
            sync(one, folder, environ=environ(one, "wrong"))
    assert rows(folder, "SELECT family_name, organisation_key, updated FROM persons WHERE opted_out") == [
        ("Muster 1", "a1", datetime(2026, 4, 2, 7, 15))
    ]
    assert rows(folder, "SELECT subject, person_key, opened FROM tickets") == [
        ("Ventil klemmt", f"{7:017x}", datetime(2026, 4, 1, 6, 30))
    ]


def suitecrm(records: Records) -> Callable[[str, dict[str, str], dict[str, str]], Answer]:
    """JSON:API: `data` with `attributes`, and `meta.total-pages`."""

    def answer(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return as_json(
                {"errors": {"status": 401, "title": None, "detail": "The resource owner denied"}}, 401
            )
        kind, size = path.removeprefix("/Api/V8/module/"), 2
        listed, page = records[kind], int(query["page[number]"])
        data = [
            {"type": kind.removesuffix("s"), "id": one["id"], "attributes": one, "relationships": {}}
            for one in listed[(page - 1) * size : page * size]
        ]
        return as_json(
            {
                "meta": {"total-pages": -(-len(listed) // size), "records-on-this-page": len(data)},
                "data": data,
            }
        )

    return answer


def test_suitecrm(tmp_path: Path) -> None:
    contacts = [
        {"id": f"5c1f-{n}", "first_name": "Änne", "last_name": f"Muster {n}", "full_name": f"Änne Muster {n}",
         "email1": f"c{n}@example.org", "phone_mobile": "+49 160 5550501", "birthdate": "1968-02-14",
         "date_modified": "2026-04-02T07:15:00+00:00", "primary_address_country": "Deutschland", "deleted": "0"}
        for n in range(5)
    ]  # fmt: skip
    folder = tmp_path / "crm"
    with serving(suitecrm({"Contacts": contacts})) as crm:
        one = source("suitecrm-api", tmp_path, crm, "contacts")
        assert sync(one, folder, environ=environ(one)).tables["contacts"] == TableCounts(5, 5, 0, 0)
        assert len(crm.asked) == 3
        with pytest.raises(Unauthorised):
            sync(one, folder, environ=environ(one, "wrong"))
    assert rows(
        folder, "SELECT key, full_name, birth_date, country, updated FROM persons WHERE key = '5c1f-4'"
    ) == [("5c1f-4", "Änne Muster 4", date(1968, 2, 14), "DE", datetime(2026, 4, 2, 7, 15))]


def dynamics(records: Records, address: list[str]) -> Callable[[str, dict[str, str], dict[str, str]], Answer]:
    """OData v4: `value`, and `@odata.nextLink` as a whole address; annotations where they are asked for."""

    def answer(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"WWW-Authenticate": "Bearer"}, b""
        assert 'odata.include-annotations="*"' in headers["Prefer"]
        kind = path.removeprefix("/api/data/v9.2/")
        start = int(query.get("$skiptoken", 0))
        listed = records[kind]
        body: dict[str, Any] = {"@odata.context": "…", "value": listed[start : start + 2]}
        if start + 2 < len(listed):
            body["@odata.nextLink"] = f"{address[0]}api/data/v9.2/{kind}?$skiptoken={start + 2}"
        return as_json(body)

    return answer


def test_dynamics(tmp_path: Path) -> None:
    """A customer may be an account or a contact; the annotation of the lookup says which."""
    shown, kind = "OData.Community.Display.V1.FormattedValue", "Microsoft.Dynamics.CRM.lookuplogicalname"
    contacts = [
        {
            "@odata.etag": f'W/"{n}"', "contactid": f"0a1b-{n}", "firstname": "Änne", "lastname": f"Muster {n}",
            "fullname": f"Änne Muster {n}", "emailaddress1": f"c{n}@example.org", "birthdate": "1979-05-09",
            "donotemail": False, f"donotemail@{shown}": "Allow", "donotbulkemail": n == 2,
            f"donotbulkemail@{shown}": "Do Not Allow", "modifiedon": "2026-04-02T07:15:00Z",
            f"modifiedon@{shown}": "4/2/2026 9:15 AM", "_parentcustomerid_value": f"0c-{n}",
            f"_parentcustomerid_value@{shown}": "Kompressoren Weser GmbH",
            f"_parentcustomerid_value@{kind}": "account" if n else "contact",
        }
        for n in range(5)
    ]  # fmt: skip
    incidents = [
        {"incidentid": f"1c-{n}", "title": "Druck fällt ab", "statuscode": 1, f"statuscode@{shown}": "In Progress",
         "_customerid_value": "0c-1", f"_customerid_value@{kind}": what, "createdon": "2026-04-04T05:45:00Z",
         "_primarycontactid_value": contact}
        for n, (what, contact) in enumerate([("account", "0a1b-3"), ("contact", None)])
    ]  # fmt: skip
    opportunity = {
        "opportunityid": "2d", "name": "Druckluft als Dienst", "stepname": "2-Develop", "statecode": 0,
        f"statecode@{shown}": "Open", "estimatedvalue": 90000.0, f"estimatedvalue@{shown}": "90.000,00 €",
        "actualvalue": None, "estimatedclosedate": "2026-09-30", "_parentaccountid_value": "0c-1",
        "_parentcontactid_value": "0a1b-3", "transactioncurrencyid": {"isocurrencycode": "EUR"},
    }  # fmt: skip
    address = [""]
    folder = tmp_path / "crm"
    records: Records = {"contacts": contacts, "incidents": incidents, "opportunities": [opportunity]}
    with serving(dynamics(records, address)) as crm:
        address[0] = crm.url
        one = source("dynamics-api", tmp_path, crm, *records)
        summary = sync(one, folder, environ=environ(one))
        assert summary.tables["contacts"] == TableCounts(5, 5, 0, 0)
        assert set(look(one, environ=environ(one))["contacts"].found) >= {
            "company_id",
            "company_kind",
            "modified",
        }
        with pytest.raises(Unauthorised):
            sync(one, folder, environ=environ(one, "wrong"))
    assert rows(folder, "SELECT key, organisation_key, organisation_name FROM persons ORDER BY key")[:2] == [
        ("0a1b-0", None, None),
        ("0a1b-1", "0c-1", "Kompressoren Weser GmbH"),
    ]
    assert rows(folder, "SELECT birth_date, updated FROM persons WHERE opted_out") == [
        (date(1979, 5, 9), datetime(2026, 4, 2, 7, 15))
    ]
    assert rows(folder, "SELECT status, person_key, organisation_key FROM tickets ORDER BY key") == [
        ("In Progress", "0a1b-3", "0c-1"),
        ("In Progress", "0c-1", None),
    ]
    assert rows(folder, "SELECT stage, amount, currency, closed, organisation_key FROM deals") == [
        ("2-Develop", Decimal("90000.00"), "EUR", datetime(2026, 9, 30), "0c-1")
    ]
