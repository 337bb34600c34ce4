"""The fields that are compared of organisations."""

from __future__ import annotations

from kgservice.crm.levels import ADDRESS, PHONE, PLACE_ALIKE, SAME_HOUSE, Field, Level, missing

_NAMED_ALIKE = (
    "({jw}(name_l, name_r) >= 0.95 OR name_parts_l = name_parts_r"
    " OR (sound_l = sound_r AND {jw}(name_l, name_r) >= 0.85))"
)
_PHONE_ALIKE = "coalesce({shared}(phone_l, phone_r), FALSE)"
_SITE_ALIKE = "(coalesce({shared}(domain_l, domain_r), FALSE) OR coalesce({shared}(email_l, email_r), FALSE))"
_ONE_GROUP = f"({_SITE_ALIKE} OR {_PHONE_ALIKE} OR {SAME_HOUSE})"
_SAME = {"house": SAME_HOUSE, "phone": _PHONE_ALIKE, "site": _SITE_ALIKE}
_GROUPS = {
    "of one house, phone and site": ("house", "phone", "site"),
    "of one house and site": ("house", "site"),
    "of one house and phone": ("house", "phone"),
    "of one phone and site": ("phone", "site"),
    "of one site": ("site",),
    "of one phone": ("phone",),
    "of one house": ("house",),
}
_BEGINS = (
    "length(name_l) >= 3 AND length(name_r) >= 3"
    " AND (name_l LIKE concat(name_r, '%') OR name_r LIKE concat(name_l, '%'))"
)
# Two companies may have one name, but hardly in one place.
SURE_ORGANISATIONS = (
    f"coalesce({_SITE_ALIKE} OR {_PHONE_ALIKE} OR vat_id_l = vat_id_r OR {{shared}}(iban_l, iban_r)"
    f" OR {PLACE_ALIKE}, FALSE)"
)
ORGANISATIONS = (
    Field(
        "name",
        ("name_parts",),
        missing("name"),
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
        missing("legal"),
        (Level("the same", "legal_l = legal_r", frequent="legal"),),
        # Companies change their form, and a CRM has GmbH for GmbH & Co. KG; but sister companies have two forms.
        often=0.02,
        doubts=True,
    ),
    Field(
        "vat_id",
        ("vat_id",),
        missing("vat_id"),
        (Level("the same", "vat_id_l = vat_id_r"),),
    ),
    Field("iban", ("iban",), missing("iban"), (Level("the same", "{shared}(iban_l, iban_r)"),)),
    Field(
        "site",
        ("email", "domain"),
        "(email_l IS NULL OR email_r IS NULL) AND (domain_l IS NULL OR domain_r IS NULL)",
        (
            Level("the same e-mail", "{shared}(email_l, email_r)"),
            Level("the same domain", "{shared}(domain_l, domain_r)"),
        ),
    ),
    PHONE,
    ADDRESS,
    Field(
        "group",
        ("name_parts",),
        missing("name"),
        (*(Level(label, " AND ".join(_SAME[one] for one in of), of=of) for label, of in _GROUPS.items()),),
        tells=("vat_id", "name", "iban", "legal_form", "two_companies"),
        seldom=0.01,
    ),
    # Two valid VAT numbers are two companies.
    Field(
        "two_companies",
        ("vat_id",),
        missing("vat_id"),
        (Level("another VAT number", "vat_id_l <> vat_id_r", fixed=-15),),
    ),
    # One of a group is often called as another one, with a word more (Holding, Service).
    Field(
        "sister",
        ("name_parts",),
        missing("name"),
        (
            Level(
                "of one group, one name with a word more", f"{_BEGINS} AND name_l <> name_r AND {_ONE_GROUP}"
            ),
            Level(
                "of one group, names alike, one with a word more",
                f"{{count}}(name_parts_l) <> {{count}}(name_parts_r) AND {_ONE_GROUP}",
            ),
        ),
        tells=("vat_id", "two_companies"),
        seldom=0.01,
    ),
)
