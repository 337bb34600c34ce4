"""The life of a link: what decisions make of it, against a model that only rewrites lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgservice.domain.link import Link, Standing, State, Verdict, check, refuse_second, standing
from kgservice.domain.matching import RecordId
from kgservice.errors import Conflict

RULE, ACCEPTED, REJECTED, UNDONE = Verdict


def naive(verdicts: list[Verdict]) -> tuple[State, Verdict | None]:
    """The same by what is left when each undoing strikes out what it undoes, and itself."""
    left: list[Verdict] = []
    for verdict in verdicts:
        if verdict is not UNDONE:
            left.append(verdict)
        elif places := [at for at, one in enumerate(left) if one in (ACCEPTED, REJECTED)]:
            same = [at for at in places if set(left[at:]) <= {left[places[-1]], RULE}]
            left = [one for at, one in enumerate(left) if at not in same]
        elif left:
            left = ["struck"] * len(left)  # type: ignore[list-item]  # the rule has had its say
    if "struck" in left:
        left = [one for one in left if one in (ACCEPTED, REJECTED)]
    persons = [one for one in left if one in (ACCEPTED, REJECTED)]
    stands = persons[-1] if persons else RULE if left else None
    of = {ACCEPTED: State.ACCEPTED, RULE: State.ACCEPTED, REJECTED: State.REJECTED, None: State.CANDIDATE}
    return of[stands], stands


# `naive` forgets a word of the rule that was struck only if nothing of it comes back: so the rule speaks once.
HISTORIES = st.lists(st.sampled_from([ACCEPTED, REJECTED, UNDONE])).flatmap(
    lambda persons: (
        st.integers(0, len(persons)).map(lambda place: [*persons[:place], RULE, *persons[place:]])
        | st.just(persons)
    )
)


@given(HISTORIES)
def test_a_link_stands_as_in_the_naive_model(verdicts: list[Verdict]) -> None:
    now = standing(verdicts)
    assert (now.state, now.stands) == naive(verdicts)
    assert now.touched == bool(verdicts)
    assert now.offered == (now.state is State.CANDIDATE)
    assert now.for_the_rule == (not verdicts)


@given(st.lists(st.sampled_from(Verdict)))
def test_laws_of_decisions(verdicts: list[Verdict]) -> None:
    now = standing(verdicts)
    for verdict, state in ((ACCEPTED, State.ACCEPTED), (REJECTED, State.REJECTED)):
        after = standing([*verdicts, verdict])
        assert (after.state, after.stands) == (state, verdict)
        # Undone, it is what it was before.
        if now.stands is not verdict:
            undone = standing([*verdicts, verdict, UNDONE])
            assert (undone.state, undone.stands) == (now.state, now.stands)
        assert standing([*verdicts, verdict, verdict]) == after
    # All undone, it is a candidate, and the rule has no second say.
    everything = [*verdicts, *[UNDONE] * (len(verdicts) + 1)]
    assert standing(everything).state is State.CANDIDATE
    assert standing([*everything, RULE]).state is State.CANDIDATE or RULE not in verdicts


def test_examples() -> None:
    assert standing([]) == Standing()
    assert standing([RULE]).stands is RULE
    assert standing([RULE, UNDONE]) == Standing(touched=True)
    assert standing([RULE, UNDONE, RULE]).state is State.CANDIDATE
    assert standing([RULE, ACCEPTED, REJECTED, UNDONE]).stands is ACCEPTED
    assert standing([RULE, ACCEPTED, REJECTED, UNDONE, UNDONE]).stands is RULE
    assert standing([REJECTED, ACCEPTED, UNDONE]).state is State.REJECTED
    assert standing([REJECTED, ACCEPTED, ACCEPTED, UNDONE]).state is State.REJECTED
    assert standing([ACCEPTED, UNDONE]).state is State.CANDIDATE


def test_what_changes_nothing_and_what_cannot_be() -> None:
    assert not check(standing([ACCEPTED]), ACCEPTED)
    assert check(standing([RULE]), ACCEPTED)  # a person confirms it
    assert check(standing([RULE]), UNDONE)
    with pytest.raises(Conflict, match="undone"):
        check(standing([RULE, UNDONE]), UNDONE)


def link(node: str, customer: str, state: State) -> Link:
    return Link(node, "persons", RecordId("crm", "1"), "r", customer, None, None, decided=state)


def test_a_record_is_one_customer() -> None:
    mine, other = link("a", "x", State.CANDIDATE), link("b", "y", State.ACCEPTED)
    with pytest.raises(Conflict, match="another customer"):
        refuse_second(mine, [mine, other])
    refuse_second(mine, [mine, link("b", "y", State.REJECTED)])
    refuse_second(other, [mine, other])
