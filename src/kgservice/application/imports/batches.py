"""Some rows of a table with the statements that its mapping makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyoxigraph import NamedNode, Triple


@dataclass(frozen=True, slots=True)
class Batch:
    """The statements of some rows; `own` are the instances that belong to one of these rows alone.

    `forms` are the rows' lines in the file (first) and lexical forms.
    """

    forms: tuple[tuple[Any, ...], ...]
    triples: set[Triple]
    own: frozenset[NamedNode]

    @classmethod
    def of(cls, parts: Sequence[Batch]) -> Batch:
        """The rows of several batches together."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            tuple(form for part in parts for form in part.forms),
            {triple for part in parts for triple in part.triples},
            frozenset(node for part in parts for node in part.own),
        )

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.forms)

    @property
    def line(self) -> int:
        """The physical line in the file on which the first of the rows starts (1-based)."""
        return int(self.forms[0][0])
