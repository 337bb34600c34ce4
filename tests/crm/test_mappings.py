"""The ready mappings, each with a sample in its published format."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from kgservice import resources
from kgservice.application.sources.working import source as described
from kgservice.crm import registry
from kgservice.crm.canonical_tables import overview
from kgservice.crm.cleaned import Reject
from kgservice.crm.settings import MAPPINGS, Source, read_source, ready_mappings
from kgservice.crm.sync import SyncSummary, TableCounts, sync
from kgservice.tabular.headings import plain
from tests.crm.folders import example, rows

EXAMPLES = sorted(p.name for p in (resources.folder("examples") / "crm").iterdir() if p.is_dir())
FILES = ["dynamics", "espocrm", "hubspot", "odoo", "pipedrive", "salesforce", "suitecrm"]


Taken = Callable[[str], tuple[Source, Path, SyncSummary]]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """What a first run takes of an example, to be looked at: the source, the folder, and what the run says."""

    @cache
    def take(name: str) -> tuple[Source, Path, SyncSummary]:
        folder = tmp_path_factory.mktemp(name)
        source = read_source(example(name, folder))
        return source, folder / "crm", sync(source, folder / "crm")

    return take


def rows_of(source: Source, path: Path) -> int:
    """How many rows a file holds below its headings, counted without the service."""
    if path.suffix == ".xlsx":
        return int(load_workbook(path).worksheets[0].max_row) - 1
    with path.open(encoding=source.dialect.encoding, newline="") as file:
        return sum(1 for _ in csv.reader(file, delimiter=source.dialect.delimiter)) - 1


def test_each_mapping_has_an_example_and_all_its_sql(tmp_path: Path) -> None:
    assert ready_mappings() == sorted(path.name for path in MAPPINGS.iterdir())
    used = {read_source(example(name, tmp_path)).mapping for name in EXAMPLES}
    assert used == {"", *ready_mappings()}
    assert {*FILES, "tryton"} == set(ready_mappings())


@pytest.mark.parametrize("name", [path.name for path in sorted(MAPPINGS.iterdir())])
def test_no_heading_means_two_columns(name: str) -> None:
    tables = tomllib.loads((MAPPINGS / name / "mapping.toml").read_text(encoding="utf-8"))["tables"]
    for table in tables.values():
        known = [
            heading
            for column, titles in table["columns"].items()
            for heading in {plain(title) for title in (*titles, column)}
        ]
        assert sorted(known) == sorted(set(known))


@pytest.mark.parametrize("name", FILES)
def test_what_goes_in_comes_out(taken: Taken, name: str) -> None:
    """Each row of each file is taken or refused with its line and reason, and what is taken is there."""
    source, folder, summary = taken(name)
    for table in source.tables:
        counts = summary.tables[table.name]
        assert counts.read == rows_of(source, source.folder / table.place["file"])
        refused = [reject for reject in summary.rejects if reject.table == table.name]
        assert (counts.rejected, counts.repeated) == (len(refused), 0)
        assert all(reject.line > 1 and reject.key and reject.reason for reject in refused)
        there = sum(rows(folder, f"SELECT count(*) FROM {kind}")[0][0] for kind in table.primary)
        assert there == counts.taken == counts.read - counts.rejected
    assert any(summary.rejects)
    assert sync(source, folder).run == 0


def test_hubspot(taken: Taken) -> None:
    _, folder, summary = taken("hubspot")
    assert summary.tables["contacts"] == TableCounts(4, 3, 0, 1)
    assert summary.rejects == [
        Reject("contacts", 5, "54", "neither a name nor an address nor a number", "persons")
    ]
    assert rows(folder, "SELECT key, state, origin FROM preferences ORDER BY key") == [
        ("51:email", "given", "Freely given consent from contact"),
        ("52:email", "withdrawn", None),
        ("53:email", "unknown", "Legitimate interest – existing customer"),
    ]
    assert rows(
        folder,
        "SELECT family_name, country, organisation_key, language, updated FROM persons WHERE key = '51'",
    ) == [("Schäfer", "DE", "901", "de", datetime(2026, 4, 2, 7, 15))]
    assert rows(folder, "SELECT person_key, organisation_key, opened FROM tickets WHERE key = '7002'") == [
        ("52", "902", datetime(2026, 3, 1, 9, 0))
    ]


def of_text(tmp_path: Path, mapping: str, table: str, text: str) -> Source:
    """A source of one table, whose file holds this text."""
    (tmp_path / "source.toml").write_text(
        f'name = "export"\nkind = "csv"\nmapping = "{mapping}"\ndecimal = ","\ntimezone = "Europe/Berlin"\n'
        f'[connection]\ndelimiter = ","\n[tables.{table}]\nfile = "export.csv"\n',
        encoding="utf-8",
    )
    (tmp_path / "export.csv").write_text(text, encoding="utf-8")
    return read_source(tmp_path)


def test_hubspot_in_german(tmp_path: Path) -> None:
    """Labels of properties are German then, those of associations are not; both kinds of company are there."""
    text = (
        "Datensatz-ID,Vorname,Nachname,E-Mail,Telefonnummer,Firmenname,Associated Company IDs,"
        "Associated Company IDs (Primary)\n51,Katrin,Schäfer,k@nord.example,,Anlagenbau Nord,900;901,901\n"
        "52,Jörg,Groß,j@nord.example,,Groß Pumpen,902;903,\n"
    )
    sync(of_text(tmp_path, "hubspot", "contacts", text), tmp_path / "crm")
    assert rows(
        tmp_path / "crm",
        "SELECT key, family_name, organisation_name, organisation_key FROM persons ORDER BY key",
    ) == [("51", "Schäfer", "Anlagenbau Nord", "901"), ("52", "Groß", "Groß Pumpen", "902")]


def test_salesforce_reports_in_german(tmp_path: Path) -> None:
    """The column Account holds a name, and is not taken for its key."""
    text = (
        "Opportunity-ID,Opportunity-Name,Account,Opportunity-Inhaber,Phase,Schlusstermin,Betrag Währung,Betrag,"
        'Zuletzt geändert am\n006A,Wartung,Elbe AG,Eva,Angebot,31.03.2026,EUR,"48.500,00",01.04.2026\n'
    )
    sync(of_text(tmp_path, "salesforce", "opportunities", text), tmp_path / "crm")
    assert rows(
        tmp_path / "crm", "SELECT title, stage, amount, currency, closed, organisation_key FROM deals"
    ) == [("Wartung", "Angebot", Decimal("48500.00"), "EUR", datetime(2026, 3, 31), None)]
    text = (
        "Account-ID,Accountname,Straße (Rechnungsanschrift),PLZ (Rechnungsanschrift),Stadt (Rechnungsanschrift),"
        "Land (Rechnungsanschrift),Accountinhaber\n001A,Elbe AG,Industrieweg 7,39104,Magdeburg,Deutschland,Eva\n"
    )
    sync(of_text(tmp_path, "salesforce", "accounts", text), tmp_path / "other")
    assert rows(tmp_path / "other", "SELECT name, street, postal_code, city, country FROM organisations") == [
        ("Elbe AG", "Industrieweg 7", "39104", "Magdeburg", "DE")
    ]


def test_salesforce_data_export(taken: Taken) -> None:
    _, folder, summary = taken("salesforce")
    assert summary.rejects == [
        Reject("contacts", 4, "003Aa00000AbC03IAC", "BIRTHDATE cannot be read: 30.02.1990", "persons")
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


def test_dynamics_exported_to_excel(taken: Taken) -> None:
    """Hidden columns hold key and moment; a day without a time stays the day, whatever the time zone."""
    _, folder, summary = taken("dynamics")
    key = "0a1b2c3d-0001-ef11-a111-000d3a00000"
    assert summary.rejects == [
        Reject("contacts", 4, f"{key}3", "Do not allow Emails cannot be read: Perhaps", "persons")
    ]
    assert rows(
        folder, "SELECT full_name, birth_date, updated, organisation_key, opted_out FROM persons ORDER BY key"
    ) == [
        ("Henrike Böhm", date(1979, 5, 9), datetime(2026, 4, 2, 7, 15), None, True),
        ("Sören Lütt", None, datetime(2026, 4, 3, 14, 40), None, True),
    ]
    assert rows(folder, "SELECT person_key, topic, state, origin FROM preferences ORDER BY key") == [
        (f"{key}1", "bulk email", "refused", None),
        (f"{key}2", "bulk email", "refused", None),
        (f"{key}2", "email", "refused", None),
    ]
    # the names of a customer, an account or a contact are no keys
    assert rows(folder, "SELECT person_key, organisation_key FROM tickets") == [(None, None)]
    assert rows(
        folder, "SELECT stage, amount, currency, closed, person_key, organisation_key FROM deals ORDER BY key"
    ) == [
        ("Won", Decimal("87500.50"), "EUR", datetime(2026, 3, 31), None, None),
        ("2-Develop", Decimal("4200.00"), "EUR", datetime(2026, 9, 30), None, None),
    ]


def test_dynamics_accounts_in_german(tmp_path: Path) -> None:
    """The headings that a German view of accounts is known to be exported with."""
    source = example("dynamics", tmp_path)
    (source / "source.toml").write_text(
        'name = "dynamics"\nkind = "xlsx"\nmapping = "dynamics"\n[tables.accounts]\nfile = "Aktive Firmen.xlsx"\n',
        encoding="utf-8",
    )
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(
        ["(Nicht ändern) Firma", "(Nicht ändern) Zeilenprüfsumme", "(Nicht ändern) Geändert am", "Firmenname",
         "Straße", "Adresse 1: Postleitzahl", "Ort", "Land", "Telefon 1", "E-Mail", "Fax", "Website"]
    )  # fmt: skip
    sheet.append(
        ["a-1", "x==", datetime(2026, 4, 2, 9, 10), "Kompressoren Weser GmbH", "Am Hafen 21", 28195, "Bremen",
         "Deutschland", "+49 421 5550700", "info@weser.example", None, "weser.example"]
    )  # fmt: skip
    book.save(source / "Aktive Firmen.xlsx")
    sync(read_source(source), tmp_path / "crm")
    assert rows(
        tmp_path / "crm", "SELECT key, name, street, postal_code, city, country, phone, updated FROM organisations"
    ) == [
        ("a-1", "Kompressoren Weser GmbH", "Am Hafen 21", "28195", "Bremen", "DE", ["+49 421 5550700"],
         datetime(2026, 4, 2, 9, 10))
    ]  # fmt: skip


def test_pipedrive_in_german_and_english(taken: Taken) -> None:
    _, folder, summary = taken("pipedrive")
    assert summary.rejects == [
        Reject("deals", 4, "503", "Deal - Value cannot be read: viel", "deals"),
        Reject("organizations", 4, "73", "Organization - Name is empty", "organisations"),
        Reject("persons", 4, "13", "no name", "persons"),
    ]
    assert rows(
        folder, "SELECT list_sort(email), list_sort(phone), job_title FROM persons WHERE key = '11'"
    ) == [
        (
            ["einkauf@bremstechnik-harz.example", "n.froehlich@bremstechnik-harz.example"],
            ["+49 151 5550301", "+49 5321 5550301"],
            "Einkauf",
        )
    ]
    assert rows(folder, "SELECT street, postal_code, city, country FROM organisations ORDER BY key") == [
        ("Rammelsberger Straße 8", "38640", "Goslar", "DE"),
        (None, None, None, None),
    ]
    # that somebody is subscribed does not say how that came about
    assert rows(folder, "SELECT person_key, state, origin FROM preferences ORDER BY key") == [
        ("11", "given", None),
        ("12", "withdrawn", None),
    ]
    assert rows(
        folder, "SELECT key, stage, amount, person_key, organisation_key, closed FROM deals ORDER BY key"
    ) == [
        ("501", "Won", Decimal("18400.00"), "11", "71", datetime(2026, 3, 2, 15, 5)),
        ("502", "Proposal made", Decimal("3600.50"), "11", "71", datetime(2026, 12, 15)),
    ]


def test_espocrm_as_csv(taken: Taken) -> None:
    _, folder, summary = taken("espocrm")
    assert [(r.table, r.line, r.reason) for r in summary.rejects] == [
        ("contacts", 4, "neither a name nor an address nor a number"),
        ("opportunities", 3, "amount cannot be read: 12 Stück"),
    ]
    # the ' before what a spreadsheet would take for a formula is gone
    assert rows(folder, "SELECT phone, organisation_key, updated, opted_out FROM persons ORDER BY key") == [
        (["+49 345 5550401"], "65f0a1b2c3d4e5aa1", datetime(2026, 4, 2, 7, 15), None),
        (["+493455550402"], "65f0a1b2c3d4e5aa1", datetime(2026, 4, 3, 10, 0), True),
    ]
    assert rows(folder, "SELECT subject, text, person_key FROM tickets") == [
        ("Ventil klemmt bei Kälte", "Unter -10 °C öffnet das Ventil\nerst nach Minuten.", "65f0a1b2c3d4e5f60")
    ]


def test_espocrm_as_a_workbook_in_german(tmp_path: Path) -> None:
    source = example("espocrm", tmp_path)
    (source / "source.toml").write_text(
        'name = "espocrm"\nkind = "xlsx"\nmapping = "espocrm"\n[tables.contacts]\nfile = "Kontakte.xlsx"\n',
        encoding="utf-8",
    )
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(
        ["ID", "Name", "Vorname", "Nachname", "E-Mail", "Telefon", "Firma", "Firmenfunktion", "Geändert am"]
    )
    sheet.append(
        [
            "e1",
            "Mira Köhler",
            "Mira",
            "Köhler",
            "m@saale.example",
            "'+49 345 1",
            "Ventilwerk",
            "Leiterin",
            None,
        ]
    )
    book.save(source / "Kontakte.xlsx")
    sync(read_source(source), tmp_path / "crm")
    assert rows(
        tmp_path / "crm", "SELECT key, family_name, email, phone, organisation_name, job_title FROM persons"
    ) == [("e1", "Köhler", ["m@saale.example"], ["+49 345 1"], "Ventilwerk", "Leiterin")]


def test_suitecrm_as_a_german_user_exports_it(taken: Taken) -> None:
    _, folder, summary = taken("suitecrm")
    assert [(r.table, r.line, r.reason) for r in summary.rejects] == [
        ("contacts", 4, "Geburtstag cannot be read: 31.02.1970")
    ]
    assert rows(
        folder,
        "SELECT family_name, birth_date, organisation_name, deleted, updated FROM persons ORDER BY key",
    ) == [
        ("Süß", date(1968, 2, 14), "Drehteile Süß e. K.", False, datetime(2026, 4, 2, 7, 15)),
        ("Moreau", None, None, False, datetime(2026, 4, 3, 8, 0)),
    ]
    assert rows(folder, "SELECT amount, currency, stage, closed FROM deals") == [
        (Decimal("9850.00"), "EUR", "Verhandlung", datetime(2026, 6, 30))
    ]
    assert rows(folder, "SELECT subject, organisation_key FROM tickets") == [
        ("Spindel wird heiß", "5c1f0a10-0002-4a11-9b01-000000000001")
    ]


def test_odoo_with_labels_and_with_names_of_fields(taken: Taken) -> None:
    _, folder, summary = taken("odoo")
    assert [(r.line, r.reason) for r in summary.rejects] == [
        (5, "neither a name nor an e-mail address nor a number"),
        (6, "Ist ein Unternehmen cannot be read: vielleicht"),
    ]
    assert rows(
        folder, "SELECT full_name, street, organisation_key, job_title FROM persons ORDER BY key"
    ) == [
        ("Wanda Nowak", "Uferweg 2, Halle 3", "__export__.res_partner_31_a1", "Technische Leiterin"),
        ("Jan Förster", None, None, None),
    ]
    assert rows(folder, "SELECT name, vat_id, country FROM organisations") == [
        ("Pumpen Oder AG", "DE123456788", "DE")
    ]
    assert rows(folder, "SELECT amount, currency, closed, person_key FROM deals ORDER BY amount") == [
        (Decimal("890.50"), "EUR", datetime(2026, 6, 15), "__export__.res_partner_33_c3"),
        (Decimal("61200.00"), "EUR", datetime(2026, 3, 28, 14, 0), "__export__.res_partner_32_b2"),
    ]
    assert rows(folder, "SELECT text, person_key FROM tickets") == [
        ("Sie läuft nicht trocken.\nMeldung alle 10 Minuten.", "__export__.res_partner_32_b2")
    ]


def test_odoo_without_the_field_that_says_who_is_a_company(tmp_path: Path) -> None:
    """Then a tax identifier or a legal form does."""
    text = (
        "id,name,vat,parent_id/id,parent_id,country_id/id\nx.1,Pumpen Oder AG,,,,base.de\n"
        "x.2,Oderwerk,DE123456788,,,\nx.3,Wanda Nowak,,x.1,Pumpen Oder AG,base.pl\n"
    )
    sync(of_text(tmp_path, "odoo", "partners", text), tmp_path / "crm")
    assert rows(tmp_path / "crm", "SELECT key, country FROM organisations ORDER BY key") == [
        ("x.1", "DE"),
        ("x.2", None),
    ]
    assert rows(tmp_path / "crm", "SELECT key, country, organisation_key FROM persons") == [
        ("x.3", "PL", "x.1")
    ]


def test_why_a_row_is_refused_names_the_headings_of_its_file(tmp_path: Path) -> None:
    source = read_source(example("hubspot", tmp_path))
    contacts = source.folder / next(one for one in source.tables if one.name == "contacts").place["file"]
    contacts.write_text(
        "Datensatz-ID,Nachname,Geburtsdatum,Unsubscribed from all email\n1,Anna,31.02.1960,\n,Ben,,\n3,Cem,,Perhaps\n",
        encoding="utf-8",
    )
    rejects = sync(source, tmp_path / "crm").rejects
    assert [(one.line, one.reason) for one in rejects if one.table == "contacts"] == [
        (2, "Geburtsdatum cannot be read: 31.02.1960"),
        (3, "Datensatz-ID is empty"),
        (4, "Unsubscribed from all email cannot be read: Perhaps"),
    ]


def test_cells_that_are_not_understood_are_told_and_their_rows_are_taken(tmp_path: Path) -> None:
    copied, folder = example("hubspot", tmp_path), tmp_path / "crm"
    with (copied / "source.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[tables.deals]\nfile = "deals.csv"\n')
    source = read_source(copied)
    contacts = next(table for table in source.tables if table.name == "contacts")
    (copied / contacts.place["file"]).write_text(
        "Datensatz-ID,Nachname,E-Mail,Land/Region\n1,Anna,keine mail adresse,Atlantis\n2,Ben,-,n/a\n"
        "3,Cem,null;cem@example.org,Österreich\n",
        encoding="utf-8",
    )
    (copied / "deals.csv").write_text(
        "Record ID,Deal Name,Amount,Currency\n7,Pumpe,12,Taler\n8,Rohr,13,US-Dollar\n", encoding="utf-8"
    )
    for _ in range(2):
        done = sync(source, folder)
        assert [r for r in done.rejects if r.table in {"contacts", "deals"}] == [
            Reject(
                "contacts", 2, "1",
                "E-Mail is no e-mail address, and left out: keine mail adresse; Land/Region is not known, and left out: Atlantis",
                "persons", taken=True,
            ),
            Reject("deals", 2, "7", "Currency is not known, and left out: Taler", "deals", taken=True),
        ]  # fmt: skip
    registry.add(folder, source)
    told = described(folder, source.name)
    assert (told["rejected"], [one["taken"] for one in told["rejects"] if one["table"] == "deals"]) == (
        0,
        [True],
    )
    assert overview(folder)[source.name].get("rejects", 0) == 0
    assert rows(folder, "SELECT key, email, country FROM persons ORDER BY key") == [
        ("1", [], None),
        ("2", [], None),
        ("3", ["cem@example.org"], "AT"),
    ]
    assert rows(folder, "SELECT key, currency FROM deals ORDER BY key") == [("7", None), ("8", "USD")]
