"""The rights of a person: which there are, by when a request is to be answered, and how it stands."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LONGEST_EXTENSION = 2  # further months: Art. 12(3) GDPR


class Right(StrEnum):
    """A right of Art. 15 to 21 GDPR, by the short name of the interfaces."""

    ACCESS = "access"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    PORTABILITY = "portability"
    OBJECTION = "objection"

    @property
    def kind(self) -> str:
        """The name of the concept in the model.

        >>> Right.ACCESS.kind
        'AccessRequest'
        """
        return f"{self.value.capitalize()}Request"


class Outcome(StrEnum):
    """How a request was decided, by the name of the concept in the model."""

    PENDING = "Pending"
    EXTENDED = "Extended"
    FULFILLED = "Fulfilled"
    REFUSED = "Refused"
    MOOT = "Moot"  # the person was erased before
    NOTHING_HELD = "NothingHeld"
    NOT_IDENTIFIED = "NotIdentified"
    PASSED_ON = "PassedOn"

    @property
    def word(self) -> str:
        """The name of it in the interfaces.

        >>> Outcome.NOTHING_HELD.word
        'nothing-held'
        """
        return self.name.lower().replace("_", "-")


ANSWERS = (Outcome.FULFILLED, Outcome.REFUSED)  # what somebody can answer
UNIDENTIFIED = (Outcome.NOTHING_HELD, Outcome.NOT_IDENTIFIED, Outcome.PASSED_ON)
"""What somebody can answer to whom the graph does not know."""
DECIDED = (*ANSWERS, *UNIDENTIFIED, Outcome.MOOT)
REFERENCE = re.compile(r"[A-Z]{1,6}(?:[-/][0-9]{1,6}){1,3}")
"""A mark of the correspondence that holds no name, address or text."""


def months_after(moment: datetime, months: int) -> datetime:
    """The same day of a later month, else its last day (Art. 3(2)(c) Regulation 1182/71), at the same time.

    That is never later than the end of that day, when the period really ends.

    >>> months_after(datetime(2027, 1, 31, 9), 1)
    datetime.datetime(2027, 2, 28, 9, 0)
    """
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def due(received: datetime, extension: int = 0) -> datetime:
    """By when a request that came at `received` is to be answered; `extension` in months."""
    return months_after(received, 1 + extension)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request of a person. `subject` is empty once the person is erased; then `tombstone` is not.

    Of a request of somebody whom the graph does not know both are empty, and `reference` is not: the mark of
    the correspondence.

    `reason`: what the person was told about a refusal or an extension. Moments are aware; None: not known.
    """

    iri: str
    right: Right | None
    outcome: Outcome | None
    received: datetime | None
    due: datetime | None
    answered: datetime | None
    reason: str = ""
    subject: str = ""
    tombstone: str = ""
    reference: str = ""

    @property
    def answers(self) -> tuple[Outcome, ...]:
        """What somebody can answer."""
        return UNIDENTIFIED if self.reference else ANSWERS

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.answered is None and self.outcome not in DECIDED

    def status(self, now: datetime) -> str:
        """`open`, `overdue` or `answered`."""
        if not self.is_open:
            return "answered"
        return "overdue" if self.due is not None and self.due < now else "open"
