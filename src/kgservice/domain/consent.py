"""What is known of a person for deciding whether their data may be used: consents, age, other legal bases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from kgservice.errors import BadParameter

SCHEMA = "ISO/IEC TS 27560:2023"
SUBJECT, CONTROLLER = "DataSubject", "DataController"
GUARDIANS = ("ParentOfDataSubject", "GuardianOfDataSubject")
ENTITIES = (SUBJECT, *GUARDIANS, CONTROLLER)


class Act(StrEnum):
    """What an event of a consent is; the values are the names of the classes of the model."""

    REQUESTED = "ConsentRequested"
    GIVEN = "ConsentGiven"
    REFUSED = "ConsentRefused"
    WITHDRAWN = "ConsentWithdrawn"
    EXPIRED = "ConsentExpired"
    RENEWED = "ConsentRenewed"
    INVALIDATED = "ConsentInvalidated"


AGREEING = frozenset({Act.GIVEN, Act.RENEWED})


class Basis(StrEnum):
    """The bases of Article 6(1) GDPR other than consent, by the last letter of their number."""

    CONTRACT = "b"
    LEGAL_OBLIGATION = "c"
    VITAL_INTERESTS = "d"
    PUBLIC_TASK = "e"
    LEGITIMATE_INTERESTS = "f"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a consent, and when (aware). `expires`: until when a yes was said to hold."""

    iri: str
    act: Act
    time: datetime
    expires: datetime | None = None
    method: str = ""
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent record with its events, in any order.

    `expires` holds for a yes that states no end itself. `explicit`, `implied`: how it was said, by its legal
    basis. `flawed`: an event has no single kind, or no single moment with a time zone.
    """

    iri: str
    categories: frozenset[str]
    purposes: frozenset[str]
    events: tuple[Event, ...] = ()
    expires: datetime | None = None
    explicit: bool = False
    implied: bool = False
    flawed: bool = False

    def decisive(self, moment: datetime) -> tuple[Event, ...]:
        """The last event up to `moment` that changes the state, with all others at the same time.

        Empty when nothing has happened but requests, which change nothing.
        """
        past = [event for event in self.events if event.time <= moment]
        times = [event.time for event in past if event.act is not Act.REQUESTED]
        last = max(times, default=None)
        return tuple(sorted((e for e in past if e.time == last), key=lambda event: event.iri))

    def end(self, yes: Event) -> datetime | None:
        """When a yes ceases to hold by date; None: never, which makes it void."""
        return yes.expires or self.expires


@dataclass(frozen=True, slots=True)
class Authorisation:
    """That a parent or guardian has agreed, for which consents; `verified`: when somebody made sure."""

    iri: str
    role: str
    verified: datetime | None
    consents: frozenset[str] = frozenset()

    def holds(self, moment: datetime) -> bool:
        """Whether it counts at a moment."""
        return self.role in GUARDIANS and self.verified is not None and self.verified <= moment


@dataclass(frozen=True, slots=True)
class Objection:
    """An objection of a person (Art. 21 GDPR): it holds from its receipt until it is `refused`, if it is."""

    received: datetime
    refused: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether it counts at a moment."""
        return self.received <= moment and (self.refused is None or moment < self.refused)


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when a restriction holds; None: since always, and until it is lifted."""

    start: datetime | None
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether it counts at a moment."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)

    def next_change(self, after: datetime) -> datetime | None:
        """When it begins or ends, if that is after a moment."""
        return min((m for m in (self.start, self.end) if m is not None and m > after), default=None)


@dataclass(frozen=True, slots=True)
class Activity:
    """A processing activity that rests on other bases than consent.

    `balanced`: the weighing of interests is on record. `article9`: an exception of Art. 9(2) GDPR other than
    explicit consent is stated.
    """

    iri: str
    categories: frozenset[str]
    purposes: frozenset[str]
    bases: frozenset[Basis]
    balanced: bool = False
    article9: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """A person, as far as it decides about the use of their data.

    `minor`: as it is stated, None when it is not. `young`: is one of a segment or kind of young customers.
    `age_in_words`: an age or a year of birth is stated that is no number, and may be that of a child.
    `claimed`: the bases that records about the person or uses of them name. `restrictions`: of all
    their data; those of single records are not known here.
    """

    iri: str
    consents: tuple[Consent, ...] = ()
    minor: bool | None = None
    ages: tuple[int, ...] = ()
    birth_years: tuple[int, ...] = ()
    young: bool = False
    authorisations: tuple[Authorisation, ...] = ()
    objections: tuple[Objection, ...] = ()
    claimed: frozenset[Basis] = frozenset()
    restrictions: tuple[Period, ...] = ()
    age_in_words: bool = False

    def is_restricted(self, moment: datetime) -> bool:
        """Whether all data of the person are restricted at a moment (Art. 18 GDPR)."""
        return any(period.holds(moment) for period in self.restrictions)

    @property
    def age_unknown(self) -> bool:
        """Whether nothing says how old the person is."""
        return self.minor is None and not self.ages and not self.birth_years

    def is_minor(self, moment: datetime, limit: int) -> bool:
        """Whether something says that the person was, or may have been, below `limit` years at a moment.

        Of somebody whose year of birth is all that is known, the birthday may be the last day of a year.
        """
        years = moment.astimezone(UTC).year
        return (
            self.minor is True
            or self.age_in_words
            or any(age < limit for age in self.ages)
            or any(years - born <= limit for born in self.birth_years)
        )

    def is_authorised(self, moment: datetime, consent: str | None = None) -> bool:
        """Whether a guardian's authorisation counts at a moment: one for the consent, or any."""
        return any(
            a.holds(moment) and (consent is None or consent in a.consents) for a in self.authorisations
        )


