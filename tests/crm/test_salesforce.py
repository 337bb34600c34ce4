"""Salesforce by its REST API, against a stand-in: no Salesforce can be had here.

A small server on this machine answers in the JSON that Salesforce publishes for `describe`, `query` with its
further pages, the token of a connected app, and errors. It shows that requests, paging and errors are those
that are published; it does not show that Salesforce keeps to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgservice.crm.canonical_tables import Difference
from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import TableCounts, sync
from kgservice.errors import SourceFailed, Unauthorised
from tests.crm.folders import rows
from tests.crm.servers import Answer, Crm, as_json, certified, serving

FIELDS = ["Id", "IsDeleted", "AccountId", "FirstName", "LastName", "Email", "MailingCity", "HasOptedOutOfEmail",
          "LastModifiedDate", "SystemModstamp", "Custom__c"]  # fmt: skip
ENVIRON = {"SF_TOKEN": "00D-s3cret"}
DATA = "/services/data/v60.0"


def contact(number: int, **other: Any) -> dict[str, Any]:
    """A record as `query` gives it."""
    key = f"003Aa00000AbC{number:02}IAC"
    return {
        "attributes": {"type": "Contact", "url": f"{DATA}/sobjects/Contact/{key}"},
        "Id": key,
        "IsDeleted": False,
        "AccountId": "001Aa00000XyZ01IAB",
        "FirstName": "Änne",
        "LastName": f"Muster {number}",
        "Email": f"c{number}@example.org",
        "MailingCity": None,
        "HasOptedOutOfEmail": False,
        "LastModifiedDate": f"2026-04-{number:02}T08:00:00.000+0000",
        "SystemModstamp": f"2026-04-{number:02}T08:00:00.000+0000",
    } | other


class Organisation:
    """An organisation with contacts, which it gives two at a time."""

    def __init__(self, contacts: list[dict[str, Any]]) -> None:
        self.contacts = contacts
        self.queries: list[str] = []
        self.before: list[Answer] = []
        """Answers that are given first, to queries."""

    def __call__(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        if path == "/services/oauth2/token":
            if (query["client_id"], query["client_secret"]) != ("key", "s3cret"):
                return as_json(
                    {"error": "invalid_client", "error_description": "invalid client credentials"}, 400
                )
            assert query["grant_type"] == "client_credentials"
            return as_json(
                {"access_token": "00D-s3cret", "instance_url": "https://else.where", "token_type": "Bearer"}
            )
        if headers.get("Authorization") != "Bearer 00D-s3cret":
            return as_json(
                [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}], 401
            )
        if path == f"{DATA}/sobjects/Contact/describe":
            return as_json(
                {"name": "Contact", "fields": [{"name": name, "type": "string"} for name in FIELDS]}
            )
        if self.before:
            return self.before.pop(0)
        if path in {f"{DATA}/query/", f"{DATA}/queryAll/"}:
            self.queries.append(query["q"])
            return self.page(query["q"], path, 0)
        start = int(path.rpartition("-")[2])
        return self.page(self.queries[-1], path, start)

    def page(self, soql: str, path: str, start: int) -> Answer:
        since = re.search(r"WHERE SystemModstamp >= (\S+)", soql)
        names = soql.partition("SELECT ")[2].partition(" FROM")[0].split(", ")
        found = [one for one in self.contacts if since is None or one["SystemModstamp"] >= since[1]]
        if "queryAll" not in path and not start:
            found = [one for one in found if not one["IsDeleted"]]
        page = [
            {k: v for k, v in one.items() if k in {*names, "attributes"}} for one in found[start : start + 2]
        ]
        answer = {"totalSize": len(found), "done": start + 2 >= len(found), "records": page}
        if not answer["done"]:
            answer["nextRecordsUrl"] = f"{DATA}/query/01gD0000002HU6KIAW-{start + 2}"
        return as_json(answer)


@pytest.fixture
def organisation() -> Organisation:
    return Organisation([contact(1), contact(2, HasOptedOutOfEmail=True), contact(3, IsDeleted=True)])


@pytest.fixture
def crm(organisation: Organisation, tmp_path: Path) -> Iterator[Crm]:
    (tmp_path / "source").mkdir()
    with serving(organisation, certified(tmp_path / "source")) as crm:
        yield crm


def source(tmp_path: Path, crm: Crm, credentials: str = 'token = { env = "SF_TOKEN" }') -> Source:
    (tmp_path / "source" / "source.toml").write_text(
        'name = "salesforce"\nkind = "salesforce"\nmapping = "salesforce"\n'
        f'[connection]\nurl = "{crm.url}"\nca = "ca.pem"\nattempts = 2\ntimeout = 5\n'
        f"[credentials]\n{credentials}\n[tables.contacts]\n",
        encoding="utf-8",
    )
    return read_source(tmp_path / "source")


def test_all_pages_with_the_fields_that_the_mapping_knows(
    tmp_path: Path, crm: Crm, organisation: Organisation
) -> None:
    summary = sync(source(tmp_path, crm), tmp_path / "crm", environ=ENVIRON)
    assert summary.tables["contacts"] == TableCounts(3, 3, 0, 0)
    assert organisation.queries == [f"SELECT {', '.join(FIELDS[:-1])} FROM Contact"]
    assert [path.partition("?")[0] for path in crm.asked[1:]] == [
        f"{DATA}/queryAll/",
        f"{DATA}/query/01gD0000002HU6KIAW-2",
    ]
    assert rows(
        tmp_path / "crm", "SELECT family_name, deleted, opted_out, organisation_key FROM persons ORDER BY key"
    ) == [
        ("Muster 1", False, False, "001Aa00000XyZ01IAB"),
        ("Muster 2", False, True, "001Aa00000XyZ01IAB"),
        ("Muster 3", True, False, "001Aa00000XyZ01IAB"),
    ]


@pytest.mark.slow
def test_only_what_has_changed_and_what_is_gone(tmp_path: Path, crm: Crm, organisation: Organisation) -> None:
    one = source(tmp_path, crm)
    sync(one, tmp_path / "crm", environ=ENVIRON)
    assert sync(one, tmp_path / "crm", environ=ENVIRON).run == 0
    organisation.contacts = [
        contact(2, LastName="Neu", SystemModstamp="2026-05-01T08:00:00.000+0000"),
        contact(3),
    ]
    organisation.queries.clear()
    summary = sync(one, tmp_path / "crm", environ=ENVIRON)
    assert (summary.tables["contacts"].read, summary.changes["persons"]) == (
        2,
        Difference(changed=2, gone=1, unchanged=0),
    )
    assert organisation.queries[0].endswith(
        "FROM Contact WHERE SystemModstamp >= 2026-04-03T08:00:00.000+0000"
    )
    assert organisation.queries[1] == "SELECT Id FROM Contact"


def test_a_connected_app_gets_its_token_at_the_address_of_the_settings(tmp_path: Path, crm: Crm) -> None:
    """Where the answer says that the organisation is elsewhere, nothing goes there."""
    named = 'consumer_key = { env = "SF_KEY" }\nconsumer_secret = { env = "SF_SECRET" }'
    one = source(tmp_path, crm, named)
    summary = sync(one, tmp_path / "crm", environ={"SF_KEY": "key", "SF_SECRET": "s3cret"})
    assert summary.changes["persons"] == Difference(new=3)
    assert crm.asked[0] == "POST /services/oauth2/token"
    with pytest.raises(Unauthorised, match="the credentials are refused") as told:
        sync(one, tmp_path / "crm", environ={"SF_KEY": "key", "SF_SECRET": "wr0ng"})
    assert "wr0ng" not in str(told.value)


def test_an_expired_token(tmp_path: Path, crm: Crm) -> None:
    with pytest.raises(Unauthorised, match=r"the credentials are refused \(401") as told:
        sync(source(tmp_path, crm), tmp_path / "crm", environ={"SF_TOKEN": "00D-old"})
    assert "00D-old" not in str(told.value)


def test_busy_then_an_answer(tmp_path: Path, crm: Crm, organisation: Organisation) -> None:
    organisation.before = [as_json([], 429, **{"Retry-After": "1"})]
    assert sync(source(tmp_path, crm), tmp_path / "crm", environ=ENVIRON).tables["contacts"].read == 3
    assert organisation.before == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (as_json([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}], 403),
         "allows no more requests for now"),
        (as_json([{"message": "unexpected token", "errorCode": "MALFORMED_QUERY"}], 400), "answers 400 at"),
        (as_json([{"message": "down", "errorCode": "SERVER_UNAVAILABLE"}], 503), "answers 503 at"),
    ],
)  # fmt: skip
def test_what_does_not_work_changes_nothing(
    tmp_path: Path, crm: Crm, organisation: Organisation, answer: Answer, words: str
) -> None:
    """Also when it is the second page that does not come."""
    one = source(tmp_path, crm)
    first = organisation.page("SELECT Id, LastName FROM Contact", "queryAll", 0)
    organisation.before = [first, answer, answer]
    with pytest.raises(SourceFailed, match=words):
        sync(one, tmp_path / "crm", environ=ENVIRON)
    assert rows(tmp_path / "crm", "SELECT count(*) FROM persons") == [(0,)]
