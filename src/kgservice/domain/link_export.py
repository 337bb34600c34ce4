"""What a CRM is told of one of its records: whose it is, who decided that, what the person agreed to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kgservice.domain.consent import Activity, Concepts, Subject, upwards
from kgservice.domain.decision import Asked, Reason, allowed
from kgservice.domain.finding import Policy
from kgservice.domain.matching import RecordId

_AGAINST = frozenset({Reason.WITHDRAWN, Reason.REFUSED, Reason.OBJECTED})


@dataclass(frozen=True, slots=True)
class ConsentState:
    """How a person's consent stands for one purpose, and until when it holds, if it does."""

    reason: Reason
    until: datetime | None = None

    @property
    def opted_out(self) -> bool:
        """Whether the person has said no: withdrawn, refused or objected."""
        return self.reason in _AGAINST


@dataclass(frozen=True, slots=True)
class Exported:
    """A record with its accepted link. `verdict`: how that was decided; `consents`: by purpose (IRI)."""

    id: RecordId
    kind: str
    customer: str
    probability: str
    verdict: str
    decided: str
    consents: Mapping[str, ConsentState] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "source": self.id.source,
            "key": self.id.key,
            "kind": self.kind,
            "customer": self.customer,
            "probability": float(self.probability) if self.probability else None,
            "verdict": self.verdict,
            "decidedAt": self.decided or None,
            "consents": {
                purpose: {"state": state.reason.value, "until": stamp(state.until)}
                for purpose, state in self.consents.items()
            },
            "optedOut": [purpose for purpose, state in self.consents.items() if state.opted_out],
        }

    def lines(self, names: Mapping[str, str]) -> list[str]:
        """In words, for a note at the record; `names` has short ones for purposes. The same each time."""
        sure = f", probability {self.probability}" if self.probability else ""
        said = [f"customer: {self.customer}", f"link: {self.verdict} at {self.decided}{sure}"]
        for purpose, state in self.consents.items():
            until = f" until {stamp(state.until)}" if state.until else ""
            said.append(f"consent for {names.get(purpose, purpose)}: {state.reason.value}{until}")
        return said


def stamp(at: datetime | None) -> str | None:
    """A moment (UTC) as it is written, without parts of seconds."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None


@dataclass(frozen=True, slots=True)
class ConsentCase:
    """What decides, besides the person, how a consent stands: the law, and the moment."""

    concepts: Concepts
    policy: Policy
    moment: datetime
    activities: Sequence[Activity] = ()

    def states(self, subject: Subject, purposes: Iterable[str]) -> dict[str, ConsentState]:
        """How the person's consent stands for each of the purposes.

        A consent may be for some kinds of data only: the state is that of the kind that stands best, and of
        several that hold, the end is the first. Without any consent it is `no-ground`.
        """
        return {purpose: self._state(subject, purpose) for purpose in purposes}

    def _state(self, subject: Subject, purpose: str) -> ConsentState:
        wide = upwards(purpose, self.concepts.purposes)
        consents = [one.categories for one in subject.consents if not one.purposes.isdisjoint(wide)]
        if self.policy.profile == "gdpr":
            consents += [one.categories for one in self.activities if not one.purposes.isdisjoint(wide)]
        decisions = [
            allowed(
                Asked(category, purpose, self.moment), subject, self.concepts, self.policy, self.activities
            )
            for category in sorted(frozenset().union(*consents))
        ]
        holding = [one for one in decisions if one.allowed]
        if holding:
            ends = [one.verdict.until for one in holding if one.verdict and one.verdict.until]
            return ConsentState(holding[0].reason, min(ends, default=None))
        reasons = sorted({one.reason for one in decisions})
        against = [reason for reason in reasons if reason in _AGAINST]
        return ConsentState(next(iter([*against, *reasons]), Reason.NO_GROUND))
