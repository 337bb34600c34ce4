"""The ready mappings, each with a sample in its published format."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

from kgservice.crm.cleaning import Reject
from kgservice.crm.settings import MAPPINGS, read_source, ready_mappings
from kgservice.crm.sync import TableCounts, sync
from tests.crm.folders import example, rows


def test_each_mapping_has_an_example_and_all_its_sql(tmp_path: Path) -> None:
    assert ready_mappings() == sorted(path.name for path in MAPPINGS.iterdir())
    for name in ready_mappings():
        assert read_source(example(name, tmp_path)).mapping == name


def test_hubspot_in_german(tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    summary = sync(read_source(example("hubspot", tmp_path)), folder)
    assert summary.tables["contacts"] == TableCounts(4, 3, 0, 1)
    assert summary.rejects == [Reject("contacts", 5, "54", "neither a name nor an address nor a number")]
    assert rows(folder, "SELECT key, state, origin FROM preferences ORDER BY key") == [
        ("51:email", "given", "Freiwillig erteilte Einwilligung des Kontakts"),
        ("52:email", "withdrawn", None),
        ("53:email", "unknown", "Berechtigtes Interesse – bestehender Kunde"),
    ]
    assert rows(
        folder,
        "SELECT family_name, country, organisation_key, language, updated FROM persons WHERE key = '51'",
    ) == [("Schäfer", "DE", "901", "de", datetime(2026, 4, 2, 7, 15))]
    assert rows(folder, "SELECT person_key, organisation_key, opened FROM tickets WHERE key = '7002'") == [
        ("52", "902", datetime(2026, 3, 1, 9, 0))
    ]


def test_salesforce_data_export(tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    summary = sync(read_source(example("salesforce", tmp_path)), folder)
    assert summary.rejects == [
        Reject("contacts", 4, "003Aa00000AbC03IAC", "Birthdate cannot be read: 30.02.1990")
    ]
    assert rows(folder, "SELECT given_name, deleted, opted_out FROM persons ORDER BY key") == [
        ("Bülent", False, False),
        ("Sophie", True, True),
    ]
    assert rows(folder, "SELECT amount, currency, stage FROM deals") == [
        (Decimal("48500.00"), "EUR", "Closed Won")
    ]
    assert rows(folder, "SELECT subject, channel, person_key FROM tickets") == [
        ("Meldung des Sensors unklar", "Phone", "003Aa00000AbC01IAC")
    ]
    assert rows(folder, "SELECT person_key, state, origin FROM preferences") == [
        ("003Aa00000AbC02IAC", "refused", None)
    ]
