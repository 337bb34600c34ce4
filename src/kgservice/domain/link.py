"""The life of a link between a CRM record and a customer: what its decisions, which only grow, make of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from kgservice.domain.matching import Model, RecordId
from kgservice.errors import Conflict

PERSONS, ORGANISATIONS = "persons", "organisations"
PRIOR = "prior"  # the name under which the weight of no field stands
MOST_FIELDS = 100


class State(StrEnum):
    """How a link stands."""

    CANDIDATE = "candidate"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Verdict(StrEnum):
    """What one decision says: the local names of the concepts in the ontology."""

    BY_RULE = "AcceptedByRule"
    ACCEPTED = "AcceptedByPerson"
    REJECTED = "RejectedByPerson"
    UNDONE = "DecisionUndone"


STATES = tuple(State)
_OF_PERSONS = {Verdict.ACCEPTED: State.ACCEPTED, Verdict.REJECTED: State.REJECTED}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a link stands: its `state`, and which verdict stands; None for a candidate.

    `touched`: something was decided before, so the rule decides no more, even if nothing stands.
    """

    state: State = State.CANDIDATE
    stands: Verdict | None = None
    touched: bool = False

    @property
    def offered(self) -> bool:
        """Whether a run may propose it: rejected ones never again, and accepted ones are pinned."""
        return self.state is State.CANDIDATE

    @property
    def for_the_rule(self) -> bool:
        """Whether the rule may accept it: nobody, and no rule, ever decided on it."""
        return self.state is State.CANDIDATE and not self.touched


def standing(verdicts: Iterable[Verdict]) -> Standing:
    """How a link stands after these verdicts, in their order.

    What a person decides last, stands. If it is undone, what was decided before counts again, and at last
    what the machine said: accepted by rule, or a candidate. If what is undone is the word of the machine, the
    link is a candidate, for persons only.

    >>> standing([Verdict.BY_RULE, Verdict.REJECTED]).state.value
    'rejected'
    >>> standing([Verdict.BY_RULE, Verdict.REJECTED, Verdict.UNDONE]).stands.value
    'AcceptedByRule'
    >>> standing([Verdict.REJECTED, Verdict.ACCEPTED, Verdict.UNDONE]).state.value
    'rejected'
    """
    persons: list[Verdict] = []
    machine: bool | None = None  # None: it has said nothing; False: what it said was undone
    touched = False
    for verdict in verdicts:
        touched = True
        if verdict in _OF_PERSONS:
            if persons[-1:] != [verdict]:
                persons.append(verdict)
        elif verdict is Verdict.BY_RULE:
            machine = True if machine is None else machine
        elif persons:
            persons.pop()
        elif machine:
            machine = False
    if persons:
        return Standing(_OF_PERSONS[persons[-1]], persons[-1], touched)
    if machine:
        return Standing(State.ACCEPTED, Verdict.BY_RULE, touched)
    return Standing(touched=touched)


def check(now: Standing, verdict: Verdict) -> bool:
    """Whether the verdict changes anything. Raises `Conflict` when there is nothing to undo."""
    if verdict is Verdict.UNDONE and now.stands is None:
        raise Conflict("Nothing was decided about this link that could be undone")
    return now.stands is not verdict


@dataclass(frozen=True, slots=True)
class Run:
    """A run that compared: the model, the number of the last commit it saw, when it began and ended (UTC)."""

    model: Model
    state: int
    started: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision: its number from 1, the verdict, when; by whom (IRI, empty for the rule), and why."""

    number: int
    verdict: Verdict
    at: datetime
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one field says: its weight in bits, and the two values as far as they are kept."""

    field: str
    weight: Decimal
    record: str = ""
    customer: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is kept.

    `node` and `run` are IRIs (`run` is empty for one that was stated otherwise), `record` is the record's
    IRI, which stands for something in the graph only while the link is accepted. `decided`: the state that
    was stated for a link without decisions of its own.
    """

    node: str
    kind: str
    id: RecordId
    record: str
    customer: str
    probability: Decimal | None
    weight: Decimal | None
    run: str = ""
    rule: str = ""
    comparisons: tuple[Comparison, ...] = ()
    decisions: tuple[Decision, ...] = ()
    decided: State = State.CANDIDATE
    decided_at: datetime | None = None

    @property
    def standing(self) -> Standing:
        """How it stands."""
        if self.decisions or self.decided is State.CANDIDATE:
            return standing(decision.verdict for decision in self.decisions)
        kept = Verdict.ACCEPTED if self.decided is State.ACCEPTED else Verdict.REJECTED
        return Standing(self.decided, kept, touched=True)


def rivals(link: Link, links: Iterable[Link]) -> list[Link]:
    """The other links of the same record; a person and an organisation may have the same key."""
    return [
        other for other in links if (other.kind, other.id) == (link.kind, link.id) and other.node != link.node
    ]


def refuse_second(link: Link, links: Iterable[Link]) -> None:
    """Raises `Conflict` if the record has an accepted link to somebody else: it is one customer (R51)."""
    for other in rivals(link, links):
        if other.standing.state is State.ACCEPTED and other.customer != link.customer:
            raise Conflict(
                "The record has an accepted link to another customer; reject or undo that one first: "
                "<{other}>",
                other=other.node,
            )
