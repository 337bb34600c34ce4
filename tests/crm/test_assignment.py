"""Which pairs are accepted, which a steward decides, and which records are one."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgservice.domain.assignment import AHEAD, Assigned, Decided, assign, best
from kgservice.domain.matching import BANDS, Band, Bands, Pair, RecordId
from kgservice.domain.matching_quality import Share, recall, strata, suggestion

A, B, C = (RecordId("crm", key) for key in "abc")


def pair(record: RecordId, customer: str, probability: float) -> Pair:
    weight = math.log2(probability / (1 - probability))
    return Pair(record, customer, weight, probability, {}, {})


def bands(assigned: list[Assigned]) -> dict[tuple[str, str], Band]:
    return {(each.pair.record.key, each.pair.customer): each.band for each in assigned}


def test_the_best_is_accepted_if_it_is_sure_and_ahead() -> None:
    found = assign([pair(A, "x", 0.9999), pair(A, "y", 0.6), pair(B, "z", 0.8), pair(C, "z", 0.4)])
    assert bands(found) == {("a", "x"): Band.ACCEPTED, ("b", "z"): Band.CANDIDATE}


def test_a_rival_makes_both_candidates_and_is_named() -> None:
    found = assign([pair(A, "x", 0.999), pair(A, "y", 0.998)])
    assert bands(found) == {("a", "x"): Band.CANDIDATE, ("a", "y"): Band.CANDIDATE}
    assert [each.rival for each in found] == ["y", "x"]


def test_rejected_pairs_are_not_offered_and_do_not_stand_in_the_way() -> None:
    decided = Decided(rejected=frozenset({(A, "y")}))
    found = assign([pair(A, "x", 0.999), pair(A, "y", 0.998)], decided=decided)
    assert bands(found) == {("a", "x"): Band.ACCEPTED}


def test_a_record_that_is_pinned_has_no_other_customer() -> None:
    decided = Decided(accepted=frozenset({(A, "y")}))
    assert assign([pair(A, "x", 0.9999)], decided=decided) == []


def test_two_records_may_be_one_customer_unless_their_source_holds_no_one_twice() -> None:
    pairs = [pair(A, "x", 0.999999), pair(B, "x", 0.995)]
    assert bands(assign(pairs)) == {("a", "x"): Band.ACCEPTED, ("b", "x"): Band.ACCEPTED}
    assert bands(assign(pairs, unique={"crm"})) == {("a", "x"): Band.ACCEPTED}


def test_a_pinned_customer_of_such_a_source_is_taken() -> None:
    decided = Decided(accepted=frozenset({(B, "x")}))
    assert assign([pair(A, "x", 0.9999)], decided=decided, unique={"crm"}) == []
    assert bands(assign([pair(A, "x", 0.9999)], decided=decided)) == {("a", "x"): Band.ACCEPTED}


def test_records_that_are_apart_are_not_accepted_for_one_customer() -> None:
    pairs = [pair(A, "x", 0.9999), pair(B, "x", 0.999), pair(C, "x", 0.998)]
    apart = {frozenset((A, B))}
    found = assign(pairs, apart=apart)
    assert bands(found) == {("a", "x"): Band.CANDIDATE, ("b", "x"): Band.CANDIDATE, ("c", "x"): Band.ACCEPTED}
    assert [each.rival for each in found] == ["b", "a", None]
    pinned = Decided(accepted=frozenset({(A, "x")}))
    assert bands(assign(pairs[1:], decided=pinned, apart=apart)) == {
        ("b", "x"): Band.CANDIDATE,
        ("c", "x"): Band.ACCEPTED,
    }
    elsewhere = [pair(A, "x", 0.9999), pair(B, "y", 0.999)]
    assert set(bands(assign(elsewhere, apart=apart)).values()) == {Band.ACCEPTED}


RECORDS = st.builds(RecordId, st.sampled_from(["one", "two"]), st.sampled_from("abcdef"))
PAIRS = st.lists(
    st.builds(pair, RECORDS, st.sampled_from("uvwxyz"), st.floats(0.3, 0.999999)),
    unique_by=lambda each: (each.record, each.customer),
    max_size=30,
)


@given(PAIRS, st.randoms(use_true_random=False))
def test_whatever_the_pairs(pairs: list[Pair], shuffler: object) -> None:
    found = assign(pairs, unique={"one"})
    accepted = [each.pair for each in found if each.band is Band.ACCEPTED]
    assert len({each.record for each in accepted}) == len(accepted)
    strict = [each for each in accepted if each.record.source == "one"]
    assert len({each.customer for each in strict}) == len(strict)
    for each in accepted:
        assert each.probability >= BANDS.accept
    assert assign(list(reversed(pairs)), unique={"one"}) == found
    assert set(best(found)) == {each.pair.record for each in found}
    free = [each.pair for each in assign(pairs) if each.band is Band.ACCEPTED]
    for each in free:
        others = [other for other in pairs if other.record == each.record and other is not each]
        assert all(each.weight - other.weight >= AHEAD for other in others if other.probability >= 0.5)


def test_what_is_doubted_is_for_a_person() -> None:
    sure = pair(A, "x", 0.9999)
    assert [each.band for each in assign([sure])] == [Band.ACCEPTED]
    assert [each.band for each in assign([replace(sure, doubted=True)])] == [Band.CANDIDATE]


def test_wilson_intervals_are_the_published_ones() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for part, whole, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)):  # fmt: skip
        assert Share(part, whole).interval == pytest.approx((low, high), abs=0.0001)
    assert math.isnan(Share(0, 0).value)


def test_the_bands_are_as_they_are_set() -> None:
    pairs = [pair(A, "x", 0.97), pair(B, "y", 0.6), pair(C, "z", 0.3)]
    assert bands(assign(pairs)) == {("a", "x"): Band.CANDIDATE, ("b", "y"): Band.CANDIDATE}
    lower = assign(pairs, bands=Bands(0.95, 0.2))
    assert bands(lower) == {("a", "x"): Band.ACCEPTED, ("b", "y"): Band.CANDIDATE, ("c", "z"): Band.CANDIDATE}
    assert bands(assign(pairs, bands=Bands(0.97, 0.97))) == {("a", "x"): Band.ACCEPTED}


def test_bands_and_recall_of_what_stewards_decided() -> None:
    links = [(0.6, True)] * 10 + [(0.7, False)] * 10 + [(0.6, None)] * 80
    links += [(0.95, True)] * 20 + [(0.999, True)] * 40 + [(1.0, None)] * 160
    bands = strata(links)
    assert [(band.links, band.right.part, band.right.whole) for band in bands] == [
        (100, 10, 20),
        (20, 20, 20),
        (200, 40, 40),
    ]
    found = recall(bands)
    assert found is not None
    assert found.value == pytest.approx(200 / (200 + 20 + 50))
    assert 0.65 < found.low < found.value < found.high < 0.85
    assert recall(strata([*links[20:], (0.6, None)])) is None  # nobody has decided in the first band
    assert recall(strata([(0.6, True)])) is None
    assert recall(strata([])) is None


def test_what_is_told_of_quality_has_the_bands_that_are_set() -> None:
    links = [(0.3, True), (0.6, True), (0.85, False), (0.97, True), (1.0, True)]
    told = {}
    for own in (Bands(0.95, 0.2), Bands(0.8, 0.2), Bands(0.8, 0.8), Bands(1.0, 0.95)):
        told[own] = [(band.low, band.high, band.links) for band in strata(links, own)]
    assert told == {
        Bands(0.95, 0.2): [(0.2, 0.9, 3), (0.9, 0.95, 0), (0.95, 1.0, 2)],
        Bands(0.8, 0.2): [(0.2, 0.8, 2), (0.8, 1.0, 3)],
        Bands(0.8, 0.8): [(0.8, 1.0, 3)],
        Bands(1.0, 0.95): [(0.95, 1.0, 1), (1.0, 1.0, 1)],
    }
    right = [(0.97, True)] * 193 + [(0.97, False)] * 7  # as many as 0.95 promises, fewer than 0.99 does
    assert suggestion(strata(right, Bands(0.95, 0.5))) is None
    assert suggestion(strata(right, Bands(0.97, 0.97))) is None
    assert suggestion(strata([(0.995, said) for _, said in right])) == "raise"
    assert suggestion(strata([(1.0, False)] * 30, Bands(1.0, 0.5))) is None  # there is nothing above


def test_a_threshold_is_suggested_only_where_decisions_leave_no_doubt() -> None:
    assert suggestion(strata([(0.999, True)] * 25 + [(0.999, False)] * 5)) == "raise"
    assert suggestion(strata([(0.95, True)] * 500 + [(0.999, True)] * 5)) == "lower"
    assert suggestion(strata([(0.95, True)] * 30 + [(0.999, True)] * 30)) is None
    assert suggestion(strata([(0.999, False)] * 5)) is None
