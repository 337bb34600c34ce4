"""What each person has granted at a moment, and when that changes by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kgservice.domain.consent import Activity, Concepts, Subject
from kgservice.domain.decision import Asked, allowed
from kgservice.domain.finding import Policy
from kgservice.domain.visibility import Need


@dataclass(slots=True)
class Grants:
    """What data of one person may be used for, at one moment."""

    subject: Subject
    moment: datetime
    concepts: Concepts
    policy: Policy
    activities: Sequence[Activity] = ()
    _known: dict[tuple[str, str, bool], bool] = field(default_factory=dict)

    @property
    def sealed(self) -> bool:
        """Whether all data of the person are restricted."""
        return self.subject.is_restricted(self.moment)

    def allow(self, purpose: str, need: Need) -> bool:
        """Whether a statement of the person may be used for the purpose."""
        return all(self._may(purpose, c, need.special) for c in need.categories)

    def _may(self, purpose: str, category: str, special: bool) -> bool:
        key = (purpose, category, special)
        if key not in self._known:
            asked = Asked(category, purpose, self.moment, special)
            decision = allowed(asked, self.subject, self.concepts, self.policy, self.activities)
            self._known[key] = decision.allowed
        return self._known[key]


def next_change(subject: Subject, after: datetime, policy: Policy) -> datetime | None:
    """The first moment after another at which what may be shown of a person can change by itself."""
    moments = [period.next_change(after) for period in subject.restrictions]
    for consent in subject.consents:
        moments += [consent.expires, *(m for e in consent.events for m in (e.time, e.expires))]
    moments += [authorisation.verified for authorisation in subject.authorisations]
    moments += [m for objection in subject.objections for m in (objection.received, objection.refused)]
    for born in subject.birth_years:
        grown = born + policy.consent_age + 1  # the first year in which nobody born then is a minor
        if 0 < grown <= datetime.max.year:
            moments.append(datetime(grown, 1, 1, tzinfo=UTC))
    return min((m for m in moments if m is not None and m > after), default=None)
