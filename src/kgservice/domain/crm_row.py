"""A row of a CRM record, or about one, as it is kept outside the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kgservice.domain.matching import RecordId


@dataclass(frozen=True, slots=True)
class Held:
    """A row of a record, or about one: its table, and the columns that have a value, as JSON values."""

    record: RecordId
    table: str
    values: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "source": self.record.source,
            "key": self.record.key,
            "table": self.table,
            "values": dict(self.values),
        }