@dataclass(frozen=True, slots=True)
class Concepts:
    """The trees of data categories and purposes: each concept with the ones directly above it.

    `special`: the categories that are special by Art. 9 GDPR themselves.
    """

    categories: Mapping[str, frozenset[str]] = field(default_factory=dict)
    purposes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    special: frozenset[str] = frozenset()


def upwards(concept: str, broader: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The concept and all that are broader.

    >>> sorted(upwards("a", {"a": frozenset({"b"}), "b": frozenset({"a", "c"})}))
    ['a', 'b', 'c']
    """
    reached, waiting = {concept}, [concept]
    while waiting:
        new: Iterable[str] = broader.get(waiting.pop(), frozenset()) - reached
        reached.update(new)
        waiting.extend(new)
    return frozenset(reached)


def moment(value: str, source: str) -> datetime:
    """The moment that `value` says, in UTC. Raises `BadParameter` for one without time or time zone.

    >>> moment("2026-11-20T13:00:00+01:00", "time").isoformat()
    '2026-11-20T12:00:00+00:00'
    """
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        found = None
    shown = repr(value if len(value) <= 80 else value[:79] + "…")
    if found is None or len(value) <= len("2026-11-20"):
        raise BadParameter("{shown} is not a moment such as 2026-11-20T12:00:00Z", shown=shown, source=source)
    if found.tzinfo is None:
        raise BadParameter(
            "{shown} has no time zone; write 2026-11-20T12:00:00Z or 2026-11-20T13:00:00+01:00",
            shown=shown,
            source=source,
        )
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise BadParameter("{shown} is not in the years 1 to 9999", shown=shown, source=source) from None


def read_moment(value: str) -> datetime | None:
    """The moment that a stored text says, in UTC; None for one that is none, or has no time zone."""
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def period_of(starts: Iterable[str], ends: Iterable[str]) -> Period:
    """The period between stored texts; what cannot be read holds since always, and does not end.

    >>> period_of(["2026-11-20T12:00:00Z"], ["soon"]).end is None
    True
    """
    begins, stops = [read_moment(text) for text in starts], [read_moment(text) for text in ends]
    begun, ended = [m for m in begins if m is not None], [m for m in stops if m is not None]
    return Period(
        min(begun, default=None) if len(begun) == len(begins) else None,
        max(ended, default=None) if len(ended) == len(stops) else None,
    )
