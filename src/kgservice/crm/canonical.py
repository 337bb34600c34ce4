"""The canonical schema: what every source is brought into, whatever its CRM calls its columns."""

from __future__ import annotations

# Of each table: the columns and their types in DuckDB. `source` and `key` together name a row, and no two
# rows of one source have the same key; every other column may be NULL. Lists are empty rather than NULL.
# `updated` and `deleted` are the CRM's own word on the row; moments are UTC, countries ISO 3166-1 alpha-2,
# currencies ISO 4217, languages BCP 47.
_ROW = {"source": "VARCHAR", "key": "VARCHAR", "updated": "TIMESTAMP", "deleted": "BOOLEAN"}
_ADDRESS = {"street": "VARCHAR", "postal_code": "VARCHAR", "city": "VARCHAR", "country": "VARCHAR"}
_REACHED = {"email": "VARCHAR[]", "phone": "VARCHAR[]"}
_ABOUT = {"person_key": "VARCHAR", "organisation_key": "VARCHAR"}
NAMING = {"organisations": "organisation_key", "persons": "person_key"}
"""By which column a row names an organisation or a person."""

CANONICAL: dict[str, dict[str, str]] = {
    "persons": {
        **_ROW,
        "given_name": "VARCHAR",
        "family_name": "VARCHAR",
        "full_name": "VARCHAR",
        "birth_date": "DATE",
        **_REACHED,
        **_ADDRESS,
        "organisation_key": "VARCHAR",
        "organisation_name": "VARCHAR",
        "job_title": "VARCHAR",
        "language": "VARCHAR",
        "opted_out": "BOOLEAN",
    },
    "organisations": {
        **_ROW,
        "name": "VARCHAR",
        "vat_id": "VARCHAR",
        "iban": "VARCHAR[]",
        "website": "VARCHAR",
        **_REACHED,
        **_ADDRESS,
    },
    # Tickets and cases: they become feedback and candidates for pain points.
    "tickets": {
        **_ROW,
        **_ABOUT,
        "subject": "VARCHAR",
        "text": "VARCHAR",
        "status": "VARCHAR",
        "priority": "VARCHAR",
        "channel": "VARCHAR",
        "product": "VARCHAR",
        "opened": "TIMESTAMP",
        "closed": "TIMESTAMP",
    },
    # Opportunities and orders: they become transaction data.
    "deals": {
        **_ROW,
        **_ABOUT,
        "title": "VARCHAR",
        "stage": "VARCHAR",
        "amount": "DECIMAL(18,2)",
        "currency": "VARCHAR",
        "product": "VARCHAR",
        "closed": "TIMESTAMP",
    },
    # Campaigns and newsletters. `state` is given, refused, withdrawn or unknown; `origin` says how it was
    # given, and is NULL where the CRM holds a tick box alone, which is no valid consent.
    "preferences": {
        **_ROW,
        "person_key": "VARCHAR",
        "topic": "VARCHAR",
        "state": "VARCHAR",
        "moment": "TIMESTAMP",
        "origin": "VARCHAR",
    },
}
DATABASE = "crm.duckdb"
"""The file of the canonical tables, in the folder of a deployment's sources."""
KINDS = ("persons", "organisations")
"""The tables whose rows are matched with the graph."""
