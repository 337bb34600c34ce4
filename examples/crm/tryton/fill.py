"""Fill a new Tryton: a company of its own, some customers of the demonstration, and what they bought.

Usage: python fill.py http://127.0.0.1:8069/ crm

The login is in the environment variables TRYTON_USER and TRYTON_PASSWORD. All is made through Tryton's API.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request
from typing import Any

# Company, street, postal code, town, VAT number, telephone, website, one who works there, and what was won.
CUSTOMERS = [
    (
        "Sägewerk Tannhof GmbH", "Am Kanal 7", "89150", "Tannhofen",
        "DE309478989", "+49 30 23125101", "", "Rosalinde Kammhuber", 38_000,
    ),
    (
        "Brauerei Silberquell GmbH", "Hafenstr. 12", "86720", "Klarbach",
        "", "", "www.brauerei-silberquell.example", "", 31_500,
    ),
    (
        "Kunststoffwerk Aubach GmbH", "", "57392", "Eschental",
        "", "+49 30 23125103", "www.kunststoffwerk-aubach.example", "", 27_000,
    ),
    (
        "Molkerei Huegelland eG", "Industriestraße 22", "35216", "Rotensteig",
        "", "", "", "", 22_400,
    ),
    (
        "Druckerei Buntbogen GmbH", "", "89150", "Tannhofen",
        "", "+49 30 23125107", "", "", 18_250,
    ),
    (
        "Zahnradfabrik Mühlgrund GmbH", "", "", "",
        "", "+49 30 23125109", "https://zahnradfabrik-muehlgrund.example/", "", 12_900,
    ),
    (
        "Moebelwerke Eschental GmbH & Co. KG", "", "", "Eschental",
        "", "", "", "", 11_700,
    ),
    (
        "Neuland Pumpen GmbH", "Pumpenweg 1", "01097", "Dresden",
        "", "+49 351 5550100", "www.neuland.example", "Gerhard Neukunde", 45_000,
    ),
]  # fmt: skip
PEOPLE = [
    ("Franziska Lackner-Ohm", "franziska.lackner-ohm@lackiererei-farbtal.example", "+49 30 23125017"),
    ("Waldemar Hubstein", "waldemar.hubstein@werkstatt-hubstein.example", "+49 30 23125037"),
    ("Gerhard Neukunde", "gerhard.neukunde@neuland.example", "+49 351 5550107"),
]


class Tryton:
    """One who is logged in; waits up to a minute for a server that is just starting."""

    def __init__(self, url: str, database: str) -> None:
        self._url, self._headers = f"{url.rstrip('/')}/{database}/rpc/", {"Content-Type": "application/json"}
        user, password = os.environ["TRYTON_USER"], os.environ["TRYTON_PASSWORD"]
        deadline = time.monotonic() + 60
        while True:
            try:
                number, session, *_ = self._rpc("common.db.login", user, {"password": password})
                break
            except urllib.error.URLError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
        token = base64.b64encode(f"{user}:{number}:{session}".encode()).decode()
        self._headers["Authorization"] = f"Session {token}"

    def call(self, method: str, *params: Any, **context: Any) -> Any:
        """What a method of a model answers."""
        return self._rpc(f"model.{method}", *params, context)

    def _rpc(self, method: str, *params: Any) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self._url, body, self._headers)  # noqa: S310 - the user names it
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            told = json.load(answer)
        if "error" in told:
            sys.exit(f"Tryton refuses {method}: {told['error']}")
        return told["result"]


def party(name: str, reached: dict[str, str], address: dict[str, str], vat: str = "") -> dict[str, Any]:
    """A party with ways to reach it, an address and a tax identifier, as far as they are known."""
    ways = [{"type": kind, "value": value} for kind, value in reached.items() if value]
    made: dict[str, Any] = {"name": name, "contact_mechanisms": [["create", ways]] if ways else []}
    where = {key: value for key, value in address.items() if value}
    made["addresses"] = [["create", [where]]] if where else []
    made["identifiers"] = [["create", [{"type": "eu_vat", "code": vat}]]] if vat else []
    return made


def fill(crm: Tryton) -> None:
    """Make all of it."""
    (euro,) = crm.call("currency.currency.create", [{"name": "Euro", "code": "EUR", "symbol": "€"}])
    (owner,) = crm.call("party.party.create", [{"name": "Lauchenau Verdichterbau GmbH"}])
    (company,) = crm.call("company.company.create", [{"party": owner, "currency": euro}])
    crm.call("res.user.write", [1], {"companies": [["add", [company]]], "company": company})
    (seller,) = crm.call("party.party.create", [{"name": "Annegret Strohmeier-Lutz"}])
    (employee,) = crm.call("company.employee.create", [{"party": seller, "company": company}])
    firms = [
        party(
            name,
            {"phone": phone, "website": web},
            {"street_unstructured": street, "postal_code": code, "city": town},
            vat,
        )
        for name, street, code, town, vat, phone, web, _, _ in CUSTOMERS
    ]
    people = [party(name, {"email": mail, "phone": phone}, {}) for name, mail, phone in PEOPLE]
    made = crm.call("party.party.create", firms)
    made += crm.call("party.party.create", people)
    deals = [
        {
            "party": one, "company": company, "employee": employee,
            "description": "Wartungsvertrag Druckpuls",
            "start_date": day(2026, 4, 1), "end_date": day(2026, 5, 12),
            "amount": {"__class__": "Decimal", "decimal": f"{amount}.00"},
        }
        for one, (*_, amount) in zip(made, CUSTOMERS, strict=False)
    ]  # fmt: skip
    won = crm.call("sale.opportunity.create", deals, company=company)
    for button in ("opportunity", "convert"):  # each begins as a lead, and ends as an order
        crm.call(f"sale.opportunity.{button}", won, company=company)
    print(  # noqa: T201 - that is what it is for
        f"Made {len(firms)} companies, {len(people)} persons, {len(deals)} opportunities."
    )


def day(year: int, month: int, number: int) -> dict[str, Any]:
    """A date as Tryton's JSON has it."""
    return {"__class__": "date", "year": year, "month": month, "day": number}


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    fill(Tryton(sys.argv[1], sys.argv[2]))
