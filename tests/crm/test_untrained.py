"""The model for tables that are too small to train on: more agreement never lowers the score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from benchmarks.matching_data import canonical, insert

from kgservice.crm.matching import Matching
from kgservice.crm.models import MatchModel, shipped
from kgservice.crm.normalise import normalise, prepare
from kgservice.crm.untrained import untrained_for

# Of each thing that is compared what may stand in a record, with what it agrees more than.
MAILS: dict[str, tuple[list[str], str]] = {
    "none": ([], ""),
    "other": (["quentin.zabel@anders.example"], ""),
    "same": (["ada.lovell@firma.example"], "none other"),
}
PHONES: dict[str, tuple[list[str], str]] = {
    "none": ([], ""),
    "other": (["089 998877665"], ""),
    "landline": (["0731 1234567"], "none other"),
    "mobile": (["0171 5550199"], "none other landline"),
    "both": (["0731 1234567", "0171 5550199"], "mobile"),
}
PLACES: dict[str, tuple[dict[str, str], str]] = {
    "none": ({}, ""),
    "elsewhere": ({"street": "Elbchaussee 120", "postal_code": "22763", "city": "Hamburg"}, ""),
    "near": ({"street": "Wengengasse 21", "postal_code": "89073", "city": "Ulm"}, "elsewhere"),
    "home": ({"street": "Donaustr. 3", "postal_code": "89073", "city": "Ulm"}, "none elsewhere near"),
}
SITES: dict[str, tuple[list[str], str]] = {"none": ([], ""), "same": (["info@lovell.example"], "none")}
PERSONS = [
    {"given_name": given, "family_name": family}
    for given in ("Ada", "A.", "Bert")
    for family in ("Lovell", "Lovel", "Brandt")
]
COMPANIES = [{"name": name} for name in ("Lovell Pumpen GmbH", "Lovel Pumpen", "Brandt Bau")]
ALL = {"email": ["ada.lovell@firma.example"], "phone": ["0731 1234567", "0171 5550199"], **PLACES["home"][0]}
Key = tuple[int, str, str, str]


def grid(kind: str) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Records of each combination, by what they have of a name, of mails or sites, of phones and of places."""
    names, mails = (PERSONS, MAILS) if kind == "persons" else (COMPANIES, SITES)
    for (number, name), mail, phone, place in product(enumerate(names), mails, PHONES, PLACES):
        row = {"email": mails[mail][0], "phone": PHONES[phone][0], **PLACES[place][0], **name}
        yield (number, mail, phone, place), row


def weights(kind: str, model: MatchModel) -> dict[Key, float]:
    """What each of the combinations weighs against one customer."""
    combinations = dict(grid(kind))
    mails = (MAILS if kind == "persons" else SITES)["same"][0]
    customer = {**(PERSONS if kind == "persons" else COMPANIES)[0], **ALL, "email": mails}
    numbers = {str(number): key for number, key in enumerate(combinations)}
    with canonical() as db:
        insert(db, kind, [{"source": "graph", "key": "customer", **customer}])
        insert(db, kind, [{"source": "crm", "key": n, **combinations[key]} for n, key in numbers.items()])
        prepare(db)
        normalise(db, kind)
        matching = Matching(db, kind)
        db.execute(
            "CREATE TABLE matching_blocked AS SELECT 'customer-__-' || c.unique_id AS join_key_l, "
            "'record-__-' || r.unique_id AS join_key_r, '0' AS match_key "
            "FROM matching_customers c, matching_records r"
        )
        return {numbers[pair.record.key]: pair.weight for pair in matching.pairs(model, 0)}


def lowered(kind: str, found: Mapping[Key, float]) -> list[tuple[Key, str, float]]:
    """The combinations that weigh less than one that agrees less, in which thing, and by how many bits."""
    things = (MAILS if kind == "persons" else SITES, PHONES, PLACES)
    return [
        (key, less, found[other] - weight)
        for key, weight in found.items()
        for at, thing in enumerate(things, 1)
        for less in thing[str(key[at])][1].split()  # type: ignore[index]
        if found[other := (*key[:at], less, *key[at + 1 :])] > weight + 0.001
    ]


@pytest.mark.parametrize("prior", [0.1, 0.01, 0.001, 0.0001])
@pytest.mark.parametrize("kind", ["persons", "organisations"])
def test_more_agreement_never_lowers_the_score(kind: str, prior: float) -> None:
    found = weights(kind, untrained_for(shipped(kind), prior))
    assert len(found) == len(dict(grid(kind)))
    assert lowered(kind, found) == []
    # A household is still no more than one: who lives there with another given name is nobody's match.
    if kind == "persons":
        assert found[6, "none", "landline", "home"] < found[0, "none", "landline", "home"] - 6
