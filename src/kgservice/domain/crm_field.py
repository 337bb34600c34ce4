"""Fields of CRM records and what the graph says: whether they differ, and which of both holds."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

from kgservice.domain.link import ORGANISATIONS, PERSONS
from kgservice.domain.person_name import same_name
from kgservice.errors import BadParameter
from kgservice.namespaces import DPV

LONGEST = 2000  # characters of a value
# Of each kind: the columns of the canonical schema that are kept as field values, and what each means.
FIELDS: dict[str, dict[str, str]] = {
    PERSONS: {
        "full_name": "personName",
        "email": "emailAddress",
        "phone": "telephone",
        "postal_code": "postalCode",
        "address": "postalAddress",
        "job_title": "occupation",
    },
    ORGANISATIONS: {
        "name": "title",
        "vat_id": "vatNumber",
        "website": "website",
        "phone": "telephone",
        "address": "postalAddress",
    },
}
TITLE = "name"
"""The title of an organisation, in two languages: no value of a CRM takes its place."""


# The purposes that an opt-out in a CRM is about, unless its settings say more.
OPT_OUT = frozenset(
    DPV + name for name in ("CustomerRelationshipManagement", "Marketing", "DirectMarketing", "Advertising")
)


class Side(StrEnum):
    """Which side holds where they differ."""

    GRAPH = "graph"
    CRM = "crm"
    NEWER = "newer"
    STEWARD = "steward"


class Unmatched(StrEnum):
    """What becomes of a record that is linked to nobody."""

    LEAVE = "leave"  # it stays out of the graph
    CREATE = "create"  # it becomes a contact person


@dataclass(frozen=True, slots=True)
class Taking:
    """How the records of a source are taken over: a rule for each field, and what unmatched ones become.

    A rule for a field that persons and organisations have counts for both. Raises `BadParameter` for a field
    that there is not. Nothing is put in the place of a `TITLE` by a rule.
    """

    source: str
    rules: Mapping[str, Side] = field(default_factory=dict)
    otherwise: Side = Side.STEWARD
    unmatched: Unmatched = Unmatched.LEAVE
    opt_out: frozenset[str] = OPT_OUT

    def __post_init__(self) -> None:
        """See the class."""
        known = {name for fields in FIELDS.values() for name in fields}
        for name, side in self.rules.items():
            if name not in known:
                raise BadParameter(
                    "there is no field {name!r} to have a rule", name=name[:80], source="rules"
                )
            if name == TITLE and side in {Side.CRM, Side.NEWER}:
                raise BadParameter(
                    "{name!r} may be graph or steward, not {side}", name=name, side=side, source="rules"
                )

    def rule(self, name: str) -> Side:
        """Which side holds for a field."""
        rule = self.rules.get(name, self.otherwise)
        return Side.STEWARD if name == TITLE and rule in {Side.CRM, Side.NEWER} else rule


def values(kind: str, row: Mapping[str, object]) -> dict[str, list[str]]:
    """The values of the fields of a row in the canonical schema, without empty ones.

    >>> values("persons", {"full_name": " Ada  L ", "email": ["a@b.example", None], "city": "Ulm"})
    {'full_name': ['Ada L'], 'email': ['a@b.example'], 'address': ['Ulm']}
    """
    found: dict[str, list[str]] = {}
    for name in FIELDS[kind]:
        given = _address(row) if name == "address" else row.get(name)
        several = given if isinstance(given, list | tuple) else [given]
        texts = (" ".join(str(one).split())[:LONGEST] for one in several if one is not None)
        if kept := sorted({text for text in texts if text}):
            found[name] = kept
    return found


def moment_of(value: object) -> datetime | None:
    """The moment of a TIMESTAMP (UTC) of the canonical schema."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None


def same(one: str, other: str) -> bool:
    """Whether two values say the same: letter case and spaces do not count."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def same_number(one: str, other: str) -> bool:
    """Whether two telephone numbers are the same, as far as both tell: with and without the country.

    >>> same_number("030 / 23125-017", "+49 (0)30 23125 017"), same_number("030 1", "+43 30 1")
    (True, False)
    """
    return _number(one) == _number(other) != ""


def same_site(one: str, other: str) -> bool:
    """Whether two addresses of web pages are the same: scheme, `www.` and a slash at the end do not count.

    >>> same_site("https://www.Firma.example/", "firma.example"), same_site("a.example", "a.example/de")
    (True, False)
    """
    return _site(one) == _site(other)


def same_vat_number(one: str, other: str) -> bool:
    """Whether two VAT identification numbers are the same: only letters and digits count.

    >>> same_vat_number("DE 309.478.989", "de309478989")
    True
    """
    return _signs(one) == _signs(other)


def within_address(crm: str, graph: str) -> bool:
    """Whether what a CRM says of an address is in the graph's: it may say less, and abbreviate `Straße`.

    >>> within_address("Hafenstr. 12, 86720 Klarbach", "Hafenstraße 12, 86720 Klarbach")
    True
    >>> within_address("86720 Klarbach", "Hafenstraße 12, 86720 Klarbach")
    True
    >>> within_address("Hafenstr. 1", "Hafenstr. 12")
    False
    """
    return f" {_words(crm)} " in f" {_words(graph)} "


_ALIKE = {
    "full_name": same_name,
    "phone": same_number,
    "website": same_site,
    "vat_id": same_vat_number,
    "address": within_address,
}


def differ(name: str, crm: Collection[str], graph: Collection[str]) -> bool:
    """Whether both sides say something of a field, and none of it is the same."""
    alike = _ALIKE.get(name, same)
    return bool(crm and graph) and not any(alike(a, b) for a in crm for b in graph)


def _number(text: str) -> str:
    """The digits of a telephone number with its country; one without a country is German."""
    digits = re.sub(r"\D", "", text.replace("(0)", ""))
    if text.lstrip().startswith("+"):
        return digits
    return digits[2:] if digits.startswith("00") else re.sub("^0", "49", digits)


def _site(text: str) -> str:
    return re.sub(r"^https?://(www\.)?|^www\.|/+$", "", text.strip().casefold())


def _words(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.casefold().replace("strasse", "str")).strip()


def _signs(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()


def holder(rule: Side, crm_time: datetime | None, graph_time: datetime | None) -> Side:
    """Which side holds: `GRAPH`, `CRM`, or `STEWARD` where the rule cannot tell.

    >>> holder(Side.NEWER, datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)).value
    'crm'
    >>> holder(Side.NEWER, None, datetime(2026, 1, 1, tzinfo=UTC)).value
    'steward'
    """
    if rule is not Side.NEWER:
        return rule
    if crm_time is None or graph_time is None or crm_time == graph_time:
        return Side.STEWARD
    return Side.CRM if crm_time > graph_time else Side.GRAPH


def _address(row: Mapping[str, object]) -> str | None:
    """Street, postal code and city in one line; nothing without a street or city."""
    street, code, city = (str(row.get(name) or "").strip() for name in ("street", "postal_code", "city"))
    if not street and not city:
        return None
    return ", ".join(part for part in (street, f"{code} {city}".strip() if city else "") if part)
