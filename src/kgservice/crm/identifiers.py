"""Numbers with rules that SQL does not know: foreign phone numbers, VAT numbers, bank accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import duckdb
import phonenumbers
from stdnum import iban as _iban
from stdnum.eu import vat as _vat
from stdnum.exceptions import ValidationError

LONGEST = 60  # characters; nothing that is longer is a number of this kind


def phone(text: str, country: str) -> str | None:
    """A phone number as E.164 as dialled from a country (ISO 3166-1 alpha-2), or None if it can be none."""
    try:
        number = phonenumbers.parse(text[:LONGEST], country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def vat_id(text: str) -> str | None:
    """A VAT number of the European Union in its compact form, or None if its check digits are wrong."""
    try:
        return str(_vat.validate(text[:LONGEST]))
    except ValidationError:
        return None


def iban(text: str) -> str | None:
    """An IBAN in its compact form, or None if its check digits are wrong."""
    try:
        return str(_iban.validate(text[:LONGEST]))
    except ValidationError:
        return None


_TABLES = """
CREATE OR REPLACE TEMP TABLE phones_read (raw VARCHAR, country VARCHAR, read VARCHAR);
CREATE OR REPLACE TEMP TABLE vat_read (raw VARCHAR, read VARCHAR);
CREATE OR REPLACE TEMP TABLE iban_read (raw VARCHAR, read VARCHAR);
"""
_INTO = {
    "phones_read": "INSERT INTO phones_read"
    " SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[])",
    "vat_read": "INSERT INTO vat_read SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[])",
    "iban_read": "INSERT INTO iban_read SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[])",
}
_EMPTY = {table: f"DELETE FROM {table}" for table in _INTO}  # noqa: S608
_ODD_PHONES = {
    kind: f"""SELECT DISTINCT raw, country FROM (
        SELECT unnest(phone) AS raw, coalesce(country, 'DE') AS country FROM {kind})
    WHERE phone_here(raw, country) IS NULL AND length(phone_digits(raw)) BETWEEN 5 AND 20"""  # noqa: S608
    for kind in ("persons", "organisations")
}


def define(db: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of what was read in a connection."""
    db.execute(_TABLES)


def read_phones(db: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Read the phone numbers of a table that are not plainly German into `phones_read`."""
    rows = db.execute(_ODD_PHONES[kind]).fetchall()
    raws, countries = [raw for raw, _ in rows], [country for _, country in rows]
    db.execute(_EMPTY["phones_read"])
    if rows:
        db.execute(_INTO["phones_read"], [raws, countries, [phone(*row) for row in rows]])


def read_numbers(db: duckdb.DuckDBPyConnection) -> None:
    """Read VAT numbers and bank accounts of `organisations` into `vat_read` and `iban_read` (raw, read)."""
    vats = db.execute("SELECT DISTINCT vat_id FROM organisations WHERE vat_id IS NOT NULL").fetchall()
    ibans = db.execute("SELECT DISTINCT unnest(iban) FROM organisations").fetchall()
    _read(db, "vat_read", (raw for (raw,) in vats), vat_id)
    _read(db, "iban_read", (raw for (raw,) in ibans if raw is not None), iban)


def _read(
    db: duckdb.DuckDBPyConnection, table: str, raws: Iterable[str], reader: Callable[[str], str | None]
) -> None:
    found = list(raws)
    db.execute(_EMPTY[table])
    if found:
        db.execute(_INTO[table], [found, [reader(raw) for raw in found]])
