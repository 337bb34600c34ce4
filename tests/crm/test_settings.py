"""The settings of a source: what they may say, and errors that name file and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kgservice.crm.credentials import Credential, Secrets, resolve
from kgservice.crm.settings import read_source
from kgservice.errors import BadInput, Unauthorised
from tests.crm.folders import example, people


def test_a_source_says_what_it_is(tmp_path: Path) -> None:
    source = read_source(example("werkstatt", tmp_path))
    assert (source.name, source.kind, source.duplicate_free, source.unmatched) == (
        "werkstatt",
        "csv",
        False,
        "leave",
    )
    assert (source.dialect.encoding, source.dialect.delimiter) == ("windows-1252", ";")
    assert [(t.name, t.key, list(t.into)) for t in source.tables] == [
        ("kunden", "nummer", ["persons", "preferences"]),
        ("auftraege", "nummer", ["deals"]),
    ]
    assert [c.name for c in source.tables[0].columns if c.required] == ["nummer", "nachname"]
    assert [path.name for path in source.files] == ["kunden.csv", "auftraege.csv"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "werkstatt"', "", "source.toml: name is missing"),
        ('name = "werkstatt"', 'name = "graph"', "name"),
        ('name = "werkstatt"', 'name = "Werk statt"', "name"),
        ('name = "werkstatt"', "name = 7", "name is not a text"),
        ('kind = "csv"', 'kind = "fax"', "kind is none of csv, xlsx"),
        ('kind = "csv"', 'kind = "csv"\nmapping = "nope"', "mapping is none of"),
        ('kind = "csv"', 'kind = "csv"\ncolour = "red"', "colour is not known here"),
        ('kind = "csv"', 'kind = "csv"\nduplicate_free = "yes"', "duplicate_free is not true or false"),
        ('decimal = ","', 'decimal = ";"', "decimal is none of"),
        ('delimiter = ";"', 'delimiter = ";;"', "delimiter"),
        ('encoding = "windows-1252"', 'encoding = "klingon"', "klingon"),
        ('encoding = "windows-1252"', "speed = 3", "connection.speed is not known here"),
        ('file = "kunden.csv"', 'file = "../../kunden.csv"', "tables.kunden.file is not within"),
        ('file = "kunden.csv"', 'file = "/etc/passwd"', "tables.kunden.file is not within"),
        ('file = "kunden.csv"', "", "tables.kunden.file is missing"),
        (
            'file = "auftraege.csv"\nkey = "nummer"',
            'file = "auftraege.csv"\nkey = "nr"',
            "tables.auftraege.key",
        ),
        ('persons = "kunden.sql"', 'people = "kunden.sql"', "into.people is none of persons"),
        ('persons = "kunden.sql"', 'persons = "none.sql"', "none.sql, which is not there"),
        ('persons = "kunden.sql"', 'persons = "../kunden.sql"', "is not within"),
        ('["Nachname", "Name"]', "[7]", "columns.nachname is not made of texts"),
        ('required = ["nachname"]', 'required = ["age"]', "age"),
        (
            "[tables.kunden]",
            '[credentials]\ntoken = "s3cret"\n[tables.kunden]',
            "credentials.token is written down",
        ),
        (
            "[tables.kunden]",
            "[credentials]\ntoken = { env = 'A', secret = 'b' }\n[tables.kunden]",
            "says one of",
        ),
        ("[tables.kunden]", '[rules]\ncolour = "crm"\n[tables.kunden]', "there is no field 'colour'"),
        ("[tables.kunden]", '[rules]\nname = "newer"\n[tables.kunden]', "may be graph or steward"),
        ('kind = "csv"', 'opt_out = ["not an IRI"]\nkind = "csv"', "opt_out is no IRI"),
        ("[tables.kunden]", "[tables.kunden", "is no TOML"),
    ],
)
def test_errors_name_file_and_key(tmp_path: Path, old: str, new: str, words: str) -> None:
    folder = example("werkstatt", tmp_path)
    text = (folder / "source.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "source.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput, match=re.escape(words)) as error:
        read_source(folder)
    assert "source.toml" in str(error.value) or "delimiter" in words or "klingon" in words
    assert "s3cret" not in str(error.value)


def test_a_folder_without_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"source\.toml: cannot be read"):
        read_source(tmp_path)


def test_the_digest_follows_what_decides_how_rows_are_read(tmp_path: Path) -> None:
    first = people(tmp_path, 'file = "people.csv"')
    assert people(tmp_path, 'file = "people.csv"').digest == first.digest
    assert people(tmp_path, 'file = "people.csv"', more='decimal = ","').digest != first.digest
    assert people(tmp_path, 'file = "people.csv"', sql="SELECT 1").digest != first.digest


def test_credentials_come_from_the_environment_or_a_file_that_others_cannot_read(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text('password = "geheim"\n', encoding="utf-8")
    named = {"user": Credential(env="CRM_USER"), "password": Credential(secret="password")}
    file.chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        resolve(named, file, "crm", {"CRM_USER": "anna"})
    file.chmod(0o600)
    secrets = resolve(named, file, "crm", {"CRM_USER": "anna"})
    assert (secrets.get("user"), secrets.get("password"), secrets.get("token")) == ("anna", "geheim", None)
    assert "geheim" not in repr(secrets)
    assert secrets.hidden("login of anna with geheim refused") == "login of … with … refused"
    with pytest.raises(BadInput, match=r"credentials\.token is missing"):
        secrets.need("token", "crm")


def test_missing_credentials_are_named(tmp_path: Path) -> None:
    with pytest.raises(Unauthorised, match="environment variable CRM_TOKEN is not set"):
        resolve({"token": Credential(env="CRM_TOKEN")}, tmp_path / "secrets.toml", "crm", {})
    with pytest.raises(Unauthorised, match=r"no file secrets\.toml"):
        resolve({"token": Credential(secret="t")}, tmp_path / "secrets.toml", "crm", {})
    assert resolve({}, tmp_path / "secrets.toml", "crm", {}).get("token") is None
    assert Secrets({}).hidden("nothing") == "nothing"
