"""Which fields are compared of which table."""

from __future__ import annotations

from kgservice.crm.fields_organisations import ORGANISATIONS
from kgservice.crm.fields_persons import PERSONS

FIELDS = {"persons": PERSONS, "organisations": ORGANISATIONS}


def frequent(kind: str) -> tuple[str, ...]:
    """The columns whose frequent values count less."""
    return tuple(
        sorted({level.frequent for field in FIELDS[kind] for level in field.levels if level.frequent})
    )
