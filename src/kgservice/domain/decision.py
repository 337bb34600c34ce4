"""The decision whether data of a person may be used: one pure function, by the rules R20 to R35 and R38.

While all data of the person are restricted (R38), none may be used. Else a consent covers a category or a
narrower one, for a purpose or a narrower one. Its last event decides (R32, R33); events at the same time
leave it open, and then it does not hold. It must be expressed and have an end (R34) that has not come (R21).
Special categories need an explicit one (R26), minors a verified authorisation of a guardian (R29). Where
minors are to be expected, an unknown age blocks everything (R30). In the profile `gdpr` another basis of
Art. 6 will do, too (R24).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from kgservice.domain.consent import (
    AGREEING,
    Act,
    Activity,
    Basis,
    Concepts,
    Consent,
    Event,
    Subject,
    upwards,
)
from kgservice.domain.finding import Policy


class Reason(StrEnum):
    """Why a ground holds, or why it does not."""

    CONSENT = "consent"
    LEGAL_BASIS = "legal-basis"
    RESTRICTED = "restricted"
    NO_GROUND = "no-ground"
    AGE_UNKNOWN = "age-unknown"
    NEVER_GIVEN = "never-given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    UNCLEAR = "unclear"
    ENDLESS = "endless"
    IMPLIED = "implied"
    NOT_EXPLICIT = "not-explicit"
    NO_GUARDIAN = "no-guardian"
    NO_BALANCING = "no-balancing"
    OBJECTED = "objected"
    NOT_CLAIMED = "not-claimed"
    NO_ARTICLE_9 = "no-article-9"


HOLDING = frozenset({Reason.CONSENT, Reason.LEGAL_BASIS})
_ENDED = {
    Act.REFUSED: Reason.REFUSED,
    Act.WITHDRAWN: Reason.WITHDRAWN,
    Act.EXPIRED: Reason.EXPIRED,
    Act.INVALIDATED: Reason.INVALIDATED,
}
# Bases that must be recorded for the person: what they say is true of single persons, not of a group.
_PERSONAL = frozenset({Basis.CONTRACT, Basis.VITAL_INTERESTS})
_OPPOSABLE = frozenset({Basis.PUBLIC_TASK, Basis.LEGITIMATE_INTERESTS})  # Art. 21(1) GDPR
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be decided: may data of this category be used for this purpose at this moment (aware)?

    `special`: these data are of a special category, even if others of their category are not.
    """

    category: str
    purpose: str
    moment: datetime
    special: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one ground: the consent record or processing activity `ground`.

    `event`: the event that decides; `until`: when the consent ends or has ended by date; `basis`: that of an
    activity.
    """

    reason: Reason
    ground: str
    event: Event | None = None
    until: datetime | None = None
    basis: Basis | None = None

    @property
    def holds(self) -> bool:
        """Whether the ground carries the use."""
        return self.reason in HOLDING


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, why, the ground that justifies it (None if there is none), and all that were looked at."""

    reason: Reason
    verdict: Verdict | None = None
    considered: tuple[Verdict, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the use is allowed."""
        return self.reason in HOLDING


def allowed(
    asked: Asked, subject: Subject, concepts: Concepts, policy: Policy, activities: Iterable[Activity] = ()
) -> Decision:
    """Whether data of the subject may be used as `asked`, and what justifies the answer.

    Each consent is judged by itself: one that holds is enough. Of several that hold, and of several that do
    not, the one with the latest event is named; consents come before activities.
    """
    if subject.is_restricted(asked.moment):
        return Decision(Reason.RESTRICTED)
    if subject.young and subject.age_unknown:
        return Decision(Reason.AGE_UNKNOWN)
    categories = upwards(asked.category, concepts.categories)
    special = asked.special or not categories.isdisjoint(concepts.special)
    case = _Case(
        asked.moment, categories, upwards(asked.purpose, concepts.purposes), special, subject, policy
    )
    found = [case.consent(consent) for consent in subject.consents if case.is_covered_by(consent)]
    if policy.profile == "gdpr":
        found += [
            Verdict(case.activity(activity, basis), activity.iri, basis=basis)
            for activity in activities
            if case.is_covered_by(activity)
            for basis in activity.bases
        ]
    considered = tuple(sorted(found, key=_rank, reverse=True))
    if not considered:
        return Decision(Reason.NO_GROUND)
    return Decision(considered[0].reason, considered[0], considered)


def standing(consent: Consent, moment: datetime) -> Verdict:
    """How a consent stands at a moment by itself, whoever gave it and for whatever: `CONSENT` if it holds."""
    decisive = consent.decisive(moment)
    event = decisive[0] if decisive else None
    if consent.flawed or len(decisive) > 1:
        return Verdict(Reason.UNCLEAR, consent.iri, event)
    if event is None:
        return Verdict(Reason.NEVER_GIVEN, consent.iri)
    if event.act not in AGREEING:
        return Verdict(_ENDED[event.act], consent.iri, event)
    until = consent.end(event)
    objections = (
        (until is None, Reason.ENDLESS),
        (until is not None and until <= moment, Reason.EXPIRED),
        (consent.implied, Reason.IMPLIED),
    )
    reason = next((reason for applies, reason in objections if applies), Reason.CONSENT)
    return Verdict(reason, consent.iri, event, until)


def withdrawn_at(consent: Consent, moment: datetime) -> tuple[datetime, ...]:
    """When the consent has to be withdrawn, if the person takes it back at a moment, so that no yes is left.

    That is then, and with each yes that is dated later, by mistake, since nobody says yes tomorrow: events at
    the same time leave the state open, so that it does not hold. Empty where there is no yes to take back. Of
    a flawed history nobody knows, so there may be one.
    """
    ahead = {event.time for event in consent.events if event.time > moment and event.act in AGREEING}
    agreed = any(event.act in AGREEING for event in consent.decisive(moment))
    return (moment, *sorted(ahead)) if consent.flawed or agreed or ahead else ()


def _rank(verdict: Verdict) -> tuple[bool, bool, datetime, str, str]:
    time = verdict.event.time if verdict.event else _LONG_AGO
    return verdict.holds, verdict.basis is None, time, verdict.ground, verdict.basis or ""


@dataclass(frozen=True, slots=True)
class _Case:
    """What every ground is judged by: the concepts asked for with all broader ones, and the rest."""

    moment: datetime
    categories: frozenset[str]
    purposes: frozenset[str]
    special: bool
    subject: Subject
    policy: Policy

    def is_covered_by(self, ground: Consent | Activity) -> bool:
        return not (
            ground.categories.isdisjoint(self.categories) or ground.purposes.isdisjoint(self.purposes)
        )

    def consent(self, consent: Consent) -> Verdict:
        found = standing(consent, self.moment)
        if not found.holds:
            return found
        assert found.event is not None
        if self.special and not consent.explicit:
            return replace(found, reason=Reason.NOT_EXPLICIT)
        # Growing up does not heal a yes that a child gave alone.
        alone = self._is_minor(found.event.time) and not self.subject.is_authorised(self.moment, consent.iri)
        return replace(found, reason=Reason.NO_GUARDIAN) if alone else found

    def activity(self, activity: Activity, basis: Basis) -> Reason:
        subject = self.subject
        opposed = any(objection.holds(self.moment) for objection in subject.objections)
        objections = (
            (basis in _PERSONAL and basis not in subject.claimed, Reason.NOT_CLAIMED),
            (basis is Basis.LEGITIMATE_INTERESTS and not activity.balanced, Reason.NO_BALANCING),
            (basis in _OPPOSABLE and opposed, Reason.OBJECTED),
            (self.special and not activity.article9, Reason.NO_ARTICLE_9),
            (self._is_minor(self.moment) and not subject.is_authorised(self.moment), Reason.NO_GUARDIAN),
        )
        return next((reason for applies, reason in objections if applies), Reason.LEGAL_BASIS)

    def _is_minor(self, moment: datetime) -> bool:
        return self.subject.is_minor(moment, self.policy.consent_age)
