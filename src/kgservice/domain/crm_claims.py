"""Which value holds in a field of a customer to whom records of a CRM are linked, one or several."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kgservice.domain.crm_field import Side, differ, holder
from kgservice.domain.field_decision import FieldDecision, FieldVerdict, checksum, standing
from kgservice.domain.matching import RecordId

_SETTLED_BY = {FieldVerdict.TAKEN: Side.CRM, FieldVerdict.KEPT: Side.GRAPH}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Old:
    """What was kept of a field: its values, when they changed and the rule that decided.

    `taken` are those taken over, `replaced` what these replaced, which was known since `graph_at`.
    """

    texts: set[str] = field(default_factory=set)
    time: datetime | None = None
    rule: Side = Side.STEWARD
    taken: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    graph_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a record says in a field, since when, and the rule for it; `new` if the customer is made of it."""

    record: RecordId
    texts: Sequence[str]
    time: datetime | None
    rule: Side
    old: Old
    decided: Iterable[FieldDecision] = ()
    new: bool = False

    @property
    def rank(self) -> tuple[datetime, str, str]:
        """The newest record comes last; of equally new ones that with the last source and key."""
        return self.time or _LONG_AGO, self.record.source, self.record.key


@dataclass(frozen=True, slots=True)
class Outcome:
    """What holds: `stays` is what the graph says of the customer itself, `original` without any record.

    `holder` is the place of the claim whose values were taken over, if one was. For each claim: `bases` are
    the values that it was compared with, `open` whether a person has to decide, and `since` when the graph
    learned what differs from it.
    """

    stays: set[str]
    original: set[str]
    holder: int | None
    bases: list[set[str]]
    open: list[bool]
    since: list[datetime | None]


def judge(
    name: str,
    claims: Sequence[Claim],
    own: Collection[str],
    evidence: Collection[str],
    since: Callable[[set[str]], datetime | None],
) -> Outcome:
    """Judge the claims on a field: `own` is said of the customer itself, `evidence` by records about them.

    The records have their say from the oldest to the newest, each against what the one before left. What a
    record brought counts as the graph's then, since that record was changed.
    """
    written = [claim.old.taken & set(own) for claim in claims]
    holding = [claim.old for claim, there in zip(claims, written, strict=True) if there]
    original = set(own).union(*(old.replaced for old in holding)).difference(*written)
    first = original | set(evidence)
    known = holding[0].graph_at if holding else since(first)
    state, base, at = original, first, known
    won: int | None = None
    bases, sides = [first] * len(claims), [Side.GRAPH] * len(claims)
    for n in sorted(range(len(claims)), key=lambda n: claims[n].rank):
        claim = claims[n]
        bases[n], sides[n] = base, _side(name, claim, base, at, written=bool(written[n]))
        if sides[n] is Side.CRM:
            back = bool(first) and not differ(name, claim.texts, first)
            won, at = None if back else n, claim.time
            state = original if back else set(claim.texts)
            base = first if back else state
    differing = [differ(name, claim.texts, first if n == won else base) for n, claim in enumerate(claims)]
    return Outcome(
        state,
        original,
        won,
        bases,
        [side is Side.STEWARD and differs for side, differs in zip(sides, differing, strict=True)],
        [(known if n == won else at) if differs else None for n, differs in enumerate(differing)],
    )


def _side(name: str, claim: Claim, base: set[str], at: datetime | None, *, written: bool) -> Side:
    """Which side holds between a claim and what the graph would say without it, known since `at`."""
    if differ(name, claim.texts, base):
        decided = standing(claim.decided).get(checksum(claim.texts, base))
        return _SETTLED_BY[decided] if decided else holder(claim.rule, claim.time, at)
    alone = bool(claim.texts) and not base
    return (
        Side.CRM if alone and (claim.new or written or claim.rule in {Side.CRM, Side.NEWER}) else Side.GRAPH
    )
