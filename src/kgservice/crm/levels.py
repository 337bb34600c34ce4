"""What matching compares of persons and organisations: the fields, and the levels of agreement in each.

A level is an SQL condition over a pair (`…_l`, `…_r`), in words that every dialect has, or that are named in
braces and written as the dialect calls them (`{jw}`). The first level that holds counts.

Fields are weighed one by one, as if they were independent. Relatives and companies of one group are where that
is wrong: they share house, phone and name at once. A field that `tells` takes back what is counted twice there;
its weights come from how many of such pairs are the same, which the fields that it names tell.
"""

from __future__ import annotations

from dataclasses import dataclass

# What the functions are called: the similarity of Jaro and Winkler, the distance of Damerau and Levenshtein,
# whether two lists share an element.
DIALECTS = {
    "duckdb": {"jw": "jaro_winkler_similarity", "dl": "damerau_levenshtein", "shared": "list_has_any"},
    "spark": {"jw": "jaro_winkler", "dl": "damerau_levenshtein", "shared": "arrays_overlap"},
}


@dataclass(frozen=True, slots=True)
class Level:
    """One level: what it says, its condition, and the column whose frequent values count less.

    A level may have `fixed` bits, which are not learned; then all levels of its field do, and "different" has 0.
    """

    label: str
    condition: str
    frequent: str | None = None
    fixed: float | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name, the columns that are shown of it, when it is not compared, its levels.

    What no level says is the last one, "different". `tells`: the fields that tell the same from others among
    pairs of this field's levels; the first of them says, by "different", how many are others. `most`: the most bits that a level of it may add.
    """

    name: str
    shown: tuple[str, ...]
    unknown: str
    levels: tuple[Level, ...]
    tells: tuple[str, ...] = ()
    most: float = 0.0

    @property
    def trained(self) -> bool:
        """Whether the weights are those of the levels' own shares."""
        return not self.tells and all(level.fixed is None for level in self.levels)


def _missing(*columns: str) -> str:
    return " OR ".join(f"{column}_l IS NULL OR {column}_r IS NULL" for column in columns)


_PLACE_ALIKE = (
    "(postal_code_l = postal_code_r OR city_l = city_r OR {dl}(postal_code_l, postal_code_r) <= 1"
    " OR {jw}(city_l, city_r) >= 0.9)"
)
_ADDRESS = Field(
    "address",
    ("street", "house", "postal_code", "city"),
    "(street_l IS NULL OR street_r IS NULL) AND (postal_code_l IS NULL OR postal_code_r IS NULL)"
    " AND (city_l IS NULL OR city_r IS NULL)",
    (
        Level("same house", f"street_l = street_r AND house_l = house_r AND {_PLACE_ALIKE}"),
        Level("same street", f"street_l = street_r AND {_PLACE_ALIKE}"),
        Level(
            "similar street, same house number",
            f"{{jw}}(street_l, street_r) >= 0.88 AND house_l = house_r AND {_PLACE_ALIKE}",
        ),
        Level("similar street", "{jw}(street_l, street_r) >= 0.88 AND " + _PLACE_ALIKE),
        Level("same house number and postal code", "house_l = house_r AND postal_code_l = postal_code_r"),
        Level("same postal code and city", "postal_code_l = postal_code_r AND city_l = city_r"),
        Level("same postal code", "postal_code_l = postal_code_r", frequent="postal_code"),
        Level("same city", "city_l = city_r", frequent="city"),
        Level("similar city or postal code", _PLACE_ALIKE),
    ),
)
_PHONE = Field(
    "phone",
    ("phone",),
    _missing("phone"),
    (
        Level("the same", "{shared}(phone_l, phone_r)"),
        Level("one digit differs", "{dl}(phone_first_l, phone_first_r) <= 1"),
    ),
)

