"""German spelling: published codes of the Kölner Phonetik, names, companies, addresses, numbers."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from kgservice.crm import identifiers, spelling
from kgservice.domain.person_name import same_name


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        spelling.define(connection)
        yield connection


def value(db: duckdb.DuckDBPyConnection, expression: str, *given: str) -> object:
    return db.execute(f"SELECT {expression}", list(given)).fetchall()[0][0]


# Of Postel's article and of the pages on it in Wikipedia, German and English.
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Müller-Lüdenscheidt", "65752682"), ("Wikipedia", "3412"), ("Breschnew", "17863"), ("Müller", "657"),
        ("Schmidt", "862"), ("Schneider", "8627"), ("Fischer", "387"), ("Weber", "317"), ("Meyer", "67"),
        ("Wagner", "3467"), ("Schulz", "858"), ("Becker", "147"), ("Hoffmann", "0366"), ("Schäfer", "837"),
        ("Philipp", "351"), ("Christian", "47826"), ("Axel", "0485"), ("Czerny", "876"),
    ],
)  # fmt: skip
def test_cologne_phonetics_are_the_published_codes(
    db: duckdb.DuckDBPyConnection, name: str, code: str
) -> None:
    assert value(db, "cologne(folded(?))", name) == code


@pytest.mark.parametrize(
    "names", ["Müller Mueller Muller", "Groß Gross GROß", "Björn Bjoern Bjorn", "Yılmaz Yilmaz"]
)
def test_spellings_of_one_name_are_one(db: duckdb.DuckDBPyConnection, names: str) -> None:
    spelled = {value(db, "spelled(folded(?))", name.replace("ı", "i")) for name in names.split()}
    assert len(spelled) == 1


NAMES = [
    "Prof. Dr. Jörg Groß", "Herr Dipl.-Ing. Joerg Gross MBA", "jörg-groß", "Graf Jörg", "Jörg Graf", "Frau", "Dr. Frau",
    "Zoë Müller Ph.D.", "ZOE MUELLER", "Anna von der Heide", "Heide, Anna von der", "Jo\u0308rg Groß, Dr.",
]  # fmt: skip


def test_names_are_the_same_here_and_where_fields_are_compared(db: duckdb.DuckDBPyConnection) -> None:
    words = {name: sorted(str(value(db, "titled_plain(?)", name)).split()) for name in NAMES}
    for one in NAMES:
        assert [same_name(one, other) for other in NAMES] == [words[one] == words[other] for other in NAMES]


def test_vowels_of_their_own_stay(db: duckdb.DuckDBPyConnection) -> None:
    assert value(db, "spelled(folded(?))", "Bauer") == "bauer"
    assert value(db, "spelled(folded(?))", "Quell") == "quell"


def test_decomposed_umlauts_are_umlauts(db: duckdb.DuckDBPyConnection) -> None:
    assert value(db, "folded(?)", "Mu\u0308ller") == "mueller"


@pytest.mark.parametrize(
    ("name", "core", "form"),
    [
        ("Müller & Söhne GmbH & Co. KG", "mueller soehne", "gmbhcokg"), ("Muster AG", "muster", "ag"),
        ("Bau-UG (haftungsbeschränkt)", "bau", "ug"), ("Schmidt e. K.", "schmidt", "ek"), ("SAP SE", "sap", "se"),
        ("Sportverein Nord e.V.", "sportverein nord", "ev"), ("Volksbank eG", "volksbank", "eg"),
        ("Meier G.m.b.H.", "meier", "gmbh"), ("Fa. Hans Huber OHG", "hans huber", "ohg"), ("Beck GbR", "beck", "gbr"),
        ("Gesellschaft für Technik mbH", "gesellschaft fuer technik", "mbh"), ("Lang KG", "lang", "kg"),
        ("AG", "ag", "ag"), ("Agrar Hof", "agrar hof", None),
    ],
)  # fmt: skip
def test_legal_forms_are_taken_apart(
    db: duckdb.DuckDBPyConnection, name: str, core: str, form: str | None
) -> None:
    assert value(db, "without_legal_form(folded(?))", name) == core
    assert value(db, "legal_form(folded(?))", name) == form


@pytest.mark.parametrize(
    ("line", "street", "house"),
    [
        ("Hauptstraße 12 a", "hauptstr", "12a"), ("Hauptstr. 12a", "hauptstr", "12a"),
        ("Berliner Str. 5-7", "berlinerstr", "57"), ("8 Rosella Street", "rosellastr", "8"),
        ("Straße des 17. Juni 135", "strdes17juni", "135"), ("Am Markt", "ammarkt", None),
    ],
)  # fmt: skip
def test_streets_and_house_numbers(
    db: duckdb.DuckDBPyConnection, line: str, street: str, house: str | None
) -> None:
    assert value(db, "street_of(?)", line) == street
    assert value(db, "house_of(?)", line) == house


@pytest.mark.parametrize(
    ("given", "mail"),
    [
        ("Hans.Muster+x@GoogleMail.com", "hansmuster@gmail.com"), (" A.B@Firma.DE ", "a.b@firma.de"),
        ("mailto:x@y.de", "x@y.de"), ("keine", None), ("a@b", None),
    ],
)  # fmt: skip
def test_mailboxes(db: duckdb.DuckDBPyConnection, given: str, mail: str | None) -> None:
    assert value(db, "mail_of(?)", given) == mail


@pytest.mark.parametrize("number", ["+49 (0) 30 123456", "030/12345-6", "0049 171 1234567", "0171 1234567"])
def test_german_phones_are_what_phonenumbers_says(db: duckdb.DuckDBPyConnection, number: str) -> None:
    assert value(db, "phone_here(?, 'DE')", number) == identifiers.phone(number, "DE")


def test_other_countries_numbers_are_left_to_phonenumbers(db: duckdb.DuckDBPyConnection) -> None:
    assert value(db, "phone_here(?, 'AT')", "0664 1234567") is None
    assert identifiers.phone("0664 1234567", "AT") == "+436641234567"
    assert identifiers.phone("none", "DE") is None


def test_numbers_with_wrong_check_digits_do_not_count() -> None:
    assert identifiers.vat_id("DE 136 695 976") == "DE136695976"
    assert identifiers.vat_id("DE136695977") is None
    assert identifiers.iban("DE89 3704 0044 0532 0130 00") == "DE89370400440532013000"
    assert identifiers.iban("DE88370400440532013000") is None


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Prof. Dr. Hans Meier", "hans meier"), ("Herr Dipl.-Ing. Karl Frei", "karl frei"),
        ("Hans Meier, MBA", "hans meier"), ("Frau", "frau"),
    ],
)  # fmt: skip
def test_titles_are_no_part_of_a_name(db: duckdb.DuckDBPyConnection, name: str, plain: str) -> None:
    assert value(db, "titled_plain(?)", name) == plain
