"""Tryton as the CRM: 200 parties with ways to reach them and opportunities, made and read through its API."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from kgservice.crm.canonical_tables import Difference
from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import TableCounts, look, sync
from kgservice.errors import SourceFailed, Unauthorised
from tests.crm.folders import example, rows
from tests.crm.tryton import PASSWORD, Tryton, fill, tryton

pytestmark = pytest.mark.slow
ENVIRON = {"TRYTON_USER": "admin", "TRYTON_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    with tryton(tmp_path_factory) as server:
        yield server


def connected(folder: Path, url: str) -> Source:
    """The example, connected to the server."""
    path = example("tryton", folder)
    text = (path / "source.toml").read_text(encoding="utf-8")
    assert "https://tryton.example.org/" in text
    (path / "source.toml").write_text(text.replace("https://tryton.example.org/", url), encoding="utf-8")
    return read_source(path)


def test_from_two_hundred_parties_to_changes_and_deletions(crm: Tryton, tmp_path: Path) -> None:
    made = fill(crm, 200)
    source, folder = connected(tmp_path, crm.url), tmp_path / "crm"
    first = sync(source, folder, environ=ENVIRON)
    assert first.rejects == []
    assert first.tables["parties"] == TableCounts(201, 201, 0, 0)  # and the company's own
    assert first.tables["opportunities"] == TableCounts(50, 50, 0, 0)
    assert first.changes == {
        "persons": Difference(new=160), "organisations": Difference(new=41), "deals": Difference(new=50),
    }  # fmt: skip
    one = str(made[1])
    assert rows(folder, "SELECT full_name, email, phone, street, postal_code, city, language, deleted FROM persons WHERE key = ?", one) == [
        ("Jörg Müller 1", ["kontakt1@example.org"], ["+49 351 5550001"], "Königstraße 1", "01097", "Dresden", "de", False)
    ]  # fmt: skip
    assert rows(
        folder, "SELECT title, amount, currency, stage FROM deals WHERE person_key = ?", str(made[4])
    ) == [("Anlage 1", Decimal("1001.50"), "EUR", "lead")]

    before = (folder / "crm.duckdb").read_bytes()
    again = sync(source, folder, environ=ENVIRON)
    assert (again.run, (folder / "crm.duckdb").read_bytes() == before) == (0, True)
    assert again.tables["opportunities"].read <= 50

    crm.call("party.party.write", [made[1]], {"name": "Jörg Möller"})
    crm.call("party.party.write", [made[2]], {"active": False})
    (mail,) = crm.call(
        "party.contact_mechanism.search", [["party", "=", made[3]], ["type", "=", "email"]], 0, None, None
    )
    crm.call("party.contact_mechanism.delete", [mail])
    crm.call("party.party.delete", [made[6]])
    (deal,) = crm.call("sale.opportunity.search", [["party", "=", made[8]]], 0, None, None)
    crm.call("sale.opportunity.write", [deal], {"description": "Neue Anlage"})
    last = sync(source, folder, environ=ENVIRON)
    assert last.changes["persons"] == Difference(changed=3, gone=1, unchanged=156)
    assert last.changes["deals"].changed == 1
    assert rows(folder, "SELECT title FROM deals WHERE key = ?", str(deal)) == [("Neue Anlage",)]
    assert rows(folder, "SELECT full_name, deleted FROM persons WHERE key = ?", str(made[2])) == [
        ("Jörg Müller 2", True)
    ]
    assert rows(folder, "SELECT email FROM persons WHERE key = ?", str(made[3])) == [([],)]
    assert rows(folder, "SELECT change FROM changes WHERE kind = 'persons' AND key = ?", str(made[6])) == [
        ("gone",)
    ]


def test_refused_credentials_and_a_model_that_is_not_there(crm: Tryton, tmp_path: Path) -> None:
    source = connected(tmp_path, crm.url)
    with pytest.raises(Unauthorised, match="refused") as told:
        sync(source, tmp_path / "crm", environ=ENVIRON | {"TRYTON_PASSWORD": "falsch-1234"})
    assert "falsch" not in str(told.value)
    assert "contact_mechanisms.fax" not in look(source, environ=ENVIRON)["parties"].found
    (source.folder / "source.toml").write_text(
        (source.folder / "source.toml")
        .read_text()
        .replace("[tables.parties]", '[tables.parties]\nmodel = "party.nothing"')
    )
    with pytest.raises(SourceFailed, match=r"refuses model\.party\.nothing\.search"):
        sync(read_source(source.folder), tmp_path / "crm", environ=ENVIRON)


def test_a_tryton_that_is_not_there(tmp_path: Path) -> None:
    source = connected(tmp_path, "http://127.0.0.1:9/")
    text = (
        (source.folder / "source.toml")
        .read_text()
        .replace('database = "crm"', 'database = "crm"\nattempts = 1')
    )
    (source.folder / "source.toml").write_text(text)
    with pytest.raises(SourceFailed, match="cannot be reached"):
        sync(read_source(source.folder), tmp_path / "crm", environ=ENVIRON)