_TURNED = (
    "(coalesce({jw}(name_l, name_turned_r) >= 0.94, FALSE) AND {jw}(family_l, family_r) < 0.8"
    " AND {jw}(given_l, given_r) < 0.8)"
)
_GIVEN_OTHER = (
    "NOT (given_root_l = given_root_r OR {shared}(given_parts_l, given_parts_r)"
    " OR (given_sound_l = given_sound_r AND {jw}(given_l, given_r) >= 0.75) OR {jw}(given_l, given_r) >= 0.8"
    " OR ((length(given_l) = 1 OR length(given_r) = 1) AND substr(given_l, 1, 1) = substr(given_r, 1, 1)))"
    f" AND NOT {_TURNED}"
)
_FAMILY_ALIKE = (
    "({jw}(family_l, family_r) >= 0.92 OR {shared}(family_parts_l, family_parts_r)"
    " OR family_l = given_r OR given_l = family_r)"
)
# What is cheap to see comes first.
_SAME_HOUSE = f"house_l = house_r AND {_PLACE_ALIKE} AND coalesce({{jw}}(street_l, street_r), 0) >= 0.88"
_SAME_MOBILE, _SAME_LANDLINE, _SAME_MAIL = (
    f"coalesce({{shared}}({name}_l, {name}_r), FALSE)" for name in ("mobile", "landline", "email")
)
_HOUSEHOLDS = {
    "of one family, house, mobile phone and e-mail": f"{_SAME_HOUSE} AND {_SAME_MOBILE} AND {_SAME_MAIL}",
    "of one family, house and mobile phone": f"{_SAME_HOUSE} AND {_SAME_MOBILE}",
    "of one family, house, landline and e-mail": f"{_SAME_HOUSE} AND {_SAME_LANDLINE} AND {_SAME_MAIL}",
    "of one family, house and e-mail": f"{_SAME_HOUSE} AND {_SAME_MAIL}",
    "of one family, house and landline": f"{_SAME_HOUSE} AND {_SAME_LANDLINE}",
    "of one family and house": _SAME_HOUSE,
    "of one family, phone and e-mail": f"({_SAME_MOBILE} OR {_SAME_LANDLINE}) AND {_SAME_MAIL}",
    "of one family and e-mail": _SAME_MAIL,
    "of one family and mobile phone": _SAME_MOBILE,
    "of one family and landline": _SAME_LANDLINE,
}


PERSONS = (
    Field(
        "given_name",
        ("given_parts",),
        f"{_missing('given')} OR {_TURNED}",
        (
            Level("the same", "given_l = given_r", frequent="given"),
            Level(
                "another form, or one of several",
                "given_root_l = given_root_r OR {shared}(given_parts_l, given_parts_r)",
            ),
            Level(
                "alike",
                "{jw}(given_l, given_r) >= 0.9"
                " OR (given_sound_l = given_sound_r AND {jw}(given_l, given_r) >= 0.75)",
            ),
            Level(
                "an initial",
                "(length(given_l) = 1 OR length(given_r) = 1) AND substr(given_l, 1, 1) = substr(given_r, 1, 1)",
            ),
            Level("similar", "{jw}(given_l, given_r) >= 0.8"),
        ),
    ),
    Field(
        "family_name",
        ("family",),
        _missing("family"),
        (
            Level("the same", "family_l = family_r", frequent="family"),
            Level("given and family name in turn", _TURNED, frequent="family"),
            Level(
                "alike",
                "{jw}(family_l, family_r) >= 0.92"
                " OR (family_sound_l = family_sound_r AND {jw}(family_l, family_r) >= 0.75)",
            ),
            Level("a part is the same", "{shared}(family_parts_l, family_parts_r)"),
            Level("similar", "{jw}(family_l, family_r) >= 0.82"),
        ),
    ),
    Field(
        "birth_date",
        ("birth_date",),
        _missing("birth_date"),
        (
            Level("the same", "birth_date_l = birth_date_r"),
            Level(
                "day and month in turn",
                "substr(birth_date_l, 1, 4) = substr(birth_date_r, 1, 4)"
                " AND substr(birth_date_l, 5, 2) = substr(birth_date_r, 7, 2)"
                " AND substr(birth_date_l, 7, 2) = substr(birth_date_r, 5, 2)",
            ),
            Level("one digit differs", "{dl}(birth_date_l, birth_date_r) <= 1"),
            Level("two digits differ", "{dl}(birth_date_l, birth_date_r) <= 2"),
        ),
    ),
    Field(
        "email",
        ("email",),
        # Alike, but not the same, says no more than the names that mailboxes are made of.
        _missing("email") + " OR (NOT {shared}(email_l, email_r)"
        " AND ({shared}(mailbox_l, mailbox_r) OR {dl}(email_first_l, email_first_r) <= 2))",
        (Level("the same", "{shared}(email_l, email_r)"),),
    ),
    _PHONE,
    _ADDRESS,
    Field(
        "household",
        ("name",),
        _missing("given", "family"),
        (
            *(Level(label, f"{condition} AND {_FAMILY_ALIKE}") for label, condition in _HOUSEHOLDS.items()),
            Level(
                "of one house, and of one phone or e-mail",
                f"{_SAME_HOUSE} AND ({_SAME_MOBILE} OR {_SAME_LANDLINE} OR {_SAME_MAIL})",
            ),
        ),
        tells=("given_name", "birth_date"),
    ),
    # In a household, hardly two have one given name: less often than two who were drawn at random.
    Field(
        "namesake",
        ("name", "street"),
        _missing("given", "family"),
        (
            Level(
                "of one family, house and given name",
                f"given_l = given_r AND {_SAME_HOUSE} AND {_FAMILY_ALIKE}",
            ),
            Level(
                "of one family and house, with given names alike or in turn",
                f"({{jw}}(given_l, given_r) >= 0.92 OR {_TURNED}) AND {_SAME_HOUSE} AND {_FAMILY_ALIKE}",
            ),
        ),
        tells=("birth_date",),
        most=6.0,
    ),
    # Twins are about one in a hundred pairs of a household, but one birth date in 25,000 pairs.
    Field(
        "twins",
        ("given_parts", "birth_date"),
        _missing("given", "family", "birth_date"),
        (
            Level(
                "of one family and birthday, with other given names",
                f"birth_date_l = birth_date_r AND {_FAMILY_ALIKE} AND {_GIVEN_OTHER}",
                fixed=-8,
            ),
        ),
    ),
)

