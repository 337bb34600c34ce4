"""What keeps rows of CRM records outside the graph shows and forgets those of a person."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from kgservice.domain.crm_row import Held
from kgservice.domain.matching import RecordId


class Forgetter(Protocol):
    """A place with rows of CRM records."""

    def forget(self, records: Collection[RecordId]) -> int:
        """Delete all rows of these records, and of what is about them; how many there were.

        When this returns, they are gone for good. Raises `StoreFailed` when that cannot be.
        """

    def held(self, records: Collection[RecordId]) -> list[Held]:
        """All rows that `forget` would delete. Raises `Conflict` while somebody writes there."""
