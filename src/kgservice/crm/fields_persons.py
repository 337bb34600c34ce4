"""The fields that are compared of persons."""

from __future__ import annotations

from kgservice.crm.levels import ADDRESS, PHONE, SAME_HOUSE, Field, Level, missing, near
from kgservice.crm.spelling import FREEMAIL

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
_SAME_MOBILE, _SAME_LANDLINE, _SAME_MAIL = (
    f"coalesce({{shared}}({name}_l, {name}_r), FALSE)" for name in ("mobile", "landline", "email")
)
_SAME = {
    "house": SAME_HOUSE,
    "mobile": _SAME_MOBILE,
    "landline": _SAME_LANDLINE,
    "phone": f"({_SAME_MOBILE} OR {_SAME_LANDLINE})",
    "email": _SAME_MAIL,
}
_HOUSEHOLDS = {
    "of one family, house, mobile phone and e-mail": ("house", "mobile", "email"),
    "of one family, house and mobile phone": ("house", "mobile"),
    "of one family, house, landline and e-mail": ("house", "landline", "email"),
    "of one family, house and e-mail": ("house", "email"),
    "of one family, house and landline": ("house", "landline"),
    "of one family and house": ("house",),
    "of one family, phone and e-mail": ("phone", "email"),
    "of one family and e-mail": ("email",),
    "of one family and mobile phone": ("mobile",),
    "of one family and landline": ("landline",),
}
_FIRM = (
    "list_filter(list_transform({}, lambda s: split_part(s, '@', 2)),"
    f" lambda s: NOT regexp_matches(s, '{FREEMAIL}'))"
)
_SAME_FIRM = f"list_has_any({_FIRM.format('email_l')}, {_FIRM.format('email_r')})"
# Two persons may have one name. What else is surely the same (in DuckDB), unless the names differ, too.
SURE_PERSONS = (
    f"NOT coalesce({_GIVEN_OTHER}, FALSE) AND coalesce({_FAMILY_ALIKE}, TRUE)"
    f" AND coalesce({_SAME_MAIL} OR {_SAME_FIRM} OR {{shared}}(phone_l, phone_r)"
    f" OR birth_date_l = birth_date_r OR {SAME_HOUSE}, FALSE)"
)

# In one house the frequency of a name says nothing: parents and children have one, rare or not.
PERSONS = (
    Field(
        "given_name",
        ("given_parts",),
        f"{missing('given')} OR {_TURNED}",
        (
            Level(
                "the same, in one family and house",
                f"given_l = given_r AND {SAME_HOUSE} AND {_FAMILY_ALIKE}",
                like="the same",
            ),
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
        missing("family"),
        (
            Level("the same, in one house", f"family_l = family_r AND {SAME_HOUSE}", like="the same"),
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
        missing("birth_date"),
        (
            Level("the same", "birth_date_l = birth_date_r"),
            Level(
                "day and month in turn",
                "substr(birth_date_l, 1, 4) = substr(birth_date_r, 1, 4)"
                " AND substr(birth_date_l, 5, 2) = substr(birth_date_r, 7, 2)"
                " AND substr(birth_date_l, 7, 2) = substr(birth_date_r, 5, 2)",
            ),
            Level("one digit differs", near("birth_date", 1)),
            Level("two digits differ", near("birth_date", 2)),
        ),
    ),
    Field(
        "email",
        ("email",),
        # Alike, but not the same, says no more than the names that mailboxes are made of.
        missing("email") + " OR (NOT {shared}(email_l, email_r)"
        f" AND ({{shared}}(mailbox_l, mailbox_r) OR {near('email_first', 2)}))",
        (Level("the same", "{shared}(email_l, email_r)"),),
    ),
    PHONE,
    ADDRESS,
    Field(
        "household",
        ("name",),
        missing("given", "family"),
        (
            *(
                Level(label, " AND ".join((*(_SAME[one] for one in of), _FAMILY_ALIKE)), of=of)
                for label, of in _HOUSEHOLDS.items()
            ),
            Level(
                "of one house, and of one phone or e-mail",
                f"{SAME_HOUSE} AND ({_SAME_MOBILE} OR {_SAME_LANDLINE} OR {_SAME_MAIL})",
                of=("house",),
            ),
        ),
        tells=("given_name", "birth_date"),
    ),
    # In a household, hardly two have one given name: less often than two who were drawn at random.
    Field(
        "namesake",
        ("name", "street"),
        missing("given", "family"),
        (
            Level(
                "of one family, house and given name",
                f"given_l = given_r AND {SAME_HOUSE} AND {_FAMILY_ALIKE}",
            ),
            Level(
                "of one family and house, with given names alike or in turn",
                f"({{jw}}(given_l, given_r) >= 0.92 OR {_TURNED}) AND {SAME_HOUSE} AND {_FAMILY_ALIKE}",
            ),
        ),
        tells=("birth_date",),
        most=6.0,
        alone=True,
    ),
    # Of a household's pairs about one in a hundred are twins, but one birth date in 25,000 pairs is the same. Where
    # more have one birthday than that, they are the same, and one of the given names is wrong.
    Field(
        "twins",
        ("given_parts", "birth_date"),
        missing("given", "family", "birth_date"),
        (
            Level(
                "of one family and birthday, with other given names",
                f"birth_date_l = birth_date_r AND {_FAMILY_ALIKE} AND {_GIVEN_OTHER}",
            ),
        ),
        rare=("household", 0.01),
    ),
)