_NAMED_ALIKE = (
    "({jw}(name_l, name_r) >= 0.95 OR name_parts_l = name_parts_r"
    " OR (sound_l = sound_r AND {jw}(name_l, name_r) >= 0.85))"
)
_PHONE_ALIKE = "coalesce({shared}(phone_l, phone_r), FALSE)"
_SITE_ALIKE = "(coalesce({shared}(domain_l, domain_r), FALSE) OR coalesce({shared}(email_l, email_r), FALSE))"
_BEGINS = (
    "length(name_l) >= 3 AND length(name_r) >= 3"
    " AND (name_l LIKE concat(name_r, '%') OR name_r LIKE concat(name_l, '%'))"
)
ORGANISATIONS = (
    Field(
        "name",
        ("name_parts",),
        _missing("name"),
        (
            Level("the same", "name_l = name_r", frequent="name"),
            Level("alike, or the same words", _NAMED_ALIKE),
            Level(
                "one begins with the other",
                _BEGINS,
            ),
            Level("similar", "{jw}(name_l, name_r) >= 0.88"),
            Level("a word is the same", "{shared}(name_parts_l, name_parts_r)"),
        ),
    ),
    Field(
        "legal_form",
        ("legal",),
        _missing("legal"),
        (Level("the same", "legal_l = legal_r", frequent="legal"),),
    ),
    Field(
        "vat_id",
        ("vat_id",),
        _missing("vat_id"),
        (Level("the same", "vat_id_l = vat_id_r"),),
    ),
    Field("iban", ("iban",), _missing("iban"), (Level("the same", "{shared}(iban_l, iban_r)"),)),
    Field(
        "site",
        ("email", "domain"),
        "(email_l IS NULL OR email_r IS NULL) AND (domain_l IS NULL OR domain_r IS NULL)",
        (
            Level("the same e-mail", "{shared}(email_l, email_r)"),
            Level("the same domain", "{shared}(domain_l, domain_r)"),
        ),
    ),
    _PHONE,
    _ADDRESS,
    Field(
        "group",
        ("name_parts",),
        _missing("name"),
        (
            Level("of one house, phone and site", f"{_SAME_HOUSE} AND {_PHONE_ALIKE} AND {_SITE_ALIKE}"),
            Level("of one house and site", f"{_SAME_HOUSE} AND {_SITE_ALIKE}"),
            Level("of one house and phone", f"{_SAME_HOUSE} AND {_PHONE_ALIKE}"),
            Level("of one phone and site", f"{_PHONE_ALIKE} AND {_SITE_ALIKE}"),
            Level("of one site", _SITE_ALIKE),
            Level("of one phone", _PHONE_ALIKE),
            Level("of one house", _SAME_HOUSE),
        ),
        tells=("vat_id", "name", "iban", "legal_form"),
    ),
    # Two valid VAT numbers are two companies, and one of a group is often called as another one, with a word more (Holding, Service).
    Field(
        "sister",
        ("name_parts",),
        _missing("name"),
        (
            Level("another VAT number", "vat_id_l <> vat_id_r", fixed=-15),
            Level(
                "of one group, one name with a word more",
                f"{_BEGINS} AND name_l <> name_r AND NOT coalesce(vat_id_l = vat_id_r, FALSE)"
                f" AND ({_SITE_ALIKE} OR {_PHONE_ALIKE} OR {_SAME_HOUSE})",
                fixed=-7,
            ),
        ),
    ),
)
FIELDS = {"persons": PERSONS, "organisations": ORGANISATIONS}


def frequent(kind: str) -> tuple[str, ...]:
    """The columns whose frequent values count less."""
    return tuple(
        sorted({level.frequent for field in FIELDS[kind] for level in field.levels if level.frequent})
    )
