"""Which fields are compared of which table."""

from __future__ import annotations

from kgservice.crm.fields_organisations import ORGANISATIONS, SURE_ORGANISATIONS
from kgservice.crm.fields_persons import PERSONS, SURE_PERSONS

FIELDS = {"persons": PERSONS, "organisations": ORGANISATIONS}
SURE = {"persons": SURE_PERSONS, "organisations": SURE_ORGANISATIONS}
"""When something beside the name is surely the same: how rare a name is, a small table cannot tell."""
APART = {"persons": "birth_date", "organisations": "vat_id"}
"""The field in which two records of one source that differ are two, whatever customer each is like."""


def frequent(kind: str) -> tuple[str, ...]:
    """The columns whose frequent values count less."""
    return tuple(
        sorted({level.frequent for field in FIELDS[kind] for level in field.levels if level.frequent})
    )
